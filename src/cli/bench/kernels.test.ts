// Every kernel of the benchmark computes what its own description in TypeScript computes, under every technique.

import { expect, test } from 'vitest';
import { techniques } from '../../core/hypervisor/virtual-machine.ts';
import { kernels } from './kernels.ts';
import { geometricMean, measure, median } from './measure.ts';

const few = (name: string): number => (name === 'calls' ? 12 : 2);

test.each(kernels.flatMap((kernel) => techniques.map((technique) => ({ kernel, technique, name: kernel.name }))))(
  '$name under $technique',
  ({ kernel, technique }) => {
    expect(measure(kernel, technique, few(kernel.name)).checksumIsRight).toBe(true);
  },
);

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});

test('the geometric mean of a value and its inverse is 1', () => {
  expect(geometricMean([4, 0.25])).toBeCloseTo(1);
});
