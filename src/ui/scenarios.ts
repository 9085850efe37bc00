// How the page comes by a scenario: from the palette, from a chooser, dropped on it. What reads one is a chunk of its own,
// because most visits open none.

import { messageOf } from '../protocol/message-of.ts';
import type { ShippedScenario } from '../guests/scenarios.ts';
import type { Lab } from './lab.ts';
import type * as Reader from './scenario/open-scenario.ts';
import { showProblem } from './shell-state.ts';

async function withReader(open: (reader: typeof Reader) => Promise<void>): Promise<void> {
  try {
    await open(await import('./scenario/open-scenario.ts'));
  } catch (error) {
    showProblem(messageOf(error));
  }
}

/** Opens the scenario among files of the person's; the others are what it names. */
export const openScenarioFiles = (lab: Lab, files: readonly File[]): Promise<void> =>
  withReader(async (reader) => {
    const scenario = files.find(isScenarioFile) ?? files[0];
    if (scenario === undefined) return;
    await reader.openScenarioFile(
      lab,
      scenario,
      files.filter((file) => file !== scenario),
    );
  });

/** Opens one that ships. */
export const openShippedScenario = (lab: Lab, row: ShippedScenario): Promise<void> =>
  withReader((reader) => reader.openShippedScenario(lab, row));

/** Lets the person choose a file, with those it names if they like, and opens it. */
export function chooseScenarioFile(lab: Lab): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  input.addEventListener('change', () => void openScenarioFiles(lab, [...(input.files ?? [])]));
  input.click();
}

/** Whether a file that was dropped is a scenario: its name says so. */
export const isScenarioFile = (file: File): boolean => file.name.toLowerCase().endsWith('.json');
