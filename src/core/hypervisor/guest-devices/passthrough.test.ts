// A physical device of a guest's own: its DMA reaches that guest's memory and no other, its interrupt that guest and no other,
// and when the guest goes, it reaches nothing.

import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import type { VirtioDevice } from '../../machine/board.ts';
import { consoleOf, drive, hashOf, newLab, runAlone, shippedGuest } from '../guest-rig.test-support.ts';
import { HostedVm } from '../hosted-vm.ts';

const MIB = 2 ** 20;

const disk = (store = new MemoryStore(new Uint8Array(MIB).fill(0xd1))): VirtioDevice => ({
  device: virtioBlock({ store }),
});

/** Two VMs of which the first has a disk of its own, and the disk's driver: the test itself, at the physical registers. */
function rig() {
  const lab = newLab({ memoryMiB: 64 });
  const vm = lab.addVm({
    technique: 'hardware-assisted',
    guest: { ...shippedGuest('hello'), assigned: [disk()] },
  });
  const neighbour = lab.addVm({ technique: 'hardware-assisted', guest: shippedGuest('hello') });
  const { hypervisor } = lab;
  if (hypervisor?.passthrough === undefined) throw new Error('no device was assigned');
  const { machine, passthrough } = hypervisor;
  const [assigned] = passthrough.assigned;
  if (assigned === undefined) throw new Error('no device was assigned');
  const put = (offset: number, value: number) =>
    expect(machine.board.bus.write(assigned.base + offset, 4, value)).toBe(true);
  const words = (gpa: number, ...values: number[]) => {
    const bytes = new Uint8Array(4 * values.length);
    values.forEach((value, index) => new DataView(bytes.buffer).setUint32(4 * index, value, true));
    expect(vm.memory.write(gpa, bytes)).toBe(true);
  };
  const QUEUE = 0x8080_0000;
  const HEADER = 0x8080_4000;
  /** One request that reads the first sector to an address, by the legacy interface (virtio 1.2, 2.7.2 and 4.2.4). */
  const readTo = (address: number, high = 0) => {
    put(0x70, 0);
    put(0x70, 3);
    put(0x28, 4096);
    put(0x30, 0);
    put(0x38, 8);
    put(0x3c, 4096);
    words(HEADER, 0, 0, 0, 0);
    words(QUEUE, HEADER, 0, 16, 0x0001_0001, address, high, 512, 0x0002_0003, HEADER + 64, 0, 1, 2);
    words(QUEUE + 128, 0x0001_0000, 0);
    put(0x40, QUEUE / 4096);
    put(0x70, 7);
    put(0x50, 0);
  };
  const sector = (gpa: number) => {
    const bytes = new Uint8Array(512);
    vm.memory.read(gpa, bytes);
    return bytes;
  };
  return { lab, vm, neighbour, machine, passthrough, assigned, readTo, sector };
}

test('its DMA lands in the guest’s memory, by guest physical addresses', () => {
  const { readTo, sector, passthrough } = rig();
  readTo(0x8090_0000);
  expect(sector(0x8090_0000)).toEqual(new Uint8Array(512).fill(0xd1));
  expect(passthrough.refused).toEqual([]);
});

describe('a DMA outside the guest’s memory', () => {
  test.each([
    ['behind its end', 0x8000_0000 + 16 * MIB, 0],
    ['at a device', 0x1000_0000, 0],
    ['at address 0', 0, 0],
    ['far above', 0x8090_0000, 0x10],
  ])('%s is refused by the IOMMU, told, and reaches nobody', (_, address, high) => {
    const { readTo, passthrough, machine, vm, neighbour, assigned } = rig();
    const before = hashOf(neighbour);
    readTo(address, high);
    const found = machine.ram.view(0x8000_0000, machine.ram.size);
    const all = Buffer.from(found.buffer, found.byteOffset, found.length);
    expect(all.indexOf(Buffer.alloc(512, 0xd1))).toBe(-1);
    expect(hashOf(neighbour)).toBe(before);
    expect(assigned.device.transport.failed).toBe(true);
    passthrough.poll();
    expect(passthrough.refused[0]).toMatchObject({
      vm: vm.id,
      store: false,
      address: address + high * 2 ** 32,
      cause: 'read guest-page fault',
    });
  });
});

