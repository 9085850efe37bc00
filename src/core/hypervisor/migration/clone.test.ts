// A clone: a copy of a running VM that shares its memory until one of the two writes, and its disks from then on not at all
// (issue, section 2; fork(2) for the idea).

import { describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { CopyOnWriteStore } from '../../devices/copy-on-write-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { virtioNetwork } from '../../devices/virtio/virtio-network.ts';
import { consoleOf, drive, hashOf, hosted, MIB, newLab, shippedGuest, sourceGuest } from '../guest-rig.test-support.ts';
import { HostedVm } from '../hosted-vm.ts';
import type { Lab } from '../lab.ts';
import { networkChoice } from '../guest-devices/virtual-network.ts';
import { BUSY, linuxWithDevices } from './migration-rig.test-support.ts';

vi.setConfig({ testTimeout: 120_000 });

const hostedVm = (lab: Lab, id: number): HostedVm => {
  const vm = lab.vm(id);
  if (vm instanceof HostedVm) return vm;
  throw new Error('expected a VM of a hypervisor');
};
const type = (lab: Lab, id: number, text: string) => lab.vm(id).receive(new TextEncoder().encode(text));
const until = (lab: Lab, id: number, wanted: RegExp) =>
  drive(lab.computerOf(lab.vm(id)), { limit: 1e9, until: () => wanted.test(consoleOf(lab.vm(id))) });

describe.each(hosted)('%s', (technique) => {
  test('a copy has the same state and output, shares the frames, and then goes its own way', () => {
    const lab = newLab({ memoryMiB: 64 });
    const { id } = lab.addVm({ technique, guest: BUSY });
    lab.start(id);
    drive(lab.computerOf(lab.vm(id)), { limit: 3_000_000 });
    const { frames } = lab.hypervisor ?? {};
    const before = frames?.usedBytes ?? 0;
    const parent = hostedVm(lab, id);
    const clone = hostedVm(lab, lab.cloneVm(id).id);
    expect(clone.id).toBe(2);
    expect(hashOf(clone)).toBe(hashOf(parent));
    expect(consoleOf(clone)).toBe(consoleOf(parent));
    expect(clone.instructions).toBe(parent.instructions);
    // What an image takes is what was copied: nearly nothing.
    expect((frames?.usedBytes ?? 0) - before).toBeLessThan(64 * 1024);
    expect(clone.memory.use.shared).toBe(clone.memory.use.resident);
    type(lab, clone.id, '#');
    drive(lab.computerOf(parent), { limit: 6_000_000 });
    expect(consoleOf(clone)).toContain('#');
    expect(consoleOf(parent)).not.toContain('#');
    expect(consoleOf(parent).length).toBeGreaterThan(consoleOf(clone).indexOf('#') + 20);
    expect(clone.memory.use.copies).toBeGreaterThan(100);
    expect(hashOf(clone)).not.toBe(hashOf(parent));
    lab.removeVm(id);
    const { instructions } = clone;
    drive(lab.computerOf(clone), { limit: 1_000_000 });
    expect(clone.instructions).toBeGreaterThan(instructions + 900_000);
    lab.removeVm(clone.id);
    expect(frames?.usedBytes).toBe(4096);
  });

  test('Linux in two: each writes to its own disk and memory, from the same beginning', () => {
    const lab = newLab({ memoryMiB: 160 });
    const { id } = lab.addVm({ technique, guest: linuxWithDevices() });
    lab.start(id);
    until(lab, id, /# $/);
    type(lab, id, 'x=$((6*7)); printf common | dd of=/dev/vda bs=512 seek=4 conv=sync 2>/dev/null; sync; echo made\n');
    until(lab, id, /made\r\n.*# $/s);
    const clone = lab.cloneVm(id);
    for (const [each, word] of [
      [id, 'parent'],
      [clone.id, 'child'],
    ] as const) {
      type(lab, each, `printf ${word}$x | dd of=/dev/vda bs=512 seek=8 conv=sync 2>/dev/null; sync; echo done\n`);
      until(lab, each, /done\r\n.*# $/s);
    }
    for (const [each, word] of [
      [id, 'parent42'],
      [clone.id, 'child42'],
    ] as const) {
      type(
        lab,
        each,
        'echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vda bs=512 skip=4 count=5 2>/dev/null | strings; echo read\n',
      );
      until(lab, each, /read\r\n.*# $/s);
      expect(consoleOf(lab.vm(each))).toMatch(new RegExp(`common[^]*${word}[^]*read`));
    }
  });
});

test('the copy of a VM that stands, stands; of one with a network card, has its own, unplugged', () => {
  const lab = newLab();
  const { id } = lab.addVm({ technique: 'hardware-assisted', guest: { ...BUSY, network: networkChoice() } });
  const clone = lab.cloneVm(id);
  expect(clone.control.running).toBe(false);
  const stations = lab.networkOf(clone)?.stations ?? [];
  const [one, other] = [id, clone.id].map((vm) => stations.find((station) => station.vm === vm));
  expect(one?.port).not.toBe(other?.port);
  expect(one?.mac).not.toBe(other?.mac);
  const port = lab.networkOf(clone)?.switch.ports.find((each) => each.id === other?.port);
  expect(port?.settings.connected).toBe(false);
});

describe('refused, with nothing changed', () => {
  const guest = sourceGuest('_start: j _start');
  const cable = { send: () => undefined, attach: () => undefined };
  const inPlace = { sectors: 8, readOnly: false, read: () => true, write: () => true, flush: () => true };
  test.each([
    ['a disk written in place', virtioBlock({ store: inPlace }), /block device that cannot/],
    ['a cable of its own', virtioNetwork({ cable, mac: new Uint8Array(6) }), /network card that cannot/],
  ])('%s', (_, device, message) => {
    const lab = newLab();
    const { id } = lab.addVm({
      technique: 'hardware-assisted',
      guest: { ...guest, devices: { virtio: [{ device }] } },
    });
    expect(() => lab.cloneVm(id)).toThrow(message);
    expect(lab.vms).toHaveLength(1);
    expect(lab.addVm({ technique: 'hardware-assisted', guest }).id).toBe(2);
  });

  test('a guest that has ended', () => {
    const lab = newLab();
    const { id } = lab.addVm({
      technique: 'hardware-assisted',
      guest: { ...shippedGuest('hello'), memoryBytes: 16 * MIB },
    });
    lab.start(id);
    drive(lab.computerOf(lab.vm(id)), { until: () => lab.vm(id).ending !== undefined });
    expect(() => lab.cloneVm(id)).toThrow(/found one that has ended/);
  });
});

test('forks of a disk go their own ways from a common beginning', () => {
  const base = new MemoryStore(new Uint8Array(16 * 512).fill(1));
  const first = new CopyOnWriteStore(base);
  const sector = (fill: number) => new Uint8Array(512).fill(fill);
  const at = (store: CopyOnWriteStore, index: number): number => {
    const bytes = new Uint8Array(512);
    store.read(index, bytes);
    return bytes[7] ?? -1;
  };
  first.write(0, sector(2));
  first.zero(8, 8);
  const second = first.fork();
  const third = second.fork();
  first.write(1, sector(3));
  second.write(0, sector(4));
  third.zero(0, 1);
  third.write(9, sector(5));
  expect([0, 1, 2, 8, 9].map((index) => at(first, index))).toEqual([2, 3, 1, 0, 0]);
  expect([0, 1, 2, 8, 9].map((index) => at(second, index))).toEqual([4, 1, 1, 0, 0]);
  expect([0, 1, 2, 8, 9].map((index) => at(third, index))).toEqual([0, 1, 1, 0, 5]);
  expect(base.bytes.every((byte) => byte === 1)).toBe(true);
});
