// Pairs: who runs when, what is dropped, and that a wrong checksum is not lost.

import { expect, test } from 'vitest';
import type { Kernel } from './kernel-list.ts';
import { measurePairs, type OpenPeer } from './pairs.ts';
import type { PeerRow } from './peers/peer-list.ts';
import type { Peer } from './peers/peer.ts';

const kernel: Kernel = { name: 'sum', rounds: { large: 100, medium: 50, small: 10 } };

/** A peer that takes down its runs; each takes longer than the one before. */
function fake(name: string, log: string[], checksum = 7): Peer {
  let runs = 0;
  return {
    run: (_, rounds) => {
      log.push(`${name}${rounds}`);
      return Promise.resolve({ checksum, milliseconds: ++runs * rounds, instructions: 1000 * rounds });
    },
    close: () => Promise.resolve(),
  };
}
const row = (key: string, size: PeerRow['size']): PeerRow => ({ key, title: key, kind: { kind: 'wasm' }, size });

test('each run of a peer has a run of the baseline before it, of the same size, and the order turns round', async () => {
  const log: string[] = [];
  const peers: OpenPeer[] = [
    { row: row('a', 'large'), peer: fake('a', log) },
    { row: row('b', 'small'), peer: fake('b', log) },
  ];
  await measurePairs(0, kernel, fake('base', log), peers, { pairs: 2, warmUps: 0 });
  expect(log).toEqual(['base100', 'a100', 'base10', 'b10', 'base10', 'b10', 'base100', 'a100']);
});

test('warm-up rounds are dropped, and times are of one round', async () => {
  const peers: OpenPeer[] = [{ row: row('a', 'large'), peer: fake('a', []) }];
  const { peers: results, wrong } = await measurePairs(0, kernel, fake('base', []), peers, { pairs: 3, warmUps: 2 });
  expect(results).toEqual([{ key: 'a', peerMs: [3, 4, 5], baselineMs: [3, 4, 5], mips: [1 / 3, 1 / 4, 1 / 5] }]);
  expect(wrong).toEqual([]);
});

test('every wrong checksum is reported, those of warm-up rounds too', async () => {
  const peers: OpenPeer[] = [{ row: row('a', 'large'), peer: fake('a', [], 8) }];
  const { wrong } = await measurePairs(0, kernel, fake('base', []), peers, { pairs: 1, warmUps: 1 });
  expect(wrong).toEqual(Array(2).fill('a, sum: expected 0x00000007, found 0x00000008'));
});

test('a peer that cannot go on is told once and left out; the others go on', async () => {
  const broken: Peer = {
    run: () => Promise.reject(new Error('it took a trap\nsomewhere')),
    close: () => Promise.resolve(),
  };
  const peers: OpenPeer[] = [
    { row: row('a', 'large'), peer: broken },
    { row: row('b', 'large'), peer: fake('b', []) },
  ];
  const { peers: results, wrong } = await measurePairs(0, kernel, fake('base', []), peers, { pairs: 2, warmUps: 0 });
  expect(results.map(({ peerMs }) => peerMs.length)).toEqual([0, 2]);
  expect(wrong).toEqual(['a, sum: it took a trap']);
});
