// How the page comes by a scenario: from the palette, from a chooser, dropped on it. What reads one is a chunk of its own,
// because most visits open none.

import type { ShippedScenario } from '../guests/scenarios.ts';
import { messageOf } from './core-client.ts';
import type { Lab } from './lab.ts';
import type * as ScenarioFile from './scenario-file.ts';
import { showProblem } from './shell-state.ts';

async function withReader(open: (reader: typeof ScenarioFile) => Promise<void>): Promise<void> {
  try {
    await open(await import('./scenario-file.ts'));
  } catch (error) {
    showProblem(messageOf(error));
  }
}

/** Opens a file of the person's. */
export const openScenarioFile = (lab: Lab, file: File): Promise<void> =>
  withReader((reader) => reader.openScenarioFile(lab, file));

/** Opens one that ships. */
export const openShippedScenario = (lab: Lab, row: ShippedScenario): Promise<void> =>
  withReader((reader) => reader.openShippedScenario(lab, row));

/** Lets the person choose a file, and opens it. */
export function chooseScenarioFile(lab: Lab): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.json,application/json';
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) void openScenarioFile(lab, file);
  });
  input.click();
}

/** Whether a file that was dropped is a scenario: its name says so. */
export const isScenarioFile = (file: File | undefined): file is File =>
  file?.name.toLowerCase().endsWith('.json') === true;
