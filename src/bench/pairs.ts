// One kernel on every peer, in pairs: baseline, peer, baseline, the next peer …, for several rounds, so that whatever else the
// machine does falls on both of a pair. The first rounds warm every engine up and are dropped.
//
//   warm-up | round 1: base A, base B, base C | round 2: base C, base B, base A | round 3 …

import type { Kernel } from './kernel-list.ts';
import type { PeerRow } from './peers/peer-list.ts';
import type { KernelRun, Peer } from './peers/peer.ts';

export interface OpenPeer {
  readonly row: PeerRow;
  readonly peer: Peer;
}

/** What one peer did on one kernel, a value for each pair. Times are milliseconds of one round, so that sizes compare. */
export interface PeerPairs {
  readonly key: string;
  readonly peerMs: readonly number[];
  readonly baselineMs: readonly number[];
  /** Millions of guest instructions a second, where they are counted. */
  readonly mips: readonly number[];
}

export interface KernelPairs {
  readonly kernel: string;
  readonly peers: readonly PeerPairs[];
  /** One line for each run whose checksum is not the baseline's, and for each peer that could not go on. */
  readonly wrong: readonly string[];
}

export interface PairOptions {
  readonly pairs: number;
  readonly warmUps: number;
}

/** Runs kernel number `index` on all peers. */
export async function measurePairs(
  index: number,
  kernel: Kernel,
  baseline: Peer,
  peers: readonly OpenPeer[],
  { pairs, warmUps }: PairOptions,
): Promise<KernelPairs> {
  const wrong: string[] = [];
  const gathered = peers.map(({ row }) => ({
    key: row.key,
    peerMs: [] as number[],
    baselineMs: [] as number[],
    mips: [] as number[],
  }));
  /** Peers that could not go on: they are left out for the rest of this kernel. */
  const failed = new Set<OpenPeer>();
  const runPair = async ({ row, peer }: OpenPeer) => {
    const rounds = kernel.rounds[row.size];
    const base = await baseline.run(index, rounds);
    const run = await peer.run(index, rounds);
    if (run.checksum !== base.checksum) {
      wrong.push(`${row.title}, ${kernel.name}: expected ${hex(base.checksum)}, found ${hex(run.checksum)}`);
    }
    return { base: base.milliseconds / rounds, own: run.milliseconds / rounds, mips: mipsOf(run) };
  };
  for (let round = -warmUps; round < pairs; round++) {
    const order = peers.map((open, place) => ({ open, into: gathered[place] }));
    for (const { open, into } of round % 2 === 0 ? order : order.toReversed()) {
      if (failed.has(open)) continue;
      try {
        const { base, own, mips } = await runPair(open);
        if (round < 0) continue;
        into?.baselineMs.push(base);
        into?.peerMs.push(own);
        if (mips !== undefined) into?.mips.push(mips);
      } catch (error) {
        failed.add(open);
        wrong.push(
          `${open.row.title}, ${kernel.name}: ${error instanceof Error ? firstLine(error.message) : String(error)}`,
        );
      }
    }
  }
  return { kernel: kernel.name, peers: gathered, wrong };
}

const firstLine = (text: string) => text.split('\n', 1)[0] ?? '';
const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;

const mipsOf = ({ instructions, milliseconds }: KernelRun): number | undefined =>
  instructions === undefined ? undefined : instructions / milliseconds / 1000;
