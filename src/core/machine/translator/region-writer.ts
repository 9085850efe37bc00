// Writes one region as one WebAssembly function: its blocks as structured code, nested as the dominator tree nests them.
// What an instruction means comes from its row (instruction-writer.ts); this file only knows where control goes.
//
//   may the region run? (its other pages, the budget)            no: leave slowly, nothing has happened
//   load the registers that are read before they are written
//   block return, block slow, block stub … stub                  one stub a set of registers that must be stored
//     the blocks
//   stubs: store the set;  slow: pc and budget of the instruction that was refused;  return: both in one word

import type { CodeWriter, FunctionBody, Label } from '../../wasm/code-writer.ts';
import { Op, ValueType } from '../../wasm/opcodes.ts';
import { HEAT_OFFSET, PAGE_SIZE, REGION_PAGES_SHIFT, REGION_REACH, TRANSLATION_TABLE_BYTES, Word } from '../layout.ts';
import { Table } from '../translations.ts';
import { flowOf, type Flow } from './flow.ts';
import { InstructionWriter } from './instruction-writer.ts';
import { RegionFrame } from './region-frame.ts';
import { LEAVES_SLOWLY, REGION } from './region-interface.ts';
import type { Block, Edge, Ending, Region } from './region.ts';
import {
  dirtyThrough,
  loadedBetween,
  mayLeave,
  needsOf,
  registersOf,
  returnsFromCall,
  storedBetween,
  type Registers,
} from './registers.ts';
import { unrollingOf } from './unrolling.ts';

/**
 * Writes a region as the body of a function of `REGION_TYPE`. Where its decoded pages lie is not written into it: that is
 * read from the words of its slot, so that the same code does for every place with the same instructions.
 * @param regionBase linear address of those words
 */
export function writeRegion(region: Region, regionBase: number): FunctionBody {
  return new RegionWriter(region, regionBase).write();
}

class RegionWriter {
  readonly #region: Region;
  readonly #regionBase: number;
  readonly #flow: Flow;
  readonly #registers: Registers;
  readonly #needs: Int32Array;
  /** The node in which all computed jumps of the region meet; −1: it has none. */
  readonly #junction: number;

  readonly #frame = new RegionFrame();
  readonly #code: CodeWriter = this.#frame.code;
  readonly #instructions = new InstructionWriter(this.#frame);
  readonly #heat = this.#code.local();
  readonly #translation = this.#code.local();
  readonly #result = this.#code.local(ValueType.i64);
  readonly #labels = new Map<number, Label>();

