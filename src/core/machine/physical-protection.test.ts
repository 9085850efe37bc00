// Physical memory protection: which entry decides about an access, and what it says, held against a second reading of the
// manual's rules ("Physical Memory Protection": address matching, priority and matching logic); then on the hart itself,
// fast and on the reference path.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MIXED, PhysicalProtection } from './physical-protection.ts';
import { NO_ENTRY } from './walker.ts';
import { referenceHost, TestMachine, translating } from './test-machine.test-support.ts';

interface Entry {
  readonly configuration: number;
  readonly address: number;
}

function csrsOf(entries: readonly Entry[]): Record<string, number> {
  const csrs: Record<string, number> = {};
  for (let register = 0; register < 4; register++) {
    csrs[`pmpcfg${register}`] = entries
      .slice(4 * register, 4 * register + 4)
      .reduce((word, { configuration }, byte) => (word | (configuration << (8 * byte))) >>> 0, 0);
  }
  entries.forEach(({ address }, index) => (csrs[`pmpaddr${index}`] = address));
  return csrs;
}

function protectionOf(...entries: readonly Entry[]): PhysicalProtection {
  const protection = new PhysicalProtection();
  protection.refresh(csrsOf(entries));
  return protection;
}

const TOR = 0x08;
const NA4 = 0x10;
const NAPOT = 0x18;
const L = 0x80;
const [R, RW, RWX] = [1, 3, 7] as const;
const at = (address: number) => Math.floor(address / 4);

describe('which addresses an entry is about (table “NAPOT range encoding”)', () => {
  /** First and last byte for which user mode has the entry's rights, searched near the ends. */
  const has = (protection: PhysicalProtection, address: number) => protection.rightsOf(address, 1, false) === RW;

  test.each([
    ['aaaa…aaa0: 8 bytes', NAPOT, 0x2000_0000, 0x8000_0000, 8],
    ['aaaa…aa01: 16 bytes', NAPOT, 0x2000_0001, 0x8000_0000, 16],
    ['aaaa…a011: 32 bytes', NAPOT, 0x2000_0003, 0x8000_0000, 32],
    ['4 KiB', NAPOT, 0x2000_01ff, 0x8000_0000, 4096],
    ['a011…1111: 2^33 bytes', NAPOT, 0x3fff_ffff, 0, 2 ** 33],
    ['NA4', NA4, 0x2000_0001, 0x8000_0004, 4],
    ['TOR of entry 0 begins at 0', TOR, 0x2000_0001, 0, 0x8000_0004],
  ])('%s', (_, match, address, first, size) => {
    const protection = protectionOf({ configuration: match | RW, address });
    expect(has(protection, first)).toBe(true);
    expect(has(protection, first + size - 1)).toBe(true);
    expect(has(protection, first + size)).toBe(false);
    if (first > 0) expect(has(protection, first - 1)).toBe(false);
  });

  test('all ones: everything, 34 bits of it', () => {
    const protection = protectionOf({ configuration: NAPOT | RWX, address: 0xffff_ffff });
    expect([0, 0xffff_fffc, 2 ** 34 - 4].map((address) => protection.rightsOf(address, 4, false))).toEqual([7, 7, 7]);
  });

  test('TOR whose address is not above the one before matches nothing', () => {
    const empty = protectionOf(
      { configuration: 0, address: at(0x8000_2000) },
      { configuration: TOR | RWX, address: at(0x8000_1000) },
    );
    expect(empty.rightsOf(0x8000_1800, 4, false)).toBe(0);
    expect(empty.pageRights(0, true)).toBe(7);
  });
});

