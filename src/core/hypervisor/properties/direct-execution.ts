// Performance, the third property: a statistically dominant share of the guest's instructions must run on the hart itself,
// without the hypervisor (Popek and Goldberg 1974, "efficiency"). Counted from the exits: each but an interrupt took one of the
// guest's instructions away from the hart. Host time is that of the exits that were timed, taken as typical of the others.

import type { ExitReason } from '../exits/exits.ts';
import type { ReasonStatistics } from '../exits/trace.ts';

export interface DirectExecution {
  /** Instructions of the guest that led to an exit. */
  readonly exited: number;
  /** Share of its instructions that ran directly; 1 for a guest that has not run. */
  readonly share: number;
  /** Host time in exits in nanoseconds, estimated. */
  readonly exitNanoseconds: number;
}

/** These come between two instructions. */
const interrupts: readonly ExitReason[] = ['host-timer', 'host-interrupt'];

/** @param instructions the guest has executed, those that led to exits included */
export function directExecution(
  instructions: number,
  statistics: Readonly<Record<ExitReason, Pick<ReasonStatistics, 'count' | 'timed' | 'sum'>>>,
): DirectExecution {
  let exited = 0;
  let exitNanoseconds = 0;
  for (const [reason, { count, timed, sum }] of Object.entries(statistics)) {
    if (!interrupts.includes(reason as ExitReason)) exited += count;
    if (timed > 0) exitNanoseconds += (sum / timed) * count;
  }
  return { exited, share: instructions === 0 ? 1 : Math.max(0, 1 - exited / instructions), exitNanoseconds };
}
