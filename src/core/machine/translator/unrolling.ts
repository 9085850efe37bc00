// Loops that walk through memory in even steps — over an array, a string, a stack of words — are written several times
// over, so that one look into the translations and one at the budget serve several rounds. Where that look fails, at the
// end of a page for one, the loop goes round once as it stands.

import type { Decoded } from '../../isa/instructions.ts';
import { checkOf, isBasePlusImmediate, isGroupable, REACH, type Access, type SharedCheck } from './memory-groups.ts';
import type { Block, Edge } from './region.ts';

/** Rounds that one check serves. */
const ROUNDS = 4;
/** Instructions of a loop that is worth it: a longer one has other work to do. */
const LENGTH_LIMIT = 48;

export interface Unrolling {
  readonly rounds: number;
  readonly checks: readonly SharedCheck[];
  /** Accesses that need no check of their own, by index in the block: offset from their base as it is when the first round begins. */
  readonly members: ReadonlyMap<
    number,
    { readonly check: SharedCheck; readonly offset: number; readonly step: number }
  >;
  /** Whether the branch at the end leads back where it is taken, or where it is not. */
  readonly backWhenTaken: boolean;
  readonly exit: Edge;
}

interface Walk {
  readonly kind: 'load' | 'store';
  readonly base: number;
  readonly step: number;
  readonly accesses: Access[];
}

/** How the loop that consists of one block, which branches back to itself, is unrolled; undefined where it is not. */
export function unrollingOf(block: Block, index: number): Unrolling | undefined {
  const { ending, instructions } = block;
  if (ending.kind !== 'branch' || instructions.length > LENGTH_LIMIT || block.skips.size > 0) return undefined;
  const backWhenTaken = ending.taken.block === index;
  if (backWhenTaken === (ending.next.block === index)) return undefined;
  const members = new Map<number, { check: SharedCheck; offset: number; step: number }>();
  const checks: SharedCheck[] = [];
  for (const { kind, base, step, accesses } of walksOf(instructions)) {
    const rounds = Array.from({ length: ROUNDS }, (_, round) => round * step);
    const all = accesses.flatMap((access) => rounds.map((moved) => ({ ...access, offset: access.offset + moved })));
    const check = checkOf(checks.length, kind, base, all);
    if (check.span > REACH) continue;
    checks.push(check);
    for (const access of accesses) members.set(access.index, { check, offset: access.offset, step });
  }
  if (checks.length === 0) return undefined;
  return { rounds: ROUNDS, checks, members, backWhenTaken, exit: backWhenTaken ? ending.next : ending.taken };
}

/** Accesses of one kind through each register that moves, in a round, by constants only. */
function walksOf(instructions: readonly Decoded[]): readonly Walk[] {
  const moved = new Map<number, number>();
  const unsteady = new Set<number>();
  const walks = new Map<string, Walk>();
  for (const decoded of instructions) {
    if (isStep(decoded)) moved.set(decoded.rd, (moved.get(decoded.rd) ?? 0) + decoded.immediate);
    else if (decoded.rd !== 0) unsteady.add(decoded.rd);
  }
  const sofar = new Map<number, number>();
  instructions.forEach((decoded, index) => {
    const { effect } = decoded.row;
    const base = decoded.rs1;
    if ((effect.kind === 'load' || effect.kind === 'store') && isGroupable(decoded) && !unsteady.has(base)) {
      const key = `${effect.kind} ${base}`;
      const walk = walks.get(key) ?? { kind: effect.kind, base, step: moved.get(base) ?? 0, accesses: [] };
      walks.set(key, walk);
      walk.accesses.push({ index, offset: decoded.immediate + (sofar.get(base) ?? 0), width: effect.width });
    }
    if (isStep(decoded)) sofar.set(decoded.rd, (sofar.get(decoded.rd) ?? 0) + decoded.immediate);
  });
  return [...walks.values()];
}

/** A register plus a constant, into itself. */
const isStep = ({ rd, rs1, row: { effect } }: Decoded): boolean =>
  rd !== 0 && rd === rs1 && effect.kind === 'set' && isBasePlusImmediate(effect.value);
