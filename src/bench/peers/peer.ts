// A peer is something that runs the kernels: the direct build, a guest of the lab, or another emulator.

import type { Technique } from '../../core/hypervisor/virtual-machine.ts';

/** The run of a kernel as a peer reports it. */
export interface KernelRun {
  /** Unsigned. */
  readonly checksum: number;
  readonly milliseconds: number;
  /** Guest instructions executed meanwhile, where they are known. */
  readonly instructions?: number;
}

export interface Peer {
  /**
   * Runs one kernel; the time is that from the order to the checksum. The first run after another kernel also prepares data.
   * @param kernel its index in the list
   */
  readonly run: (kernel: number, rounds: number) => Promise<KernelRun>;
  readonly close: () => Promise<void>;
}

/** How the lab runs the guest. */
export interface LabWay {
  readonly technique: Technique;
  /** The guest's own Sv32 paging is on. */
  readonly paging: boolean;
  readonly translator: boolean;
}

export type PeerKind =
  | { readonly kind: 'wasm' }
  | ({ readonly kind: 'lab' } & LabWay)
  | { readonly kind: 'v86' }
  | { readonly kind: 'qemu'; readonly paging: boolean };
