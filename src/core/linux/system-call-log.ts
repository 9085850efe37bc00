// The system calls of one VM, as they happen: who called, what, and where the call ended. It listens to the traps of the hart
// (under trap-and-emulate: to the exits), and reads names and texts from the guest's memory at that moment. It changes nothing.

import type { UserCall } from '../hypervisor/user-call.ts';
import type { VirtualMachine } from '../hypervisor/virtual-machine.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { KernelMemory } from './kernel-memory.ts';
import { findLayout, identify } from './processes.ts';
import { describeSystemCall, LONGEST_TEXT, systemCallName } from './system-calls.ts';

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

export class SystemCallLog {
  readonly #vm: Pick<VirtualMachine, 'memory' | 'instructions' | 'exits'>;
  readonly #layouts: readonly KernelLayout[];
  /** The running kernel's, once it has been recognized; every program runs on the same one. */
  #layout: KernelLayout | undefined;
  readonly #records: SystemCallRecord[] = [];
  readonly #counts = new Map<string, { -readonly [Key in keyof SystemCallCount]: SystemCallCount[Key] }>();
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

  /** What a VM's `userCalls` is to be. */
  readonly made = (call: UserCall): void => {
    const memory = new KernelMemory(this.#vm.memory, call.satp);
    if (this.#layout === undefined) this.#layout = findLayout(memory, this.#layouts);
    const { pid, name: process } = this.#layout
      ? identify(memory, this.#layout, call.sscratch)
      : { pid: undefined, name: '' };
    const name = systemCallName(call.number);
    this.#records[this.#total % KEPT] = {
      sequence: this.#total,
      at: this.#vm.instructions,
      exits: this.#vm.exits,
      pid,
      process,
      name,
      text: describeSystemCall(call.number, call.args, (gva) => memory.textIfMapped(gva, LONGEST_TEXT)),
    };
    this.#total++;
    const key = `${pid} ${name}`;
    const count = this.#counts.get(key);
    if (count !== undefined) {
      count.count++;
      count.process = process; // it may have become another program
    } else if (this.#counts.size < MOST_COUNTS) this.#counts.set(key, { pid, process, name, count: 1 });
  };
}
