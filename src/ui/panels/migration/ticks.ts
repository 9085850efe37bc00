// Virtual time in the words of a person: a tick is 100 ns.

import { TICKS_PER_MILLISECOND } from '../../../protocol/virtual-time.ts';

/** `0.42 ms`, `12.3 ms`, `1.20 s`. */
export function formatTicks(ticks: number): string {
  const milliseconds = ticks / TICKS_PER_MILLISECOND;
  return milliseconds < 1000
    ? `${Number(milliseconds.toPrecision(3))} ms`
    : `${Number((milliseconds / 1000).toPrecision(3))} s`;
}
