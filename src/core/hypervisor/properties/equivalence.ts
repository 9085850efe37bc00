// Equivalence as an instrument: a guest on the bare machine and the same guest under other techniques, run side by side and
// compared at chosen points; the first difference is followed to the instruction in which it arose (Popek and Goldberg 1974,
// "equivalence": a program run under the control program behaves as it would if the control program did not exist).
//
// What is compared: registers, pc, mode, the CSRs the guest's kernel owns, board time, how many instructions were executed,
// everything printed, and all of RAM. What may differ: nothing of that, as long as the guest keeps to the fence rules (a
// change of its tables that it does not fence may show sooner or later), and but for the record of the time a hypervisor did
// not give it, which a guest may ask for (SBI STA). Popek and Goldberg except timing and the
// availability of resources; here even time must agree, because each side has a computer of its own with exact time (lab.ts):
// an instruction that meets a page the hypervisor has yet to map is counted once, and idle time passes by the same deadlines.
// An interrupt that is due at a point itself may have been taken on one side and not yet on the other: a difference counts
// if a few more instructions do not make it go away.
//
//   running ── the next point ── equal? ──▶ running … done
//                                 └ no ──▶ replaying to the last equal point ──▶ stepping ──▶ done

import { findCsrByName, readCsr, type Csr } from '../../isa/csrs.ts';
import type { Host } from '../../machine/linear-memory.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import { quirksOf, type QuirkName } from '../../machine/quirks.ts';
import type { Computer } from '../computer.ts';
import type { GuestImage } from '../guest-boot.ts';
import { HostedVm } from '../hosted-vm.ts';
import { instructionAt } from '../inspect-memory.ts';
import { Lab } from '../lab.ts';
import { sensitiveOn } from '../patching/sensitive-instructions.ts';
import type { Ending, Technique, VirtualMachine } from '../virtual-machine.ts';

export interface ComparisonOptions {
  readonly host: Host;
  /** Makes the guest anew, with devices of its own, for each machine it is run on. */
  readonly guest: () => GuestImage;
  /** Compared with the bare machine, each. */
  readonly techniques: readonly Exclude<Technique, 'bare'>[];
  /** Instructions from one point to the next. */
  readonly every: number;
  /** Memory is compared at one point in so many, and at the end. */
  readonly memoryEvery?: number;
  /** Instructions after which the comparison ends. */
  readonly limit: number;
  /** The comparison also ends at the first point at which this has been printed. */
  readonly until?: string;
  /** Where all the machines depart from the manual. */
  readonly quirks?: readonly QuirkName[];
  /** Under trap-and-emulate the guest's code is patched where that makes up for them. */
  readonly binaryPatching?: boolean;
  /** Flips bit 0 of a register of the last technique's guest after so many instructions: to see that it is found. */
  readonly inject?: { readonly at: number; readonly register: number };
  /** Typed at the serial port at the start. */
  readonly input?: Uint8Array;
}

/** One thing that is not the same. */
export interface Unequal {
  /** `pc`, `x10`, `sepc`, `instructions`, `output`, or the guest physical address of a word of RAM. */
  readonly what: string;
  readonly bare: string;
  readonly other: string;
}

export interface Difference {
  readonly technique: Technique;
  /** Both sides were equal after so many instructions, and no more after the next one. */
  readonly instruction: number;
  /** The instruction in which it arose; undefined where it could not be fetched. */
  readonly pc: number;
  readonly word: number | undefined;
  readonly unequal: readonly Unequal[];
}

export interface ComparisonEnd {
  readonly kind: 'ended' | 'printed' | 'asleep' | 'limit' | 'differs';
  readonly difference: Difference | undefined;
  readonly ending: Ending | undefined;
}

export interface ComparisonProgress {
  readonly phase: 'running' | 'replaying' | 'stepping' | 'done';
  /** Of the guest, or, while a difference is sought, of the one that is replayed. */
  readonly instructions: number;
  readonly points: number;
  /** Points at which all of RAM was compared as well. */
  readonly memoryPoints: number;
  /** Bytes printed. */
  readonly printed: number;
}

