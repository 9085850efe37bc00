// The same program as a process, in a container, in a VM and in a container in a VM: run for real on two computers of its own, and
// measured from outside. A generator, so that whoever hosts it can do something else between its slices.

import { runOrSkip, type Computer } from '../hypervisor/computer.ts';
import type { GuestImage } from '../hypervisor/firmware/guest-boot.ts';
import type { Lab } from '../hypervisor/lab.ts';
import type { UserCall } from '../hypervisor/inspection/user-call.ts';
import type { Technique, VirtualMachine } from '../hypervisor/virtual-machine.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { KernelMemory, UnreadableKernel } from './kernel-memory.ts';
import { findLayout, identify, lookAtLinux } from './processes.ts';
import { LONGEST_TEXT, systemCallName } from './system-calls.ts';

export const measuredCases = ['process', 'container', 'VM', 'container in a VM'] as const;
export type MeasuredCase = (typeof measuredCases)[number];

/** What it took to get the program running, or what the program then took. */
export interface Effort {
  /** Guest instructions. */
  readonly instructions: number;
  /** Virtual time in ticks of 10 MHz. */
  readonly ticks: number;
  /** Wall-clock milliseconds of whoever runs the lab. */
  readonly hostMilliseconds: number;
  readonly systemCalls: number;
  /** Exits to the hypervisor. */
  readonly exits: number;
}

export interface Measured {
  readonly name: MeasuredCase;
  readonly technique: Technique;
  /**
   * Until the program is executed: from Enter at the prompt; for a VM, from power-on, since there is no VM before.
   */
  readonly start: Effort;
  /** The program, with everything it starts, until it ends. */
  readonly work: Effort;
  /** What there is less of while it waits: free memory of the one kernel; for a VM, the machine's, its page tables included. Bytes. */
  readonly memoryBytes: number;
  /** What the program itself says that it sees. */
  readonly sees: Readonly<Record<string, string>>;
}

export interface MeasurePorts {
  /** A lab with nothing in it. */
  readonly makeLab: () => Lab;
  readonly guest: GuestImage;
  /** How the VMs are run. */
  readonly technique: Exclude<Technique, 'bare'>;
  readonly layouts: readonly KernelLayout[];
  /** Milliseconds of the wall clock. */
  readonly now: () => number;
}

/** Where the measurement is: one sentence, and the rows that are done. */
export interface MeasureProgress {
  readonly sentence: string;
  readonly rows: readonly Measured[];
}

const PROGRAM = '/bin/workload';
const WAITS = 'workload waits';
const PROMPT = /# $/;
const SLICE = 400_000;
/** Ticks after which something has gone wrong: ten minutes of virtual time. */
const LONGEST = 6_000_000_000;
const PAGE = 4096;

type Progress = Generator<MeasureProgress, void>;

/** Runs it. @throws Error, one sentence for a person, where the guest does not do what it should */
export function* measureContainers(ports: MeasurePorts): Generator<MeasureProgress, readonly Measured[]> {
  const rows: Measured[] = [];
  const machine = new Subject(ports, 'bare', rows);
  yield* machine.boot('Linux boots on a machine of its own');
  yield* machine.neighbour();
  yield* machine.measure('process', 'workload', false);
  yield* machine.measure('container', 'container run workload', false);
  const first = new Subject(ports, ports.technique, rows);
  yield* first.boot('A VM boots Linux');
  yield* first.measure('VM', 'workload', true);
  const second = new Subject(ports, ports.technique, rows);
  yield* second.boot('Another VM boots Linux');
  yield* second.measure('container in a VM', 'container run workload', true);
  return rows;
}

interface Moment extends Effort {
  readonly pid: number | undefined;
}

/** A Linux that is measured. */
class Subject {
  readonly #ports: MeasurePorts;
  readonly #rows: Measured[];
  readonly #lab: Lab;
  readonly #vm: VirtualMachine;
  readonly #computer: Computer;
  readonly #powerOn: number;
  /** The kernel's, while a program is measured. */
  #layout: KernelLayout | undefined;
  #calls = 0;
  #began: Moment | undefined;
  #ended: Moment | undefined;

  constructor(ports: MeasurePorts, technique: Technique, rows: Measured[]) {
    this.#ports = ports;
    this.#rows = rows;
    this.#lab = ports.makeLab();
    this.#vm = this.#lab.addVm({ technique, guest: ports.guest });
    this.#computer = this.#lab.computerOf(this.#vm);
    this.#powerOn = ports.now();
    this.#vm.userCalls = { called: (call) => this.#called(call) };
    this.#lab.start(this.#vm.id);
  }

  *boot(sentence: string): Progress {
    yield* this.#run(sentence, () => this.#atPrompt);
  }

  /** Somebody whom the others may see or not. */
  *neighbour(): Progress {
    yield* this.#type('sleep 1000000 &', 'A neighbour is started');
  }

