// What can be seen of a VM's pages from outside: of each, as bits of a number, for a map; of one, in full; of all, counted.

import type { Hpa } from './addresses.ts';

/** In the order in which they matter to who sees only one: the last first. */
export const PageSight = {
  /** A frame of the machine is behind it. */
  resident: 1,
  /** The guest has given it up (balloon). */
  ballooned: 2,
  /** Its frame stands behind other pages too. */
  shared: 4,
  /** The dirty log is on, and somebody has written to it since the log was collected last. */
  dirty: 8,
  /** Its contents lie in the swap store. */
  swapped: 16,
} as const;

/** One page, as it is now. */
export interface PageLook {
  /** Bits of `PageSight`. */
  readonly sight: number;
  /** Where its frame is; undefined where it has none. */
  readonly frame: Hpa | undefined;
  /** Its slot in the swap store. */
  readonly slot: number | undefined;
  /** Pages of guests that lie in its frame, itself among them; 0 where it has none. */
  readonly sharers: number;
  /** Its frame must stay where it is. */
  readonly pinned: boolean;
  /** Its frame is one of an aligned block of 4 MiB, which one entry could map. */
  readonly inBlock: boolean;
}

/** The bit that matters most of several, as a letter: s swapped out, d dirty, m shared, b ballooned, r resident, a dot for none. */
export const letterOf = (sight: number): string => ['.', 'r', 'b', 'm', 'd', 's'][32 - Math.clz32(sight)] ?? '.';

/** How many pages of a VM are in which state, and what has happened to them. */
export interface MemoryUse {
  /** Pages the guest was promised. */
  readonly promised: number;
  /** With a frame behind them. */
  readonly resident: number;
  /** Of these: in a frame that other pages lie in as well. */
  readonly shared: number;
  /** Of these: in an aligned block of 4 MiB that one entry can map as things are: no log watches it, nobody shares it. */
  readonly huge: number;
  readonly swapped: number;
  readonly ballooned: number;
  readonly pinned: number;
  /** Written to since the dirty log was collected; 0 while it is off. */
  readonly dirty: number;
  readonly swapIns: number;
  readonly swapOuts: number;
  /** Copies made because a page that was stored to was shared. */
  readonly copies: number;
}
