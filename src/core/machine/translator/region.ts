// What a region consists of: the blocks reachable by direct branches from one instruction that control often arrives at,
// over the pages it can see at the moment. A branch back beyond that instruction leads to the head of an outer loop: there
// another region begins, in which this loop is properly nested, so it is left out here. Offsets count bytes from the start of the virtual page of that instruction,
// so a region is good for every virtual address at which its frames lie in this order.

import { decode, type Decoded } from '../../isa/instructions.ts';
import { REGION_REACH } from '../layout.ts';
import { isComputedJump, transfersByOffset } from '../operations.ts';
import { isPlain, skippedBy, type Skips } from './skips.ts';

/** Instructions a region may have. */
const INSTRUCTION_LIMIT = 700;
/** Entries of the jump table that computed jumps share. */
const TABLE_LIMIT = 2048;

/** Code as the hart sees it now, around the region's page. */
export interface CodeView {
  /** Linear address of the decoded page that lies `index` pages behind the region's own; 0: none that may be used. */
  page(index: number): number;
  /** The word of an instruction that the fast form executes; undefined otherwise. @param page of `page()` */
  word(page: number, offset: number): number | undefined;
  /** Where a computed jump has been seen to go. @returns distances in bytes from the jump */
  jumps(page: number, offset: number): readonly number[];
}

/** Where control goes: a block of the region, or out of it. */
export interface Edge {
  readonly offset: number;
  /** Index of the block, −1 outside. */
  readonly block: number;
}

export type Ending =
  | { readonly kind: 'branch'; readonly taken: Edge; readonly next: Edge }
  | { readonly kind: 'goto'; readonly next: Edge }
  /** Keeps the return address and goes to another function, which is expected to come back to `next`. */
  | { readonly kind: 'call'; readonly target: number; readonly next: Edge }
  /** Keeps the return address and goes where a register says. */
  | { readonly kind: 'call-computed'; readonly next: Edge }
  /** Leaves to where a register says: a return. */
  | { readonly kind: 'leave' }
  /** Goes where a register says, often to a block of the region. */
  | { readonly kind: 'computed' }
  /** The instruction at `offset` is for the interpreter. */
  | { readonly kind: 'slow'; readonly offset: number };

/** Instructions without a transfer among them but for skips and the last, which `ending` tells about. */
export interface Block {
  readonly offset: number;
  readonly instructions: readonly Decoded[];
  readonly skips: Skips;
  readonly ending: Ending;
}

export interface Region {
  /** The first is where the region begins. */
  readonly blocks: readonly Block[];
  /** Decoded pages the code lies in, by their place behind the region's own, which is 0. */
  readonly pages: ReadonlyMap<number, number>;
  /** Blocks that computed jumps of the region go to, by offset. */
  readonly table: readonly Edge[];
}

/**
 * Finds the region that begins at an instruction.
 * @param entry its offset in its page
 */
export function regionAt(view: CodeView, entry: number): Region {
  return new Discovery(view).discover(entry);
}

class Discovery {
  readonly #view: CodeView;
  readonly #pages = new Map<number, number>();
  readonly #instructions = new Map<number, Decoded>();
  /** Where blocks begin, and how many reasons there are for it. */
  readonly #leaders = new Map<number, number>();
  /** Branches that are skips, and the instructions each jumps over. */
  readonly #skips = new Map<number, number>();
  readonly #computed = new Set<number>();
  readonly #pending: number[] = [];
  #entry = 0;

  constructor(view: CodeView) {
    this.#view = view;
  }

