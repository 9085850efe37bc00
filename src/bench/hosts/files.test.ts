// Which files the benchmark's server gives away.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileOf } from './files.ts';

const places = { root: '/checkout', bundles: '/bundles' };

test.each([
  ['images/kernels.wasm', '/checkout/src/bench/images/kernels.wasm'],
  ['guests/linux/Image.gz', '/checkout/public/guests/linux/Image.gz'],
  ['bundles/page.js', '/bundles/page.js'],
])('%s', (path, file) => {
  expect(fileOf(places, path)).toBe(join(file));
});

test.each(['', 'images', 'elsewhere/a', 'images/../../package.json', '__proto__/a'])('not “%s”', (path) => {
  expect(fileOf(places, path)).toBeUndefined();
});
