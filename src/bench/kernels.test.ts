// The kernels compute what their names say, and the same in every way the lab can run them.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { surroundings } from './bench-surroundings.test-support.ts';
import { kernels } from './kernel-list.ts';
import type { LabWay } from './peers/peer.ts';
import { openPlainPeer } from './workbench.ts';
import { techniques } from './measured-techniques.ts';

/** As in kernels/kernel.h. */
const fold = (checksum: number, value: number): number =>
  (Math.imul(checksum ^ value, 0x0100_0193) + (checksum >>> 15)) >>> 0;
function* randomWords(seed: number): Generator<number, never> {
  for (let state = seed; ;) yield (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
}
const take = (count: number, seed: number): Uint32Array => {
  const words = randomWords(seed);
  return Uint32Array.from({ length: count }, () => words.next().value);
};

/** What some kernels must return, worked out by other means. */
const expected: Readonly<Record<string, (rounds: number) => number>> = {
  sieve: (rounds) => {
    const primesBelow2To20 = 82_025; // OEIS A007053
    return Array.from({ length: rounds }).reduce<number>((sum) => fold(sum, primesBelow2To20), 0);
  },
  sha256: (rounds) => {
    const message = Uint8Array.from(take(65536, 1), (word) => word >>> 24);
    const hash = createHash('sha256');
    for (let round = 0; round < rounds; round++) hash.update(message);
    return hash.digest().readUInt32BE(0);
  },
  quicksort: (rounds) => {
    const count = 128 * 1024;
    const all = take(rounds * count, 3);
    let checksum = 0;
    for (let round = 0; round < rounds; round++) {
      const sorted = all.slice(round * count, (round + 1) * count).sort();
      checksum = fold(fold(checksum, sorted[Math.floor(count / 3)] ?? 0), 0);
    }
    return checksum;
  },
  copy: (rounds) => {
    const last = take(2 * 2 ** 20, 5).at(-1) ?? 0;
    return Array.from({ length: rounds }).reduce<number>((sum, _, round) => fold(fold(sum, round), last), 0);
  },
  bytecode: (rounds) => {
    let total = 0;
    for (let start = 999; start > 0; start--) {
      let length = 0;
      for (let value = start; value !== 1; length++) value = value % 2 === 0 ? value / 2 : 3 * value + 1;
      total = fold(total, length);
    }
    return Array.from({ length: rounds }).reduce<number>((sum) => fold(sum, total), 0);
  },
};

const opened = openPlainPeer({ kind: 'wasm' }, surroundings);

test.each(Object.entries(expected))('%s', async (name, compute) => {
  const direct = await opened;
  const index = kernels.findIndex((kernel) => kernel.name === name);
  for (const rounds of [1, 2]) expect((await direct.run(index, rounds)).checksum).toBe(compute(rounds));
});

const withPaging = techniques.map((technique) => ({ technique, paging: true, translator: true }));
const ways: readonly LabWay[] = [{ technique: 'bare', paging: false, translator: false }, ...withPaging];

describe.each(ways)('$technique, paging $paging, translator $translator', (way) => {
  test('every kernel ends in the checksum of the direct build', async () => {
    const direct = await opened;
    const guest = await openPlainPeer({ kind: 'lab', ...way }, surroundings);
    for (const [index, { name }] of kernels.entries()) {
      const { checksum } = await guest.run(index, 1);
      expect(`${name} ${checksum}`).toBe(`${name} ${(await direct.run(index, 1)).checksum}`);
    }
  });
});
