// A device of one VM and the memory of all others: whatever a guest writes into a descriptor, its device reaches the VM's own frames
// or nothing (issue 4, section 5: DMA outside).

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import { guestDma } from './guest-dma.ts';
import { hashOf, hosted, MIB, newLab, sourceGuest } from '../guest-rig.test-support.ts';
import type { HostedVm } from '../hosted-vm.ts';

const IDLE = '_start: wfi\n j _start\n';

/** Two VMs on one machine; the first has a disk. */
function neighbours(technique: (typeof hosted)[number]) {
  const failures: string[] = [];
  const lab = newLab({ memoryMiB: 40 });
  const disk = virtioBlock({ store: new MemoryStore(new Uint8Array(64 * 512).fill(0xaa)) });
  const devices = {
    virtio: [{ device: disk, observer: { failed: (message: string) => void failures.push(message) } }],
  };
  const guest = (part: object) => sourceGuest(IDLE, { memoryBytes: 8 * MIB, ...part });
  const first = lab.addVm({ technique, guest: guest({ devices }) }) as HostedVm;
  const second = lab.addVm({ technique, guest: guest({}) }) as HostedVm;
  return { lab, first, second, failures };
}

describe.each(hosted)('%s', (technique) => {
  test('a descriptor with any address ends in the VM or in an error of its device', () => {
    const { lab, first, second, failures } = neighbours(technique);
    const ram = lab.hypervisor?.machine.ram;
    const frame = second.memory.hostAddress(RAM_BASE) ?? 0;
    if (ram === undefined) throw new Error('no machine');
    const before = hashOf(second);
    const slot = first.board.virtio.find(({ occupied }) => occupied);
    const set = (offset: number, value: number) => slot?.write(offset, 4, value);
    const store = (gpa: number, ...words: readonly number[]) =>
      first.memory.write(gpa, new Uint8Array(Uint32Array.from(words).buffer));
    const own = new Set([RAM_BASE + 0x10000, RAM_BASE + 8 * MIB - 512]);
    const targets = [
      ...own,
      frame,
      frame + 4096,
      RAM_BASE - 512,
      RAM_BASE + 8 * MIB,
      RAM_BASE + 8 * MIB - 511,
      0,
      0xffff_fe00,
    ];
    for (const target of targets) {
      failures.length = 0;
      // Legacy, one queue of 4 at RAM_BASE: table, available ring, then the used ring on the next page.
      set(0x70, 0);
      set(0x28, 4096);
      set(0x30, 0);
      set(0x38, 4);
      set(0x3c, 4096);
      set(0x40, RAM_BASE / 4096);
      first.memory.write(RAM_BASE, new Uint8Array(8192));
      store(RAM_BASE + 0x8000, 0, 0, 0, 0); // IN, sector 0
      store(RAM_BASE, RAM_BASE + 0x8000, 0, 16, 1 | (1 << 16));
      store(RAM_BASE + 16, target, 0, 512, 3 | (2 << 16));
      store(RAM_BASE + 32, RAM_BASE + 0x9000, 0, 1, 2);
      store(RAM_BASE + 64, 1 << 16, 0);
      set(0x50, 0);
      const reached = new Uint8Array(512);
      const inside = own.has(target);
      expect(failures, target.toString(16)).toHaveLength(inside ? 0 : 1);
      if (inside) expect(first.memory.read(target, reached) && reached.every((byte) => byte === 0xaa)).toBe(true);
    }
    expect(hashOf(second)).toBe(before);
  });

  test('reads and writes anywhere stay in the VM’s own frames', () => {
    const { first, second } = neighbours(technique);
    const dma = guestDma(() => first.memory);
    const before = hashOf(second);
    const end = RAM_BASE + first.memoryBytes;
    const address = fc.oneof(
      fc.integer({ min: RAM_BASE, max: end }),
      fc.constantFrom(0, RAM_BASE - 1, end - 1, end, 2 ** 32 - 1, 2 ** 32, 2 ** 53, 2 ** 64 - 1, 2 ** 64),
      fc.nat(0xffff_ffff),
    );
    fc.assert(
      fc.property(address, fc.nat(9000), fc.constantFrom<1 | 2 | 4>(1, 2, 4), (at, length, width) => {
        const inside = at >= RAM_BASE && at + length <= end;
        expect(dma.holds(at, length)).toBe(inside);
        if (length === 0) return;
        expect(dma.write(at, new Uint8Array(length).fill(0x5a))).toBe(inside);
        const into = new Uint8Array(length);
        expect(dma.read(at, into)).toBe(inside);
        expect(into.every((byte) => byte === (inside ? 0x5a : 0))).toBe(true);
        const word = at >= RAM_BASE && at + width <= end;
        expect(dma.store(at, width, 0x11)).toBe(word);
        expect(dma.load(at, width)).toBe(word ? 0x11 : -1);
      }),
      { numRuns: 300 },
    );
    expect(hashOf(second)).toBe(before);
  });
});
