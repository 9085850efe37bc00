// The rows' own checks, on their cheapest: what must exit does, and a step is one instruction.

import { expect, test } from 'vitest';
import { surroundings } from '../bench-surroundings.test-support.ts';
import type { Figure } from '../figure.ts';
import { exitCost, exitCosts } from './exit-cost.ts';
import { holding } from './holding.ts';

const rows: readonly { readonly title: string; readonly measure: () => Promise<readonly Figure[]> }[] = [
  { title: exitCost.title, measure: () => exitCosts(surroundings, 300) },
  { title: holding.title, measure: () => holding.measure(surroundings, true) },
];

test.each(rows)('$title', async ({ measure }) => {
  const figures = await measure();
  expect(figures.length).toBeGreaterThan(0);
  expect(new Set(figures.map(({ name }) => name)).size).toBe(figures.length);
  expect(figures.filter(({ value }) => !Number.isFinite(value))).toEqual([]);
});
