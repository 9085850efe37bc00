// The trace of exits: a ring of fixed-size binary records in one buffer, and per-reason sums that never forget.
// Counting and tracing happen once, in the hypervisor's loop; a handler only notes what it read and wrote.
//
// One record, in 32-bit words: two lines of a host's cache, for a busy guest writes a hundred thousand in a second.
//
//   0,1  at, virtual instructions, float64             8  gpa, bits 32 and up; −1: neither gpa nor gva is known
//   2    nanoseconds, float32; NaN: not timed          9  gva
//   3    vCPU, physical hart << 8                     10  stval
//   4    reason, mode after trap << 8, verdict << 16, 11  htval
//        number of effects << 24                      12  htinst
//   5    pc                                           13  scause
//   6    instruction                                  14  resume pc
//   7    gpa, low word                                15  vm
//   16…  the first effects, 4 words each: kind, what, before, after; the few that have more keep the rest beside the ring

import type { StoredCsrs } from '../../isa/csr-stored.ts';
import { Privilege, type HartState } from '../../machine/hart-state.ts';
import { exitReasons, verdicts, type Exit, type ExitReason, type Verdict } from './exits.ts';

/** Things a handler reads and writes, by the names the page has for them (protocol, `Effect`), with their numbers in a record. */
export const Effect = {
  'read-register': 0,
  'write-register': 1,
  'read-csr': 2,
  'write-csr': 3,
  'read-memory': 4,
  'write-memory': 5,
  'device-read': 6,
  'device-write': 7,
  map: 8,
  unmap: 9,
  flush: 10,
  inject: 11,
  sbi: 12,
  deny: 13,
} as const;
export type EffectKind = keyof typeof Effect;
export type Effect = (typeof Effect)[EffectKind];
export const effectKinds = Object.keys(Effect) as readonly EffectKind[];

/** `what` is a register or CSR number, an address, or an SBI extension, as the kind says. */
export interface EffectRecord {
  readonly kind: EffectKind;
  readonly what: number;
  readonly before: number;
  readonly after: number;
}

export interface ExitRecord {
  readonly sequence: number;
  readonly at: number;
  /** Host time, to seven digits; undefined where the exit was not timed. */
  readonly nanoseconds: number | undefined;
  readonly virtualCost: number;
  readonly vm: number;
  readonly vcpu: number;
  /** The physical hart that trapped. */
  readonly hart: number;
  readonly reason: ExitReason;
  readonly pc: number;
  /** 0 where no instruction is known. */
  readonly instruction: number;
  readonly gpa: number | undefined;
  readonly gva: number | undefined;
  readonly stval: number;
  readonly htval: number;
  readonly htinst: number;
  readonly cause: number;
  /** The guest was in user mode. */
  readonly user: boolean;
  /** It was in machine mode. */
  readonly machine: boolean;
  readonly verdict: Verdict;
  readonly resumePc: number;
  readonly effects: readonly EffectRecord[];
}

const codesOf = <Name extends string>(names: readonly Name[]) =>
  Object.fromEntries(names.map((name, code) => [name, code])) as Readonly<Record<Name, number>>;
const reasonCodes = codesOf(exitReasons);
const verdictCodes = codesOf(verdicts);

const WORDS = 32;
const EFFECTS = 16;
const EFFECT_WORDS = 4;
const EFFECTS_IN_RECORD = (WORDS - EFFECTS) / EFFECT_WORDS;
/** Effects kept per exit. */
export const EFFECT_LIMIT = 10;
/** Where in its word the number of effects is, and where the verdict. */
const COUNT_SHIFT = 24;
const VERDICT_SHIFT = 16;

/** Sums over the exits of one reason; host time in nanoseconds. */
export interface ReasonStatistics {
  readonly count: number;
  /** How many of them were timed; the rest of the sums is over these. */
  readonly timed: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly sum: number;
}

/** The guest's hart as it stands at an exit. */
type GuestHart = Pick<HartState, 'pc' | 'privilege'>;
/** The hart that has trapped. */
interface TrappedHart {
  readonly csrs: Pick<StoredCsrs, 'scause' | 'stval' | 'htval' | 'htinst'>;
}

/** What the sums of one VM are kept in: for each reason, in this order. */
const Sum = { count: 0, timed: 1, minimum: 2, maximum: 3, sum: 4, length: 5 } as const;

/** A VM's first exits are timed one and all; later ones now and then, for asking a browser its time costs as much as an exit. */
const TIMED_AT_FIRST = 1024;
/** Afterwards one of so many is timed on average: from half as many exits to one and a half times as many behind the last. */
const TIMED_ONE_OF = 16;