const EPOCH = { high: 0, low: 0 };
/** For the hypervisor's page tables. */
const HYPERVISOR_BYTES = 64 * 2 ** 20;
const DEFAULT_MEMORY_EVERY = 50;
/** Instructions after a point in which an interrupt that is due there has been taken on every side. */
const GRACE = 3;
/** Frames compared in one step: about a millisecond. */
const FRAMES_A_STEP = 256;
/** Instructions run in one step while replaying, and stepped one by one. */
const REPLAY_STEP = 1 << 18;
const SINGLE_STEPS = 100;
const OUTPUT_KEPT = 4096;
/** SBI 2.0, "Steal-time Accounting Extension". */
const STEAL_TIME_BYTES = 64;

const comparedCsrs: readonly Csr[] = [
  ...(['sstatus', 'sie', 'stvec', 'scounteren', 'sscratch', 'sepc', 'scause', 'stval', 'satp'] as const),
].flatMap((name) => findCsrByName(name) ?? []);

/** One computer with the guest on it. */
class Side {
  readonly technique: Technique;
  readonly vm: VirtualMachine;
  readonly computer: Computer;
  /** Somebody has changed a register behind its back. */
  disturbed = false;
  readonly #lab: Lab;
  /** The end of what was printed, to look for a text in. */
  #output = '';
  #outputHash = 0;

  constructor(technique: Technique, options: ComparisonOptions) {
    const guest = options.guest();
    this.#lab = new Lab({
      host: options.host,
      memoryBytes: guest.memoryBytes + HYPERVISOR_BYTES,
      epochNanoseconds: EPOCH,
      traceCapacity: 2,
      quirks: quirksOf(options.quirks),
      exactTime: true,
      messageInterrupts: guest.messageInterrupts ?? false,
    });
    const lab = this.#lab;
    lab.trace.recording = false;
    this.technique = technique;
    const patched = options.binaryPatching === true && technique === 'trap-and-emulate';
    this.vm = lab.addVm({ technique, guest: patched ? { ...guest, binaryPatching: sensitiveOn } : guest });
    this.computer = lab.computerOf(this.vm);
    this.vm.console.sink = (byte) => {
      this.#outputHash = (Math.imul(this.#outputHash ^ byte, 0x0100_0193) + 1) | 0;
      this.#output = (this.#output + String.fromCharCode(byte)).slice(-OUTPUT_KEPT);
    };
    if (options.input) this.vm.receive(options.input);
    lab.start(this.vm.id);
  }

  get output(): string {
    return this.#output;
  }

  /** Everything that is compared but memory, by name. */
  *properties(): Iterable<readonly [name: string, value: number]> {
    const { vm, computer } = this;
    const hart = vm.look();
    yield ['pc', hart.pc];
    yield ['mode', hart.privilege];
    for (let index = 1; index < 32; index++) yield [`x${index}`, hart.x(index) >>> 0];
    for (const csr of comparedCsrs) yield [csr.name, readCsr(hart, csr)];
    yield ['instructions', vm.instructions];
    yield ['time', computer.now];
    yield ['bytes printed', vm.console.count];
    yield ['what was printed', this.#outputHash >>> 0];
    yield ['exit code', vm.ending?.exitCode ?? -1];
  }

  /** Flips bit 0 of a register behind the guest's back, as a defect of the hypervisor would. */
  disturb(register: number): void {
    this.disturbed = true;
    this.#lab.pause(this.vm.id);
    const state = this.vm.look();
    state.setX(register, state.x(register) ^ 1);
    this.#lab.start(this.vm.id);
  }

  /** Runs until `target` instructions have been executed, or as far as it goes by itself. */
  run(target: number): void {
    const { vm, computer } = this;
    while (vm.instructions < target && !vm.ending) {
      if (computer.runSlice(target - vm.instructions) === 'idle') return;
    }
  }
}

const same = (one: Side, other: Side): boolean => {
  const theirs = other.properties()[Symbol.iterator]();
  for (const [, value] of one.properties()) {
    const next = theirs.next();
    if (next.done === true || next.value[1] !== value) return false;
  }
  return true;
};

const show = (name: string, value: number): string =>
  ['instructions', 'time', 'bytes printed', 'mode', 'exit code'].includes(name)
    ? String(value)
    : `0x${value.toString(16).padStart(8, '0')}`;

