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
  const rows = candidates[((word >>> 2) & 31) * 8 + ((word >>> 12) & 7)];
  if (rows === undefined) return undefined;
  for (const row of rows) if (((word ^ row.pattern.match) & row.pattern.mask) === 0) return row;
  return undefined;
}

/** Takes an instruction word apart; undefined where it is an illegal instruction. */
export function decode(word: number): Decoded | undefined {
  const row = findRow(word);
  if (row === undefined) return undefined;
  const { rd, rs1, rs2, immediate } = decodeFields(row.pattern, word);
  return { row, word: word >>> 0, rd, rs1, rs2, immediate };
}

const DECODER_SLOTS = 1024; // a power of two

/** `decode` for one place where the same few words come again and again: it remembers them. */
export class Decoder {
  readonly #slots: (Decoded | undefined)[] = Array.from({ length: DECODER_SLOTS }, () => undefined);

  decode(word: number): Decoded | undefined {
    const slot = (Math.imul(word, 0x9e37_79b1) >>> 20) & (DECODER_SLOTS - 1); // the upper bits depend on all of the word
    const known = this.#slots[slot];
    if (known !== undefined && known.word === word >>> 0) return known;
    const decoded = decode(word);
    if (decoded !== undefined) this.#slots[slot] = decoded;
    return decoded;
  }
}
