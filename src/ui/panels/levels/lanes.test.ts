// The drawing of levels: lanes for what occurred, a way that starts where the last one ended.

import { describe, expect, test } from 'vitest';
import { lanesOf, middleOf, wayOf } from './lanes.ts';

const count = (from: 'M' | 'S' | 'U' | 'VS' | 'VU', to: 'M' | 'S' | 'U' | 'VS' | 'VU') =>
  ({ kind: 'trap', from, to, cause: 8, count: 1, name: '' }) as const;

describe('lanes', () => {
  test('are those that were entered, the most powerful first', () => {
    expect(lanesOf({ counts: [count('U', 'S')], now: 'M' }).map(({ mode }) => mode)).toEqual(['M', 'S', 'U']);
  });

  test('S is HS, and L2 appears, where there is a guest of the guest', () => {
    const lanes = lanesOf({ counts: [count('VU', 'VS'), count('VS', 'S')], now: 'VS' });
    expect(lanes.map(({ mode, who }) => `${mode} ${who}`)).toEqual(['HS L1 hypervisor', 'VS L2 kernel', 'VU L2 user']);
  });
});

test('a way leads from the lane it leaves, below, to the lane it enters, above', () => {
  const lanes = lanesOf({ counts: [count('VU', 'VS'), count('VS', 'S')], now: 'VS' });
  const { line } = wayOf(lanes, 'VU', 'S');
  expect(line.startsWith(`M${middleOf(lanes, 'VU')} `)).toBe(true);
  expect(line.endsWith(`H${middleOf(lanes, 'S')}V0`)).toBe(true);
  // A trap within a level begins and ends in the same lane.
  expect(wayOf(lanes, 'S', 'S').line).toMatch(new RegExp(`^M${middleOf(lanes, 'S')} .*H${middleOf(lanes, 'S')}V0$`));
});
