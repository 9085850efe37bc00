// What all code of a region stands on: its parameters and locals, where registers live, how instructions are counted, and
// the ways out. Nothing here knows what an instruction does.

import { CodeWriter, type FunctionBody, type Label } from '../../wasm/code-writer.ts';
import { Op } from '../../wasm/opcodes.ts';
import { Word } from '../layout.ts';
import { LEAVES_SLOWLY } from './region-interface.ts';

/** An instruction that is refused is named in one word: instructions executed before it << 20 | its offset + EXIT_BIAS. */
const EXIT_BIAS = 0x8_0000;
const EXIT_OFFSET_BITS = 20;

/** Who looked: neighbours in a block, or several rounds of a loop; both may be in use at a time. */
export type CheckUse = 'group' | 'rounds';

export class RegionFrame {
  readonly code = new CodeWriter(5);
  // Parameters, see region-interface.ts.
  readonly hart = 0;
  readonly page = 1;
  readonly budget = 2;
  readonly depth = 3;
  readonly slot = 4;
  readonly translations = this.code.local();
  /** The pc to return; before that, the target of a jump through a register. */
  readonly pc = this.code.local();
  /** The instruction that is refused, see EXIT_BIAS. */
  readonly exit = this.code.local();
  readonly #locals = new Map<number, number>();
  readonly #checkLocals = new Map<string, number>();
  readonly #stubs = new Map<number, Label>();
  #return: Label = { depth: 0 };

  /** Where everything is stored and the pc to return is set. */
  get return(): Label {
    return this.#return;
  }

  /**
   * Writes the ways out around what `writeInside` writes, and ends the function.
   * @param masks every set of registers with which an instruction may be refused
   */
  enclose(masks: readonly number[], writeInside: () => void): FunctionBody {
    const { code } = this;
    this.#return = code.block();
    const slow = code.block();
    for (const mask of masks) this.#stubs.set(mask, code.block());
    writeInside();
    for (const mask of masks.toReversed()) {
      code.end();
      this.storeRegisters(mask);
      code.branch(slow);
    }
    code.end(); // slow
    code.get(this.budget);
    code.get(this.exit);
    code.constant(EXIT_OFFSET_BITS);
    code.op(Op.i32ShrU);
    code.op(Op.i32Sub);
    code.set(this.budget);
    code.get(this.page);
    code.get(this.exit);
    code.constant((1 << EXIT_OFFSET_BITS) - 1);
    code.op(Op.i32And);
    code.op(Op.i32Add);
    code.constant(LEAVES_SLOWLY - EXIT_BIAS);
    code.op(Op.i32Add);
    code.set(this.pc);
    code.end(); // return
    this.pushResult();
    return code.finish();
  }

  /** The local of a register that is not x0. */
  local(register: number): number {
    const known = this.#locals.get(register);
    if (known !== undefined) return known;
    const local = this.code.local();
    this.#locals.set(register, local);
    return local;
  }

  /** The local that holds the linear address of a check. */
  checkLocal(number: number, use: CheckUse): number {
    const key = `${use} ${number}`;
    const known = this.#checkLocals.get(key);
    if (known !== undefined) return known;
    const local = this.code.local();
    this.#checkLocals.set(key, local);
    return local;
  }

  pushRegister(register: number): void {
    if (register === 0) this.code.constant(0);
    else this.code.get(this.local(register));
  }

  /** Loads the locals of a set of registers from the hart's block. */
  loadRegisters(mask: number): void {
    for (let register = 1; register < 32; register++) {
      if (((mask >>> register) & 1) === 0) continue;
      this.code.get(this.hart);
      this.code.memory(Op.i32Load, (Word.x + register) * 4);
      this.code.set(this.local(register));
    }
  }

  /** Stores the locals of a set of registers to the hart's block. */
  storeRegisters(mask: number): void {
    for (let register = 1; register < 32; register++) {
      if (((mask >>> register) & 1) === 0) continue;
      this.code.get(this.hart);
      this.code.get(this.local(register));
      this.code.memory(Op.i32Store, (Word.x + register) * 4);
    }
  }

  /** Takes executed instructions off the budget. */
  settle(pending: number): void {
    if (pending === 0) return;
    this.code.get(this.budget);
    this.code.constant(pending);
    this.code.op(Op.i32Sub);
    this.code.set(this.budget);
  }

  /**
   * From here on, what is refused is the instruction at `offset`.
   * @param pending instructions executed before it since the budget was brought up to date
   */
  setExit(offset: number, pending: number): void {
    this.code.constant((pending << EXIT_OFFSET_BITS) | (offset + EXIT_BIAS));
    this.code.set(this.exit);
  }

  /** The way out for an instruction that is refused while these registers are dirty. */
  stub(dirty: number): Label {
    const label = this.#stubs.get(dirty);
    if (label === undefined) throw new Error('a way out was not foreseen');
    return label;
  }

  branchIfBudgetBelow(need: number, label: Label): void {
    this.code.get(this.budget);
    this.code.constant(need);
    this.code.op(Op.i32LtS);
    this.code.branchIf(label, 'unlikely');
  }

  /** The virtual address of an offset. */
  pushPc(offset: number): void {
    this.code.get(this.page);
    this.code.constant(offset);
    this.code.op(Op.i32Add);
  }

  /** Turns the address on the stack into that of its page's word in the current translations. */
  pushPageIndex(): void {
    const code = this.code;
    code.constant(12);
    code.op(Op.i32ShrU);
    code.constant(2);
    code.op(Op.i32Shl); // with the sum behind it one operation of the processor
    code.get(this.translations);
    code.op(Op.i32Add);
  }

  /** Pushes what a region returns. */
  pushResult(): void {
    const code = this.code;
    code.get(this.pc);
    code.op(Op.i64ExtendI32U);
    code.get(this.budget);
    code.op(Op.i64ExtendI32U);
    code.constant64(32);
    code.op(Op.i64Shl);
    code.op(Op.i64Or);
  }
}
