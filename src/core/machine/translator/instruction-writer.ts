// Writes instructions into a region, as their rows say: values in locals, memory through the flat translations. Whatever is
// not plain — no translation yet, a device, a misaligned address — is refused with exact state.

import type { Expression } from '../../isa/expression.ts';
import type { Decoded } from '../../isa/instructions.ts';
import type { CodeWriter, Label } from '../../wasm/code-writer.ts';
import { Op } from '../../wasm/opcodes.ts';
import { PAGE_SIZE, TRANSLATION_TABLE_BYTES, Word } from '../layout.ts';
import { loadOp, lower, scratchOf, storeOp, type PushOperand, type Scratch } from '../lower.ts';
import { Table, TRANSLATION_OFFSET } from '../translations.ts';
import { groupsOf, type SharedCheck } from './memory-groups.ts';
import type { CheckUse, RegionFrame } from './region-frame.ts';
import type { Block } from './region.ts';
import { dirtyThrough, mayLeave } from './registers.ts';

/** What is the same for all instructions of a block while it is written. */
export interface Place {
  readonly decoded: Decoded;
  /** Its offset from the region's page. */
  readonly offset: number;
  /** Instructions executed since the budget was last brought up to date. */
  readonly pending: number;
  /** Registers dirty before it. */
  readonly dirty: number;
}

/** The linear address of a checked access: a local, and what to add to it. */
export interface Checked {
  readonly local: number;
  readonly add: number;
}

export class InstructionWriter {
  readonly #frame: RegionFrame;
  readonly #code: CodeWriter;
  readonly #scratch: Scratch;
  readonly #address: number;
  readonly #translation: number;
  readonly #old: number;
  /** Whether the instructions being written are skipped: 1 or 0. */
  readonly #skipped: number;
  /** What registers held before them. */
  readonly #before = new Map<number, number>();

  constructor(frame: RegionFrame) {
    this.#frame = frame;
    this.#code = frame.code;
    this.#scratch = scratchOf(frame.code);
    this.#address = frame.code.local();
    this.#translation = frame.code.local();
    this.#old = frame.code.local();
    this.#skipped = frame.code.local();
  }

