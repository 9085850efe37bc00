// The instruction in which a difference arose. Both sides run again from their first instruction to the last point at which
// they were equal, and from there one instruction at a time: runs repeat exactly, so the difference comes again.

import { instructionAt } from '../inspection/inspect-memory.ts';
import type { Technique } from '../virtual-machine.ts';
import { ComparedSide, same, show, unequalOf, type ComparisonOptions, type Unequal } from './compared-side.ts';

export interface Difference {
  readonly technique: Technique;
  /** Both sides were equal after so many instructions, and no more after the next one. */
  readonly instruction: number;
  /** The instruction in which it arose; undefined where it could not be fetched. */
  readonly pc: number;
  readonly word: number | undefined;
  readonly unequal: readonly Unequal[];
}

/** Instructions after a point in which an interrupt that is due there has been taken on every side. */
export const GRACE = 3;
/** Instructions run in one step while replaying, and stepped one by one. */
const REPLAY_STEP = 1 << 18;
const SINGLE_STEPS = 100;

interface Pair {
  readonly bare: ComparedSide;
  readonly other: ComparedSide;
}

export class DifferenceSearch {
  found: Difference | undefined;
  stepping = false;
  readonly #options: ComparisonOptions;
  readonly #technique: Exclude<Technique, 'bare'>;
  #pair: Pair | undefined;
  #bare: ComparedSide | undefined;
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
      this.#bare = new ComparedSide('bare', this.#options);
      return;
    }
    this.#pair ??= { bare: this.#bare, other: new ComparedSide(this.#technique, this.#options) };
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
      bare.run(target);
      other.run(target);
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

  #wordDiffers(bare: ComparedSide, other: ComparedSide): readonly Unequal[] {
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