describe('priority and rights', () => {
  test('the lowest entry with any byte of the access decides, and one that has not all of them fails it, whatever the mode', () => {
    const protection = protectionOf(
      { configuration: NA4 | R, address: at(0x8000_0004) },
      { configuration: NAPOT | RWX, address: 0xffff_ffff },
    );
    expect(protection.rightsOf(0x8000_0004, 4, false)).toBe(R);
    expect(protection.rightsOf(0x8000_0008, 4, false)).toBe(RWX);
    expect(protection.rightsOf(0x8000_0002, 4, false)).toBe(0);
    expect(protection.rightsOf(0x8000_0002, 4, true)).toBe(0);
    expect(protection.rightsOf(0x8000_0004, 4, true)).toBe(RWX);
    expect(protection.pageRights(0x8000_0ffc, false)).toBe(MIXED);
    expect(protection.pageRights(0x8000_1000, false)).toBe(RWX);
  });

  test('L: the entry holds for machine mode too', () => {
    const protection = protectionOf({ configuration: L | NAPOT | R, address: at(0x8000_0000) | 0x1ff });
    expect([protection.rightsOf(0x8000_0000, 4, true), protection.rightsOf(0x8000_1000, 4, true)]).toEqual([R, RWX]);
  });

  test('page-table entries are reached as a supervisor reaches them', () => {
    const memory = { readEntry: () => 5, updateEntry: () => true };
    const guarded = protectionOf(
      { configuration: NAPOT, address: at(0x8000_0000) | 0x1ff },
      { configuration: NAPOT | R, address: 0xffff_ffff },
    ).guard(memory);
    expect(guarded.readEntry(0x8000_0ffc)).toBe(NO_ENTRY);
    expect(guarded.readEntry(0x8000_1000)).toBe(5);
    expect(guarded.updateEntry(0x8000_1000, 1)).toBe(false);
  });

  /** The manual's rules byte by byte, on a small space. */
  function reading(entries: readonly Entry[], address: number, width: number, machine: boolean): number {
    const matches = (index: number, byte: number): boolean => {
      const { configuration = 0, address: own = 0 } = entries[index] ?? {};
      const below = index === 0 ? 0 : (entries[index - 1]?.address ?? 0);
      const word = Math.floor(byte / 4);
      switch (configuration & NAPOT) {
        case TOR:
          return word >= below && word < own;
        case NA4:
          return word === own;
        case NAPOT: {
          let ignored = 1;
          while ((own & ignored) !== 0) ignored *= 2;
          return Math.floor(word / (2 * ignored)) === Math.floor(own / (2 * ignored));
        }
        default:
          return false;
      }
    };
    const bytes = Array.from({ length: width }, (_, index) => address + index);
    for (const [index, { configuration }] of entries.entries()) {
      const matching = bytes.filter((byte) => matches(index, byte)).length;
      if (matching === 0) continue;
      if (matching < width) return 0;
      return machine && (configuration & L) === 0 ? 7 : configuration & 7;
    }
    return machine || entries.every(({ configuration }) => (configuration & NAPOT) === 0) ? 7 : 0;
  }

  const anyEntry = fc.record({
    configuration: fc.integer({ min: 0, max: 255 }).map((byte) => byte & 0x9f),
    address: fc.integer({ min: 0, max: 0x1000 }),
  });

  test('any entries, any access', () => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 16 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 0x3fff }), fc.constantFrom(1, 2, 4)), {
          minLength: 20,
          maxLength: 20,
        }),
        fc.boolean(),
        (entries, accesses, machine) => {
          const protection = protectionOf(...entries);
          for (const [address, width] of accesses) {
            expect(protection.rightsOf(address, width, machine)).toBe(reading(entries, address, width, machine));
            const page = protection.pageRights(address, machine);
            // What is said of the page holds for each access inside it.
            if (page !== MIXED && (address % 4096) + width <= 4096) {
              expect(protection.rightsOf(address, width, machine)).toBe(page);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('on the hart', () => {
  /** User mode adds up words until one is denied: cached translations and translated code must leave that word alone. */
  const SUM = `
_start: la      t0, caught
        csrw    mtvec, t0
        la      t0, words
        li      t1, 2048
        add     t0, t0, t1              # a word in the middle of the page
        srli    t0, t0, 2
        csrw    pmpaddr0, t0
        li      t0, -1
        csrw    pmpaddr1, t0
        li      t0, 0x1f10              # NA4 without rights, then everything
        csrw    pmpcfg0, t0
        la      a0, words
        mv      a2, a0
        li      t1, 4096
        add     a3, a0, t1
        la      t0, user
        csrw    mepc, t0
        mret
user:   lw      t2, 0(a0)
        add     a1, a1, t2
        sw      a1, 0(a0)
        addi    a0, a0, 4
        bne     a0, a3, user
1:      j       1b
caught: csrr    s2, mcause
        csrr    s3, mtval
        lw      s4, 0(a0)               # machine mode may
2:      j       2b
        .balign 4096
words:  .fill 1024, 4, 3`;

  test.each([
    ['reference path', { host: referenceHost }],
    ['fast', {}],
    ['translated', translating],
  ])('%s: a word is denied to user mode within a page that is open', (_, options) => {
    const machine = new TestMachine(options);
    const program = machine.load(SUM);
    machine.hart.run(20_000);
    const words = program.symbols.find(({ name }) => name === 'words')?.address ?? 0;
    expect(machine.state.x(18)).toBe(5);
    expect(machine.state.x(19) >>> 0).toBe(words + 2048);
    expect(machine.state.x(20)).toBe(3);
    expect(machine.state.x(11)).toBe(3 * 512);
    expect(machine.peek(words + 2044)).toBe(3 * 512);
  });
});
