// What is known of one page of a guest, as bits of a byte. A page with none of them set and a frame behind it may be written
// to without further ado: that is the fast path.

export const PageState = {
  /** Its frame may stand behind other pages too: a store must make a copy of it first. */
  shared: 1,
  /** The dirty log is on, and nobody has written to it since it was collected last. */
  clean: 2,
  /** Its contents lie in the swap store. */
  swapped: 4,
  /** The guest has given it up (balloon). */
  ballooned: 8,
  /** Its frame must stay where it is: somebody outside the guest's tables knows it. */
  pinned: 16,
  /** Instructions in it were looked at, and it is being executed: whoever has patched them must hear of stores. */
  code: 32,
} as const;

/** A store cannot simply go to the frame. */
export const CAREFUL = PageState.shared | PageState.clean | PageState.code;
