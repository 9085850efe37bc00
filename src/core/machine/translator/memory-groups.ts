// Neighbouring accesses through one register — a stack frame, a structure, an unrolled copy — share one look into the
// translations: if the first of them may go ahead, so may all, because they lie in one page. How they are aligned does not
// matter then: inside a page of RAM, every access works.

import type { Expression } from '../../isa/expression.ts';
import type { Decoded } from '../../isa/instructions.ts';

/** Bytes from the first to the last access of a group. */
export const REACH = 2048;

/** One look into the translations that is good for several accesses through one register. */
export interface SharedCheck {
  /** Counts the checks of a block: several of one base may be under way at a time. */
  readonly number: number;
  readonly kind: 'load' | 'store';
  readonly base: number;
  /** Offset of the lowest access from the register, and bytes from there to the last byte of the highest. */
  readonly lowest: number;
  readonly span: number;
}

export interface MemoryGroup extends SharedCheck {
  /** Index, in the block, of the access that checks for all. */
  readonly leader: number;
}

export interface Access {
  /** Of the instruction in its block. */
  readonly index: number;
  /** From the base register. */
  readonly offset: number;
  readonly width: number;
}

/** Finds the groups of a block. @returns the group of each access that belongs to one, by index in the block */
export function groupsOf(instructions: readonly Decoded[]): ReadonlyMap<number, MemoryGroup> {
  const groups = new Map<number, MemoryGroup>();
  let number = 0;
  instructions.forEach((first, index) => {
    const { effect } = first.row;
    if (groups.has(index) || !isGroupable(first) || (effect.kind !== 'load' && effect.kind !== 'store')) return;
    const members = membersFrom(instructions, index, effect.kind, groups);
    if (members.length < 2) return;
    const group = { leader: index, ...checkOf(number++, effect.kind, first.rs1, members) };
    for (const member of members) groups.set(member.index, group);
  });
  return groups;
}

/** The check that covers all of some accesses. */
export function checkOf(number: number, kind: 'load' | 'store', base: number, members: readonly Access[]): SharedCheck {
  const lowest = Math.min(...members.map(({ offset }) => offset));
  return {
    number,
    kind,
    base,
    lowest,
    span: Math.max(...members.map(({ offset, width }) => offset + width)) - lowest,
  };
}

/** Accesses from `start` on that use its base before that changes, near enough to one another. */
function membersFrom(
  instructions: readonly Decoded[],
  start: number,
  kind: 'load' | 'store',
  taken: ReadonlyMap<number, MemoryGroup>,
): Access[] {
  const base = instructions[start]?.rs1;
  const members: Access[] = [];
  let [low, high] = [Infinity, -Infinity];
  for (let index = start; index < instructions.length; index++) {
    const decoded = instructions[index];
    if (decoded === undefined) break;
    const { effect } = decoded.row;
    if (effect.kind === kind && decoded.rs1 === base && isGroupable(decoded) && !taken.has(index)) {
      const access = { index, offset: decoded.immediate, width: effect.width };
      const [lower, higher] = [Math.min(low, access.offset), Math.max(high, access.offset + access.width)];
      if (higher - lower <= REACH) {
        members.push(access);
        [low, high] = [lower, higher];
      }
    }
    if (decoded.rd === base) break;
  }
  return members;
}

export const isGroupable = ({ rs1, row: { effect } }: Decoded): boolean =>
  rs1 !== 0 && (effect.kind === 'load' || effect.kind === 'store') && isBasePlusImmediate(effect.address);

export const isBasePlusImmediate = (address: Expression): boolean =>
  address.kind === 'binary' &&
  address.operator === 'add' &&
  address.left.kind === 'operand' &&
  address.left.name === 'rs1' &&
  address.right.kind === 'operand' &&
  address.right.name === 'immediate';
