// Equivalence: the same image ends in the same architectural state with the same output under every technique, however
// the host cuts its slices, and every time it is run (DESIGN.md "What is real"; Popek and Goldberg 1974, "equivalence").

import { describe, expect, test } from 'vitest';
import { guests } from '../../../guests/manifest.ts';
import {
  expectedOutput,
  runAlone,
  shippedGuest,
  timelessRecordsOf,
  type DriveOptions,
} from '../guest-rig.test-support.ts';
import { techniques, type Technique } from '../virtual-machine.ts';

const teaching = guests
  .filter(({ expectedOutput: output, techniques: possible }) => output !== undefined && possible.length > 1)
  .map(({ name }) => name);

/** Everything about a run that must not depend on the host. */
function account(technique: Technique, name: string, options: DriveOptions = {}) {
  const { vm, lab, console, hash } = runAlone(technique, shippedGuest(name), options);
  return {
    console,
    hash,
    ending: vm.ending,
    instructions: vm.instructions,
    now: lab.computerOf(vm).now,
    exits: vm.exits,
    interrupts: vm.interrupts,
    trace: timelessRecordsOf(lab.trace),
    chains: lab.interrupts.recent(512),
  };
}

describe.each(teaching)('%s', (name) => {
  test('prints what is expected and ends well, with one state hash under all techniques', () => {
    const runs = techniques.map((technique) => runAlone(technique, shippedGuest(name)));
    for (const { vm, console } of runs) {
      expect(vm.ending, vm.technique).toMatchObject({ exitCode: 0 });
      expect(console, vm.technique).toBe(expectedOutput(name));
    }
    const [first] = runs;
    expect(runs.map(({ hash }) => hash)).toEqual(runs.map(() => first?.hash));
  });

  test.each(techniques)('%s: slices are invisible, and a run can be repeated', (technique) => {
    const whole = account(technique, name);
    const small = whole.instructions < 50_000 ? 1 : 7;
    for (const slice of [1000, small]) expect(account(technique, name, { slice }), `slices of ${slice}`).toEqual(whole);
  });
});
