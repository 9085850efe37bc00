// Opens every peer, runs all kernels on them in pairs, and closes them again.

import type { Engine } from './engine.ts';
import { kernels } from './kernel-list.ts';
import { measurePairs, type KernelPairs, type OpenPeer } from './pairs.ts';
import { peerRows, type PeerRow } from './peers/peer-list.ts';
import type { Peer } from './peers/peer.ts';
import { openQemu, qemuVersion } from './peers/qemu.ts';

export interface KernelSection {
  readonly rows: readonly PeerRow[];
  readonly kernels: readonly KernelPairs[];
  readonly pairs: number;
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** Rounds until hot code is translated, and the engine has optimized what came of it. A median forgives a slow first pair. */
const WARM_UPS = { full: 2, quick: 1 } as const;

export interface KernelSectionPorts {
  readonly engine: Engine;
  /** The lab's guest image, as a file. */
  readonly guestImage: string;
  readonly quick: boolean;
  readonly pairs: number;
  readonly progress: (text: string) => void;
}

export async function measureKernels({
  engine,
  guestImage,
  quick,
  pairs,
  progress,
}: KernelSectionPorts): Promise<KernelSection> {
  const qemu = qemuVersion();
  const rows = peerRows
    .filter(({ kind, extra }) => !(quick && extra) && (kind.kind !== 'qemu' || qemu !== undefined))
    .map((row) => (quick && row.size === 'large' ? { ...row, size: 'medium' as const } : row));
  const notes = [
    qemu === undefined ? 'QEMU: qemu-system-riscv32 is not installed here, its rows are left out' : `QEMU ${qemu}`,
  ];
  const open = ({ kind }: PeerRow): Promise<Peer> =>
    kind.kind === 'qemu' ? openQemu(guestImage, kind.paging, engine.clock) : engine.open(kind);
  const peers: OpenPeer[] = [];
  try {
    const baseline = await engine.open({ kind: 'wasm' });
    for (const row of rows) peers.push({ row, peer: await open(row) });
    const results: KernelPairs[] = [];
    for (const [index, kernel] of kernels.entries()) {
      progress(`${kernel.name} …`);
      results.push(
        await measurePairs(index, kernel, baseline, peers, { pairs, warmUps: quick ? WARM_UPS.quick : WARM_UPS.full }),
      );
    }
    return { rows, kernels: results, pairs, notes };
  } finally {
    for (const { peer } of peers) await peer.close();
  }
}