  constructor(region: Region, regionBase: number) {
    this.#region = region;
    this.#regionBase = regionBase;
    const { blocks, table } = region;
    this.#junction = table.length > 0 ? blocks.length : -1;
    const targets = table.map(({ block }) => block);
    const successors = blocks.map(({ ending }) => successorsOf(ending, this.#junction));
    this.#flow = flowOf(this.#junction < 0 ? successors : [...successors, targets], new Set(targets));
    this.#registers = registersOf(blocks, this.#flow);
    this.#needs = needsOf(blocks, this.#flow);
  }

  write(): FunctionBody {
    this.#enter();
    this.#frame.loadRegisters(this.#registers.liveIn[0] ?? 0);
    return this.#frame.enclose([...this.#stubMasks()], () => this.#tree(0, 0));
  }

  /** Refuses to run where another page of the region is not where it was, or where the budget might end within. */
  #enter(): void {
    const code = this.#code;
    code.get(this.#frame.hart);
    code.memory(Op.i32Load, Word.translations * 4);
    code.set(this.#frame.translations);
    const go = code.block();
    const refuse = code.block();
    if (!this.#flow.loops.has(0)) this.#frame.branchIfBudgetBelow(this.#needs[0] ?? 0, refuse);
    for (const index of this.#region.pages.keys()) {
      if (index === 0) continue; // the caller has come through it
      code.get(this.#frame.page);
      code.constant(index * PAGE_SIZE);
      code.op(Op.i32Add);
      this.#frame.pushPageIndex();
      code.memory(Op.i32Load, Table.fetch * TRANSLATION_TABLE_BYTES);
      this.#pushDecodedPage(index);
      code.op(Op.i32Ne);
      code.branchIf(refuse, 'unlikely');
    }
    code.branch(go);
    code.end(); // refuse
    this.#frame.pushPc((this.#region.blocks[0]?.offset ?? 0) + LEAVES_SLOWLY);
    code.set(this.#frame.pc);
    this.#frame.pushResult();
    code.op(Op.return);
    code.end(); // go
  }

  /** Writes a node and all that it dominates, but for what lies behind a loop around it. */
  #tree(node: number, pending: number): void {
    if (!this.#flow.loops.has(node)) return this.#within(node, this.#flow.merges[node]?.toReversed() ?? [], pending);
    this.#frame.settle(pending);
    this.#loop(node, this.#flow.exits[node]?.toReversed() ?? []);
  }

  /** Writes a loop inside of one block for each node behind it. */
  #loop(head: number, exits: readonly number[]): void {
    const code = this.#code;
    const [last, ...others] = exits;
    if (last === undefined) {
      this.#labels.set(head, code.loop());
      this.#checkBudget(head);
      this.#writeRounds(head);
      this.#within(head, this.#flow.merges[head]?.toReversed() ?? [], 0);
      return code.end();
    }
    this.#labels.set(last, code.block());
    this.#loop(head, others);
    code.end();
    this.#tree(last, 0);
  }

  /** Writes a node inside of one block for each place behind it where paths merge. */
  #within(node: number, merges: readonly number[], pending: number): void {
    const [last, ...others] = merges;
    if (last === undefined) return this.#node(node, pending);
    this.#labels.set(last, this.#code.block());
    this.#within(node, others, pending);
    this.#code.end();
    this.#tree(last, 0);
  }

  /** Several rounds of a small loop at once, where one check allows it; behind them, the loop goes round as it stands. */
  #writeRounds(head: number): void {
    const code = this.#code;
    const block = this.#region.blocks[head];
    const plan = block && unrollingOf(block, head);
    if (!block || !plan) return;
    const { rounds, checks, members, backWhenTaken, exit } = plan;
    const { length } = block.instructions;
    const dirty = this.#registers.dirtyIn[head] ?? 0;
    const single = code.block();
    this.#frame.branchIfBudgetBelow((rounds - 1) * length + (this.#needs[head] ?? 0), single);
    for (const check of checks) this.#instructions.writeCheck(check, single, 'rounds');
    for (let round = 0; round < rounds; round++) {
      block.instructions.forEach((decoded, index) => {
        const place = { decoded, offset: block.offset + 4 * index, pending: round * length + index, dirty };
        const member = members.get(index);
        const checked = member && {
          local: this.#frame.checkLocal(member.check.number, 'rounds'),
          add: member.offset + round * member.step - member.check.lowest,
        };
        this.#instructions.write(place, checked);
      });
      this.#instructions.pushCondition(block);
      if (backWhenTaken) code.op(Op.i32Eqz);
      code.if('unlikely');
      this.#goTo(head, exit, (round + 1) * length);
      code.end();
    }
    this.#frame.settle(rounds * length);
    code.branch(this.#label(head));
    code.end();
  }

  #node(node: number, pending: number): void {
    const block = this.#region.blocks[node];
    if (block === undefined) return this.#writeJunction(node, pending);
    const dirty = this.#instructions.writeBlock(block, this.#registers.dirtyIn[node] ?? 0, pending);
    this.#writeEnding(node, block, pending + block.instructions.length, dirty);
  }

  #goTo(from: number, edge: Edge, pending: number): void {
    if (edge.block < 0 || this.#flow.successors[from]?.includes(edge.block) !== true) {
      return this.#leave(edge.offset, this.#registers.dirtyOut[from] ?? 0, pending);
    }
    this.#frame.storeRegisters(storedBetween(this.#registers, from, edge.block));
    this.#frame.loadRegisters(loadedBetween(this.#registers, from, edge.block));
    this.#continueAt(edge.block, pending);
  }

  /** Control goes on at a node, its registers in their locals: it is written here, or a label leads there. */
  #continueAt(node: number, pending: number): void {
    const label = this.#labels.get(node);
    if (label === undefined) return this.#tree(node, pending);
    this.#frame.settle(pending);
    this.#code.branch(label);
  }

  /** Leaves for an instruction at an offset; whoever called the region finds out what stands there. */
  #leave(offset: number, dirty: number, pending: number): void {
    this.#frame.settle(pending);
    this.#frame.storeRegisters(dirty);
    this.#frame.pushPc(offset);
    this.#code.set(this.#frame.pc);
    this.#code.branch(this.#frame.return);
  }

