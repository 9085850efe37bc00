// The trace of exits: a ring of fixed-size binary records in one buffer, and per-reason sums that never forget.
// Counting and tracing happen once, in the hypervisor's loop; a handler only notes what it read and wrote.
//
// One record, in 32-bit words (float64 where two words are named):
//
//   0,1  at (virtual instructions)   10 gpa, low word        18 mode after trap, packed
//   2,3  nanoseconds                 11 gpa, bit 32 up; −1: none   19 verdict
//   4,5  virtual cost                12 gva; valid if 13     20 resume pc
//   6    vm                          13 1: gva is valid      21 number of effects
//   7    reason                      14 stval                22 … effects, 4 words each: kind, what, before, after
//   8    pc                          15 htval
//   9    instruction                 16 htinst   17 scause

import { exitReasons, verdicts, type ExitReason, type Verdict } from './exits.ts';

/** Things a handler reads and writes, as the page names them (protocol, `Effect`). */
export const effectKinds = [
  'read-register',
  'write-register',
  'read-csr',
  'write-csr',
  'read-memory',
  'write-memory',
  'device-read',
  'device-write',
  'map',
  'unmap',
  'flush',
  'inject',
  'sbi',
] as const;
export type EffectKind = (typeof effectKinds)[number];

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
  readonly nanoseconds: number;
  readonly virtualCost: number;
  readonly vm: number;
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
  readonly verdict: Verdict;
  readonly resumePc: number;
  readonly effects: readonly EffectRecord[];
}

const WORDS = 64;
const EFFECTS = 22;
const EFFECT_WORDS = 4;
/** Effects kept per exit; more are counted but not kept. */
export const EFFECT_LIMIT = Math.floor((WORDS - EFFECTS) / EFFECT_WORDS);

export interface ReasonStatistics {
  count: number;
  minimum: number;
  maximum: number;
  sum: number;
}

export class Trace {
  readonly #capacity: number;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  #next = 0;
  readonly #statistics = new Map<number, Record<ExitReason, ReasonStatistics>>();

  /** @param capacity records kept; a power of two */
  constructor(capacity = 1 << 16) {
    this.#capacity = capacity;
    const buffer = new ArrayBuffer(capacity * WORDS * 4);
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

  /** Appends a record and counts it. */
  record(exit: Omit<ExitRecord, 'sequence'>): void {
    const base = (this.#next % this.#capacity) * WORDS;
    const words = this.#words;
    this.#doubles[base / 2] = exit.at;
    this.#doubles[base / 2 + 1] = exit.nanoseconds;
    this.#doubles[base / 2 + 2] = exit.virtualCost;
    words[base + 6] = exit.vm;
    words[base + 7] = exitReasons.indexOf(exit.reason);
    words[base + 8] = exit.pc;
    words[base + 9] = exit.instruction;
    words[base + 10] = exit.gpa ?? 0;
    words[base + 11] = exit.gpa === undefined ? -1 : Math.floor(exit.gpa / 2 ** 32);
    words[base + 12] = exit.gva ?? 0;
    words[base + 13] = exit.gva === undefined ? 0 : 1;
    words[base + 14] = exit.stval;
    words[base + 15] = exit.htval;
    words[base + 16] = exit.htinst;
    words[base + 17] = exit.cause;
    words[base + 18] = exit.user ? 1 : 0;
    words[base + 19] = verdicts.indexOf(exit.verdict);
    words[base + 20] = exit.resumePc;
    const kept = Math.min(exit.effects.length, EFFECT_LIMIT);
    words[base + 21] = kept;
    for (let index = 0; index < kept; index++) {
      const effect = exit.effects[index];
      if (effect === undefined) break;
      const at = base + EFFECTS + index * EFFECT_WORDS;
      words[at] = effectKinds.indexOf(effect.kind);
      words[at + 1] = effect.what;
      words[at + 2] = effect.before;
      words[at + 3] = effect.after;
    }
    this.#next++;
    this.#count(exit.vm, exit.reason, exit.nanoseconds);
  }

  /** The record with a running number; undefined where it is gone or has not happened. */
  read(sequence: number): ExitRecord | undefined {
    if (sequence < this.oldest || sequence >= this.#next) return undefined;
    const base = (sequence % this.#capacity) * WORDS;
    const word = (index: number) => this.#words[base + index] ?? 0;
    const unsigned = (index: number) => word(index) >>> 0;
    const double = (index: number) => this.#doubles[base / 2 + index] ?? 0;
    return {
      sequence,
      at: double(0),
      nanoseconds: double(1),
      virtualCost: double(2),
      vm: word(6),
      reason: this.reasonOf(sequence),
      pc: unsigned(8),
      instruction: unsigned(9),
      gpa: word(11) < 0 ? undefined : word(11) * 2 ** 32 + unsigned(10),
      gva: word(13) === 0 ? undefined : unsigned(12),
      stval: unsigned(14),
      htval: unsigned(15),
      htinst: unsigned(16),
      cause: unsigned(17),
      user: word(18) !== 0,
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
    return exitReasons[this.#words[(sequence % this.#capacity) * WORDS + 7] ?? 0] ?? 'host-interrupt';
  }
  vmOf(sequence: number): number {
    return this.#words[(sequence % this.#capacity) * WORDS + 6] ?? 0;
  }

  /** Sums per reason of one VM since it was made. Host time in nanoseconds. */
  statistics(vm: number): Readonly<Record<ExitReason, Readonly<ReasonStatistics>>> {
    return this.#statisticsOf(vm);
  }

  #count(vm: number, reason: ExitReason, nanoseconds: number): void {
    const row = this.#statisticsOf(vm)[reason];
    row.count++;
    row.sum += nanoseconds;
    row.minimum = row.count === 1 ? nanoseconds : Math.min(row.minimum, nanoseconds);
    row.maximum = Math.max(row.maximum, nanoseconds);
  }

  #statisticsOf(vm: number): Record<ExitReason, ReasonStatistics> {
    let known = this.#statistics.get(vm);
    if (known === undefined) {
      known = Object.fromEntries(
        exitReasons.map((reason) => [reason, { count: 0, minimum: 0, maximum: 0, sum: 0 }]),
      ) as Record<ExitReason, ReasonStatistics>;
      this.#statistics.set(vm, known);
    }
    return known;
  }
}
