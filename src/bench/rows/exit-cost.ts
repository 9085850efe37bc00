// What one exit costs: a guest that does nothing but leave and come back, less the same loop that does not leave.

import { techniques, type Technique } from '../../core/hypervisor/virtual-machine.ts';
import type { Figure, LabRow } from '../figure.ts';
import { newLab, usualSwitches } from '../new-lab.ts';
import type { BoardCommand } from '../peers/dialogue.ts';
import { LabGuest, machineMebibytes } from '../peers/lab-guest.ts';
import { median } from '../statistics.ts';
import { images, type Surroundings } from '../surroundings.ts';

interface Leaving {
  readonly title: string;
  readonly command: BoardCommand;
  /** Under which techniques the instruction leaves the guest for the hypervisor. */
  readonly exits: readonly Technique[];
}

const leavings: readonly Leaving[] = [
  { title: 'SBI call', command: 'sbiCalls', exits: ['trap-and-emulate', 'hardware-assisted'] },
  { title: 'CSR write', command: 'csrWrites', exits: ['trap-and-emulate'] },
  { title: 'device read', command: 'deviceReads', exits: ['trap-and-emulate', 'hardware-assisted'] },
];

const HEAP = 1;
const REPETITIONS = 5;

/** @param count how often each loop turns */
export async function exitCosts(surroundings: Surroundings, technique: Technique, tracing: boolean, count: number) {
  const lab = newLab(surroundings.host, machineMebibytes(1, HEAP), { ...usualSwitches, tracing });
  const image = await surroundings.load(images.rv32);
  const guest = new LabGuest({ lab, technique, image, heapMebibytes: HEAP, surroundings });
  await guest.boot();
  await guest.board('pagingOn', HEAP);
  /** Nanoseconds of one turn of the loop. */
  const loop = async ({ command, exits }: Pick<Leaving, 'command' | 'exits'>) => {
    const before = guest.vm.exits;
    const { milliseconds } = await guest.board(command, count);
    const left = guest.vm.exits - before;
    if (exits.includes(technique) !== left >= count) {
      throw new Error(
        `${command} under ${technique}: expected ${exits.length} techniques to exit, found ${left} exits`,
      );
    }
    return (milliseconds * 1e6) / count;
  };
  const figures: Figure[] = [];
  for (const leaving of leavings) {
    const nanoseconds: number[] = [];
    for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
      const cost = (await loop(leaving)) - (await loop({ command: 'nothing', exits: [] }));
      if (repetition > 0) nanoseconds.push(cost);
    }
    const how = tracing ? '' : ', not traced';
    const what = leaving.exits.includes(technique) ? 'exit' : 'no exit';
    figures.push({ name: `${leaving.title}, ${technique} (${what}${how})`, value: median(nanoseconds), unit: 'ns' });
  }
  return figures;
}

export const exitCost: LabRow = {
  name: 'exits',
  title: 'One exit and resume',
  measure: async (surroundings, quick) => {
    const count = quick ? 20_000 : 100_000;
    const figures: Figure[] = [];
    for (const technique of techniques) figures.push(...(await exitCosts(surroundings, technique, true, count)));
    for (const technique of techniques) {
      if (technique === 'bare') continue;
      const untraced = await exitCosts(surroundings, technique, false, count);
      figures.push(...untraced.filter(({ name }) => !name.includes('no exit')));
    }
    return figures;
  },
};