test('when the guest begins anew its device has been reset and reaches the new tables; when it goes, nothing', () => {
  const { lab, vm, readTo, sector, machine, passthrough, assigned } = rig();
  lab.reset(vm.id);
  readTo(0x8090_0000);
  expect(sector(0x8090_0000)).toEqual(new Uint8Array(512).fill(0xd1));
  lab.removeVm(vm.id);
  expect(passthrough.assigned).toEqual([]);
  expect(machine.board.virtio.every(({ occupied }) => !occupied)).toBe(true);
  expect(machine.board.iommu?.port(assigned.deviceId).read(0x8090_0000, new Uint8Array(4))).toBe(false);
});

test('its interrupts wake the guest they are for, and leave its neighbour asleep', () => {
  const lab = newLab({ memoryMiB: 160 });
  const store = new MemoryStore(new Uint8Array(MIB));
  const linux = shippedGuest('linux');
  const vm = lab.addVm({
    technique: 'hardware-assisted',
    guest: { ...linux, assigned: [{ ...disk(store), latency: 5000 }] },
  });
  const neighbour = lab.addVm({ technique: 'hardware-assisted', guest: linux });
  const { hypervisor } = lab;
  for (const each of [vm, neighbour]) lab.start(each.id);
  const atPrompt = () => [vm, neighbour].every((each) => /# $/.test(consoleOf(each)));
  const options = { limit: 1e10, slice: 5_000_000 };
  if (hypervisor === undefined) throw new Error('no hypervisor');
  expect(drive(hypervisor, { ...options, until: atPrompt })).toBe('until');
  const quiet = neighbour.interrupts['supervisor external interrupt'] ?? 0;
  vm.receive(
    new TextEncoder().encode(
      'seq 2000 | head -c 8192 > /tmp/a; dd if=/tmp/a of=/dev/vda bs=4k seek=2 conv=fsync 2>/dev/null; echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vda bs=4k skip=2 count=2 2>/dev/null | cmp - /tmp/a && echo sa""me\n',
    ),
  );
  expect(drive(hypervisor, { ...options, until: () => consoleOf(vm).includes('same') })).toBe('until');
  expect(new TextDecoder().decode(store.bytes.subarray(8192, 8200))).toBe('1\n2\n3\n4\n');
  expect(hypervisor.passthrough?.assigned[0]?.interrupts).toBeGreaterThan(3);
  expect(hypervisor.passthrough?.refused).toEqual([]);
  expect((neighbour.interrupts['supervisor external interrupt'] ?? 0) - quiet).toBe(0);
}, 120_000);

test('Linux says the same with a disk of its own as on the bare machine', () => {
  // The order of devices, and their numbers, are those of the bare board.
  const { vm } = runAlone('hardware-assisted', { ...shippedGuest('hello'), assigned: [disk()] });
  expect(consoleOf(vm)).toBe(consoleOf(runAlone('bare', { ...shippedGuest('hello'), assigned: [disk()] }).vm));
});

test('trap-and-emulate cannot have one, and nothing is left behind', () => {
  const lab = newLab({ memoryMiB: 64 });
  const guest = { ...shippedGuest('hello'), assigned: [disk()] };
  expect(() => lab.addVm({ technique: 'trap-and-emulate', guest })).toThrow(
    /hardware-assisted.*found trap-and-emulate/,
  );
  const nine = Array.from({ length: 9 }, () => disk());
  expect(() => lab.addVm({ technique: 'hardware-assisted', guest: { ...guest, assigned: nine } })).toThrow(/slot/);
  const vm = lab.addVm({ technique: 'hardware-assisted', guest });
  expect(() => (vm instanceof HostedVm ? vm.saveState() : undefined)).toThrow(/physical devices/);
  expect(lab.hypervisor?.passthrough?.assigned).toHaveLength(1);
});
