// Where computed jumps have lately gone: a small table in linear memory that the interpreter writes as it executes them,
// one pair of words for each (jump, target), found by a hash and overwritten at will. It only ever tells the translator
// what to expect; what it has forgotten leaves the region there.
//
//   word 0  linear address of the jump's decoded entry        word 1  target − address of the jump

import { JUMP_PAIRS, type Layout } from '../layout.ts';
import type { LinearMemory } from '../linear-memory.ts';

/**
 * Where a jump has been seen to go.
 * @param entry linear address of its decoded entry
 * @returns distances from the jump to its targets, in bytes; ascending, so that code that is alike looks alike
 */
export function jumpsFrom(memory: LinearMemory, { jumpBase }: Layout, entry: number): readonly number[] {
  const first = jumpBase >> 2;
  const distances = new Set<number>();
  for (let index = first; index < first + 2 * JUMP_PAIRS; index += 2) {
    if (memory.words[index] === entry) distances.add(memory.words[index + 1] ?? 0);
  }
  return [...distances].sort((a, b) => a - b);
}
