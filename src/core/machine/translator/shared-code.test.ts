// Regions that are alike are one function in several slots: it does at each place what stands there, and what becomes of one
// place is nothing to the others.

import { expect, test } from 'vitest';
import { sideBySide, type Runner } from './side-by-side.test-support.ts';

const most = (runners: readonly Runner[], count: 'shared' | 'dropped') =>
  Math.max(...runners.map(({ machine }) => machine.translator?.counts[count] ?? 0));
const registers = (runners: readonly Runner[], ...numbers: number[]) =>
  numbers.map((number) => runners[0]?.machine.state.x(number) ?? 0);

/** Goes round the copies of a function, which lie `size` bytes apart; a1 … say how often each was called. */
const tour = (copies: readonly string[], size: number, between = '') => `
_start: la   s0, copies
        li   s1, ${size}
again:  mv   s2, s0
${copies.map((_, index) => ` jalr ra, 0(s2)\n add a${index + 1}, a${index + 1}, a0\n add s2, s2, s1`).join('\n')}
        addi s3, s3, 1
${between}
        j    again
        .balign ${size}
copies:
${copies.map((copy) => `${copy}\n .balign ${size}`).join('\n')}
`;

const loop = ' li t1, 9\n li a0, 0\n1: addi t1, t1, -1\n addi a0, a0, 3\n bnez t1, 1b\n ret';

test('the same loop in four frames is compiled once', () => {
  const runners = sideBySide(tour([loop, loop, loop, loop], 4096), { at: [500, 9_000] });
  expect(most(runners, 'shared')).toBeGreaterThanOrEqual(3);
  const [first, ...others] = registers(runners, 11, 12, 13, 14);
  expect(first).toBeGreaterThan(1_000);
  for (const other of others) expect(Math.abs(other - (first ?? 0))).toBeLessThanOrEqual(27);
});

test('one of them is stored to while all are hot: it does something else from then on, the others do not', () => {
  const store = `
        andi t0, s3, 15
        bnez t0, again
        li   t0, ${4096 + 12}
        add  t0, t0, s0
        lw   t1, 0(t0)                  # addi a0, a0, 3 of the second: 3, 7, 3, …
        li   t2, ${4 << 20}
        xor  t1, t1, t2
        sw   t1, 0(t0)
        fence.i`;
  const runners = sideBySide(tour([loop, loop, loop], 4096, store), { at: [700, 20_000] });
  expect(most(runners, 'shared')).toBeGreaterThan(2);
  expect(most(runners, 'dropped')).toBeGreaterThan(2);
  const [first, second, third] = registers(runners, 11, 12, 13);
  expect(second).toBeGreaterThan((first ?? 0) + 1_000);
  expect(Math.abs((third ?? 0) - (first ?? 0))).toBeLessThanOrEqual(27);
});

/** Its caller is the same everywhere; what it calls, in the same page or the next, is not. */
const calls = (distance: number, addend: number) => `
        mv   t3, ra
        li   t1, 9
        li   a0, 0
1:      jal  ra, 2f
        addi t1, t1, -1
        bnez t1, 1b
        jr   t3
        .space ${distance}
2:      li   t2, 5
3:      addi a0, a0, ${addend}
        addi t2, t2, -1
        bnez t2, 3b
        ret`;

test.each([
  ['in its own page', 0, 4096],
  ['in the next one', 4096, 8192],
])('callers that are alike call what stands beside each: %s', (_, distance, size) => {
  const runners = sideBySide(tour([calls(distance, 1), calls(distance, 2), calls(distance, 1)], size), {
    at: [900, 30_000],
  });
  expect(most(runners, 'shared')).toBeGreaterThanOrEqual(2);
  const [first, second, third] = registers(runners, 11, 12, 13);
  expect(Math.abs((second ?? 0) - 2 * (first ?? 0))).toBeLessThanOrEqual(90);
  expect(Math.abs((third ?? 0) - (first ?? 0))).toBeLessThanOrEqual(45);
});

/** A loop over the edge of a page; the last words of its first page are the same everywhere. */
const overTheEdge = (addend: number) => `
        li   t1, 9
        li   a0, 0
        j    1f
        .space ${4096 - 12 - 8}
1:      addi t1, t1, -1
        addi a0, a0, 1
        addi a0, a0, ${addend}
        bnez t1, 1b
        ret`;

test('a loop over two pages, whose second is another in one place', () => {
  const copies = [overTheEdge(1), overTheEdge(5), overTheEdge(1)];
  const runners = sideBySide(tour(copies, 8192), { at: [900, 20_000] });
  expect(most(runners, 'shared')).toBeGreaterThanOrEqual(1);
  const [first, second, third] = registers(runners, 11, 12, 13);
  expect(Math.abs((second ?? 0) - 3 * (first ?? 0))).toBeLessThanOrEqual(60);
  expect(Math.abs((third ?? 0) - (first ?? 0))).toBeLessThanOrEqual(18);
});
