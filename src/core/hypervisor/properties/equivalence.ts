// Equivalence as an instrument: a guest on the bare machine and the same guest under other techniques, run side by side and
// compared at chosen points; the first difference is followed to the instruction in which it arose (Popek and Goldberg 1974,
// "equivalence": a program run under the control program behaves as it would if the control program did not exist).
//
//   running ── the next point ── equal? ──▶ running … done
//                                 └ no ──▶ replaying to the last equal point ──▶ stepping ──▶ done

import type { Ending } from '../virtual-machine.ts';
import { MemoryComparison } from './compared-memory.ts';
import { ComparedSide, same, type ComparisonOptions } from './compared-side.ts';
import { DifferenceSearch, GRACE, type Difference } from './difference-search.ts';

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

const DEFAULT_MEMORY_EVERY = 50;
/** Frames compared in one step: about a millisecond. */
const FRAMES_A_STEP = 256;

/** A comparison under way. A host calls `step` until `end` is there; each takes a few milliseconds. */
export class Comparison {
  readonly #options: ComparisonOptions;
  #sides: readonly ComparedSide[] = [];
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
  #memory:
    | { readonly comparison: MemoryComparison; readonly other: ComparedSide; readonly left: readonly ComparedSide[] }
    | undefined;
  #ending: ComparisonEnd | undefined;
  /** Why the comparison ends once memory has been compared. */
  #finishing: ComparisonEnd | undefined;
  #search: DifferenceSearch | undefined;

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
      this.#sides = [...this.#sides, new ComparedSide(missing, this.#options)];
      return;
    }
    const [bare, ...others] = this.#sides;
    if (bare === undefined) return;
    for (const side of this.#sides) side.run(this.#target);
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

  #endOf(bare: ComparedSide): ComparisonEnd | undefined {
    const { until, limit } = this.#options;
    const { ending } = bare.vm;
    if (ending) return { kind: 'ended', difference: undefined, ending };
    if (until !== undefined && bare.output.includes(until)) {
      return { kind: 'printed', difference: undefined, ending: undefined };
    }
    return this.#instructions >= limit ? { kind: 'limit', difference: undefined, ending: undefined } : undefined;
  }

  /** Whether two sides are equal, now or after the few instructions in which an interrupt due here is taken. */
  #agree(bare: ComparedSide, other: ComparedSide): boolean {
    if (same(bare, other)) return true;
    for (let grace = 0; grace < GRACE; grace++) {
      const target = bare.vm.instructions + 1;
      for (const side of this.#sides) side.run(target);
      if (same(bare, other)) return true;
    }
    return false;
  }

  #nextMemory(left: readonly ComparedSide[]): void {
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

  #begin({ technique }: ComparedSide, from: number, to?: number, gpa?: number): void {
    if (technique === 'bare') return;
    this.#search = new DifferenceSearch(this.#options, technique, from, to, gpa);
    this.#sides = []; // their memory is needed for the replay
    this.#memory = undefined;
    this.#phase = 'replaying';
  }

  #seek(search: DifferenceSearch): void {
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
