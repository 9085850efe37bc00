// A system call of a guest's user program, seen from outside as the hart traps (or, under trap-and-emulate, as the exit is handled).
// The hypervisor knows no operating system: it only tells what the registers hold. Costs nothing while nobody listens.

import type { PrivilegedState } from '../machine/privileged-state.ts';

export interface UserCall {
  /** Address space of the program and the kernel: the guest's own satp. */
  readonly satp: number;
  /** The guest's own sscratch: Linux keeps the running task's address in it while a program runs. */
  readonly sscratch: number;
  /** a7, by convention the call's number. */
  readonly number: number;
  /** a0 … a5, unsigned. */
  readonly args: readonly number[];
  /** Guest virtual address of the ECALL. */
  readonly pc: number;
}

/** Who wants to hear of a VM's system calls. It may look at the guest's memory, and must change nothing. */
export type UserCallObserver = (call: UserCall) => void;

const A0 = 10;
const A7 = 17;

/** @param csrs the guest's own, wherever the hart holds them */
export function userCallOf(
  registers: Pick<PrivilegedState, 'x'>,
  csrs: { readonly satp: number; readonly sscratch: number; readonly pc: number },
): UserCall {
  return {
    ...csrs,
    number: registers.x(A7) >>> 0,
    args: [0, 1, 2, 3, 4, 5].map((index) => registers.x(A0 + index) >>> 0),
  };
}
