// The clock against Google's "Goldfish virtual hardware" text and Linux's drivers/rtc/rtc-goldfish.c, which reads and arms it so.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUS_ERROR } from './device.ts';
import { GoldfishRtc } from './goldfish-rtc.ts';

/** 2024-01-01T00:00:00Z. */
const EPOCH = 1_704_067_200_000_000_000n;

function mount() {
  const board = { now: 0, level: false };
  const rtc = new GoldfishRtc({
    interrupt: (level) => (board.level = level),
    clock: () => board.now,
    epochNanoseconds: { high: Number(EPOCH >> 32n), low: Number(EPOCH & 0xffffffffn) },
  });
  const read = (offset: number) => rtc.read(offset, 4);
  const write = (offset: number, value: number) => rtc.write(offset, 4, value);
  const time = () => {
    const low = BigInt(read(0));
    return (BigInt(read(4)) << 32n) | low;
  };
  const set = (register: number, value: bigint) => {
    write(register + 4, Number(value >> 32n));
    write(register, Number(value & 0xffffffffn));
  };
  const advance = (now: number) => {
    board.now = now;
    rtc.elapse();
  };
  return { rtc, board, read, write, time, set, advance };
}

it('shows the given date plus 100 ns for every tick', () => {
  const { board, time } = mount();
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 50 }), (now) => {
      board.now = now;
      expect(time()).toBe(EPOCH + 100n * BigInt(now));
    }),
  );
});

it('latches the high half when the low half is read', () => {
  const { board, read, time } = mount();
  const first = time() >> 32n;
  board.now = 10_000_000 * 10;
  expect(BigInt(read(4))).toBe(first);
  read(0);
  expect(BigInt(read(4))).toBe((EPOCH + 10_000_000_000n) >> 32n);
});

it('can be set, and a reset of the board does not unset it', () => {
  const { rtc, set, time, board } = mount();
  set(0, 5_000_000_000n);
  board.now = 10;
  expect(time()).toBe(5_000_001_000n);
  rtc.reset();
  expect(time()).toBe(5_000_001_000n);
});

describe('alarm', () => {
  it('interrupts at the first tick at or after its time, once, until cleared', () => {
    const { rtc, board, read, write, set, advance } = mount();
    write(0x10, 1);
    set(0x08, EPOCH + 1_050n);
    expect(read(0x18)).toBe(1);
    expect(rtc.deadline()).toBe(11);
    advance(10);
    expect(board.level).toBe(false);
    advance(11);
    expect(board.level).toBe(true);
    expect(read(0x18)).toBe(0);
    expect(rtc.deadline()).toBe(Infinity);
    write(0x1c, 1);
    expect(board.level).toBe(false);
  });

  it('fires at once when its time has passed, silently while not enabled', () => {
    const { board, write, set } = mount();
    set(0x08, EPOCH);
    expect(board.level).toBe(false);
    write(0x10, 1);
    expect(board.level).toBe(true);
  });

  it('can be cleared before it fires', () => {
    const { rtc, board, write, set, advance } = mount();
    write(0x10, 1);
    set(0x08, EPOCH + 1_000n);
    write(0x14, 1);
    expect(rtc.deadline()).toBe(Infinity);
    advance(1_000);
    expect(board.level).toBe(false);
  });

  it('never names a deadline in the past and is due exactly there', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.bigInt({ min: -(2n ** 40n), max: 2n ** 50n }), (now, distance) => {
        const { rtc, board, set, advance, read } = mount();
        board.now = now;
        set(0x08, EPOCH + 100n * BigInt(now) + distance);
        expect(read(0x18)).toBe(distance > 0n ? 1 : 0);
        if (distance <= 0n) return;
        const due = rtc.deadline();
        expect(BigInt(due - now)).toBe((distance + 99n) / 100n);
        advance(due - 1);
        expect(read(0x18)).toBe(1);
        advance(due);
        expect(read(0x18)).toBe(0);
      }),
    );
  });
});

it('serves aligned words in its first 0x24 bytes only', () => {
  const { rtc, read } = mount();
  expect(read(0x20)).toBe(0);
  for (const [offset, width] of [
    [0, 1],
    [0, 2],
    [2, 4],
    [0x24, 4],
    [0xffc, 4],
  ] as const) {
    // prettier-ignore
    expect(rtc.read(offset, width)).toBe(BUS_ERROR);
    expect(rtc.write(offset, width, 0)).toBe(false);
  }
});

it('looks without latching and restores its interrupt', () => {
  const { rtc, board, write, set } = mount();
  write(0x10, 1);
  set(0x08, EPOCH);
  const before = rtc.snapshot();
  expect(rtc.inspect().find(({ row }) => row.name === 'TIME_LOW')?.value).toBe(Number(EPOCH & 0xffffffffn));
  expect(rtc.snapshot()).toEqual(before);
  const other = mount();
  other.rtc.restore(before);
  expect(other.board.level).toBe(true);
  expect(board.level).toBe(true);
});
