// Frames of page tables are used again: a hart that still remembered what it walked there would let one guest see the
// memory of another (privileged manual, "Supervisor Memory-Management Fence Instruction": satp alone orders nothing).

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { Lab } from '../lab.ts';

const guest = (name: string) => ({
  image: new Uint8Array(readFileSync(`public/guests/${name}.elf`)),
  boot: 'supervisor' as const,
  memoryBytes: 16 * 2 ** 20,
  harts: 1,
});
const newLab = () =>
  new Lab({ host: nodeHost, memoryBytes: 64 * 2 ** 20, epochNanoseconds: { high: 0, low: 0 }, traceCapacity: 4096 });

for (const technique of ['trap-and-emulate', 'hardware-assisted'] as const) {
  test(`${technique}: after a reset, the first instruction finds empty tables again`, () => {
    const lab = newLab();
    const vm = lab.addVm({ technique, guest: guest('paging') });
    const computer = lab.computerOf(vm);
    lab.start(vm.id);
    while (!vm.ending) computer.runSlice(1e6);
    const first = lab.trace.read(0);
    const before = lab.trace.total;
    lab.reset(vm.id);
    lab.start(vm.id);
    while (!vm.ending) computer.runSlice(1e6);
    expect(first?.reason).toBe('missing-page');
    expect(lab.trace.read(before)).toMatchObject({ reason: 'missing-page', pc: first?.pc, gva: first?.gva });
    expect(lab.trace.total).toBe(2 * before);
  });

  test(`${technique}: a VM in the frames of a removed one starts from nothing`, () => {
    const lab = newLab();
    const old = lab.addVm({ technique, guest: guest('hello') });
    lab.start(old.id);
    while (!old.ending) lab.computerOf(old).runSlice(1e6);
    const exitsOfOne = old.exits;
    lab.removeVm(old.id);
    const next = lab.addVm({ technique, guest: guest('hello') });
    lab.start(next.id);
    while (!next.ending) lab.computerOf(next).runSlice(1e6);
    expect(next.exits).toBe(exitsOfOne);
  });
}
