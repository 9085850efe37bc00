// A disk of a VM, wherever its bytes are.

import type { BlockStore } from '../../core/devices/block-store.ts';

/** A disk that is in a VM. */
export interface OpenDisk {
  readonly name: string;
  readonly store: BlockStore;
  /** Takes it out: what was written to a kept one is kept. */
  readonly close: () => void;
}
