// An engine is where the peers run: Chromium, which is the users', or this Node.

import type { Figure } from './figure.ts';
import type { Peer, PeerKind } from './peers/peer.ts';

/** QEMU is a process of its own and runs beside any engine. */
export type EnginePeer = Exclude<PeerKind, { kind: 'qemu' }>;

/** Wall time is what a person waits; processor time is what other programs on the machine do not lengthen. */
export type Clock = 'wall' | 'cpu';

export interface Engine {
  /** For people: product and version. */
  readonly name: string;
  /** What the kernels' times are of. */
  readonly clock: Clock;
  /** What the rows' times are of. */
  readonly rowClock: Clock;
  readonly open: (peer: EnginePeer) => Promise<Peer>;
  readonly measureRow: (name: string, quick: boolean) => Promise<readonly Figure[]>;
  readonly close: () => Promise<void>;
}
