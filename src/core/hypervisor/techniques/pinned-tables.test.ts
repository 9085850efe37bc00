// Whatever a guest asks for, its pinned tables hold only entries that the rules of pinned-tables.ts allow. The bits of an
// entry are those of the privileged manual, "Sv32: Page-Based 32-bit Virtual-Memory Systems".

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HypercallError } from './hypercalls.ts';
import { PinnedTables } from './pinned-tables.ts';

const RAM = 0x8000_0000;
const DEVICE = 0x1000_1000;
const PAGES = 8;
const SIZE = PAGES * 4096;

/** A few pages of RAM. */
function memory() {
  const words = new Uint32Array(SIZE / 4);
  const place = (address: number) => (address - RAM) / 4;
  return {
    holds: (gpa: number) => gpa >= RAM && gpa < RAM + SIZE,
    write: (gpa: number, bytes: Uint8Array) => {
      new Uint8Array(words.buffer).set(bytes, gpa - RAM);
      return true;
    },
    readEntry: (address: number) => words[place(address)] ?? 0,
    updateEntry: (address: number, value: number) => {
      words[place(address)] = value;
      return true;
    },
  };
}

const page = (index: number): number => RAM + index * 4096;
const entry = (target: number, flags: number): number => ((target / 4096) * 1024 + flags) >>> 0;
const nothing = () => undefined;
const [V, R, W, X, U, A, D] = [1, 2, 4, 8, 16, 64, 128] as const;

function tables() {
  const ram = memory();
  const pinned = new PinnedTables(ram, (gpa) => gpa === DEVICE);
  expect(pinned.pin(page(0), 1)).toBe(HypercallError.success);
  expect(pinned.pin(page(1), 0)).toBe(HypercallError.success);
  return { ram, pinned };
}

describe('an entry', () => {
  test('that is allowed is written, with A, and with D where it may be written to', () => {
    const { ram, pinned } = tables();
    expect(pinned.update(page(1), entry(page(2), V | R | W | U), nothing)).toBe(HypercallError.success);
    expect(ram.readEntry(page(1))).toBe(entry(page(2), V | R | W | U | A | D));
    expect(pinned.update(page(1) + 4, entry(page(2), V | R | X), nothing)).toBe(HypercallError.success);
    expect(ram.readEntry(page(1) + 4)).toBe(entry(page(2), V | R | X | A));
  });

  test('may lead to a device of the board, to load and store there', () => {
    const { ram, pinned } = tables();
    expect(pinned.update(page(1), entry(DEVICE, V | R | W), nothing)).toBe(HypercallError.success);
    expect(ram.readEntry(page(1))).toBe(entry(DEVICE, V | R | W | A | D));
  });

  test.each([
    ['code in a device', 1, entry(DEVICE, V | R | X), HypercallError.denied],
    ['memory outside the guest', 1, entry(RAM + SIZE, V | R), HypercallError.denied],
    ['memory below the guest', 1, entry(0x1000_0000, V | R | W), HypercallError.denied],
    ['the last page there is', 1, entry(0x3_ffff_f000, V | R), HypercallError.denied],
    ['a table, writable', 1, entry(page(0), V | R | W), HypercallError.denied],
    ['itself, writable', 1, entry(page(1), V | R | W), HypercallError.denied],
    ['4 MiB at once', 0, entry(RAM, V | R), HypercallError.notSupported],
    ['a page that is no table', 0, entry(page(3), V), HypercallError.denied],
    ['a root, as a table below', 0, entry(page(0), V), HypercallError.denied],
    ['a table below the last level', 1, entry(page(1), V), HypercallError.invalidParameter],
    ['a pointer with U', 0, entry(page(1), V | U), HypercallError.invalidParameter],
    ['W without R, which is reserved', 1, entry(page(2), V | W), HypercallError.invalidParameter],
  ])('that leads to %s is refused and not written', (_, table, value, error) => {
    const { ram, pinned } = tables();
    expect(pinned.update(page(table), value, nothing)).toBe(error);
    expect(ram.readEntry(page(table))).toBe(0);
  });

  test('of a page that is no table, or not at an entry’s address, cannot be written', () => {
    const { pinned } = tables();
    expect(pinned.update(page(2), 0, nothing)).toBe(HypercallError.invalidAddress);
    expect(pinned.update(page(1) + 2, 0, nothing)).toBe(HypercallError.invalidAddress);
    expect(pinned.update(0, 0, nothing)).toBe(HypercallError.invalidAddress);
  });

  test('may map a table read-only', () => {
    const { pinned } = tables();
    expect(pinned.update(page(1), entry(page(1), V | R), nothing)).toBe(HypercallError.success);
  });

  test('tells where translation has changed: below every root that leads there', () => {
    const { pinned } = tables();
    const seen: unknown[] = [];
    const changed = (root: number, gva: number, region: boolean) => seen.push([root, gva, region]);
    pinned.update(page(0) + 4 * 3, entry(page(1), V), changed);
    expect(pinned.pin(page(4), 1)).toBe(HypercallError.success);
    pinned.update(page(4) + 4 * 1023, entry(page(1), V), changed);
    pinned.update(page(1) + 4 * 5, entry(page(2), V | R), changed);
    expect(seen).toEqual([
      [page(0), 3 * 0x40_0000, true],
      [page(4), 1023 * 0x40_0000, true],
      [page(0), 3 * 0x40_0000 + 5 * 4096, false],
      [page(4), 1023 * 0x40_0000 + 5 * 4096, false],
    ]);
  });
});

