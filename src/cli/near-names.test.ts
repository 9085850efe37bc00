// What was meant by a name that there is not.

import { describe, expect, test } from 'vitest';
import { nearName } from './near-names.ts';

describe('nearName', () => {
  const names = ['hello', 'trap', 'paging', 'timer', 'linux', 'stale-tlb'];
  test.each([
    ['linxu', 'linux'],
    ['Linux', 'linux'],
    ['hallo', 'hello'],
    ['stale', 'stale-tlb'],
    ['tarp', 'trap'],
    ['minix', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ])('%s', (typed, meant) => {
    expect(nearName(typed, names)).toBe(meant);
  });
});
