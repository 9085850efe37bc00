// Writes one region as one WebAssembly function: its blocks as structured code, registers in locals, memory through the
// flat translations, every way out exact. What an instruction means comes from its row; this file only knows where values live.
//
//   may the region run? (its other pages, the budget)            no: leave slowly, nothing has happened
//   load the registers that are read before they are written
//   block return, block slow, block stub … stub                  one stub a set of registers that must be stored
//     the blocks, nested as the dominator tree nests them
//   stubs: store the set;  slow: pc and budget of the instruction that was refused;  return: both in one word

import type { Expression } from '../../isa/expression.ts';
import type { Decoded } from '../../isa/instructions.ts';
import { CodeWriter, type FunctionBody, type Label } from '../../wasm/code-writer.ts';
import { Op, ValueType } from '../../wasm/opcodes.ts';
import { HEAT_OFFSET, PAGE_SIZE, TRANSLATION_TABLE_BYTES, Word } from '../layout.ts';
import { loadOp, lower, scratchOf, storeOp, type PushOperand } from '../lower.ts';
import { Table, TRANSLATION_OFFSET } from '../translations.ts';
import { flowOf, type Flow } from './flow.ts';
import { groupsOf, type SharedCheck } from './memory-groups.ts';
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

/** An instruction that is refused is named in one word: instructions executed before it << 20 | its offset + EXIT_BIAS. */
const EXIT_BIAS = 0x8_0000;
const EXIT_OFFSET_BITS = 20;

/** Writes a region as the body of a function of `REGION_TYPE`. */
export function writeRegion(region: Region): FunctionBody {
  return new RegionWriter(region).write();
}

/** What is the same for all instructions of a block while it is written. */
interface Place {
  readonly decoded: Decoded;
  /** Its offset from the region's page. */
  readonly offset: number;
  /** Instructions executed since the budget was last brought up to date. */
  readonly pending: number;
  /** Registers dirty before it. */
  readonly dirty: number;
}

/** The linear address of a checked access: a local, and what to add to it. */
interface Checked {
  readonly local: number;
  readonly add: number;
}

/** Who looked: checks of both kinds may be in use at a time. */
type CheckUse = 'group' | 'rounds';

class RegionWriter {
  readonly #region: Region;
  readonly #flow: Flow;
  readonly #registers: Registers;
  readonly #needs: Int32Array;
  /** The node in which all computed jumps of the region meet; −1: it has none. */
  readonly #junction: number;

  readonly #code = new CodeWriter(4);
  readonly #hart = 0;
  readonly #page = 1;
  readonly #budget = 2;
  readonly #depth = 3;
  readonly #scratch = scratchOf(this.#code);
  readonly #translations = this.#code.local();
  readonly #address = this.#code.local();
  readonly #translation = this.#code.local();
  readonly #old = this.#code.local();
  /** The instruction that is refused, see EXIT_BIAS; the pc to return. */
  readonly #exit = this.#code.local();
  readonly #pc = this.#code.local();
  readonly #heat = this.#code.local();
  readonly #result = this.#code.local(ValueType.i64);
  readonly #locals = new Map<number, number>();
  readonly #checkLocals = new Map<string, number>();

  readonly #labels = new Map<number, Label>();
  readonly #stubs = new Map<number, Label>();
  #return: Label = { depth: 0 };