  /** Writes the instructions of a block, but for what its ending does. @returns the registers dirty at the end */
  writeBlock(block: Block, dirtyIn: number, pending: number): number {
    const groups = groupsOf(block.instructions);
    let index = 0;
    let skipEnd = 0;
    return dirtyThrough(block, dirtyIn, (decoded, dirty) => {
      const place = { decoded, offset: block.offset + 4 * index, pending: pending + index, dirty };
      const group = groups.get(index);
      if (group?.leader === index) {
        this.#frame.setExit(place.offset, place.pending);
        this.writeCheck(group, this.#frame.stub(dirty), 'group');
      }
      const checked = group && {
        local: this.#frame.checkLocal(group.number, 'group'),
        add: decoded.immediate - group.lowest,
      };
      this.write(place, checked);
      const skipped = block.skips.get(index);
      if (skipped !== undefined) {
        skipEnd = index + skipped;
        this.#beginSkip(place, block.instructions.slice(index + 1, skipEnd + 1));
      } else if (index === skipEnd && skipEnd > 0) this.#endSkip();
      index++;
    });
  }

  /** Behind a branch that is a skip: gives back the budget of what it jumps over, and keeps what that overwrites. */
  #beginSkip({ decoded, offset }: Place, skipped: readonly Decoded[]): void {
    const code = this.#code;
    this.#pushBranchCondition(decoded, offset);
    code.tee(this.#skipped);
    code.constant(skipped.length);
    code.op(Op.i32Mul);
    code.get(this.#frame.budget);
    code.op(Op.i32Add);
    code.set(this.#frame.budget);
    for (const { rd } of skipped) {
      if (rd === 0 || this.#before.has(rd)) continue;
      const before = code.local();
      this.#before.set(rd, before);
      code.get(this.#frame.local(rd));
      code.set(before);
    }
  }

  /** Behind what has been skipped or not: registers get their old values back, or keep the new ones. */
  #endSkip(): void {
    const code = this.#code;
    for (const [register, before] of this.#before) {
      code.get(before);
      code.get(this.#frame.local(register));
      code.get(this.#skipped);
      code.op(Op.select);
      code.set(this.#frame.local(register));
    }
    this.#before.clear();
  }

  /** Writes one instruction. @param checked where its access lies, if it has been checked */
  write(place: Place, checked: Checked | undefined): void {
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
        code.get(this.#frame.hart);
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
    code.get(this.#frame.hart);
    code.memory(Op.i32Load, Word.reservation * 4);
    this.#pushLinearWord();
    code.op(Op.i32Ne);
    code.set(this.#old);
    code.get(this.#frame.hart);
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
      this.#frame.setExit(offset, place.pending);
      this.#lower(decoded, offset, target);
      code.tee(this.#frame.pc);
      code.constant(2);
      code.op(Op.i32And);
      code.branchIf(this.#frame.stub(place.dirty), 'unlikely');
    }
    this.#writeRd(decoded, () => this.#frame.pushPc(offset + 4));
  }

  /** Leaves unless the access is aligned and its page has a translation; then #address and #translation are set. */
  #translate(place: Place, address: Expression, table: Table, width: number): void {
    const code = this.#code;
    this.#frame.setExit(place.offset, place.pending);
    this.#lower(place.decoded, place.offset, address);
    code.tee(this.#address);
    this.#frame.pushPageIndex();
    code.memory(Op.i32Load, table * TRANSLATION_TABLE_BYTES);
    code.tee(this.#translation);
    code.op(Op.i32Eqz);
    code.branchIf(this.#frame.stub(place.dirty), 'unlikely');
    if (width === 1) return;
    code.get(this.#address);
    // A condition of its own: two tests and branches are cheaper than one of both together.
    code.constant(width - 1);
    code.op(Op.i32And);
    code.branchIf(this.#frame.stub(place.dirty), 'unlikely');
  }

  /** Branches to `otherwise` unless all accesses may go ahead; then the check's local holds the linear address of the lowest. */
  writeCheck(check: SharedCheck, otherwise: Label, use: CheckUse): void {
    const code = this.#code;
    this.#frame.pushRegister(check.base);
    code.constant(check.lowest);
    code.op(Op.i32Add);
    code.tee(this.#address);
    this.#frame.pushPageIndex();
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
    this.#pushLinear();
    code.set(this.#frame.checkLocal(check.number, use));
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

  #lower(decoded: Decoded, offset: number, expression: Expression): void {
    const push: PushOperand = (operand) => {
      switch (operand) {
        case 'rs1':
        case 'rs2':
          return this.#frame.pushRegister(decoded[operand]);
        case 'immediate':
          return this.#code.constant(decoded.immediate);
        case 'pc':
          return this.#frame.pushPc(offset);
        case 'old':
          return this.#code.get(this.#old);
      }
    };
    lower(this.#code, expression, push, this.#scratch);
  }

  #writeRd({ rd }: Decoded, pushValue: () => void): void {
    if (rd === 0) return;
    pushValue();
    this.#code.set(this.#frame.local(rd));
  }

  /** Whether the branch at the end of a block is taken. */
  pushCondition({ offset, instructions }: Block): void {
    const decoded = instructions.at(-1);
    if (decoded === undefined) throw new Error('a block that ends in a branch has none');
    this.#pushBranchCondition(decoded, offset + 4 * (instructions.length - 1));
  }

  #pushBranchCondition(decoded: Decoded, offset: number): void {
    const { effect } = decoded.row;
    if (effect.kind !== 'branch') throw new Error(`expected a branch, found '${decoded.row.mnemonic}'`);
    this.#lower(decoded, offset, effect.condition);
  }
}