  #writeEnding(node: number, block: Block, executed: number, dirty: number): void {
    const code = this.#code;
    const { ending } = block;
    switch (ending.kind) {
      case 'branch':
        this.#instructions.pushCondition(block);
        code.if();
        this.#goTo(node, ending.taken, executed);
        code.else();
        this.#goTo(node, ending.next, executed);
        return code.end();
      case 'goto':
        return this.#goTo(node, ending.next, executed);
      case 'slow':
        this.#frame.setExit(ending.offset, executed);
        return code.branch(this.#frame.stub(dirty));
      case 'leave':
        this.#frame.settle(executed);
        this.#frame.storeRegisters(dirty);
        return code.branch(this.#frame.return);
      case 'computed':
        if (this.#flow.successors[node]?.includes(this.#junction)) {
          return this.#goTo(node, { offset: 0, block: this.#junction }, executed);
        }
        this.#frame.settle(executed);
        this.#frame.storeRegisters(dirty);
        return code.branch(this.#frame.return);
      case 'call':
        this.#frame.pushPc(ending.target);
        code.set(this.#frame.pc);
        return this.#writeCall(node, ending.next, executed, dirty, () => this.#pushHeatOf(ending.target));
      case 'call-computed':
        return this.#writeCall(node, ending.next, executed, dirty, () => this.#pushHeatOfPc());
    }
  }

  /** All computed jumps of the region meet here: #pc holds the target. */
  #writeJunction(node: number, pending: number): void {
    const code = this.#code;
    const { table } = this.#region;
    this.#frame.settle(pending);
    const outside = code.block();
    const first = table[0]?.offset ?? 0;
    const length = ((table.at(-1)?.offset ?? first) - first) / 4 + 1;
    const labels = Array<Label>(length).fill(outside);
    const crossing: number[] = [];
    for (const { offset, block } of table) {
      if (!this.#flow.successors[node]?.includes(block)) continue;
      const moves = storedBetween(this.#registers, node, block) | loadedBetween(this.#registers, node, block);
      labels[(offset - first) / 4] = moves === 0 ? this.#label(block) : code.block();
      if (moves !== 0) crossing.push(block);
    }
    code.get(this.#frame.pc);
    this.#frame.pushPc(first);
    code.op(Op.i32Sub);
    code.constant(2);
    code.op(Op.i32ShrU);
    code.branchTable(labels, outside);
    for (const block of crossing.reverse()) {
      code.end();
      this.#frame.storeRegisters(storedBetween(this.#registers, node, block));
      this.#frame.loadRegisters(loadedBetween(this.#registers, node, block));
      this.#continueAt(block, 0);
    }
    code.end();
    this.#frame.storeRegisters(this.#registers.dirtyOut[node] ?? 0);
    code.branch(this.#frame.return);
  }

  /**
   * Calls the region that stands at #pc, if one does, and goes on when it comes back to the return address; otherwise leaves
   * for #pc. What is called may be interrupted, may never return, may return elsewhere: then this region simply ends too, as
   * everything it knows is stored.
   * @param pushHeat pushes the heat at #pc
   */
  #writeCall(node: number, next: Edge, executed: number, dirty: number, pushHeat: () => void): void {
    const code = this.#code;
    this.#frame.settle(executed);
    this.#frame.storeRegisters(dirty);
    if (next.block < 0) return code.branch(this.#frame.return);
    code.get(this.#frame.depth);
    code.op(Op.i32Eqz);
    code.branchIf(this.#frame.return, 'unlikely');
    pushHeat();
    code.tee(this.#heat);
    code.constant(0);
    code.op(Op.i32GeS);
    code.branchIf(this.#frame.return, 'unlikely');
    code.get(this.#frame.hart);
    code.get(this.#frame.pc);
    code.constant(-PAGE_SIZE);
    code.op(Op.i32And);
    code.get(this.#frame.budget);
    code.get(this.#frame.depth);
    code.constant(1);
    code.op(Op.i32Sub);
    code.get(this.#heat);
    code.constant(~REGION);
    code.op(Op.i32And);
    code.tee(this.#heat);
    code.get(this.#heat);
    code.callIndirect(0);
    code.tee(this.#result);
    code.op(Op.i32WrapI64);
    this.#frame.pushPc(next.offset);
    code.op(Op.i32Ne);
    code.if('unlikely');
    code.get(this.#result);
    code.op(Op.return);
    code.end();
    code.get(this.#result);
    code.constant64(32);
    code.op(Op.i64ShrU);
    code.op(Op.i32WrapI64);
    code.set(this.#frame.budget);
    const inside = this.#flow.successors[node]?.includes(next.block) === true;
    if (!inside) return this.#leave(next.offset, 0, 0);
    if (!this.#flow.loops.has(next.block)) {
      this.#frame.setExit(next.offset, 0);
      this.#frame.branchIfBudgetBelow(this.#needs[next.block] ?? 0, this.#frame.stub(0));
    }
    this.#frame.loadRegisters(this.#registers.liveIn[next.block] ?? 0);
    this.#continueAt(next.block, 0);
  }

  /** The linear address of the decoded page that lies `index` pages behind the region's own. */
  #pushDecodedPage(index: number): void {
    const code = this.#code;
    code.get(this.#frame.slot);
    code.constant(REGION_PAGES_SHIFT);
    code.op(Op.i32Shl);
    code.memory(Op.i32Load, this.#regionBase + 4 * (REGION_REACH + index));
  }

  /** The heat at an offset. */
  #pushHeatOf(offset: number): void {
    const index = offset >> 12;
    if (!this.#region.pages.has(index)) return this.#pushHeatOfPc();
    this.#pushDecodedPage(index);
    this.#code.memory(Op.i32Load, HEAT_OFFSET + (offset & 0xfff));
  }

  /** The heat at #pc, through the hart's own translation; 0, which is no region, where there is none. */
  #pushHeatOfPc(): void {
    const code = this.#code;
    code.get(this.#frame.pc);
    this.#frame.pushPageIndex();
    code.memory(Op.i32Load, Table.fetch * TRANSLATION_TABLE_BYTES);
    code.tee(this.#translation);
    code.op(Op.i32Eqz);
    code.branchIf(this.#frame.return, 'unlikely');
    code.get(this.#translation);
    code.get(this.#frame.pc);
    code.constant(0xffc);
    code.op(Op.i32And);
    code.op(Op.i32Add);
    code.memory(Op.i32Load, HEAT_OFFSET);
  }

  #checkBudget(node: number): void {
    const code = this.#code;
    const block = this.#region.blocks[node];
    const need = this.#needs[node] ?? 0;
    const dirty = this.#registers.dirtyIn[node] ?? 0;
    if (block) {
      this.#frame.setExit(block.offset, 0);
      return this.#frame.branchIfBudgetBelow(need, this.#frame.stub(dirty));
    }
    code.get(this.#frame.budget);
    code.constant(need);
    code.op(Op.i32LtS);
    code.if('unlikely');
    this.#frame.storeRegisters(dirty);
    code.branch(this.#frame.return);
    code.end();
  }

  #label(node: number): Label {
    const label = this.#labels.get(node);
    if (label === undefined) throw new Error('a node has no label yet');
    return label;
  }

  /** Every set of dirty registers with which an instruction may be refused. */
  #stubMasks(): ReadonlySet<number> {
    const masks = new Set<number>();
    for (const node of this.#flow.order) {
      const block = this.#region.blocks[node];
      const dirtyIn = this.#registers.dirtyIn[node] ?? 0;
      if (block === undefined) continue;
      if (this.#flow.loops.has(node)) masks.add(dirtyIn);
      const dirtyOut = dirtyThrough(block, dirtyIn, (decoded, dirty) => {
        if (mayLeave(decoded)) masks.add(dirty);
      });
      if (block.ending.kind === 'slow') masks.add(dirtyOut);
      if (returnsFromCall(block)) masks.add(0);
    }
    return masks;
  }
}

function successorsOf(ending: Ending, junction: number): readonly number[] {
  const inside = (...edges: readonly Edge[]) => edges.map(({ block }) => block).filter((block) => block >= 0);
  switch (ending.kind) {
    case 'branch':
      return inside(ending.taken, ending.next);
    case 'goto':
    case 'call':
    case 'call-computed':
      return inside(ending.next);
    case 'computed':
      return junction < 0 ? [] : [junction];
    case 'leave':
    case 'slow':
      return [];
  }
}
