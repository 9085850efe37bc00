// The instrument itself: it finds no difference where there is none, and the instruction in which one arose where there is.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { disassemble } from '../../isa/disassemble.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { hosted, shippedGuest, sourceGuest } from '../guest-rig.test-support.ts';
import type { ComparisonOptions } from './compared-side.ts';
import { Comparison, type ComparisonEnd } from './equivalence.ts';

const compare = (guest: GuestImage, options: Partial<ComparisonOptions> = {}) => {
  const comparison = new Comparison({
    host: nodeHost,
    guest: () => guest,
    techniques: hosted,
    every: 1000,
    limit: 3_000_000,
    memoryEvery: 100,
    ...options,
  });
  const end = comparison.run();
  return { end, progress: comparison.progress };
};
const differenceOf = ({ difference }: ComparisonEnd) => {
  if (difference === undefined) throw new Error('no difference was found');
  return { ...difference, text: disassemble(difference.word ?? 0, difference.pc).text };
};

describe.each(['trap', 'paging', 'timer', 'plic', 'sbi', 'hello'])('%s', (name) => {
  test('is the same at every point under every technique: registers, CSRs, time, output, and memory', () => {
    const { end, progress } = compare(shippedGuest(name), { every: name === 'timer' ? 10_000 : 50 });
    expect(end.difference).toBeUndefined();
    expect(end).toMatchObject({ kind: 'ended', ending: { exitCode: 0 } });
    expect(progress.points).toBeGreaterThan(4);
    expect(progress.memoryPoints).toBeGreaterThan(0);
  });
});

test('Linux, from its first instruction to its prompt: the same registers, time, output and memory', () => {
  const { end, progress } = compare(shippedGuest('linux'), {
    every: 200_000,
    limit: 60_000_000,
    memoryEvery: 1000,
    until: '/ #',
  });
  expect(end).toEqual({ kind: 'printed', difference: undefined, ending: undefined });
  expect(progress.instructions).toBeGreaterThan(10_000_000);
});

test('a machine on which sret does not trap: the difference arises in the kernel’s first sret', () => {
  const { end } = compare(shippedGuest('trap'), { quirks: ['sret'] });
  expect(differenceOf(end)).toMatchObject({ technique: 'trap-and-emulate', text: 'sret' });
  const { bare, other } = end.difference?.unequal.find(({ what }) => what === 'pc') ?? {};
  // The bare hart has returned; the deprivileged kernel has gone on behind.
  expect(Number(other)).toBe((end.difference?.pc ?? 0) + 4);
  expect(bare).not.toBe(other);
  expect(compare(shippedGuest('trap'), { quirks: ['sret'], techniques: ['hardware-assisted'] }).end.kind).toBe('ended');
});

const counting = sourceGuest(`
.globl _start
_start:
  li    t0, 20000
again:
  addi  s1, s1, 2
  addi  t0, t0, -1
  bnez  t0, again
  li    a7, 0x53525354
  li    a6, 0
  li    a0, 0
  li    a1, 0
  ecall
`);

test('a register changed behind the guest’s back is found at the very instruction', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50_000 }), fc.constantFrom(100, 4000, 70_000), (at, every) => {
      const { end } = compare(counting, {
        every,
        techniques: ['hardware-assisted'],
        inject: { at, register: 9 },
        memoryEvery: 1000,
      });
      const found = differenceOf(end);
      expect(found.instruction).toBe(at - 1);
      expect(found.unequal.map(({ what }) => what)).toContain('x9');
    }),
    { numRuns: 4 },
  );
});

test('a difference that at the next point only memory holds is followed back to where it began', () => {
  // The changed register is stored, and made equal again before anyone looks at it.
  const guest = sourceGuest(`
.globl _start
_start:
  la    a2, word
  li    s1, 4
  nop
  sw    s1, 0(a2)
  li    s1, 0
  li    t0, 30000
1: addi  t0, t0, -1
  bnez  t0, 1b
  li    a7, 0x53525354
  li    a6, 0
  li    a0, 0
  li    a1, 0
  ecall
  .balign 4096
word: .word 0
`);
  const { end } = compare(guest, { techniques: ['trap-and-emulate'], inject: { at: 4, register: 9 }, memoryEvery: 7 });
  expect(differenceOf(end)).toMatchObject({
    instruction: 3,
    unequal: [{ what: 'x9', bare: '0x00000004', other: '0x00000005' }],
  });
});

test('several harts are refused, and why is said', () => {
  expect(() => compare({ ...counting, harts: 2 })).toThrow(/expected a guest with 1 hart, found 2/);
});
