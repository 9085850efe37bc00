// The vCPU that has made a hypercall, as the hypervisor's answer sees it.

import type { Hart } from '../../machine/hart.ts';
import type { Effect } from '../exits/trace.ts';

export interface HypercallCaller {
  readonly hart: Hart;
  /** Tells the trace what was read, written or refused. */
  note(kind: Effect, what: number, before: number, after: number): void;
  /** Waits unless an interrupt is pending already. @returns whether the guest waits now */
  wait(): boolean;
  /** The next timer interrupt, in ticks of guest time. */
  setTimer(low: number, high: number): void;
}
