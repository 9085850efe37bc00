import { expect, test } from 'vitest';
import { parseOptions, parts } from './options.ts';

test('without options: everything, in Chromium, at length', () => {
  expect(parseOptions([])).toEqual({ quick: false, host: 'chromium', json: undefined, parts });
});

test('options are understood', () => {
  expect(parseOptions(['--quick', '--host', 'node', '--json', 'a.json', '--only', 'kernels,exits'])).toEqual({
    quick: true,
    host: 'node',
    json: 'a.json',
    parts: ['kernels', 'exits'],
  });
});

test('help is asked for', () => {
  expect(parseOptions(['--help'])).toBeUndefined();
});

test.each([[['--host', 'deno']], [['--only', 'kernels,exit']], [['--fast']], [['extra']]])('%s is refused', (argv) => {
  expect(() => parseOptions(argv)).toThrow();
});
