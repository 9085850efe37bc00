// Instruction words to test with: every row with every kind of field value.

import fc from 'fast-check';
import { instructions } from './instructions.ts';
import type { InstructionRow } from './row.ts';

/** Any word of one row: the bits outside the mask are free. */
export const wordOf = ({ pattern }: InstructionRow): fc.Arbitrary<number> =>
  fc
    .oneof(fc.integer(), fc.constantFrom(0, -1, 0x5555_5555, -0x5555_5556))
    .map((bits) => ((bits & ~pattern.mask) | pattern.match) >>> 0);

/** A word of any row. */
export const anyInstructionWord: fc.Arbitrary<number> = fc.constantFrom(...instructions).chain(wordOf);

/** Words of which many are close to an instruction, with a few bits turned over, and many are not. */
export const anyWord: fc.Arbitrary<number> = fc.oneof(
  fc.integer().map((word) => word >>> 0),
  fc
    .tuple(anyInstructionWord, fc.array(fc.integer({ min: 0, max: 31 }), { maxLength: 3 }))
    .map(([word, bits]) => bits.reduce((turned, bit) => turned ^ (1 << bit), word) >>> 0),
);

/** A fixed sequence of numbers for fixtures: the same on every machine (xorshift32). */
export function* fixedNumbers(seed: number): Generator<number, never> {
  for (let state = seed; ;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

/** A few words of each row: all fields 0, all 1, and others. */
export function sampleWords(perRow: number): readonly number[] {
  const numbers = fixedNumbers(0x2545_f491);
  return instructions.flatMap(({ pattern }) =>
    Array.from({ length: perRow }, (_, index) => {
      const bits = index === 0 ? 0 : index === 1 ? -1 : numbers.next().value;
      return ((bits & ~pattern.mask) | pattern.match) >>> 0;
    }),
  );
}
