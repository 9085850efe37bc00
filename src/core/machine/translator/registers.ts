// Which registers a region must load and store, and how far it may run between two looks at its budget. Inside a loop,
// the registers that the loop uses live in locals; the others lie in the hart's block, so that they do not compete for the
// processor's registers. The block is behind for those that are dirty, and it must be up to date wherever control leaves.
// All sets are masks: bit n stands for xn.

import type { Decoded } from '../../isa/instructions.ts';
import { transfersByOffset } from '../operations.ts';
import type { Flow } from './flow.ts';
import type { Block, Edge } from './region.ts';
import { maySkip } from './skips.ts';

export interface Registers {
  /** Registers that live in locals throughout each node: those that the innermost loop around it uses. */
  readonly resident: Int32Array;
  /** At the start of each node: registers whose locals may differ from the block. */
  readonly dirtyIn: Int32Array;
  /** At the end of each node, before a call: the same. */
  readonly dirtyOut: Int32Array;
  /** At the start of each node: registers whose locals are read before they are written. */
  readonly liveIn: Int32Array;
}

/** Registers an instruction reads. */
export const readsOf = ({ rs1, rs2 }: Decoded): number => ((1 << rs1) | (1 << rs2)) & ~1;

/** The register an instruction writes. A fence has a field rd too, but reserved: "implementations shall ignore" it. */
export const writesOf = ({ rd, row }: Decoded): number => (row.effect.kind === 'fence' ? 0 : (1 << rd) & ~1);

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
  const resident = residentOf(blocks, flow);
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
        const after = before | (out & (resident[to] ?? 0));
        if (after === before) continue;
        dirtyIn[to] = after;
        changed = true;
      }
    }
  }
  const liveIn = new Int32Array(nodes);
  for (let changed = true; changed;) {
    changed = false;
    for (let index = flow.order.length - 1; index >= 0; index--) {
      const node = flow.order[index] ?? 0;
      const live = liveAtStart(node, blocks[node], flow, { resident, dirtyIn, dirtyOut, liveIn });
      if (live === liveIn[node]) continue;
      liveIn[node] = live;
      changed = true;
    }
  }
  return { resident, dirtyIn, dirtyOut, liveIn };
}

/** Registers to store on the way from one node to another: dirty, and not in locals any more. */
export const storedBetween = ({ dirtyOut, resident }: Registers, from: number, to: number): number =>
  (dirtyOut[from] ?? 0) & ~(resident[to] ?? 0);

/** Registers to load on the way from one node to another: read there, and not in locals before. */
export const loadedBetween = ({ liveIn, resident }: Registers, from: number, to: number): number =>
  (liveIn[to] ?? 0) & ~(resident[from] ?? 0);

function residentOf(blocks: readonly Block[], flow: Flow): Int32Array {
  const resident = new Int32Array(flow.successors.length).fill(-1);
  const outermostFirst = [...flow.loops.values()].sort((a, b) => b.size - a.size);
  for (const members of outermostFirst) {
    let used = 0;
    for (const node of members)
      for (const each of blocks[node]?.instructions ?? []) used |= readsOf(each) | writesOf(each);
    for (const node of members) resident[node] = used;
  }
  return resident;
}

function liveAtStart(node: number, block: Block | undefined, flow: Flow, registers: Registers): number {
  const successors = flow.successors[node] ?? [];
  const dirtyIn = registers.dirtyIn[node] ?? 0;
  const dirtyOut = registers.dirtyOut[node] ?? 0;
  let live = 0;
  for (const to of successors) {
    live |= (registers.liveIn[to] ?? 0) & (registers.resident[node] ?? 0);
    live |= storedBetween(registers, node, to);
  }
  if (block === undefined) return live | dirtyIn;
  if (returnsFromCall(block)) live = dirtyOut;
  else if (leavesRegion(block, successors)) live |= dirtyOut;
  const before: number[] = [];
  dirtyThrough(block, dirtyIn, (_, dirty) => before.push(dirty));
  for (let index = block.instructions.length - 1; index >= 0; index--) {
    const decoded = block.instructions[index];
    if (decoded === undefined) continue;
    if (!maySkip(block.skips, index)) live &= ~writesOf(decoded); // otherwise the old value may be what stays
    live |= readsOf(decoded);
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
