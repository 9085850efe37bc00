// Branches over a few plain instructions — a minimum, an absolute value, one step of a checksum — need no branch: what they
// jump over is executed in any case, and the old values are chosen where it should not have been. A processor guesses where a
// branch goes, and a wrong guess costs more than those instructions.

import type { BinaryOperator, Expression } from '../../isa/expression.ts';
import type { Decoded } from '../../isa/instructions.ts';

/** Instructions a branch may jump over to be a skip. */
const LENGTH_LIMIT = 4;

/** A block's skips: by index of the branch, how many instructions behind it have no effect where it is taken. */
export type Skips = ReadonlyMap<number, number>;

/** How many instructions a branch jumps over, if they are few; undefined: it is no branch of that kind. */
export function skippedBy({ row, immediate }: Decoded): number | undefined {
  const length = immediate / 4 - 1;
  return row.effect.kind === 'branch' && length >= 1 && length <= LENGTH_LIMIT ? length : undefined;
}

/** Whether executing an instruction needlessly does no harm: it writes a register, and takes no time worth a branch. */
export const isPlain = ({ row: { effect } }: Decoded): boolean => effect.kind === 'set' && isCheap(effect.value);

/** Whether the instruction at an index of a block may be without effect. */
export function maySkip(skips: Skips, index: number): boolean {
  for (const [branch, length] of skips) if (index > branch && index <= branch + length) return true;
  return false;
}

const DIVISIONS: ReadonlySet<BinaryOperator> = new Set(['div', 'divu', 'rem', 'remu']);

function isCheap(expression: Expression): boolean {
  switch (expression.kind) {
    case 'constant':
    case 'operand':
      return true;
    case 'binary':
      return !DIVISIONS.has(expression.operator) && isCheap(expression.left) && isCheap(expression.right);
    case 'select':
      return isCheap(expression.condition) && isCheap(expression.then) && isCheap(expression.otherwise);
  }
}
