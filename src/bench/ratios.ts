// From pairs to the figures that are reported: medians for each kernel, geometric means across kernels.

import type { KernelSection } from './kernel-section.ts';
import type { PeerPairs } from './pairs.ts';
import { ratioRows } from './peers/peer-list.ts';
import { geometricMean, median, quotients } from './statistics.ts';

export interface PeerRatios {
  readonly key: string;
  readonly title: string;
  /** Peer over direct WebAssembly. */
  readonly mean: number;
  readonly kernels: Readonly<Record<string, number>>;
  /** Geometric mean of millions of guest instructions a second; NaN where they are not counted. */
  readonly mips: number;
}

const overBaseline = ({ peerMs, baselineMs }: PeerPairs): number => median(quotients(peerMs, baselineMs));

/** One row for each peer. */
export const peerRatios = ({ rows, kernels }: KernelSection): readonly PeerRatios[] =>
  rows.map(({ key, title }) => {
    const results = kernels.map(({ kernel, peers }) => ({ kernel, pairs: pairsOf(peers, key) }));
    const ratios = results.map(({ kernel, pairs }) => [kernel, pairs ? overBaseline(pairs) : NaN] as const);
    return {
      key,
      title,
      mean: geometricMean(ratios.map(([, ratio]) => ratio)),
      kernels: Object.fromEntries(ratios),
      mips: geometricMean(results.map(({ pairs }) => median(pairs?.mips ?? []))),
    };
  });

const pairsOf = (peers: readonly PeerPairs[], key: string): PeerPairs | undefined =>
  peers.find((peer) => peer.key === key);

/** The means the goals name. A ratio whose peer is not there is left out. */
export function goalRatios({ rows, kernels }: KernelSection): Readonly<Record<string, number>> {
  const there = (key: string) => rows.some((row) => row.key === key);
  return Object.fromEntries(
    ratioRows.flatMap(({ name, above, below }) => {
      if (!there(above) || (below !== undefined && !there(below))) return [];
      const ratios = kernels.map(({ peers }) => {
        const [one, other] = [pairsOf(peers, above), below && pairsOf(peers, below)];
        if (one === undefined) return NaN;
        if (other === undefined) return overBaseline(one);
        // One of them failed on the way: its pairs are not the other's.
        return one.peerMs.length === other.peerMs.length ? median(quotients(one.peerMs, other.peerMs)) : NaN;
      });
      return [[name, geometricMean(ratios)]];
    }),
  );
}