const unequalOf = (bare: Side, other: Side): readonly Unequal[] => {
  const theirs = new Map(other.properties());
  return [...bare.properties()].flatMap(([what, value]) => {
    const its = theirs.get(what) ?? 0;
    return its === value ? [] : [{ what, bare: show(what, value), other: show(what, its) }];
  });
};

/** A word of RAM that is not the same. */
interface UnequalWord {
  readonly gpa: number;
  readonly bare: number;
  readonly other: number;
}

/** Compares two memories a piece at a time. */
class MemoryComparison {
  readonly #pairs: Iterator<readonly [Uint8Array, Uint8Array]>;
  #frame = 0;
  /** Where the hypervisor tells the guest what time it was not given: the one thing that is meant to differ. */
  readonly #record: number;
  found: UnequalWord | undefined;
  done = false;

  constructor(bare: VirtualMachine, other: VirtualMachine) {
    this.#record = (other instanceof HostedVm ? other.vcpus[0]?.stealTime.address : undefined) ?? Infinity;
    this.#pairs = pairsOf(bare.memory.views(), other.memory.views());
  }

  /** @param frames at most so many are compared */
  step(frames: number): void {
    for (let count = 0; count < frames && !this.done; count++) {
      const next = this.#pairs.next();
      if (next.done === true) {
        this.done = true;
        return;
      }
      const [one, other] = next.value.map((view) => new Int32Array(view.buffer, view.byteOffset, view.length / 4));
      if (one === undefined || other === undefined) return;
      for (let index = 0; index < one.length; index++) {
        if (one[index] === other[index]) continue;
        const gpa = RAM_BASE + this.#frame * 4096 + index * 4;
        if (gpa >= this.#record && gpa < this.#record + STEAL_TIME_BYTES) continue;
        this.found = { gpa, bare: (one[index] ?? 0) >>> 0, other: (other[index] ?? 0) >>> 0 };
        this.done = true;
        return;
      }
      this.#frame++;
    }
  }
}

function* pairsOf(one: Iterable<Uint8Array>, other: Iterable<Uint8Array>): Iterator<readonly [Uint8Array, Uint8Array]> {
  const theirs = other[Symbol.iterator]();
  for (const view of one) {
    const next = theirs.next();
    if (next.done === true) return;
    yield [view, next.value];
  }
}

/** A comparison under way. A host calls `step` until `end` is there; each takes a few milliseconds. */
export class Comparison {
  readonly #options: ComparisonOptions;
  #sides: readonly Side[] = [];
  #phase: ComparisonProgress['phase'] = 'running';
  #points = 0;
  #memoryPoints = 0;
  #instructions = 0;
  #printed = 0;
  /** The next point, in instructions. */
  #target: number;
  /** The last point at which everything was equal that was compared there. */
  #lastEqual = 0;
  #memoryEqual = 0;
  #memory: { readonly comparison: MemoryComparison; readonly other: Side; readonly left: readonly Side[] } | undefined;
  #ending: ComparisonEnd | undefined;
  /** Why the comparison ends once memory has been compared. */
  #finishing: ComparisonEnd | undefined;
  #search: Search | undefined;

  /** @throws ImageError, or Error with one line for a person */
  constructor(options: ComparisonOptions) {
    const { harts } = options.guest();
    if (harts !== 1) {
      throw new Error(
        `expected a guest with 1 hart, found ${harts}: several harts take turns differently under each technique, so only their outcome can be compared`,
      );
    }
    this.#options = options;
    this.#target = options.every;
  }

  get end(): ComparisonEnd | undefined {
    return this.#ending;
  }

  get progress(): ComparisonProgress {
    return {
      phase: this.#phase,
      instructions: this.#search?.instructions ?? this.#instructions,
      points: this.#points,
      memoryPoints: this.#memoryPoints,
      printed: this.#printed,
    };
  }

