// A physical computer of the lab as its host drives it: a bare machine with its one guest, or the machine the hypervisor
// shares out. Each has its own clock. The host runs it in slices; where a slice ends changes nothing for any guest.

import { TIMEBASE_FREQUENCY } from '../machine/device-tree-board.ts';
import { INSTRUCTIONS_PER_TICK } from '../machine/machine.ts';

/** Board time, as the device tree says it to guests. */
export const TICKS_PER_SECOND = TIMEBASE_FREQUENCY;

/** Why a slice ended early: nothing can run before `idleUntil`, or a VM stopped for the person who steps it. */
export type SliceEnd = 'budget' | 'idle' | 'stopped';

/** Board time in ticks that virtual time, counted in instructions, cannot reach: a timer set to it is a timer turned off. */
const END_OF_TIME = Number.MAX_SAFE_INTEGER / INSTRUCTIONS_PER_TICK;

/** A deadline in ticks, or Infinity where it will never come. */
export const reachable = (deadline: number): number => (deadline < END_OF_TIME ? deadline : Infinity);

export interface Computer {
  /** Board time in ticks of 10 MHz. */
  readonly now: number;
  /** A person holds it: nothing runs and no time passes until that person acts. */
  readonly frozen: boolean;
  /** Runs whatever may run, for at most `budget` instructions. */
  runSlice(budget: number): SliceEnd;
  /** While nothing can run: board time in ticks at which something happens by itself (Infinity: nothing will). Otherwise undefined. */
  idleUntil(): number | undefined;
  /** While nothing can run: moves time forward to `until` ticks. The host may do it at once, or at the pace of the wall clock. */
  skipTo(until: number): void;
}

/**
 * One step of a run that keeps to no wall clock: a slice, or, while nothing can run, all the idle time at once.
 * @param budget instructions of the slice, at most
 * @param until board time in ticks that idle time does not go beyond
 * @returns false, with nothing done, where nothing will happen by itself any more
 */
export function runOrSkip(computer: Computer, budget: number, until = Infinity): boolean {
  const idle = computer.idleUntil();
  if (idle === undefined) computer.runSlice(budget);
  else if (Math.min(idle, until) === Infinity) return false;
  else computer.skipTo(Math.min(idle, until));
  return true;
}
