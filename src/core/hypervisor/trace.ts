// The trace of exits: a ring of fixed-size binary records in one buffer, and per-reason sums that never forget.
// Counting and tracing happen once, in the hypervisor's loop; a handler only notes what it read and wrote.
//
// One record, in 32-bit words (float64 where two words are named):
//
//   0,1  at (virtual instructions)   10 gpa, low word        18 mode after trap, packed
//   2,3  nanoseconds; NaN: not timed 11 gpa, bit 32 up; −1: none   19 verdict
//   4,5  virtual cost                12 gva; valid if 13     20 resume pc
//   6    vm                          13 1: gva is valid      21 number of effects
//   7    reason                      14 stval                22 … effects, 4 words each: kind, what, before, after
//   62   vCPU                        63 physical hart
//   8    pc                          15 htval
//   9    instruction                 16 htinst   17 scause

import type { StoredCsrs } from '../isa/csr-stored.ts';
import { Privilege, type HartState } from '../machine/hart-state.ts';
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
  /** Host time; undefined where the exit was not timed. */
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

const WORDS = 64;
const EFFECTS = 22;
const EFFECT_WORDS = 4;
const VCPU = 62;
const HART = 63;
/** Effects kept per exit; more are counted but not kept. */
export const EFFECT_LIMIT = Math.floor((VCPU - EFFECTS) / EFFECT_WORDS);

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
    const cause = csrs.scause;
    this.#doubles[base >> 1] = at;
    this.#doubles[(base >> 1) + 1] = 0;
    this.#doubles[(base >> 1) + 2] = cause >>> 31 === 1 ? 0 : 1;
    words[base + 6] = vm;
    words[base + 7] = reason;
    words[base + 8] = pc;
    words[base + 9] = instruction;
    if (exit.reason === 'device-access' || exit.reason === 'missing-page' || exit.reason === 'protected-page') {
      words[base + 10] = exit.gpa;
      words[base + 11] = Math.floor(exit.gpa / 2 ** 32);
      words[base + 12] = exit.gva;
      words[base + 13] = 1;
    } else {
      words[base + 10] = 0;
      words[base + 11] = -1;
      words[base + 12] = 0;
      words[base + 13] = 0;
    }
    words[base + 14] = csrs.stval;
    words[base + 15] = csrs.htval;
    words[base + 16] = csrs.htinst;
    words[base + 17] = cause;
    words[base + 18] = guest.privilege;
    words[base + 19] = 0;
    words[base + 20] = pc;
    words[base + 21] = 0;
    words[base + VCPU] = vcpu;
    words[base + HART] = hart;
  }

  /** The exit under way reads or writes something. */
  effect(kind: Effect, what: number, before: number, after: number): void {
    if (!this.#open) return;
    const words = this.#words;
    const count = words[this.#base + 21] ?? 0;
    if (count === EFFECT_LIMIT) return;
    const at = this.#base + EFFECTS + count * EFFECT_WORDS;
    words[at] = kind;
    words[at + 1] = what;
    words[at + 2] = before;
    words[at + 3] = after;
    words[this.#base + 21] = count + 1;
  }

  /** The exit has been handled, but not ended yet: what its record will say. */
  handled(verdict: Verdict, resumePc: number): void {
    if (!this.#open) return;
    this.#words[this.#base + 19] = verdictCodes[verdict];
    this.#words[this.#base + 20] = resumePc;
  }

  /** The exit is over: it is counted, and its record is kept. @param nanoseconds host time it took; NaN: not timed */
  end(nanoseconds: number): void {
    this.#count(nanoseconds);
    if (!this.#open) return;
    this.#open = false;
    this.#doubles[(this.#base >> 1) + 1] = nanoseconds;
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
    const double = (index: number) => this.#doubles[base / 2 + index] ?? 0;
    return {
      sequence,
      at: double(0),
      nanoseconds: Number.isNaN(double(1)) ? undefined : double(1),
      virtualCost: double(2),
      vm: word(6),
      vcpu: word(VCPU),
      hart: word(HART),
      reason: this.reasonOf(sequence),
      pc: unsigned(8),
      instruction: unsigned(9),
      gpa: word(11) < 0 ? undefined : word(11) * 2 ** 32 + unsigned(10),
      gva: word(13) === 0 ? undefined : unsigned(12),
      stval: unsigned(14),
      htval: unsigned(15),
      htinst: unsigned(16),
      cause: unsigned(17),
      user: word(18) === Privilege.user,
      machine: word(18) === Privilege.machine,
      verdict: verdicts[word(19)] ?? 'resume',
      resumePc: unsigned(20),
      effects: Array.from({ length: word(21) }, (_, index) => {
        const at = EFFECTS + index * EFFECT_WORDS;
        return {
          kind: effectKinds[word(at)] ?? 'sbi',
          what: unsigned(at + 1),
          before: unsigned(at + 2),
          after: unsigned(at + 3),
        };
      }),
    };
  }

  /** Reason and VM of a kept record, without unpacking the rest: for filters over many. */
  reasonOf(sequence: number): ExitReason {
    return exitReasons[this.#words[this.#baseOf(sequence) + 7] ?? 0] ?? 'host-interrupt';
  }
  vmOf(sequence: number): number {
    return this.#words[this.#baseOf(sequence) + 6] ?? 0;
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
