// The words for how expectations stand: what holds so far is not called met, and what can still come is not called missed.

import { expect, test } from 'vitest';
import { standingOf, summaryOf } from './standing.ts';

const of = (met: boolean, settled: boolean) => ({ met, settled, wanted: 'w', found: 'f' });

test('a standing is made of what is met and what is settled', () => {
  expect([of(true, true), of(true, false), of(false, false), of(false, true)].map(standingOf)).toEqual([
    'met',
    'holding',
    'open',
    'missed',
  ]);
});

test.each([
  [[], 'Nothing is expected.'],
  [[of(true, true)], 'What is expected is met.'],
  [[of(true, true), of(true, true)], 'All 2 expectations are met.'],
  [
    [of(true, true), of(true, false), of(false, false), of(false, true)],
    '1 of 4 met, 1 met so far, 1 not yet, 1 not met.',
  ],
  [[of(false, false)], '0 of 1 met, 1 not yet.'],
])('%j', (judgements, words) => {
  expect(summaryOf(judgements)).toBe(words);
});