describe('a page', () => {
  test('becomes a table empty, and only once', () => {
    const { ram, pinned } = tables();
    ram.updateEntry(page(2), entry(0x1000_0000, V | R | W));
    expect(pinned.pin(page(2), 0)).toBe(HypercallError.success);
    expect(ram.readEntry(page(2))).toBe(0);
    expect(pinned.pin(page(2), 1)).toBe(HypercallError.alreadyDone);
  });

  test('that is mapped writable cannot become a table, until it is not any more', () => {
    const { pinned } = tables();
    pinned.update(page(1), entry(page(2), V | R | W), nothing);
    expect(pinned.pin(page(2), 0)).toBe(HypercallError.denied);
    pinned.update(page(1), entry(page(2), V | R), nothing);
    expect(pinned.pin(page(2), 0)).toBe(HypercallError.success);
  });

  test.each([
    [page(2) + 4, 0, HypercallError.invalidAddress],
    [RAM + SIZE, 0, HypercallError.invalidAddress],
    [0xffff_f000, 1, HypercallError.invalidAddress],
    [page(2), 2, HypercallError.invalidParameter],
  ])('0x%x, level %i cannot become one', (address, level, error) => {
    expect(tables().pinned.pin(address, level)).toBe(error);
  });

  test('stays a table while another one leads to it; afterwards it may be written to', () => {
    const { pinned } = tables();
    pinned.update(page(0), entry(page(1), V), nothing);
    expect(pinned.unpin(page(1), nothing)).toBe(HypercallError.denied);
    pinned.update(page(0), 0, nothing);
    expect(pinned.unpin(page(1), nothing)).toBe(HypercallError.success);
    expect(pinned.pin(page(2), 0)).toBe(HypercallError.success);
    expect(pinned.update(page(2), entry(page(1), V | R | W), nothing)).toBe(HypercallError.success);
    expect(pinned.unpin(page(1), nothing)).toBe(HypercallError.invalidAddress);
  });
});

test('whatever is asked for in whatever order, the tables stay within the rules', () => {
  const anyPage = fc.integer({ min: -1, max: PAGES }).map(page);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('pin' as const), page: anyPage, level: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constant('unpin' as const), page: anyPage }),
    fc.record({
      kind: fc.constant('update' as const),
      page: anyPage,
      index: fc.integer({ min: 0, max: 3 }),
      target: anyPage,
      flags: fc.integer({ min: 0, max: 255 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ram = memory();
      const pinned = new PinnedTables(ram, (gpa) => gpa === DEVICE);
      const levels = new Map<number, number>();
      for (const each of steps) {
        if (each.kind === 'pin') {
          if (pinned.pin(each.page, each.level) === 0) levels.set(each.page, each.level);
        } else if (each.kind === 'unpin') {
          if (pinned.unpin(each.page, nothing) === 0) levels.delete(each.page);
        } else pinned.update(each.page + 4 * each.index, entry(each.target, each.flags), nothing);
      }
      for (const [table, level] of levels) {
        for (let index = 0; index < 1024; index++) {
          const value = ram.readEntry(table + 4 * index);
          if ((value & V) === 0) continue;
          const target = (value >>> 10) * 4096;
          expect(ram.holds(target)).toBe(true);
          if ((value & (R | W | X)) === 0) expect([level, levels.get(target)]).toEqual([1, 0]);
          else {
            expect(level).toBe(0);
            if ((value & W) !== 0) expect(levels.has(target)).toBe(false);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});
