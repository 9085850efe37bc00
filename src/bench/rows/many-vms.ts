// Several VMs on one machine: what a number of busy ones get done together, and what idle neighbours take from a busy one.

import type { Lab } from '../../core/hypervisor/lab.ts';
import { unmodifiedHosted, type Technique, type VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { findGuest } from '../../guests/manifest.ts';
import type { Figure, LabRow } from '../figure.ts';
import { kernels } from '../kernel-list.ts';
import { newLab, usualSwitches } from '../new-lab.ts';
import { boardOrder, kernelOrder } from '../peers/dialogue.ts';
import { guestMebibytes, LabGuest, machineMebibytes, SLICE } from '../peers/lab-guest.ts';
import { median, quotients } from '../statistics.ts';
import { images, type Surroundings } from '../surroundings.ts';

const HEAP = 1;
const TURN = 4;
/** Milliseconds until hot code is translated and the engine has optimized it: in all, and more for each VM. */
const WARM_UP = 200;
const WARM_UP_EACH = 50;
/** Milliseconds after which the other lab of a pair goes on: what disturbs the machine underneath lasts longer, and so meets both. */
const WINDOW = 25;
const FOR_EVER = 2_000_000_000;
const kernelNamed = (sought: string): number => kernels.findIndex(({ name }) => name === sought);
/** What programs do, in 3 KiB: the caches of the machine underneath are not what is measured. */
const MIX = kernelNamed('mix');
/** Works on 64 KiB, which each VM finds in colder caches at each of its turns. */
const MEMORY = kernelNamed('sha256');
const hosted = unmodifiedHosted.toReversed();

const BUSY = [
  { busy: 4, kernel: MIX, what: '' },
  { busy: 16, kernel: MIX, what: '' },
  { busy: 16, kernel: MEMORY, what: ' on 64 KiB each' },
  { busy: 64, kernel: MIX, what: '' },
];
const IDLE = 64;

/** What a neighbour does. */
type Neighbour = 'busy' | 'asleep' | 'beating';

/** A lab with one VM that works on a kernel without end, and its neighbours. */
async function labWith(
  surroundings: Surroundings,
  technique: Technique,
  kernel: number,
  neighbours: number,
  kind: Neighbour,
): Promise<Lab> {
  const lab = newLab(surroundings.host, machineMebibytes(1 + neighbours, HEAP), usualSwitches);
  const image = await surroundings.load(images.rv32);
  const add = async (order: string) => {
    const guest = new LabGuest({ lab, technique, image, heapMebibytes: HEAP, surroundings });
    await guest.boot();
    await guest.board('pagingOn', HEAP);
    guest.tell(order);
    lab.pause(guest.vm.id); // the next one boots alone
  };
  await add(kernelOrder(kernel, FOR_EVER));
  for (let index = 0; index < neighbours; index++) {
    if (kind === 'busy') await add(kernelOrder(kernel, FOR_EVER));
    else if (kind === 'asleep') await add(boardOrder('waitForEver', 0));
    else await addBeating(lab, surroundings, technique);
  }
  for (const vm of lab.vms) lab.start(vm.id);
  return lab;
}

/** A kernel that sleeps and wakes up twice a second of the machine's time, which passes faster than ours. */
async function addBeating(lab: Lab, { load }: Surroundings, technique: Technique): Promise<void> {
  const row = findGuest('heartbeat');
  if (row === undefined) throw new Error('expected “heartbeat” among the guests, found none');
  const memoryBytes = guestMebibytes(HEAP) * 2 ** 20;
  lab.addVm({ technique, guest: { image: await load(row.image), boot: 'supervisor', memoryBytes, harts: 1 } });
}

/** Instructions of the chosen VMs, and the milliseconds they took. */
interface Work {
  instructions: number;
  milliseconds: number;
}

/** Runs a lab for some milliseconds more. */
async function work(
  done: Work,
  lab: Lab,
  vms: readonly VirtualMachine[],
  { clock, turn }: Surroundings,
  milliseconds: number,
): Promise<void> {
  const executed = () => vms.reduce((sum, vm) => sum + vm.instructions, 0);
  const before = executed();
  const started = clock();
  while (clock() - started < milliseconds) {
    const until = performance.now() + TURN;
    while (performance.now() < until) for (const computer of lab.computers) computer.runSlice(SLICE);
    await turn();
  }
  done.instructions += executed() - before;
  done.milliseconds += clock() - started;
}

const speed = ({ instructions, milliseconds }: Work): number => instructions / milliseconds;

/** Work of `lab`'s first `busy` VMs over that of a single VM, in pairs whose two take short turns. */
async function share(surroundings: Surroundings, single: Lab, lab: Lab, busy: number, quick: boolean): Promise<number> {
  const vms = lab.vms.slice(0, busy);
  const alone: number[] = [];
  const together: number[] = [];
  await work({ instructions: 0, milliseconds: 0 }, lab, vms, surroundings, WARM_UP + WARM_UP_EACH * busy);
  for (let pair = -1; pair < (quick ? 3 : 5); pair++) {
    const one: Work = { instructions: 0, milliseconds: 0 };
    const all: Work = { instructions: 0, milliseconds: 0 };
    for (let window = 0; window < (quick ? 6 : 16); window++) {
      await work(one, single, single.vms, surroundings, WINDOW);
      await work(all, lab, vms, surroundings, WINDOW);
    }
    if (pair < 0) continue;
    alone.push(speed(one));
    together.push(speed(all));
  }
  return median(quotients(together, alone));
}

export const manyVms: LabRow = {
  name: 'vms',
  title: 'Several VMs, work over that of one alone',
  measure: async (surroundings, quick) => {
    const figures: Figure[] = [];
    for (const technique of hosted) {
      for (const { busy, kernel, what } of BUSY) {
        const single = await labWith(surroundings, technique, kernel, 0, 'busy');
        const lab = await labWith(surroundings, technique, kernel, busy - 1, 'busy');
        const value = 100 * (await share(surroundings, single, lab, busy, quick));
        figures.push({ name: `${busy} busy${what}, all together, ${technique}`, value, unit: '%' });
      }
      const single = await labWith(surroundings, technique, MIX, 0, 'busy');
      for (const kind of ['asleep', 'beating'] as const) {
        const lab = await labWith(surroundings, technique, MIX, IDLE, kind);
        const value = 100 * (await share(surroundings, single, lab, 1, quick));
        figures.push({ name: `1 busy beside ${IDLE} ${kind}, ${technique}`, value, unit: '%' });
      }
    }
    return figures;
  },
};
