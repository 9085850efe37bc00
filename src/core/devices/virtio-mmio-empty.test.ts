// An empty slot as a driver probes it: virtio 1.2, section 4.2.3.1.1 — a device number of zero means nothing is there.

import { describe, expect, it } from 'vitest';
import { BUS_ERROR } from './device.ts';
import type { AccessWidth } from './device.ts';
import { HAS_QEMU, startQemuBoard } from './qemu-board.test-support.ts';
import { VirtioMmioEmpty } from './virtio-mmio-empty.ts';

it('identifies itself and says it is empty', () => {
  const slot = new VirtioMmioEmpty();
  const letters = (offset: number) =>
    String.fromCharCode(...[0, 8, 16, 24].map((shift) => (slot.read(offset, 4) >> shift) & 0xff));
  expect(letters(0)).toBe('virt');
  expect(slot.read(4, 4)).toBe(1);
  expect(slot.read(8, 4)).toBe(0);
  expect(letters(12)).toBe('QEMU');
});

it('ignores writes in its half-kilobyte and refuses the rest', () => {
  const slot = new VirtioMmioEmpty();
  expect(slot.write(0x70, 4, 0xff)).toBe(true);
  expect(slot.read(0x70, 4)).toBe(0);
  expect(slot.write(0x1ff, 1, 0)).toBe(true);
  expect(slot.write(0x200, 4, 0)).toBe(false);
  expect(slot.read(0x200, 4)).toBe(BUS_ERROR);
});

describe.skipIf(!HAS_QEMU)('QEMU', () => {
  it('answers every aligned read of every slot alike', async () => {
    const slot = new VirtioMmioEmpty();
    const qemu = startQemuBoard();
    try {
      for (const width of [1, 2, 4] satisfies AccessWidth[]) {
        for (let offset = 0; offset < 0x110; offset += width) {
          expect(slot.read(offset, width)).toBe(await qemu.read(0x10008000 + offset, width));
        }
      }
    } finally {
      qemu.close();
    }
  });
});
