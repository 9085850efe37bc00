import { expect, test } from 'vitest';
import type { ChainStage } from '../../../protocol/frame.ts';
import { chainLine } from './chain-line.ts';

const chain = (...stages: readonly (readonly [ChainStage, number])[]) =>
  chainLine({
    sequence: 1,
    vm: 1,
    source: 'uart',
    cause: '',
    stages: stages.map(([stage, at]) => ({ stage, at, detail: stage })),
  });

test('five stops in order, with the distance from the stop before', () => {
  const stops = chain(['raised', 100], ['pending', 100], ['injected', 140], ['taken', 150], ['acknowledged', 400]);
  expect(stops.map(({ after }) => after)).toEqual([undefined, 0, 40, 10, 250]);
  expect(stops.every(({ state }) => state === 'happened')).toBe(true);
});

test('a stage a later one happened without is skipped, and its distance is bridged', () => {
  const stops = chain(['raised', 100], ['pending', 110], ['taken', 150]);
  expect(stops.map(({ state }) => state)).toEqual(['happened', 'happened', 'skipped', 'happened', 'open']);
  expect(stops[3]?.after).toBe(40);
});

test('nothing happened yet: all open', () => {
  expect(chain().every(({ state }) => state === 'open')).toBe(true);
});
