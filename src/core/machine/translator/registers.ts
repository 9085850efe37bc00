// Which registers a region must load and store, and how far it may run between two looks at its budget. Registers live
// in locals inside a region; the hart's block is behind for those that are dirty, and it must be up to date wherever control
// leaves. All sets are masks: bit n stands for xn.

import type { Decoded } from '../../isa/instructions.ts';
import { transfersByOffset } from '../operations.ts';
import type { Flow } from './flow.ts';
import type { Block, Edge } from './region.ts';

export interface Registers {
  /** At the start of each node: registers whose locals may differ from the block. */
  readonly dirtyIn: Int32Array;
  /** At the end of each node, before a call: the same. */
  readonly dirtyOut: Int32Array;
  /** At the start of each node: registers whose locals are read before they are written. */
  readonly liveIn: Int32Array;
}

/** Registers an instruction reads, and the one it writes. */
export const readsOf = ({ rs1, rs2 }: Decoded): number => ((1 << rs1) | (1 << rs2)) & ~1;
export const writesOf = ({ rd }: Decoded): number => (1 << rd) & ~1;

/** Whether an instruction may turn out to be one for the interpreter: its registers must be complete before it. */
export function mayLeave({ row }: Decoded): boolean {
  switch (row.effect.kind) {
    case 'load':
    case 'store':
    case 'atomic':
    case 'load-reserved':
    case 'store-conditional':
      return true;
    case 'jump':
      return !transfersByOffset(row); // a register may hold a misaligned target
    default:
      return false;
  }
}

/** Calls `visit` with the dirty registers before each instruction of a block. @returns those at its end */
export function dirtyThrough(
  { instructions }: Block,
  dirtyIn: number,
  visit: (decoded: Decoded, dirty: number) => void = () => undefined,
): number {
  let dirty = dirtyIn;
  for (const decoded of instructions) {
    visit(decoded, dirty);
    dirty |= writesOf(decoded);
  }
  return dirty;
}

/** @param blocks of the nodes; a node without a block is the one that computed jumps meet in, and executes nothing */
export function registersOf(blocks: readonly Block[], flow: Flow): Registers {
  const nodes = flow.successors.length;
  const dirtyIn = new Int32Array(nodes);
  const dirtyOut = new Int32Array(nodes);
  for (let changed = true; changed;) {
    changed = false;
    for (const node of flow.order) {
      const block = blocks[node];
      const out = block ? dirtyThrough(block, dirtyIn[node] ?? 0) : (dirtyIn[node] ?? 0);
      dirtyOut[node] = out;
      if (block && returnsFromCall(block)) continue; // all is stored before a call
      for (const to of flow.successors[node] ?? []) {
        const before = dirtyIn[to] ?? 0;
        if ((before | out) === before) continue;
        dirtyIn[to] = before | out;
        changed = true;
      }
    }
  }
  const liveIn = new Int32Array(nodes);
  for (let changed = true; changed;) {
    changed = false;
    for (let index = flow.order.length - 1; index >= 0; index--) {
      const node = flow.order[index] ?? 0;
      const live = liveAtStart(node, blocks[node], flow, { dirtyIn, dirtyOut, liveIn });
      if (live === liveIn[node]) continue;
      liveIn[node] = live;
      changed = true;
    }
  }
  return { dirtyIn, dirtyOut, liveIn };
}

function liveAtStart(node: number, block: Block | undefined, flow: Flow, registers: Registers): number {
  const successors = flow.successors[node] ?? [];
  const dirtyIn = registers.dirtyIn[node] ?? 0;
  let live = 0;
  for (const to of successors) live |= registers.liveIn[to] ?? 0;
  if (block === undefined) return live | dirtyIn;
  const dirtyOut = registers.dirtyOut[node] ?? 0;
  if (returnsFromCall(block)) live = dirtyOut;
  else if (leavesRegion(block, successors)) live |= dirtyOut;
  const before: number[] = [];
  dirtyThrough(block, dirtyIn, (_, dirty) => before.push(dirty));
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const decoded = block.instructions[index];
    if (decoded === undefined) continue;
    live = (live & ~writesOf(decoded)) | readsOf(decoded);
    if (mayLeave(decoded)) live |= before[index] ?? 0;
  }
  return flow.loops.has(node) ? live | dirtyIn : live;
}

/** A block that ends in a call after which the region goes on: other code runs in between. */
export const returnsFromCall = ({ ending }: Block): boolean =>
  (ending.kind === 'call' || ending.kind === 'call-computed') && ending.next.block >= 0;

function leavesRegion({ ending }: Block, kept: readonly number[]): boolean {
  const outside = (edge: Edge) => edge.block < 0 || !kept.includes(edge.block);
  if (ending.kind === 'branch') return outside(ending.taken) || outside(ending.next);
  if (ending.kind === 'goto') return outside(ending.next);
  return true;
}

/**
 * Instructions executed, at most, from the start of each node to the next place that looks at the budget: a loop's
 * head, the return from a call, or an exit.
 */
export function needsOf(blocks: readonly Block[], flow: Flow): Int32Array {
  const needs = new Int32Array(flow.successors.length);
  for (let index = flow.order.length - 1; index >= 0; index--) {
    const node = flow.order[index] ?? 0;
    const block = blocks[node];
    let rest = 0;
    if (!block || !returnsFromCall(block)) {
      for (const to of flow.successors[node] ?? []) if (!flow.loops.has(to)) rest = Math.max(rest, needs[to] ?? 0);
    }
    needs[node] = (block?.instructions.length ?? 0) + rest;
  }
  return needs;
}
