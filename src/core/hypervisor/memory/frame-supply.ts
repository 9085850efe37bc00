// Where one VM's memory gets its frames from: the hypervisor's store of frames, with that VM's name on everything it gives.

import type { Hpa } from './addresses.ts';
import type { HostFrames } from './host-frames.ts';
import type { SwapStore } from './swap-store.ts';

export interface FrameSupply {
  readonly frames: HostFrames;
  readonly swap: SwapStore;
  /** RAM that is touched first gets 4 MiB at once, where such a block is free. */
  readonly hugePages: boolean;
  /** A zeroed frame for a page of this VM. Others are swapped out for it where none is free; where that does not help, the VM is ended. */
  frame(page: number): Hpa | undefined;
  /** A zeroed, aligned block of 1024 frames for as many pages from `first` on; undefined where none is free. */
  hugeBlock(first: number): Hpa | undefined;
  /** A page has been fetched from where the swap store keeps it: whoever asked for it must wait. */
  fetched(): void;
  /** The frame is this VM's alone again. */
  claim(frame: Hpa, page: number): void;
}