  constructor(region: Region) {
    this.#region = region;
    const { blocks, table } = region;
    this.#junction = table.length > 0 ? blocks.length : -1;
    const targets = table.map(({ block }) => block);
    const successors = blocks.map(({ ending }) => successorsOf(ending, this.#junction));
    this.#flow = flowOf(this.#junction < 0 ? successors : [...successors, targets], new Set(targets));
    this.#registers = registersOf(blocks, this.#flow);
    this.#needs = needsOf(blocks, this.#flow);
  }

  write(): FunctionBody {
    const code = this.#code;
    this.#enter();
    this.#loadRegisters(this.#registers.liveIn[0] ?? 0);
    this.#return = code.block();
    const slow = code.block();
    const masks = [...this.#stubMasks()];
    for (const mask of masks) this.#stubs.set(mask, code.block());
    this.#tree(0, 0);
    for (const mask of masks.reverse()) {
      code.end();
      this.#storeRegisters(mask);
      code.branch(slow);
    }
    code.end(); // slow
    code.get(this.#budget);
    code.get(this.#exit);
    code.constant(EXIT_OFFSET_BITS);
    code.op(Op.i32ShrU);
    code.op(Op.i32Sub);
    code.set(this.#budget);
    code.get(this.#page);
    code.get(this.#exit);
    code.constant((1 << EXIT_OFFSET_BITS) - 1);
    code.op(Op.i32And);
    code.op(Op.i32Add);
    code.constant(LEAVES_SLOWLY - EXIT_BIAS);
    code.op(Op.i32Add);
    code.set(this.#pc);
    code.end(); // return
    this.#pushResult();
    return code.finish();
  }

  /** Refuses to run where another page of the region is not where it was, or where the budget might end within. */
  #enter(): void {
    const code = this.#code;
    code.get(this.#hart);
    code.memory(Op.i32Load, Word.translations * 4);
    code.set(this.#translations);
    const go = code.block();
    const refuse = code.block();
    if (!this.#flow.loops.has(0)) {
      code.get(this.#budget);
      code.constant(this.#needs[0] ?? 0);
      code.op(Op.i32LtS);
      code.branchIf(refuse, 'unlikely');
    }
    for (const [index, page] of this.#region.pages) {
      if (index === 0) continue; // the caller has come through it
      code.get(this.#page);
      code.constant(index * PAGE_SIZE);
      code.op(Op.i32Add);
      this.#pushPageIndex();
      code.memory(Op.i32Load, Table.fetch * TRANSLATION_TABLE_BYTES);
      code.constant(page);
      code.op(Op.i32Ne);
      code.branchIf(refuse, 'unlikely');
    }
    code.branch(go);
    code.end(); // refuse
    this.#pushPc((this.#region.blocks[0]?.offset ?? 0) + LEAVES_SLOWLY);
    code.set(this.#pc);
    this.#pushResult();
    code.op(Op.return);
    code.end(); // go
  }

  // The tree of nodes.

  /** Writes a node and all that it dominates, but for what lies behind a loop around it. */
  #tree(node: number, pending: number): void {
    if (!this.#flow.loops.has(node)) return this.#within(node, this.#flow.merges[node]?.toReversed() ?? [], pending);
    this.#settle(pending);
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
    this.#branchIfBudgetBelow((rounds - 1) * length + (this.#needs[head] ?? 0), single);
    for (const check of checks) this.#writeCheck(check, single, 'rounds');
    for (let round = 0; round < rounds; round++) {
      block.instructions.forEach((decoded, index) => {
        const place = { decoded, offset: block.offset + 4 * index, pending: round * length + index, dirty };
        const member = members.get(index);
        const checked = member && {
          local: this.#checkLocal(member.check, 'rounds'),
          add: member.offset + round * member.step - member.check.lowest,
        };
        this.#writeInstruction(place, checked);
      });
      this.#pushCondition(block);
      if (backWhenTaken) code.op(Op.i32Eqz);
      code.if('unlikely');
      this.#goTo(head, exit, (round + 1) * length);
      code.end();
    }
    this.#settle(rounds * length);
    code.branch(this.#label(head));
    code.end();
  }

  #node(node: number, pending: number): void {
    const block = this.#region.blocks[node];
    if (block === undefined) return this.#writeJunction(node, pending);
    const dirty = this.#writeInstructions(block, this.#registers.dirtyIn[node] ?? 0, pending);
    this.#writeEnding(node, block, pending + block.instructions.length, dirty);
  }

  #goTo(from: number, edge: Edge, pending: number): void {
    if (edge.block < 0 || this.#flow.successors[from]?.includes(edge.block) !== true) {
      return this.#leave(edge.offset, this.#registers.dirtyOut[from] ?? 0, pending);
    }
    this.#storeRegisters(storedBetween(this.#registers, from, edge.block));
    this.#loadRegisters(loadedBetween(this.#registers, from, edge.block));
    this.#continueAt(edge.block, pending);
  }

  /** Control goes on at a node, its registers in their locals: it is written here, or a label leads there. */
  #continueAt(node: number, pending: number): void {
    const label = this.#labels.get(node);
    if (label === undefined) return this.#tree(node, pending);
    this.#settle(pending);
    this.#code.branch(label);
  }

  /** Leaves for an instruction at an offset; whoever called the region finds out what stands there. */
  #leave(offset: number, dirty: number, pending: number): void {
    this.#settle(pending);
    this.#storeRegisters(dirty);
    this.#pushPc(offset);
    this.#code.set(this.#pc);
    this.#code.branch(this.#return);
  }

  #writeEnding(node: number, block: Block, executed: number, dirty: number): void {
    const code = this.#code;
    const { ending } = block;
    switch (ending.kind) {
      case 'branch':
        this.#pushCondition(block);
        code.if();
        this.#goTo(node, ending.taken, executed);
        code.else();
        this.#goTo(node, ending.next, executed);
        return code.end();
      case 'goto':
        return this.#goTo(node, ending.next, executed);
      case 'slow':
        this.#setExit(ending.offset, executed);
        return code.branch(this.#stub(dirty));
      case 'leave':
        this.#settle(executed);
        this.#storeRegisters(dirty);
        return code.branch(this.#return);
      case 'computed':
        if (this.#flow.successors[node]?.includes(this.#junction)) {
          return this.#goTo(node, { offset: 0, block: this.#junction }, executed);
        }
        this.#settle(executed);
        this.#storeRegisters(dirty);
        return code.branch(this.#return);
      case 'call':
        this.#pushPc(ending.target);
        code.set(this.#pc);
        return this.#writeCall(node, ending.next, executed, dirty, this.#heatAddress(ending.target));
      case 'call-computed':
        return this.#writeCall(node, ending.next, executed, dirty, undefined);
    }
  }

  /** Whether the branch at the end of a block is taken. */
  #pushCondition({ offset, instructions }: Block): void {
    const decoded = instructions.at(-1);
    if (decoded?.row.effect.kind !== 'branch') throw new Error('a block that ends in a branch has none');
    this.#lower(decoded, offset + 4 * (instructions.length - 1), decoded.row.effect.condition);
  }

  /** All computed jumps of the region meet here: #pc holds the target. */
  #writeJunction(node: number, pending: number): void {
    const code = this.#code;
    const { table } = this.#region;
    this.#settle(pending);
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
    code.get(this.#pc);
    this.#pushPc(first);
    code.op(Op.i32Sub);
    code.constant(2);
    code.op(Op.i32ShrU);
    code.branchTable(labels, outside);
    for (const block of crossing.reverse()) {
      code.end();
      this.#storeRegisters(storedBetween(this.#registers, node, block));
      this.#loadRegisters(loadedBetween(this.#registers, node, block));
      this.#continueAt(block, 0);
    }
    code.end();
    this.#storeRegisters(this.#registers.dirtyOut[node] ?? 0);
    code.branch(this.#return);
  }

  /**
   * Calls the region that stands at #pc, if one does, and goes on when it comes back to the return address; otherwise leaves
   * for #pc. What is called may be interrupted, may never return, may return elsewhere: then this region simply ends too, as
   * everything it knows is stored.
   * @param heatAddress linear address of the heat at #pc, where it is known
   */
  #writeCall(node: number, next: Edge, executed: number, dirty: number, heatAddress: number | undefined): void {
    const code = this.#code;
    this.#settle(executed);
    this.#storeRegisters(dirty);
    if (next.block < 0) return code.branch(this.#return);
    code.get(this.#depth);
    code.op(Op.i32Eqz);
    code.branchIf(this.#return, 'unlikely');
    if (heatAddress === undefined) this.#pushHeatOfPc();
    else {
      code.constant(0);
      code.memory(Op.i32Load, heatAddress);
    }
    code.tee(this.#heat);
    code.constant(0);
    code.op(Op.i32GeS);
    code.branchIf(this.#return, 'unlikely');
    code.get(this.#hart);
    code.get(this.#pc);
    code.constant(-PAGE_SIZE);
    code.op(Op.i32And);
    code.get(this.#budget);
    code.get(this.#depth);
    code.constant(1);
    code.op(Op.i32Sub);
    code.get(this.#heat);
    code.constant(~REGION);
    code.op(Op.i32And);
    code.callIndirect(0);
    code.tee(this.#result);
    code.op(Op.i32WrapI64);
    this.#pushPc(next.offset);
    code.op(Op.i32Ne);
    code.if('unlikely');
    code.get(this.#result);
    code.op(Op.return);
    code.end();
    code.get(this.#result);
    code.constant64(32);
    code.op(Op.i64ShrU);
    code.op(Op.i32WrapI64);
    code.set(this.#budget);
    const inside = this.#flow.successors[node]?.includes(next.block) === true;
    if (!inside) return this.#leave(next.offset, 0, 0);
    if (!this.#flow.loops.has(next.block)) {
      this.#setExit(next.offset, 0);
      this.#branchIfBudgetBelow(this.#needs[next.block] ?? 0, this.#stub(0));
    }
    this.#loadRegisters(this.#registers.liveIn[next.block] ?? 0);
    this.#continueAt(next.block, 0);
  }

  #heatAddress(target: number): number | undefined {
    const page = this.#region.pages.get(target >> 12);
    return page === undefined ? undefined : page + HEAT_OFFSET + (target & 0xfff);
  }

  /** The heat at #pc, through the hart's own translation; 0, which is no region, where there is none. */
  #pushHeatOfPc(): void {
    const code = this.#code;
    code.get(this.#pc);
    this.#pushPageIndex();
    code.memory(Op.i32Load, Table.fetch * TRANSLATION_TABLE_BYTES);
    code.tee(this.#translation);
    code.op(Op.i32Eqz);
    code.branchIf(this.#return, 'unlikely');
    code.get(this.#translation);
    code.get(this.#pc);
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
      this.#setExit(block.offset, 0);
      return this.#branchIfBudgetBelow(need, this.#stub(dirty));
    }
    code.get(this.#budget);
    code.constant(need);
    code.op(Op.i32LtS);
    code.if('unlikely');
    this.#storeRegisters(dirty);
    code.branch(this.#return);
    code.end();
  }

  #branchIfBudgetBelow(need: number, label: Label): void {
    this.#code.get(this.#budget);
    this.#code.constant(need);
    this.#code.op(Op.i32LtS);
    this.#code.branchIf(label, 'unlikely');
  }

  // Instructions.

  /** @returns the registers dirty at the end */
  #writeInstructions(block: Block, dirtyIn: number, pending: number): number {
    const groups = groupsOf(block.instructions);
    let index = 0;
    return dirtyThrough(block, dirtyIn, (decoded, dirty) => {
      const place = { decoded, offset: block.offset + 4 * index, pending: pending + index, dirty };
      const group = groups.get(index);
      if (group?.leader === index) {
        this.#setExit(place.offset, place.pending);
        this.#writeCheck(group, this.#stub(dirty), 'group');
      }
      const checked = group && { local: this.#checkLocal(group, 'group'), add: decoded.immediate - group.lowest };
      this.#writeInstruction(place, checked);
      index++;
    });
  }

  /** @param checked where the instruction's access lies, if it has been checked */
  #writeInstruction(place: Place, checked: Checked | undefined): void {
    const code = this.#code;
    const { decoded, offset } = place;
    const { effect } = decoded.row;
    switch (effect.kind) {
      case 'set':
        return this.#writeRd(decoded, () => this.#lower(decoded, offset, effect.value));
      case 'load':
        if (!checked) this.#translate(place, effect.address, Table.read, effect.width);
        return this.#writeRd(decoded, () => {
          const at = checked ? this.#pushChecked(checked) : this.#pushLinear();
          code.memory(loadOp(effect.width, effect.signed), at);
        });
      case 'store': {
        if (!checked) this.#translate(place, effect.address, Table.write, effect.width);
        const at = checked ? this.#pushChecked(checked) : this.#pushLinear();
        this.#lower(decoded, offset, effect.value);
        return code.memory(storeOp(effect.width), at);
      }
      case 'atomic':
        this.#translate(place, effect.address, Table.write, 4);
        this.#pushLinear();
        code.memory(Op.i32Load, TRANSLATION_OFFSET);
        code.set(this.#old);
        this.#pushLinear();
        this.#lower(decoded, offset, effect.value);
        code.memory(Op.i32Store, TRANSLATION_OFFSET);
        return this.#writeRd(decoded, () => code.get(this.#old));
      case 'load-reserved':
        this.#translate(place, effect.address, Table.read, 4);
        code.get(this.#hart);
        this.#pushLinearWord();
        code.memory(Op.i32Store, Word.reservation * 4);
        return this.#writeRd(decoded, () => code.memory(Op.i32Load, this.#pushLinear()));
      case 'store-conditional':
        return this.#writeConditional(place, effect.address, effect.value);
      case 'jump':
        return this.#writeLink(place, effect.target);
      case 'branch':
      case 'fence':
        return;
      case 'system':
        throw new Error(`'${decoded.row.mnemonic}' is left to the reference interpreter`);
    }
  }

  #writeConditional(place: Place, address: Expression, value: Expression): void {
    const code = this.#code;
    this.#translate(place, address, Table.write, 4);
    code.get(this.#hart);
    code.memory(Op.i32Load, Word.reservation * 4);
    this.#pushLinearWord();
    code.op(Op.i32Ne);
    code.set(this.#old);
    code.get(this.#hart);
    code.constant(0);
    code.memory(Op.i32Store, Word.reservation * 4);
    code.get(this.#old);
    code.op(Op.i32Eqz);
    code.if();
    const at = this.#pushLinear();
    this.#lower(place.decoded, place.offset, value);
    code.memory(Op.i32Store, at);
    code.end();
    this.#writeRd(place.decoded, () => code.get(this.#old));
  }

  /** The part of a jump that is not a transfer: a target from a register goes to #pc, the return address to rd. */
  #writeLink(place: Place, target: Expression): void {
    const code = this.#code;
    const { decoded, offset } = place;
    if (mayLeave(decoded)) {
      this.#setExit(offset, place.pending);
      this.#lower(decoded, offset, target);
      code.tee(this.#pc);
      code.constant(2);
      code.op(Op.i32And);
      code.branchIf(this.#stub(place.dirty), 'unlikely');
    }
    this.#writeRd(decoded, () => this.#pushPc(offset + 4));
  }

  /** Leaves unless the access is aligned and its page has a translation; then #address and #translation are set. */
  #translate(place: Place, address: Expression, table: Table, width: number): void {
    const code = this.#code;
    this.#setExit(place.offset, place.pending);
    this.#lower(place.decoded, place.offset, address);
    code.tee(this.#address);
    this.#pushPageIndex();
    code.memory(Op.i32Load, table * TRANSLATION_TABLE_BYTES);
    code.tee(this.#translation);
    code.op(Op.i32Eqz);
    code.branchIf(this.#stub(place.dirty), 'unlikely');
    if (width === 1) return;
    code.get(this.#address);
    this.#branchIfMisaligned(width, this.#stub(place.dirty));
  }

  /** A condition of its own: two tests and branches are cheaper than one of both together. */
  #branchIfMisaligned(width: number, otherwise: Label): void {
    this.#code.constant(width - 1);
    this.#code.op(Op.i32And);
    this.#code.branchIf(otherwise, 'unlikely');
  }

  /** Branches to `otherwise` unless all accesses may go ahead; then the check's local holds the linear address of the lowest. */
  #writeCheck(check: SharedCheck, otherwise: Label, use: CheckUse): void {
    const code = this.#code;
    this.#pushRegister(check.base);
    code.constant(check.lowest);
    code.op(Op.i32Add);
    code.tee(this.#address);
    this.#pushPageIndex();
    code.memory(Op.i32Load, (check.kind === 'load' ? Table.read : Table.write) * TRANSLATION_TABLE_BYTES);
    code.tee(this.#translation);
    code.op(Op.i32Eqz);
    code.branchIf(otherwise, 'unlikely');
    code.get(this.#address); // the last byte lies in the page of the first
    code.constant(check.span - 1);
    code.op(Op.i32Add);
    code.get(this.#address);
    code.op(Op.i32Xor);
    code.constant(-PAGE_SIZE);
    code.op(Op.i32And);
    code.branchIf(otherwise, 'unlikely');
    if (check.width > 1) {
      code.get(this.#address);
      code.constant(check.widest - check.lowest);
      code.op(Op.i32Add);
      this.#branchIfMisaligned(check.width, otherwise);
    }
    this.#pushLinear();
    code.set(this.#checkLocal(check, use));
  }

  /** Pushes a linear address that was checked. @returns what the access must add to it */
  #pushChecked({ local, add }: Checked): number {
    this.#code.get(local);
    return TRANSLATION_OFFSET + add;
  }

  /** Pushes the linear address of the access that was translated last. @returns what the access must add to it */
  #pushLinear(): number {
    this.#code.get(this.#address);
    this.#code.get(this.#translation);
    this.#code.op(Op.i32Add);
    return TRANSLATION_OFFSET;
  }

  #pushLinearWord(): void {
    this.#code.constant(this.#pushLinear());
    this.#code.op(Op.i32Add);
  }

  /** Turns the address on the stack into that of its page's word in the current translations. */
  #pushPageIndex(): void {
    const code = this.#code;
    code.constant(12);
    code.op(Op.i32ShrU);
    code.constant(2);
    code.op(Op.i32Shl); // with the sum behind it one operation of the processor
    code.get(this.#translations);
    code.op(Op.i32Add);
  }

  #lower(decoded: Decoded, offset: number, expression: Expression): void {
    const push: PushOperand = (operand) => {
      switch (operand) {
        case 'rs1':
        case 'rs2':
          return this.#pushRegister(decoded[operand]);
        case 'immediate':
          return this.#code.constant(decoded.immediate);
        case 'pc':
          return this.#pushPc(offset);
        case 'old':
          return this.#code.get(this.#old);
      }
    };
    lower(this.#code, expression, push, this.#scratch);
  }

  #writeRd({ rd }: Decoded, pushValue: () => void): void {
    if (rd === 0) return;
    pushValue();
    this.#code.set(this.#local(rd));
  }

  #pushRegister(register: number): void {
    if (register === 0) this.#code.constant(0);
    else this.#code.get(this.#local(register));
  }

  /** The virtual address of an offset. */
  #pushPc(offset: number): void {
    this.#code.get(this.#page);
    this.#code.constant(offset);
    this.#code.op(Op.i32Add);
  }

  // Registers, budget, ways out.

  #local(register: number): number {
    const known = this.#locals.get(register);
    if (known !== undefined) return known;
    const local = this.#code.local();
    this.#locals.set(register, local);
    return local;
  }

  #checkLocal({ number }: SharedCheck, use: CheckUse): number {
    const key = `${use} ${number}`;
    const known = this.#checkLocals.get(key);
    if (known !== undefined) return known;
    const local = this.#code.local();
    this.#checkLocals.set(key, local);
    return local;
  }

  #loadRegisters(mask: number): void {
    for (let register = 1; register < 32; register++) {
      if (((mask >>> register) & 1) === 0) continue;
      this.#code.get(this.#hart);
      this.#code.memory(Op.i32Load, (Word.x + register) * 4);
      this.#code.set(this.#local(register));
    }
  }

  #storeRegisters(mask: number): void {
    for (let register = 1; register < 32; register++) {
      if (((mask >>> register) & 1) === 0) continue;
      this.#code.get(this.#hart);
      this.#code.get(this.#local(register));
      this.#code.memory(Op.i32Store, (Word.x + register) * 4);
    }
  }

  /** Takes executed instructions off the budget. */
  #settle(pending: number): void {
    if (pending === 0) return;
    this.#code.get(this.#budget);
    this.#code.constant(pending);
    this.#code.op(Op.i32Sub);
    this.#code.set(this.#budget);
  }

  #setExit(offset: number, pending: number): void {
    this.#code.constant((pending << EXIT_OFFSET_BITS) | (offset + EXIT_BIAS));
    this.#code.set(this.#exit);
  }

  #label(node: number): Label {
    const label = this.#labels.get(node);
    if (label === undefined) throw new Error('a node has no label yet');
    return label;
  }

  #stub(dirty: number): Label {
    const label = this.#stubs.get(dirty);
    if (label === undefined) throw new Error('a way out was not foreseen');
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

  #pushResult(): void {
    const code = this.#code;
    code.get(this.#pc);
    code.op(Op.i64ExtendI32U);
    code.get(this.#budget);
    code.op(Op.i64ExtendI32U);
    code.constant64(32);
    code.op(Op.i64Shl);
    code.op(Op.i64Or);
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
