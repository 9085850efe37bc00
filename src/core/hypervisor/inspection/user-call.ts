// A system call of a guest's user program, seen from outside as the hart traps (or, under trap-and-emulate, as the exit is handled),
// and the way back to it, as the hart returns from the trap (or as the hypervisor does that for the guest's kernel).
// The hypervisor knows no operating system: it only tells what the registers hold. Costs nothing while nobody listens.

import type { PrivilegedState } from '../../machine/privileged-state.ts';

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

/** The guest's kernel has gone back to one of its programs: from a system call, or from anything else. */
export interface UserReturn {
  /** As in the call: of the program that goes on. */
  readonly satp: number;
  readonly sscratch: number;
  /** Guest virtual address at which it goes on. */
  readonly pc: number;
  /** a0, unsigned: by convention the result, where it was a call. */
  readonly value: number;
}

/** Who wants to hear of a VM's system calls. It may look at the guest's memory, and must change nothing. */
export interface UserCallObserver {
  readonly called: (call: UserCall) => void;
  readonly returned?: (back: UserReturn) => void;
}

const A0 = 10;
const A7 = 17;

/** The guest's own CSRs, wherever the hart holds them, and where its program stands. */
interface ProgramState {
  readonly satp: number;
  readonly sscratch: number;
  readonly pc: number;
}

export function userCallOf(registers: Pick<PrivilegedState, 'x'>, csrs: ProgramState): UserCall {
  return {
    ...csrs,
    number: registers.x(A7) >>> 0,
    args: [0, 1, 2, 3, 4, 5].map((index) => registers.x(A0 + index) >>> 0),
  };
}

export const userReturnOf = (registers: Pick<PrivilegedState, 'x'>, csrs: ProgramState): UserReturn => ({
  ...csrs,
  value: registers.x(A0) >>> 0,
});
