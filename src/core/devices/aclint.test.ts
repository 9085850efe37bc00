// The timer and the software interrupts against the RISC-V ACLINT specification 1.0 and the privileged architecture, section 3.2.1.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Aclint } from './aclint.ts';
import { BUS_ERROR } from './device.ts';
import { HAS_QEMU, startQemuBoard } from './qemu-board.test-support.ts';

const MTIMECMP = 0x4000;
const MTIME = 0xbff8;

function mount(harts = 2) {
  const board = { now: 0, software: [] as boolean[], timer: [] as boolean[], timeWritten: 0 };
  const aclint = new Aclint({
    harts,
    clock: () => board.now,
    software: (hart, level) => (board.software[hart] = level),
    timer: (hart, level) => (board.timer[hart] = level),
    timeWritten: () => (board.timeWritten += 1),
  });
  aclint.reset();
  board.timeWritten = 0;
  const write = (offset: number, value: number) => aclint.write(offset, 4, value);
  const compare = (hart: number, value: bigint) => {
    write(MTIMECMP + 8 * hart + 4, 0xffffffff);
    write(MTIMECMP + 8 * hart, Number(value & 0xffffffffn));
    write(MTIMECMP + 8 * hart + 4, Number(value >> 32n));
  };
  const advance = (now: number) => {
    board.now = now;
    aclint.elapse();
  };
  return { aclint, board, compare, advance, write, read: (offset: number) => aclint.read(offset, 4) };
}

describe('software interrupts', () => {
  it('follow bit 0 of each hart’s MSIP', () => {
    const { board, read, write } = mount();
    write(4, 0xffffffff);
    expect(board.software).toEqual([false, true]);
    expect(read(4)).toBe(1);
    expect(read(0)).toBe(0);
    write(4, 0xfffffffe);
    expect(board.software[1]).toBe(false);
  });
});

describe('timer', () => {
  it('is pending after reset, for mtimecmp is 0: QEMU’s harts start with mip = 0x80', () => {
    const { board, read } = mount();
    expect(board.timer).toEqual([true, true]);
    expect([read(MTIMECMP), read(MTIMECMP + 4)]).toEqual([0, 0]);
  });

  it('names the tick at which a line will change', () => {
    const { aclint, board, advance, compare } = mount(1);
    compare(0, 1000n);
    expect(aclint.deadline()).toBe(1000);
    advance(999);
    expect(board.timer[0]).toBe(false);
    advance(1000);
    expect(board.timer[0]).toBe(true);
    expect(aclint.deadline()).toBe(Infinity);
    compare(0, 0xffffffff_ffffffffn);
    expect(board.timer[0]).toBe(false);
    expect(aclint.deadline()).toBe(Infinity);
  });

  it('names the nearest change of any hart, and none while all lines stay', () => {
    const { aclint, compare, advance } = mount();
    expect(aclint.deadline()).toBe(Infinity);
    compare(1, 70n);
    expect(aclint.deadline()).toBe(70);
    compare(0, 60n);
    expect(aclint.deadline()).toBe(60);
    advance(60);
    expect(aclint.deadline()).toBe(70);
  });

  it('falls when mtime wraps', () => {
    const { aclint, board, compare, advance, write } = mount(1);
    write(MTIME + 4, 0xffffffff);
    write(MTIME, 0xfffffff0);
    compare(0, 5n);
    expect(board.timer[0]).toBe(true);
    expect(aclint.deadline()).toBe(16);
    advance(16);
    expect(board.timer[0]).toBe(false);
    expect(aclint.deadline()).toBe(21);
  });

  it('compares all 64 bits exactly, for any time and compare value', () => {
    const word = fc.nat(0xffffffff);
    fc.assert(
      fc.property(word, word, fc.integer({ min: -2, max: 2 }), (high, low, distance) => {
        const { board, compare, write } = mount(1);
        write(MTIME, low);
        write(MTIME + 4, high);
        const time = (BigInt(high) << 32n) | BigInt(low);
        const target = BigInt.asUintN(64, time + BigInt(distance));
        compare(0, target);
        expect(board.timer[0]).toBe(time >= target);
      }),
    );
  });

  it('lets mtime be written half by half, keeps it running, and tells who shows time', () => {
    const { aclint, board, advance, read, write } = mount();
    advance(500);
    write(MTIME, 0xfffffff0);
    write(MTIME + 4, 7);
    expect(board.timeWritten).toBe(2);
    advance(500 + 0x20);
    expect([read(MTIME + 4), read(MTIME)]).toEqual([8, 0x10]);
    expect(aclint.mtime()).toEqual({ high: 8, low: 0x10 });
    aclint.reset();
    expect(aclint.mtime()).toEqual({ high: 0, low: 0 });
  });
});

describe('window', () => {
  it('serves aligned words up to 0xc000 and nothing else', () => {
    const { aclint, read, write } = mount();
    for (const offset of [8, 0x3ffc, MTIMECMP + 16, 0xbff0]) {
      expect(write(offset, 1)).toBe(true);
      expect(read(offset)).toBe(0);
    }
    for (const [offset, width] of [
      [0, 1],
      [0, 2],
      [MTIME, 2],
      [MTIME + 1, 4],
      [0xc000, 4],
      [0xfff0, 4],
    ] as const) {
      // prettier-ignore
      expect(aclint.read(offset, width)).toBe(BUS_ERROR);
      expect(aclint.write(offset, width, 0)).toBe(false);
    }
  });

  it('looks without side effects and restores lines', () => {
    const { aclint, compare, write } = mount();
    compare(1, 5n);
    write(0, 1);
    const before = aclint.snapshot();
    expect(aclint.inspect().find(({ row }) => row.name === 'MTIMECMP1')?.value).toBe(5);
    expect(aclint.snapshot()).toEqual(before);
    const other = mount();
    other.aclint.restore(before);
    expect(other.board.software).toEqual([true, false]);
    expect(other.board.timer).toEqual([true, false]);
    expect(() => mount(1).aclint.restore(before)).toThrow(/expected 1 entries/);
  });
});

describe.skipIf(!HAS_QEMU)('QEMU', () => {
  it('keeps and shows the same words', async () => {
    const { aclint } = mount();
    const qemu = startQemuBoard(['-smp', '2']);
    try {
      // A stopped QEMU shows no MSIP: it reads the hart's mip, which only a running hart updates. Its clock stands at 0, as ours.
      const offsets = [0x3ffc, 0x4000, 0x4004, 0x4008, 0x400c, 0x4010, 0xbff0, 0xbff8, 0xbffc];
      const step = fc.tuple(fc.constantFrom(...offsets), fc.option(fc.nat(0xffffffff)));
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          for (const [offset, value] of steps) {
            if (value === null) expect(aclint.read(offset, 4)).toBe(await qemu.read(0x02000000 + offset, 4));
            else {
              aclint.write(offset, 4, value);
              await qemu.write(0x02000000 + offset, 4, value);
            }
          }
        }),
        { numRuns: 40, endOnFailure: true },
      );
    } finally {
      qemu.close();
    }
  });
});
