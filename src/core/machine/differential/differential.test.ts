// A few generated programs on QEMU and here (the long run: npm run differential), and the same programs by the rows.

import { expect, test } from 'vitest';
import { differingSeeds, qemuVersion, runHere } from './batch.test-support.ts';
import { generateProgram } from './program.test-support.ts';
import { referenceHost } from '../test-machine.test-support.ts';

const seeds = Array.from({ length: 60 }, (_, index) => index + 1);

// What the programs keep away from is known of 7.2 only.
test.skipIf(!qemuVersion?.startsWith('7.2'))('generated programs come to the same on QEMU', async () => {
  expect(await differingSeeds(seeds)).toEqual([]);
});

test('generated programs come to the same on the generated interpreter and by the rows', () => {
  const programs = seeds.map(generateProgram);
  const fast = runHere(programs);
  expect(fast.slice(0, -1).every((line) => /^[0-9a-f]{8}$/.test(line))).toBe(true);
  expect(fast).toHaveLength(seeds.length + 1);
  expect(runHere(programs, false, referenceHost)).toEqual(fast);
});

test('a difference would be seen', () => {
  const [first, second] = seeds.map(generateProgram);
  if (first === undefined || second === undefined) throw new Error('no programs');
  expect(runHere([first])[0]).not.toBe(runHere([second])[0]);
});
