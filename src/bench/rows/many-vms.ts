// Several VMs on one machine: what a number of busy ones get done together, and what idle neighbours take from a busy one.

import type { Lab } from '../../core/hypervisor/lab.ts';
import type { Technique, VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { findGuest } from '../../guests/manifest.ts';
import type { Figure, LabRow } from '../figure.ts';
import { kernels } from '../kernel-list.ts';
import { newLab, usualSwitches } from '../new-lab.ts';
import { kernelOrder } from '../peers/dialogue.ts';
import { guestMebibytes, LabGuest, machineMebibytes } from '../peers/lab-guest.ts';
import { median, quotients } from '../statistics.ts';
import { images, type Surroundings } from '../surroundings.ts';

const HEAP = 1;
const SLICE = 200_000;
const TURN = 4;
const FOR_EVER = 2_000_000_000;
/** Works on 64 KiB: the caches of the machine underneath are not what is measured. */
const KERNEL = kernels.findIndex(({ name }) => name === 'sha256');
const hosted = ['hardware-assisted', 'trap-and-emulate'] as const satisfies readonly Technique[];

const BUSY = [4, 16, 64];
const IDLE = 64;

/** A lab with VMs that all work on the same kernel and never come to its end. */
async function busyLab(surroundings: Surroundings, technique: Technique, busy: number, idle: number): Promise<Lab> {
  const lab = newLab(surroundings.host, machineMebibytes(busy + idle, HEAP), usualSwitches);
  const image = await surroundings.load(images.rv32);
  for (let index = 0; index < busy; index++) {
    const guest = new LabGuest({ lab, technique, image, heapMebibytes: HEAP, surroundings });
    await guest.boot();
    await guest.board('pagingOn', HEAP);
    lab.pause(guest.vm.id);
    guest.tell(kernelOrder(KERNEL, FOR_EVER));
    lab.pause(guest.vm.id);
  }
  if (idle > 0) await addIdle(lab, surroundings, technique, idle);
  for (const vm of lab.vms) lab.start(vm.id);
  return lab;
}

/** Idle VMs as they are in life: kernels that sleep and now and then wake up. */
async function addIdle(lab: Lab, { load }: Surroundings, technique: Technique, count: number): Promise<void> {
  const row = findGuest('heartbeat');
  if (row === undefined) throw new Error('expected “heartbeat” among the guests, found none');
  const image = await load(row.image);
  const memoryBytes = guestMebibytes(HEAP) * 2 ** 20;
  for (let index = 0; index < count; index++) {
    lab.addVm({ technique, guest: { image, boot: 'supervisor', memoryBytes, harts: 1 } });
  }
}

/** Runs a lab for some milliseconds. @returns instructions of the chosen VMs a millisecond */
async function speed(
  lab: Lab,
  vms: readonly VirtualMachine[],
  { clock, turn }: Surroundings,
  milliseconds: number,
): Promise<number> {
  const executed = () => vms.reduce((sum, vm) => sum + vm.instructions, 0);
  const before = executed();
  const started = clock();
  while (clock() - started < milliseconds) {
    const until = performance.now() + TURN;
    while (performance.now() < until) for (const computer of lab.computers) computer.runSlice(SLICE);
    await turn();
  }
  return (executed() - before) / (clock() - started);
}

/** Work of `lab`'s first `busy` VMs over that of a single VM, in pairs. */
async function share(surroundings: Surroundings, single: Lab, lab: Lab, busy: number, quick: boolean): Promise<number> {
  const milliseconds = quick ? 150 : 400;
  const alone: number[] = [];
  const together: number[] = [];
  for (let pair = -1; pair < (quick ? 3 : 5); pair++) {
    const one = await speed(single, single.vms, surroundings, milliseconds);
    const all = await speed(lab, lab.vms.slice(0, busy), surroundings, milliseconds);
    if (pair < 0) continue;
    alone.push(one);
    together.push(all);
  }
  return median(quotients(together, alone));
}

export const manyVms: LabRow = {
  name: 'vms',
  title: 'Several VMs, work over that of one alone',
  measure: async (surroundings, quick) => {
    const figures: Figure[] = [];
    for (const technique of hosted) {
      const single = await busyLab(surroundings, technique, 1, 0);
      for (const busy of BUSY) {
        const lab = await busyLab(surroundings, technique, busy, 0);
        const value = 100 * (await share(surroundings, single, lab, busy, quick));
        figures.push({ name: `${busy} busy, all together, ${technique}`, value, unit: '%' });
      }
      const lab = await busyLab(surroundings, technique, 1, IDLE);
      const value = 100 * (await share(surroundings, single, lab, 1, quick));
      figures.push({ name: `1 busy beside ${IDLE} idle, ${technique}`, value, unit: '%' });
    }
    return figures;
  },
};
