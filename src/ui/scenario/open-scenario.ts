// A scenario in the page: the same file that the command line runs becomes VMs here, with what is typed into them. Where files of
// it are missing, or VMs are in its way, the person is asked.

import { scenarioPath, type ShippedScenario } from '../../guests/scenarios.ts';
import { messageOf } from '../../protocol/message-of.ts';
import { readScenario, SCENARIO_BYTES_LIMIT, ScenarioError } from '../../protocol/scenario/scenario.ts';
import type { Lab } from '../lab.ts';
import { openOverlay, showProblem, useShell } from '../shell-state.ts';
import { beginScenario, inTheWay } from './begin-scenario.ts';
import { findFiles, isFound } from './find-files.ts';
import { planOf } from './scenario-plan.ts';

/**
 * @param base where it lies, if it is one of the lab's
 * @param brought files chosen together with it
 */
async function openText(lab: Lab, json: string, base: URL | undefined, brought: readonly File[]): Promise<void> {
  const plan = planOf(readScenario(json), lab.core.status().catalog?.guests ?? []);
  const disks = plan.wants.length === 0 ? [] : (await lab.command('listDisks', {})).disks;
  const kept = new Set(disks.map(({ name }) => name));
  const found = await findFiles(plan, base, brought, kept);
  const whole = plan.wants.every((want) => isFound(want, found, kept));
  if (whole && inTheWay(plan).length === 0) {
    await beginScenario(lab, plan, found, kept);
    return;
  }
  openOverlay('scenario');
  useShell.setState({ scenario: { plan, found, kept } });
}

/** What is wrong with a scenario or with this page is shown to the person. */
async function attempt(what: () => Promise<void>): Promise<void> {
  try {
    await what();
  } catch (error) {
    showProblem(error instanceof ScenarioError ? error.message.split('\n').slice(0, 3).join(' · ') : messageOf(error));
  }
}

/** Opens a file of the person's. @param brought what else was chosen or dropped with it: files that it names */
export const openScenarioFile = (lab: Lab, file: File, brought: readonly File[]): Promise<void> =>
  attempt(async () => {
    if (file.size > SCENARIO_BYTES_LIMIT) {
      throw new Error(`Expected a scenario of at most 1 MiB, found ${file.size} bytes. Choose another file.`);
    }
    await openText(lab, await file.text(), undefined, brought);
  });

/** Opens one that ships. */
export const openShippedScenario = (lab: Lab, row: ShippedScenario): Promise<void> =>
  attempt(async () => {
    const url = new URL(scenarioPath(row), document.baseURI);
    const response = await fetch(url);
    if (!response.ok) {
      throw new Error(`Expected the scenario ${row.name}, found status ${response.status}. Reload the page.`);
    }
    await openText(lab, await response.text(), url, []);
  });
