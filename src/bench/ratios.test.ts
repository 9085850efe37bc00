// From times to the figures that are reported.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KernelSection } from './kernel-section.ts';
import type { PeerRow } from './peers/peer-list.ts';
import { goalRatios, peerRatios } from './ratios.ts';
import { geometricMean, median, quotients } from './statistics.ts';

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([])).toBeNaN();
});

test('the geometric mean of values and their inverses is 1', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1 }), (values) => {
      expect(geometricMean([...values, ...values.map((value) => 1 / value)])).toBeCloseTo(1);
    }),
  );
});

test('lists of different lengths have no quotients', () => {
  expect(() => quotients([1, 2], [1])).toThrow(RangeError);
});

const row = (key: string): PeerRow => ({ key, title: key, kind: { kind: 'v86' }, size: 'large' });
const peer = (key: string, peerMs: readonly number[]) => ({
  key,
  peerMs,
  baselineMs: [1, 1, 2],
  mips: [10, 20, 30],
});
const section: KernelSection = {
  rows: [row('bareSv32'), row('v86')],
  kernels: [
    { kernel: 'one', peers: [peer('bareSv32', [2, 2, 8]), peer('v86', [4, 8, 8])], wrong: [] },
    { kernel: 'two', peers: [peer('bareSv32', [8, 8, 8]), peer('v86', [8, 8, 8])], wrong: [] },
  ],
  pairs: 3,
  notes: [],
};

test('a ratio is the median over pairs, then the geometric mean over kernels', () => {
  const [bare] = peerRatios(section);
  expect(bare?.kernels).toEqual({ one: 2, two: 8 });
  expect(bare?.mean).toBeCloseTo(4);
  expect(bare?.mips).toBeCloseTo(20);
});

test('peers are compared pair by pair with each other, and those that are not there are left out', () => {
  const ratios = goalRatios(section);
  expect(Object.keys(ratios)).toEqual(['bareSv32OverWasm', 'v86OverBareSv32']);
  expect(ratios['v86OverBareSv32']).toBeCloseTo(Math.sqrt(2));
});
