// How much a device may move at once. A driver may queue a thousand requests over the same 64 MiB; served in one instant of
// virtual time they would hold the whole lab up. A bucket that drains with board time spreads such a flood over time; no
// honest load ever fills it.

import { count, TICKS, type FieldsOf } from '../device-state.ts';

/** Bytes (and their like in descriptors) that may be served without waiting. */
const CAPACITY = 16 * 2 ** 20;
/** Bytes that drain in a tick of 100 ns: 2.5 GB/s, about what a host copies while it executes a tick's instructions. */
const DRAIN = 256;
/** What following one descriptor costs, in bytes. */
const PER_DESCRIPTOR = 64;

export type AllowanceState = { spent: number; since: number };

export const ALLOWANCE_FIELDS: FieldsOf<AllowanceState> = { spent: count(), since: TICKS };

export const newAllowance = (): AllowanceState => ({ spent: 0, since: 0 });

const left = (state: AllowanceState, now: number): number => Math.max(0, state.spent - (now - state.since) * DRAIN);

/** Board time in ticks from which on more may be served; in the past while there is room. */
export const allowedFrom = (state: AllowanceState, now: number): number =>
  now + Math.ceil(Math.max(0, left(state, now) - CAPACITY) / DRAIN);

export function spend(state: AllowanceState, now: number, bytes: number, descriptors: number): void {
  state.spent = left(state, now) + bytes + descriptors * PER_DESCRIPTOR;
  state.since = now;
}
