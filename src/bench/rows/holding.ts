// What it costs to hold a VM and let it go: a pause and a restart, and one instruction stepped, as the page's buttons do it.

import type { Figure, LabRow } from '../figure.ts';
import { newLab, usualSwitches } from '../new-lab.ts';
import { boardOrder } from '../peers/dialogue.ts';
import { LabGuest, machineMebibytes } from '../peers/lab-guest.ts';
import { median } from '../statistics.ts';
import { images } from '../surroundings.ts';
import { techniques } from '../measured-techniques.ts';

const HEAP = 1;
const REPETITIONS = 5;
/** Instructions between two pauses: more than a step, less than a slice. */
const BETWEEN = 1000;

export const holding: LabRow = {
  name: 'holding',
  title: 'Pause, restore, step',
  measure: async (surroundings, quick) => {
    const { host, clock, load } = surroundings;
    const count = quick ? 1000 : 5000;
    const figures: Figure[] = [];
    for (const technique of techniques) {
      const lab = newLab(host, machineMebibytes(1, HEAP), usualSwitches);
      const guest = new LabGuest({ lab, technique, image: await load(images.rv32), heapMebibytes: HEAP, surroundings });
      const { vm, computer } = guest;
      await guest.boot();
      await guest.board('pagingOn', HEAP);
      guest.tell(boardOrder('nothing', 2 ** 31));
      computer.runSlice(100_000);

      /** Microseconds of one turn. */
      const each = (action: () => void): number => {
        const started = clock();
        for (let index = 0; index < count; index++) action();
        return ((clock() - started) * 1000) / count;
      };
      const held = () => {
        lab.pause(vm.id);
        lab.start(vm.id);
        computer.runSlice(BETWEEN);
      };
      const step = () => {
        lab.step(vm.id, 'instruction');
        computer.runSlice(BETWEEN);
      };
      const restores: number[] = [];
      const steps: number[] = [];
      for (let repetition = 0; repetition <= REPETITIONS; repetition++) {
        const restore = each(held) - each(() => computer.runSlice(BETWEEN));
        const before = vm.instructions;
        const stepped = each(step);
        if (vm.instructions - before !== count) {
          throw new Error(
            `${technique}: expected ${count} instructions in as many steps, found ${vm.instructions - before}`,
          );
        }
        lab.start(vm.id);
        if (repetition === 0) continue;
        restores.push(restore);
        steps.push(stepped);
      }
      figures.push(
        { name: `pause and restore, ${technique}`, value: median(restores), unit: 'µs' },
        { name: `one instruction stepped, ${technique}`, value: median(steps), unit: 'µs' },
      );
    }
    return figures;
  },
};