  run(): ComparisonEnd {
    for (;;) {
      this.step();
      if (this.#ending) return this.#ending;
    }
  }

  step(): void {
    if (this.#ending) return;
    if (this.#search) return this.#seek(this.#search);
    if (this.#memory) return this.#compareMemory();
    // Making a machine takes longer than running it for a point.
    const missing = (['bare', ...this.#options.techniques] as const)[this.#sides.length];
    if (missing !== undefined) {
      this.#sides = [...this.#sides, new Side(missing, this.#options)];
      return;
    }
    const [bare, ...others] = this.#sides;
    if (bare === undefined) return;
    for (const side of this.#sides) this.#runTo(side, this.#target);
    if (bare.vm.instructions < this.#target && !bare.vm.ending) {
      const idle = this.#sides.map(({ computer }) => computer.idleUntil());
      const [until] = idle;
      if (until !== undefined && idle.every((each) => each === until)) {
        if (until !== Infinity) {
          for (const { computer } of this.#sides) computer.skipTo(until);
          return;
        }
        this.#finishing = { kind: 'asleep', difference: undefined, ending: undefined };
      }
    }
    this.#points++;
    this.#instructions = bare.vm.instructions;
    this.#printed = bare.vm.console.count;
    for (const other of others) {
      if (!this.#agree(bare, other)) return this.#begin(other, this.#lastEqual);
    }
    this.#lastEqual = this.#instructions;
    this.#finishing ??= this.#endOf(bare);
    const due = this.#points % (this.#options.memoryEvery ?? DEFAULT_MEMORY_EVERY) === 0;
    if (due || this.#finishing !== undefined) {
      this.#nextMemory(others);
    }
    this.#target = this.#lastEqual + this.#options.every;
  }

  #endOf(bare: Side): ComparisonEnd | undefined {
    const { until, limit } = this.#options;
    const { ending } = bare.vm;
    if (ending) return { kind: 'ended', difference: undefined, ending };
    if (until !== undefined && bare.output.includes(until)) {
      return { kind: 'printed', difference: undefined, ending: undefined };
    }
    return this.#instructions >= limit ? { kind: 'limit', difference: undefined, ending: undefined } : undefined;
  }

  /** With the person's own difference put in where it is due. */
  #runTo(side: Side, target: number): void {
    runInjected(side, target, this.#options);
  }

  /** Whether two sides are equal, now or after the few instructions in which an interrupt due here is taken. */
  #agree(bare: Side, other: Side): boolean {
    if (same(bare, other)) return true;
    for (let grace = 0; grace < GRACE; grace++) {
      const target = bare.vm.instructions + 1;
      for (const side of this.#sides) this.#runTo(side, target);
      if (same(bare, other)) return true;
    }
    return false;
  }

  #nextMemory(left: readonly Side[]): void {
    const [bare] = this.#sides;
    const [other, ...rest] = left;
    if (bare === undefined || other === undefined) {
      this.#memory = undefined;
      this.#memoryPoints++;
      this.#memoryEqual = this.#instructions;
      if (this.#finishing) this.#finish(this.#finishing);
      return;
    }
    this.#memory = { comparison: new MemoryComparison(bare.vm, other.vm), other, left: rest };
  }

  #compareMemory(): void {
    const { comparison, other, left } = this.#memory ?? {};
    if (comparison === undefined || other === undefined || left === undefined) return;
    comparison.step(FRAMES_A_STEP);
    if (!comparison.done) return;
    if (comparison.found === undefined) return this.#nextMemory(left);
    this.#begin(other, this.#memoryEqual, this.#instructions, comparison.found.gpa);
  }

  #begin({ technique }: Side, from: number, to?: number, gpa?: number): void {
    if (technique === 'bare') return;
    this.#search = new Search(this.#options, technique, from, to, gpa);
    this.#sides = []; // their memory is needed for the replay
    this.#memory = undefined;
    this.#phase = 'replaying';
  }

  #seek(search: Search): void {
    search.step();
    this.#phase = search.stepping ? 'stepping' : 'replaying';
    if (search.found === undefined) return;
    this.#finish({ kind: 'differs', difference: search.found, ending: undefined });
  }

  #finish(end: ComparisonEnd): void {
    this.#ending = end;
    this.#phase = 'done';
    this.#sides = [];
    this.#search = undefined;
  }
}

function runInjected(side: Side, target: number, { inject, techniques }: ComparisonOptions): void {
  const { vm } = side;
  const here = inject !== undefined && side.technique === techniques.at(-1);
  if (here && !side.disturbed && inject.at <= target) {
    side.run(inject.at);
    if (vm.instructions === inject.at) side.disturb(inject.register);
  }
  side.run(target);
}

interface Pair {
  readonly bare: Side;
  readonly other: Side;
}

/**
 * Runs both sides again from their first instruction to the last point at which they were equal, and from there one
 * instruction at a time: runs repeat exactly, so the difference comes again.
 */
class Search {
  found: Difference | undefined;
  stepping = false;
  readonly #options: ComparisonOptions;
  readonly #technique: Exclude<Technique, 'bare'>;
  #pair: Pair | undefined;
  #bare: Side | undefined;
  readonly #from: number;
  readonly #to: number;
  readonly #gpa: number | undefined;
  /** After the last instruction at which both were equal. */
  #equal: { readonly instructions: number; readonly pc: number; readonly word: number | undefined } = {
    instructions: 0,
    pc: 0,
    word: undefined,
  };
  /** What was not, right behind it. */
  #unequal: readonly Unequal[] | undefined;

  /**
   * @param from instructions after which both sides were equal
   * @param to where they were not; undefined: wherever the difference shows
   * @param gpa the word of RAM that differs, where it is one
   */
  constructor(
    options: ComparisonOptions,
    technique: Exclude<Technique, 'bare'>,
    from: number,
    to = from + options.every + GRACE,
    gpa?: number,
  ) {
    this.#options = options;
    this.#technique = technique;
    this.#from = from;
    this.#to = to;
    this.#gpa = gpa;
  }

  get instructions(): number {
    return this.#pair?.bare.vm.instructions ?? 0;
  }

  step(): void {
    if (this.#bare === undefined) {
      this.#bare = new Side('bare', this.#options);
      return;
    }
    this.#pair ??= { bare: this.#bare, other: new Side(this.#technique, this.#options) };
    if (this.stepping) return this.#single(this.#pair);
    this.#advance(this.#pair, Math.min(this.#from, this.instructions + REPLAY_STEP));
    if (this.instructions < this.#from) return;
    this.stepping = true;
    this.#look(this.#pair);
  }

  #single(pair: Pair): void {
    for (let count = 0; count < SINGLE_STEPS; count++) {
      const before = this.instructions;
      this.#advance(pair, before + 1);
      this.#look(pair);
      if (this.instructions >= this.#to || this.instructions === before) return this.#conclude(pair);
    }
  }

  #advance({ bare, other }: Pair, target: number): void {
    const run = () => {
      for (const side of [bare, other]) runInjected(side, target, this.#options);
    };
    run();
    while (bare.vm.instructions < target && !bare.vm.ending) {
      const until = bare.computer.idleUntil();
      if (until === undefined || until === Infinity || other.computer.idleUntil() !== until) return;
      for (const { computer } of [bare, other]) computer.skipTo(until);
      run();
    }
  }

  #look({ bare, other }: Pair): void {
    const unequal = [...(same(bare, other) ? [] : unequalOf(bare, other)), ...this.#wordDiffers(bare, other)];
    if (unequal.length > 0) {
      this.#unequal ??= unequal;
      return;
    }
    this.#unequal = undefined;
    const { pc } = bare.vm.look();
    this.#equal = { instructions: bare.vm.instructions, pc, word: instructionAt(bare.vm, pc) };
  }

  #wordDiffers(bare: Side, other: Side): readonly Unequal[] {
    if (this.#gpa === undefined) return [];
    const [one, its] = [bare, other].map(({ vm }) => vm.memory.readEntry(this.#gpa ?? 0));
    if (one === undefined || its === undefined || one === its) return [];
    return [{ what: `0x${this.#gpa.toString(16)}`, bare: show('', one), other: show('', its) }];
  }

  #conclude({ other }: Pair): void {
    this.found = {
      technique: other.technique,
      instruction: this.#equal.instructions,
      pc: this.#equal.pc,
      word: this.#equal.word,
      unequal: this.#unequal ?? [],
    };
  }
}
