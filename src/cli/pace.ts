// Keeps a guest that waits in step with the wall clock while a person watches. It decides how long the host sleeps, never
// what the guest sees: to the guest, time moves from one deadline to the next either way.

/** Board ticks (10 MHz) in a millisecond. */
export const TICKS_PER_MILLISECOND = 10_000;
/** A guest that has fallen further behind the wall clock than this, in milliseconds, is not hurried to catch up. */
const LAG_LIMIT = 100;

export class Pace {
  #wall = 0;
  #ticks = 0;

  /**
   * How long to sleep until a deadline. Short oversleeping is made up for, so that a clock in the guest keeps time.
   * @param wall now, in milliseconds of the wall clock
   * @param ticks now, on the board's clock
   * @param until the deadline, on the board's clock
   * @returns milliseconds, 0 or more
   */
  sleep(wall: number, ticks: number, until: number): number {
    const alone = (until - ticks) / TICKS_PER_MILLISECOND;
    const inStep = this.#wall + (until - this.#ticks) / TICKS_PER_MILLISECOND - wall;
    if (inStep <= alone && inStep >= -LAG_LIMIT) return Math.max(0, inStep);
    this.#wall = wall;
    this.#ticks = ticks;
    return alone;
  }
}
