// An engine is where the peers run: Chromium, which is the users', or this Node.

import type { Figure } from './figure.ts';
import type { Peer, PeerKind } from './peers/peer.ts';

/** QEMU is a process of its own and runs beside any engine. */
export type EnginePeer = Exclude<PeerKind, { kind: 'qemu' }>;

export interface Engine {
  /** For people: product and version. */
  readonly name: string;
  /** What its figures are times of. */
  readonly clock: 'wall' | 'cpu';
  readonly open: (peer: EnginePeer) => Promise<Peer>;
  readonly measureRow: (name: string, quick: boolean) => Promise<readonly Figure[]>;
  readonly close: () => Promise<void>;
}
