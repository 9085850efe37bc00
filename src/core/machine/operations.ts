// The operations of the fast interpreter, derived from the rows: one for each instruction without a system function, and
// for control transfers one more for targets inside the same page. And how an instruction becomes an entry of decoded code.

import { decode, instructions, type Decoded } from '../isa/instructions.ts';
import type { InstructionRow } from '../isa/row.ts';
import { PAGE_SIZE } from './layout.ts';
import { Word } from './layout.ts';

/** Entry codes that are no instruction. */
export const UNDECODED = 0;
export const PAGE_END = 1;
const FIRST_OPERATION = 2;

export interface Operation {
  readonly row: InstructionRow;
  /** The target lies in the page of the instruction itself, so the translation and the decoded page stay the same. */
  readonly near: boolean;
}

const transfersByOffset = (row: InstructionRow) =>
  row.effect.kind === 'branch' || (row.effect.kind === 'jump' && row.form.includes('target'));

/** Rarely on a hot path and with state of their own (the reservation): left to the reference interpreter. */
const leftToReference = new Set(['system', 'load-reserved', 'store-conditional']);

/** All operations; the code of an entry is the index plus two. */
export const operations: readonly Operation[] = instructions
  .filter(({ effect }) => !leftToReference.has(effect.kind))
  .flatMap((row) => [{ row, near: false }, ...(transfersByOffset(row) ? [{ row, near: true }] : [])]);

const codes = new Map<InstructionRow, { far: number; near: number }>();
operations.forEach(({ row, near }, index) => {
  const known = codes.get(row) ?? { far: UNDECODED, near: UNDECODED };
  codes.set(row, near ? { ...known, near: index + FIRST_OPERATION } : { ...known, far: index + FIRST_OPERATION });
});

/**
 * One entry of decoded code, 8 bytes:
 *
 *   byte 0  code            byte 2  rs1 × 4
 *   byte 1  rd × 4 (x0: the sink)   byte 3  rs2 × 4
 *   bytes 4–7  immediate; for a near target, the distance in decoded code
 */
export interface Entry {
  readonly low: number;
  readonly high: number;
  /** Nothing behind this instruction is reached by falling through. */
  readonly ends: boolean;
}

const undecoded: Entry = { low: UNDECODED, high: 0, ends: true };

/**
 * Makes the entry of an instruction word.
 * @param offset byte offset of the instruction in its page
 */
export function entryOf(word: number, offset: number): Entry {
  const decoded = decode(word);
  if (decoded === undefined) return undecoded;
  const code = codeOf(decoded, offset);
  if (code.operation === UNDECODED) return undecoded;
  const rd = decoded.rd === 0 ? Word.sink * 4 : decoded.rd * 4;
  return {
    low: code.operation | (rd << 8) | ((decoded.rs1 * 4) << 16) | ((decoded.rs2 * 4) << 24),
    high: code.near ? decoded.immediate * 2 : decoded.immediate,
    ends: decoded.row.effect.kind === 'jump',
  };
}

function codeOf(decoded: Decoded, offset: number): { operation: number; near: boolean } {
  const known = codes.get(decoded.row);
  if (known === undefined) return { operation: UNDECODED, near: false };
  if (known.near === UNDECODED) return { operation: known.far, near: false };
  if ((decoded.immediate & 3) !== 0) return { operation: UNDECODED, near: false }; // would trap if taken: not here
  const target = offset + decoded.immediate;
  const near = target >= 0 && target < PAGE_SIZE;
  return { operation: near ? known.near : known.far, near };
}
