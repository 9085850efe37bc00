// Runs a guest that ships and its twin, each in every way it can be run.

import { didTheSame, runTwin, type TwinRun } from '../core/hypervisor/measurements/twins.ts';
import { techniques } from '../core/hypervisor/virtual-machine.ts';
import type { Host } from '../core/machine/linear-memory.ts';
import { findGuest } from '../guests/manifest.ts';
import type { GuestFiles } from './guest-files.ts';
import { loadGuest } from './guest-images.ts';
import { nextTurn } from './next-turn.ts';

/** @throws Error with one line for a person */
export async function runTwins(
  name: string,
  host: Host,
  files: GuestFiles,
): Promise<{ readonly runs: readonly TwinRun[]; readonly same: boolean }> {
  const one = findGuest(name);
  const other = one?.twin === undefined ? undefined : findGuest(one.twin);
  if (one === undefined || other === undefined) {
    throw new Error(`Expected the name of a guest that has a twin, found “${name}”. Pick one from the list.`);
  }
  const runs: TwinRun[] = [];
  for (const technique of techniques) {
    for (const guest of [one, other]) {
      if (!guest.techniques.includes(technique)) continue;
      const { image } = await loadGuest(
        { guest: { kind: 'shipped', name: guest.name }, technique, memoryMiB: guest.memoryMiB, start: false },
        files,
      );
      await nextTurn();
      runs.push(runTwin({ host, name: guest.name, technique, guest: image }));
    }
  }
  return { runs, same: didTheSame(runs) };
}
