// Which rows of the ring the next frame should bring: more than are in sight, so that a small scroll asks nothing anew. Pure.

export interface ExitWindow {
  readonly skip: number;
  readonly count: number;
}

const STEP = 32;

/** The window around the rows `first` to `last`, in steps of 32; the present one as long as it still holds them with room to spare. */
export function windowAround(first: number, last: number, present: ExitWindow): ExitWindow {
  const margin = STEP / 4;
  const near = Math.max(0, first - margin);
  const holds = near >= present.skip && last < present.skip + present.count;
  const tight = present.count <= last - first + 1 + 4 * STEP;
  if (holds && tight) return { skip: present.skip, count: present.count };
  const skip = Math.max(0, Math.floor((first - STEP) / STEP) * STEP);
  return { skip, count: Math.ceil((last + 1 + STEP - skip) / STEP) * STEP };
}