  /** @param whole start and memory count from nothing: the VM is made for this program */
  *measure(name: MeasuredCase, line: string, whole: boolean): Progress {
    const sentence = `The program runs: ${name}`;
    const vm = this.#vm;
    const memory = () => new KernelMemory(vm.memory, vm.look().get('satp'));
    const layout = findLayout(memory(), this.#ports.layouts);
    if (layout === undefined) {
      throw new Error('expected a Linux kernel that was built with the lab, found another: its memory cannot be read');
    }
    const freePages = (): number => {
      const { freePages: free, problem } = lookAtLinux(memory(), layout);
      if (problem !== undefined) throw new UnreadableKernel(problem);
      return free;
    };
    this.#began = this.#ended = undefined;
    this.#layout = layout;
    const freeBefore = freePages();
    const nothing: Effort = { instructions: 0, ticks: 0, hostMilliseconds: this.#powerOn, systemCalls: 0, exits: 0 };
    const before: Effort = whole ? nothing : this.#now();
    const from = vm.console.count;
    vm.receive(encode(`${line}\n`));
    yield* this.#run(sentence, () => this.#said(from).includes(WAITS) && vm.waiting);
    const memoryBytes = whole ? this.#given() : (freeBefore - freePages()) * PAGE;
    vm.receive(encode('\n'));
    yield* this.#run(sentence, () => this.#ended !== undefined && this.#atPrompt);
    this.#layout = undefined;
    if (this.#began === undefined || this.#ended === undefined)
      throw new Error(`expected ${PROGRAM} to run, found that it did not`);
    this.#rows.push({
      name,
      technique: vm.technique,
      start: difference(before, this.#began),
      work: difference(this.#began, this.#ended),
      memoryBytes,
      sees: Object.fromEntries(
        [...(/^sees (.*)$/m.exec(this.#said(from).replaceAll('\r', ''))?.[1] ?? '').matchAll(/(\w+)=(\S+)/g)].map(
          ([, key = '', value = '']) => [key, value],
        ),
      ),
    });
    yield { sentence, rows: [...this.#rows] };
  }

  /** Counts; and notes when the program is executed, and when it ends. */
  #called(call: UserCall): void {
    this.#calls++;
    if (this.#layout === undefined) return;
    const called = systemCallName(call.number);
    if (called !== 'execve' && called !== 'exit_group') return;
    const memory = new KernelMemory(this.#vm.memory, call.satp);
    const { pid } = identify(memory, this.#layout, call.sscratch);
    if (called === 'exit_group') {
      if (pid === this.#began?.pid) this.#ended ??= { ...this.#now(), pid };
    } else if (memory.textIfMapped(call.args[0] ?? 0, LONGEST_TEXT) === PROGRAM)
      this.#began ??= { ...this.#now(), pid };
  }

  /** Bytes of the machine's memory that the hypervisor has given to the VM, or keeps for its page tables. */
  #given(): number {
    const runs = this.#lab.hypervisor?.frames.runs() ?? [];
    return runs.reduce((sum, { owner, frames }) => sum + (owner?.vm === this.#vm.id ? frames * PAGE : 0), 0);
  }

  get #atPrompt(): boolean {
    return PROMPT.test(this.#said(Math.max(0, this.#vm.console.count - 8)));
  }

  #said(from: number): string {
    let text = '';
    for (const byte of this.#vm.console.read(from, 1 << 16).bytes) text += String.fromCharCode(byte);
    return text;
  }

  #now(): Effort {
    return {
      instructions: this.#vm.instructions,
      ticks: this.#computer.now,
      hostMilliseconds: this.#ports.now(),
      systemCalls: this.#calls,
      exits: this.#vm.exits,
    };
  }

  *#type(line: string, sentence: string): Progress {
    const from = this.#vm.console.count;
    this.#vm.receive(encode(`${line}\n`));
    yield* this.#run(sentence, () => this.#vm.console.count > from + 1 && this.#atPrompt && this.#vm.waiting);
  }

  /** Runs the computer, idle time at once, until something is so. */
  *#run(sentence: string, until: () => boolean): Progress {
    const computer = this.#computer;
    const end = computer.now + LONGEST;
    while (!until()) {
      const { ending } = this.#vm;
      if (ending !== undefined) throw new Error(`expected Linux to run on, found that it ended: ${ending.message}`);
      if (computer.now >= end || !runOrSkip(computer, SLICE)) {
        throw new Error(`expected an end, found none. ${sentence}.`);
      }
      yield { sentence, rows: [...this.#rows] };
    }
  }
}

const encode = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

const difference = (from: Effort, to: Effort): Effort => ({
  instructions: to.instructions - from.instructions,
  ticks: to.ticks - from.ticks,
  hostMilliseconds: to.hostMilliseconds - from.hostMilliseconds,
  systemCalls: to.systemCalls - from.systemCalls,
  exits: to.exits - from.exits,
});