export class Trace {
  /** Whether exits are kept from now on. They are counted all the same. */
  recording = true;
  /** Whether every exit is timed, however many there are. */
  timesAll = false;
  readonly #capacity: number;
  /** One place more than are kept: the record of the exit under way overwrites none of them. */
  readonly #places: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #floats: Float32Array;
  /** Effects that found no room in their record, by its first word. */
  readonly #more = new Map<number, number[]>();
  #next = 0;
  /** First word of the record under way. */
  #base = 0;
  /** The exit under way has a record. */
  #open = false;
  #vm = 0;
  #reason = 0;
  readonly #sums = new Map<number, Float64Array>();
  /** Exits until one is timed again, and what makes the next distance uneven: loops have a beat that an even one could hit. */
  #untilTimed = 0;
  #unevenness = 1;

  /** @param capacity records kept */
  constructor(capacity = 1 << 16) {
    this.#capacity = capacity;
    this.#places = capacity + 1;
    const buffer = new ArrayBuffer(this.#places * WORDS * 4);
    this.#words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#floats = new Float32Array(buffer);
  }

  /** Exits recorded in all. */
  get total(): number {
    return this.#next;
  }

  /** Number of the oldest record still kept. */
  get oldest(): number {
    return Math.max(0, this.#next - this.#capacity);
  }

  /** Whether the exit that begins now is to be timed. @param exits which one of its VM's it is */
  times(exits: number): boolean {
    if (!this.recording) return false;
    if (this.timesAll || exits <= TIMED_AT_FIRST) return true;
    if (this.#untilTimed-- > 0) return false;
    this.#unevenness = (Math.imul(this.#unevenness, 1_664_525) + 1_013_904_223) | 0; // Numerical Recipes, "ranqd1"
    this.#untilTimed = TIMED_ONE_OF / 2 - 1 + ((this.#unevenness >>> 16) % (TIMED_ONE_OF + 1));
    return true;
  }

  /**
   * An exit begins. What is noted of it until `end` is written straight into the ring.
   * @param at virtual instructions
   * @param instruction the guest's; 0 where it is not known
   * @param vcpu its number in its VM
   * @param hart the physical hart
   * @param held a person looks at it stage by stage: it has a record even while nothing is recorded
   */
  begin(
    vm: number,
    exit: Exit,
    at: number,
    instruction: number,
    guest: GuestHart,
    { csrs }: TrappedHart,
    held: boolean,
    vcpu = 0,
    hart = 0,
  ): void {
    const reason = reasonCodes[exit.reason];
    this.#vm = vm;
    this.#reason = reason;
    this.#open = this.recording || held;
    if (!this.#open) return;
    const base = this.#base;
    const words = this.#words;
    const { pc } = guest;
    if (this.#more.size > 0) this.#more.delete(base);
    this.#doubles[base >> 1] = at;
    this.#floats[base + 2] = 0;
    words[base + 3] = vcpu | (hart << 8);
    words[base + 4] = reason | (guest.privilege << 8);
    words[base + 5] = pc;
    words[base + 6] = instruction;
    if (
      exit.reason === 'device-access' ||
      exit.reason === 'missing-page' ||
      exit.reason === 'protected-page' ||
      exit.reason === 'code-access'
    ) {
      words[base + 7] = exit.gpa;
      words[base + 8] = Math.floor(exit.gpa / 2 ** 32);
      words[base + 9] = exit.gva;
    } else {
      words[base + 7] = 0;
      words[base + 8] = -1;
      words[base + 9] = 0;
    }
    words[base + 10] = csrs.stval;
    words[base + 11] = csrs.htval;
    words[base + 12] = csrs.htinst;
    words[base + 13] = csrs.scause;
    words[base + 14] = pc;
    words[base + 15] = vm;
  }

  /** The exit under way reads or writes something. */
  effect(kind: Effect, what: number, before: number, after: number): void {
    if (!this.#open) return;
    const words = this.#words;
    const base = this.#base;
    const facts = words[base + 4] ?? 0;
    const count = facts >>> COUNT_SHIFT;
    if (count === EFFECT_LIMIT) return;
    words[base + 4] = facts + (1 << COUNT_SHIFT);
    if (count >= EFFECTS_IN_RECORD) {
      this.#keepBeside(kind, what, before, after);
      return;
    }
    const at = base + EFFECTS + count * EFFECT_WORDS;
    words[at] = kind;
    words[at + 1] = what;
    words[at + 2] = before;
    words[at + 3] = after;
  }

  #keepBeside(...effect: readonly number[]): void {
    const more = this.#more.get(this.#base) ?? [];
    more.push(...effect);
    this.#more.set(this.#base, more);
  }

  /** The exit has been handled, but not ended yet: what its record will say. */
  handled(verdict: Verdict, resumePc: number): void {
    if (!this.#open) return;
    const facts = this.#words[this.#base + 4] ?? 0;
    this.#words[this.#base + 4] = (facts & ~(0xff << VERDICT_SHIFT)) | (verdictCodes[verdict] << VERDICT_SHIFT);
    this.#words[this.#base + 14] = resumePc;
  }

  /** The exit is over: it is counted, and its record is kept. @param nanoseconds host time it took; NaN: not timed */
  end(nanoseconds: number): void {
    this.#count(nanoseconds);
    if (!this.#open) return;
    this.#open = false;
    this.#floats[this.#base + 2] = nanoseconds;
    this.#next++;
    this.#base += WORDS;
    if (this.#base === this.#places * WORDS) this.#base = 0;
  }

  /** The record of the exit under way, as far as it goes. */
  get draft(): ExitRecord {
    return this.#unpack(this.#next);
  }

  /** The record with a running number; undefined where it is gone or has not happened. */
  read(sequence: number): ExitRecord | undefined {
    return sequence < this.oldest || sequence >= this.#next ? undefined : this.#unpack(sequence);
  }

  #unpack(sequence: number): ExitRecord {
    const base = this.#baseOf(sequence);
    const word = (index: number) => this.#words[base + index] ?? 0;
    const unsigned = (index: number) => word(index) >>> 0;
    const byte = (index: number, shift: number) => (word(index) >>> shift) & 0xff;
    const nanoseconds = this.#floats[base + 2] ?? NaN;
    const cause = unsigned(13);
    const known = word(8) >= 0;
    return {
      sequence,
      at: this.#doubles[base / 2] ?? 0,
      nanoseconds: Number.isNaN(nanoseconds) ? undefined : nanoseconds,
      virtualCost: cause >>> 31 === 1 ? 0 : 1,
      vm: word(15),
      vcpu: byte(3, 0),
      hart: byte(3, 8),
      reason: this.reasonOf(sequence),
      pc: unsigned(5),
      instruction: unsigned(6),
      gpa: known ? word(8) * 2 ** 32 + unsigned(7) : undefined,
      gva: known ? unsigned(9) : undefined,
      stval: unsigned(10),
      htval: unsigned(11),
      htinst: unsigned(12),
      cause,
      user: byte(4, 8) === Privilege.user,
      machine: byte(4, 8) === Privilege.machine,
      verdict: verdicts[byte(4, VERDICT_SHIFT)] ?? 'resume',
      resumePc: unsigned(14),
      effects: this.#effectsOf(base, byte(4, COUNT_SHIFT)),
    };
  }

  #effectsOf(base: number, count: number): readonly EffectRecord[] {
    const kept = this.#words.subarray(base + EFFECTS, base + WORDS);
    const all = [...kept, ...(this.#more.get(base) ?? [])];
    return Array.from({ length: count }, (_, index) => {
      const [kind = 0, what = 0, before = 0, after = 0] = all.slice(index * EFFECT_WORDS);
      return { kind: effectKinds[kind] ?? 'sbi', what: what >>> 0, before: before >>> 0, after: after >>> 0 };
    });
  }

  /** Reason and VM of a kept record, without unpacking the rest: for filters over many. */
  reasonOf(sequence: number): ExitReason {
    return exitReasons[(this.#words[this.#baseOf(sequence) + 4] ?? 0) & 0xff] ?? 'host-interrupt';
  }
  vmOf(sequence: number): number {
    return this.#words[this.#baseOf(sequence) + 15] ?? 0;
  }

  /** Sums per reason of one VM since it was made. */
  statistics(vm: number): Readonly<Record<ExitReason, ReasonStatistics>> {
    const sums = this.#sums.get(vm);
    const of = (code: number, field: number) => sums?.[code * Sum.length + field] ?? 0;
    return Object.fromEntries(
      exitReasons.map((reason, code) => [
        reason,
        {
          count: of(code, Sum.count),
          timed: of(code, Sum.timed),
          minimum: of(code, Sum.minimum),
          maximum: of(code, Sum.maximum),
          sum: of(code, Sum.sum),
        },
      ]),
    ) as Record<ExitReason, ReasonStatistics>;
  }

  #count(nanoseconds: number): void {
    let sums = this.#sums.get(this.#vm);
    if (sums === undefined) {
      sums = new Float64Array(exitReasons.length * Sum.length);
      this.#sums.set(this.#vm, sums);
    }
    const at = this.#reason * Sum.length;
    sums[at] = (sums[at] ?? 0) + 1;
    if (Number.isNaN(nanoseconds)) return;
    const timed = sums[at + Sum.timed] ?? 0;
    sums[at + Sum.timed] = timed + 1;
    const minimum = sums[at + Sum.minimum] ?? 0;
    if (timed === 0 || nanoseconds < minimum) sums[at + Sum.minimum] = nanoseconds;
    if (nanoseconds > (sums[at + Sum.maximum] ?? 0)) sums[at + Sum.maximum] = nanoseconds;
    sums[at + Sum.sum] = (sums[at + Sum.sum] ?? 0) + nanoseconds;
  }

  #baseOf(sequence: number): number {
    return (sequence % this.#places) * WORDS;
  }
}
