import { expect, test } from 'vitest';
import { parseOptions, parts } from './options.ts';

test('without options: everything, in Chromium, at length', () => {
  expect(parseOptions([])).toEqual({
    quick: false,
    pairs: 5,
    host: 'chromium',
    clock: process.platform === 'linux' ? 'cpu' : 'wall',
    json: undefined,
    parts,
  });
});

test('options are understood', () => {
  expect(parseOptions(['--quick', '--host', 'node', '--json', 'a.json', '--only', 'kernels,exits'])).toEqual({
    quick: true,
    pairs: 3,
    host: 'node',
    clock: 'cpu',
    json: 'a.json',
    parts: ['kernels', 'exits'],
  });
});

test('help is asked for', () => {
  expect(parseOptions(['--help'])).toBeUndefined();
});

test.each([
  [['--host', 'deno']],
  [['--only', 'kernels,exit']],
  [['--pairs', '0']],
  [['--clock', 'sun']],
  [['--fast']],
  [['extra']],
])('%s is refused', (argv) => {
  expect(() => parseOptions(argv)).toThrow();
});
