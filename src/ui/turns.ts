// A change of what many parts of the page show, handed to them one after another: as many in one animation frame as its
// share of time allows, the others in the next. So no key waits for more than one part to be drawn anew, however many are open.

/** What a part of the page subscribes to. */
export interface Turns {
  /** Tells a part of every change, in its turn; `first`: before the others of that change. Returns the way to stop. */
  readonly subscribe: (part: () => void, first?: boolean) => () => void;
  /** Something changed: every part gets a turn. One that still waits for its last turn gets a single one. */
  readonly announce: () => void;
}

interface TurnsPorts {
  /** Calls back in the next animation frame. */
  readonly nextFrame: (callback: () => void) => void;
  /** Milliseconds. */
  readonly now: () => number;
  /** Milliseconds of a frame that may be spent: style, layout and paint of what changed come on top. */
  readonly share: () => number;
  /** Runs a part's update to its end, so that its time can be seen. */
  readonly run: (part: () => void) => void;
}

export function createTurns({ nextFrame, now, share, run }: TurnsPorts): Turns {
  const parts = new Set<() => void>();
  const firstParts = new Set<() => void>();
  /** In the order they asked. */
  const waiting = new Set<() => void>();
  let scheduled = false;

  function serve(): void {
    scheduled = false;
    const until = now() + share();
    for (const part of waiting) {
      waiting.delete(part);
      run(part);
      if (now() >= until) break;
    }
    schedule();
  }

  function schedule(): void {
    if (scheduled || waiting.size === 0) return;
    scheduled = true;
    nextFrame(serve);
  }

  return {
    subscribe: (part, first = false) => {
      // A part may subscribe twice: each subscription is one of its own.
      const own = () => part();
      const kind = first ? firstParts : parts;
      kind.add(own);
      return () => {
        kind.delete(own);
        waiting.delete(own);
      };
    },
    announce: () => {
      // Those that waited already keep their place, or one that is first and slow would starve the others.
      for (const part of [...firstParts, ...parts]) waiting.add(part);
      schedule();
    },
  };
}