  discover(entry: number): Region {
    this.#entry = entry;
    this.#lead(entry);
    for (let at = this.#pending.shift(); at !== undefined; at = this.#pending.shift()) this.#follow(at);
    for (const [offset, decoded] of this.#instructions) this.#joinOverSkip(offset, decoded);
    const starts = [...this.#leaders.keys()].filter((offset) => this.#instructions.has(offset));
    const indices = new Map(starts.map((offset, index) => [offset, index]));
    const edge = (offset: number): Edge => ({ offset, block: indices.get(offset) ?? -1 });
    return {
      blocks: starts.map((offset) => this.#block(offset, edge)),
      pages: this.#pages,
      table: this.#table(edge),
    };
  }

  /** Reads instructions from `at` on, up to a transfer or to what is known. */
  #follow(at: number): void {
    for (let offset = at; !this.#instructions.has(offset); offset += 4) {
      const decoded = this.#decode(offset);
      if (decoded === undefined) return;
      this.#instructions.set(offset, decoded);
      const { effect } = decoded.row;
      if (effect.kind === 'branch') {
        this.#branchTo(offset, offset + decoded.immediate);
        this.#lead(offset + 4);
      } else if (effect.kind === 'jump') {
        if (isCall(decoded)) this.#lead(offset + 4);
        else if (transfersByOffset(decoded.row)) this.#branchTo(offset, offset + decoded.immediate);
        else if (isComputedJump(decoded)) this.#followComputed(offset);
        return;
      }
    }
  }

  #followComputed(offset: number): void {
    const page = this.#page(offset);
    for (const distance of this.#view.jumps(page, offset & 0xfff)) {
      this.#computed.add(offset + distance);
      this.#lead(offset + distance);
    }
  }

  #branchTo(from: number, target: number): void {
    if (target >= this.#entry || target > from) this.#lead(target);
  }

  #lead(offset: number): void {
    const reasons = this.#leaders.get(offset) ?? 0;
    this.#leaders.set(offset, reasons + 1);
    if (reasons === 0) this.#pending.push(offset);
  }

  /** A branch over a few plain instructions that control comes to from nowhere else begins no block, nor does its target. */
  #joinOverSkip(offset: number, decoded: Decoded): void {
    const length = skippedBy(decoded);
    const target = offset + decoded.immediate;
    if (length === undefined || !this.#instructions.has(target) || this.#leaders.get(offset + 4) !== 1) return;
    for (let behind = offset + 4; behind < target; behind += 4) {
      const skipped = this.#instructions.get(behind);
      if (skipped === undefined || !isPlain(skipped) || (behind > offset + 4 && this.#leaders.has(behind))) return;
    }
    this.#skips.set(offset, length);
    this.#leaders.delete(offset + 4);
    const reasons = this.#leaders.get(target) ?? 0;
    if (reasons > 1) this.#leaders.set(target, reasons - 1);
    else this.#leaders.delete(target);
  }

  #decode(offset: number): Decoded | undefined {
    if (this.#instructions.size >= INSTRUCTION_LIMIT) return undefined;
    const page = this.#page(offset);
    const word = page === 0 ? undefined : this.#view.word(page, offset & 0xfff);
    if (word === undefined) return undefined;
    this.#pages.set(offset >> 12, page);
    return decode(word);
  }

  #page(offset: number): number {
    const index = offset >> 12;
    return this.#pages.get(index) ?? (Math.abs(index) > REGION_REACH ? 0 : this.#view.page(index));
  }

  #block(start: number, edge: (offset: number) => Edge): Block {
    const instructions: Decoded[] = [];
    const skips = new Map<number, number>();
    const block = { offset: start, instructions, skips };
    for (let offset = start; ; offset += 4) {
      if (offset !== start && this.#leaders.has(offset)) return { ...block, ending: this.#fallInto(offset, edge) };
      const decoded = this.#instructions.get(offset);
      if (decoded === undefined) return { ...block, ending: { kind: 'slow', offset } };
      const skipped = this.#skips.get(offset);
      if (skipped !== undefined) skips.set(instructions.length, skipped);
      instructions.push(decoded);
      const ending = skipped === undefined ? endingOf(decoded, offset, edge) : undefined;
      if (ending) return { ...block, ending };
    }
  }

  #fallInto(offset: number, edge: (offset: number) => Edge): Ending {
    const next = edge(offset);
    return next.block < 0 ? { kind: 'slow', offset } : { kind: 'goto', next };
  }

  #table(edge: (offset: number) => Edge): readonly Edge[] {
    const inside = [...this.#computed].sort((a, b) => a - b).map(edge);
    const targets = inside.filter(({ block }) => block >= 0);
    const first = targets[0]?.offset ?? 0;
    return targets.filter(({ offset }) => (offset - first) / 4 < TABLE_LIMIT);
  }
}

/** A jump that keeps its return address where returns look for it. */
const isCall = ({ row, rd }: Decoded): boolean => row.effect.kind === 'jump' && rd !== 0;

/** What ends a block, if the instruction does. */
function endingOf(decoded: Decoded, offset: number, edge: (offset: number) => Edge): Ending | undefined {
  const { effect } = decoded.row;
  if (effect.kind === 'branch') {
    return { kind: 'branch', taken: edge(offset + decoded.immediate), next: edge(offset + 4) };
  }
  if (effect.kind !== 'jump') return undefined;
  const direct = transfersByOffset(decoded.row);
  if (isCall(decoded)) {
    const next = edge(offset + 4);
    return direct ? { kind: 'call', target: offset + decoded.immediate, next } : { kind: 'call-computed', next };
  }
  if (direct) return { kind: 'goto', next: edge(offset + decoded.immediate) };
  return isComputedJump(decoded) ? { kind: 'computed' } : { kind: 'leave' };
}
