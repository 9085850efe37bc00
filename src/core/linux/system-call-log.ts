// The system calls of one VM, as they happen: who called, what, where the call ended, and with what result. It listens to the
// traps of the hart and its returns from them (under trap-and-emulate: to the exits), and reads names and texts from the guest's
// memory at that moment. It changes nothing.
//
// A call is over when its task goes on behind its ECALL. It may go on elsewhere: at the ECALL again, because a signal came and the
// call is made anew; at a new program's beginning (execve); in a signal handler. Then a0 holds no result, and none is told.

import type { UserCall, UserReturn } from '../hypervisor/inspection/user-call.ts';
import type { VirtualMachine } from '../hypervisor/virtual-machine.ts';
import { errorNumber, isError } from './error-numbers.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { KernelMemory } from './kernel-memory.ts';
import { findLayout, identify } from './processes.ts';
import { describeResult, describeSystemCall, LONGEST_TEXT, systemCallName } from './system-calls.ts';

export interface SystemCallRecord {
  /** Running number, from 0. */
  readonly sequence: number;
  /** Instructions the VM had executed. */
  readonly at: number;
  /** Exits the VM had had, before that of the call itself if it was one. */
  readonly exits: number;
  /** Thread group of the caller in the initial PID namespace; undefined where the kernel's memory does not tell. */
  readonly pid: number | undefined;
  readonly process: string;
  readonly text: string;
  readonly name: string;
  /** Undefined while the call is in the kernel: it waits there, or it will never return. */
  readonly result: SystemCallResult | undefined;
}

export interface SystemCallResult {
  /** a0 as a signed number; undefined where the program went on somewhere else than behind its call. */
  readonly value: number | undefined;
  /** Linux says that it failed: the value is an error number, negated. */
  readonly failed: boolean;
  /** `3`, `-2 ENOENT`, or in words where it went on. */
  readonly text: string;
  /** What Linux's error means; undefined where it is none. */
  readonly meaning: string | undefined;
}

export interface SystemCallCount {
  readonly pid: number | undefined;
  readonly process: string;
  readonly name: string;
  readonly count: number;
}

const KEPT = 256;
/** Different (process, call) pairs that are counted apart. */
const MOST_COUNTS = 4096;
/** Calls that have not returned: one a task. Some never will. */
const MOST_OPEN = 4096;
const ECALL_BYTES = 4;
/** These never return; what comes back from such a task is another one, in the memory that it had. */
const ENDS: readonly string[] = ['exit', 'exit_group'];

type Open = { -readonly [Key in keyof SystemCallRecord]: SystemCallRecord[Key] };

export class SystemCallLog {
  readonly #vm: Pick<VirtualMachine, 'memory' | 'instructions' | 'exits'>;
  readonly #layouts: readonly KernelLayout[];
  /** The running kernel's, once it has been recognized; every program runs on the same one. */
  #layout: KernelLayout | undefined;
  readonly #records: SystemCallRecord[] = [];
  readonly #counts = new Map<string, { -readonly [Key in keyof SystemCallCount]: SystemCallCount[Key] }>();
  /** The call that each task is in, by task; under a kernel that is not known, by address space. */
  readonly #open = new Map<number, { readonly record: Open; readonly call: UserCall }>();
  #total = 0;

  /** @param layouts kernels that can be recognized; under another one, calls are not told apart by process */
  constructor(vm: Pick<VirtualMachine, 'memory' | 'instructions' | 'exits'>, layouts: readonly KernelLayout[]) {
    this.#vm = vm;
    this.#layouts = layouts;
  }

  /** Calls since it began to listen. */
  get total(): number {
    return this.#total;
  }

  /** The last calls, newest first. */
  recent(count: number): readonly SystemCallRecord[] {
    const records: SystemCallRecord[] = [];
    for (let back = 1; back <= Math.min(count, this.#records.length); back++) {
      const record = this.#records[(this.#total - back) % KEPT];
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  /** How often each process made each call, the most frequent first. */
  get counts(): readonly SystemCallCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }

  // The log is what a VM's `userCalls` is to be.

  readonly called = (call: UserCall): void => {
    const memory = new KernelMemory(this.#vm.memory, call.satp);
    if (this.#layout === undefined) this.#layout = findLayout(memory, this.#layouts);
    const { pid, name: process } = this.#layout
      ? identify(memory, this.#layout, call.sscratch)
      : { pid: undefined, name: '' };
    const name = systemCallName(call.number);
    const record: Open = {
      sequence: this.#total,
      at: this.#vm.instructions,
      exits: this.#vm.exits,
      pid,
      process,
      name,
      text: describeSystemCall(call.number, call.args, (gva) => memory.textIfMapped(gva, LONGEST_TEXT)),
      result: undefined,
    };
    this.#records[this.#total % KEPT] = record;
    this.#total++;
    this.#begin(call, record);
    const key = `${pid} ${name}`;
    const count = this.#counts.get(key);
    if (count !== undefined) {
      count.count++;
      count.process = process; // it may have become another program
    } else if (this.#counts.size < MOST_COUNTS) this.#counts.set(key, { pid, process, name, count: 1 });
  };

  /** A program goes on. @returns the record of the call that is over with it, if one is */
  readonly returned = (back: UserReturn): SystemCallRecord | undefined => {
    const task = this.#taskOf(back);
    const open = this.#open.get(task);
    if (open === undefined) return undefined;
    this.#open.delete(task);
    const result = resultOf(open.call, back);
    // One that was killed in its call never returns: another task may have got its memory.
    if (result.value === undefined && this.#pidOf(back) !== open.record.pid) return undefined;
    open.record.result = result;
    return open.record;
  };

  #pidOf({ satp, sscratch }: Pick<UserCall, 'satp' | 'sscratch'>): number | undefined {
    return this.#layout && identify(new KernelMemory(this.#vm.memory, satp), this.#layout, sscratch).pid;
  }

  #begin(call: UserCall, record: Open): void {
    const task = this.#taskOf(call);
    this.#open.delete(task); // one that never returned; and the newest is to be the last
    const [oldest] = this.#open.keys();
    if (oldest !== undefined && this.#open.size >= MOST_OPEN) this.#open.delete(oldest);
    if (!ENDS.includes(record.name)) this.#open.set(task, { record, call });
  }

  /** Linux has the running task's address in sscratch whenever a program runs. */
  #taskOf({ satp, sscratch }: Pick<UserCall, 'satp' | 'sscratch'>): number {
    return this.#layout === undefined ? satp : sscratch;
  }
}

function resultOf({ number, pc }: UserCall, back: UserReturn): SystemCallResult {
  const behind = (pc + ECALL_BYTES) >>> 0;
  if (back.pc === behind) {
    const value = back.value | 0;
    const failed = isError(value);
    const meaning = failed ? errorNumber(-value)?.meaning : undefined;
    return { value, failed, text: describeResult(number, back.value), meaning };
  }
  const at = `0x${back.pc.toString(16)}`;
  const text = back.pc === pc ? 'will be made again' : `goes on at ${at}`;
  return { value: undefined, failed: false, text, meaning: undefined };
}
