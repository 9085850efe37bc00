// What can be seen of a guest page from outside, as bits of a number: of many pages at once, for a map, or of one, in full.

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
