// All rows in one list, and the decoder derived from them.

import { decodeFields } from './pattern.ts';
import type { InstructionRow } from './row.ts';
import { rv32a } from './rv32a.ts';
import { rv32i } from './rv32i.ts';
import { rv32m } from './rv32m.ts';
import { hypervisor, privileged, zicsr } from './system-instructions.ts';
import type { Operands } from './system-port.ts';

export const instructions: readonly InstructionRow[] = [
  ...rv32i,
  ...rv32m,
  ...rv32a,
  ...zicsr,
  ...privileged,
  ...hypervisor,
];

/** An instruction word taken apart: its row and the values of its fields. */
export interface Decoded extends Operands {
  readonly row: InstructionRow;
}

/** Candidates by major opcode (bits 6:2) and funct3 (bits 14:12): the fields every pattern fixes or leaves free as a whole. */
const candidates: readonly (readonly InstructionRow[])[] = Array.from({ length: 256 }, (_, index) => {
  const probe = ((index >> 3) << 2) | 3 | ((index & 7) << 12);
  return instructions.filter(({ pattern }) => ((probe ^ pattern.match) & pattern.mask & 0x707f) === 0);
});

/** The row an instruction word belongs to; undefined where the word is an illegal instruction. */
export function findRow(word: number): InstructionRow | undefined {
  if ((word & 3) !== 3) return undefined;
  const index = ((word >>> 2) & 31) * 8 + ((word >>> 12) & 7);
  return candidates[index]?.find(({ pattern }) => ((word ^ pattern.match) & pattern.mask) === 0);
}

/** Takes an instruction word apart; undefined where it is an illegal instruction. */
export function decode(word: number): Decoded | undefined {
  const row = findRow(word);
  return row && { row, word: word >>> 0, ...decodeFields(row.pattern, word) };
}
