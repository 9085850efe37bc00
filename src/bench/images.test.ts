// The committed images are those that the committed sources make: images.sha256, which build.sh writes, lists both.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const FOLDER = new URL('./', import.meta.url);
const listed = readFileSync(new URL('images.sha256', FOLDER), 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [hash = '', path = ''] = line.split(/ +/);
    return { hash, path };
  });

test('every source and every image is listed, and nothing else', () => {
  const there = ['kernels', 'images'].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, FOLDER)).map((file) => `${folder}/${file}`),
  );
  expect(listed.map(({ path }) => path).sort()).toEqual(there.sort());
});

test.each(listed)('$path is as it was when the images were built; if it should not be, run kernels/build.sh', (row) => {
  expect(
    createHash('sha256')
      .update(readFileSync(new URL(row.path, FOLDER)))
      .digest('hex'),
  ).toBe(row.hash);
});
