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

/**
 * Where an operation may move control.
 *
 * - `far`: anywhere, or it does not
 * - `ahead`, `back`: to an instruction of the same page, behind or before itself, so the decoded page stays the same
 * - `computed`: anywhere, and the place is worth remembering: a jump through a register that is no return
 */
export type Reach = 'far' | 'ahead' | 'back' | 'computed';

export interface Operation {
  readonly row: InstructionRow;
  readonly reach: Reach;
}

/** A branch or jump whose target is its own address plus the immediate. */
export const transfersByOffset = ({ effect, form }: InstructionRow) =>
  effect.kind === 'branch' || (effect.kind === 'jump' && form.includes('target'));

function reachesOf(row: InstructionRow): readonly Reach[] {
  if (transfersByOffset(row)) return ['far', 'ahead', 'back'];
  return row.effect.kind === 'jump' ? ['far', 'computed'] : ['far'];
}

/** All operations; the code of an entry is the index plus two. System instructions are left to the reference interpreter. */
export const operations: readonly Operation[] = instructions
  .filter(({ effect }) => effect.kind !== 'system')
  .flatMap((row) => reachesOf(row).map((reach) => ({ row, reach })));

const codes = new Map<InstructionRow, Partial<Record<Reach, number>>>();
operations.forEach(({ row, reach }, index) => {
  codes.set(row, { ...codes.get(row), [reach]: index + FIRST_OPERATION });
});

/** Registers that the calling convention returns through (unprivileged manual, table of return-address stack hints). */
const isLink = (register: number) => register === 1 || register === 5;

/** A jump through a register that is neither a call nor a return: the compiler's `switch`, or a call in tail position. */
export const isComputedJump = ({ row, rd, rs1 }: Decoded): boolean =>
  row.effect.kind === 'jump' && !transfersByOffset(row) && rd === 0 && !isLink(rs1);

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
  const reach = reachOf(decoded, offset);
  const code = codes.get(decoded.row)?.[reach];
  if (code === undefined || (transfersByOffset(decoded.row) && (decoded.immediate & 3) !== 0)) return undecoded;
  const rd = decoded.rd === 0 ? Word.sink * 4 : decoded.rd * 4;
  return {
    low: code | (rd << 8) | ((decoded.rs1 * 4) << 16) | ((decoded.rs2 * 4) << 24),
    high: reach === 'ahead' || reach === 'back' ? decoded.immediate * 2 : decoded.immediate,
    ends: decoded.row.effect.kind === 'jump',
  };
}

function reachOf(decoded: Decoded, offset: number): Reach {
  if (isComputedJump(decoded)) return 'computed';
  if (!transfersByOffset(decoded.row)) return 'far';
  const target = offset + decoded.immediate;
  if (target < 0 || target >= PAGE_SIZE) return 'far';
  return decoded.immediate > 0 ? 'ahead' : 'back';
}
