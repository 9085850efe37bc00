// What one exit costs: a guest that does nothing but leave and come back, less the same loop that does not leave.

import type { Technique } from '../../core/hypervisor/virtual-machine.ts';
import type { Figure, LabRow } from '../figure.ts';
import { newLab, usualSwitches } from '../new-lab.ts';
import type { BoardCommand } from '../peers/dialogue.ts';
import { LabGuest, machineMebibytes } from '../peers/lab-guest.ts';
import { median } from '../statistics.ts';
import { images, type Surroundings } from '../surroundings.ts';
import { techniques } from '../measured-techniques.ts';

interface Loop {
  readonly command: BoardCommand;
  /** Under which techniques it leaves the guest for the hypervisor. */
  readonly exits: readonly Technique[];
}

interface Leaving extends Loop {
  readonly title: string;
}

const leavings: readonly Leaving[] = [
  { title: 'SBI call', command: 'sbiCalls', exits: ['trap-and-emulate', 'hardware-assisted'] },
  { title: 'CSR write', command: 'csrWrites', exits: ['trap-and-emulate'] },
  { title: 'device read', command: 'deviceReads', exits: ['trap-and-emulate', 'hardware-assisted'] },
];

const idleLoop: Loop = { command: 'nothing', exits: [] };

const HEAP = 1;
const REPETITIONS = 5;

/** A guest that stands ready, and how its exits are treated. */
interface Candidate {
  readonly technique: Technique;
  readonly tracing: boolean;
  readonly guest: LabGuest;
}

async function candidate(surroundings: Surroundings, technique: Technique, tracing: boolean): Promise<Candidate> {
  const lab = newLab(surroundings.host, machineMebibytes(1, HEAP), { ...usualSwitches, tracing });
  const image = await surroundings.load(images.rv32);
  const guest = new LabGuest({ lab, technique, image, heapMebibytes: HEAP, surroundings });
  await guest.boot();
  await guest.board('pagingOn', HEAP);
  return { technique, tracing, guest };
}

/** Nanoseconds of one turn of a loop. @throws Error where it exits and should not, or should and does not */
async function loop({ technique, guest }: Candidate, { command, exits }: Loop, count: number): Promise<number> {
  const before = guest.vm.exits;
  const { milliseconds } = await guest.board(command, count);
  const left = guest.vm.exits - before;
  if (exits.includes(technique) !== left >= count) {
    const expected = exits.includes(technique) ? `at least ${count}` : `fewer than ${count}`;
    throw new Error(`${command} under ${technique}: expected ${expected} exits, found ${left}`);
  }
  return (milliseconds * 1e6) / count;
}

/**
 * All candidates in turn, several times.
 * @param count how often each loop turns
 */
export async function exitCosts(surroundings: Surroundings, count: number): Promise<readonly Figure[]> {
  const candidates: Candidate[] = [];
  for (const technique of techniques) {
    candidates.push(await candidate(surroundings, technique, true));
    if (technique !== 'bare') candidates.push(await candidate(surroundings, technique, false));
  }
  const rows = candidates.flatMap((each) =>
    leavings
      .filter(({ exits }) => each.tracing || exits.includes(each.technique))
      .map((leaving) => ({ candidate: each, leaving, nanoseconds: [] as number[] })),
  );
  for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
    for (const row of rows) {
      const cost = (await loop(row.candidate, row.leaving, count)) - (await loop(row.candidate, idleLoop, count));
      if (repetition > 0) row.nanoseconds.push(cost);
    }
  }
  return rows.map(({ candidate: { technique, tracing }, leaving: { title, exits }, nanoseconds }) => {
    const what = exits.includes(technique) ? 'exit' : 'no exit';
    return {
      name: `${title}, ${technique} (${what}${tracing ? '' : ', not traced'})`,
      value: median(nanoseconds),
      unit: 'ns',
    };
  });
}

export const exitCost: LabRow = {
  name: 'exits',
  title: 'One exit and resume',
  measure: (surroundings, quick) => exitCosts(surroundings, quick ? 20_000 : 100_000),
};
