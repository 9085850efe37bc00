// The fast interpreter: a WebAssembly function generated from the instruction rows. It runs decoded code out of the
// hart's current translations until the grant is used up or something is not the common case — a page that has no
// translation yet, a device, a misaligned access, a system instruction, an entry not yet decoded. Then it leaves with
// exact state, and the reference interpreter (hart.ts) executes that one instruction.

import type { Expression } from '../isa/expression.ts';
import type { InstructionRow } from '../isa/row.ts';
import { CodeWriter, type Label } from '../wasm/code-writer.ts';
import { moduleOf } from '../wasm/module.ts';
import { Op, ValueType } from '../wasm/opcodes.ts';
import { TRANSLATION_TABLE_BYTES, Word } from './layout.ts';
import { lower, scratchOf, type PushOperand, type Scratch } from './lower.ts';
import { operations } from './operations.ts';
import { Table, TRANSLATION_OFFSET } from './translations.ts';

/** Why the fast interpreter returned. */
export const Leave = { budget: 0, slow: 1 } as const;

const PAGE_INDEX_MASK = 0x3f_fffc; // (address >>> 10) & mask = 4 × virtual page number
const ENTRY_BYTES = 8;

/** Byte offsets of an entry's fields, see operations.ts. */
const Entry = { code: 0, rd: 1, rs1: 2, rs2: 3, immediate: 4 } as const;

/** A module that exports `run`: executes the hart whose block lies at `hartBase`. @returns the module's bytes */
export function interpreterModule(hartBase: number): Uint8Array {
  return moduleOf([
    { name: 'run', parameters: [], results: [ValueType.i32], body: new InterpreterWriter(hartBase).write() },
  ]);
}

class InterpreterWriter {
  readonly #code = new CodeWriter(0);
  readonly #hart: number;
  readonly #scratch: Scratch;
  /** Linear address of the current entry, and what to add to half of it to get pc. */
  readonly #entry = this.#code.local();
  readonly #pcOffset = this.#code.local();
  readonly #budget = this.#code.local();
  readonly #translations = this.#code.local();
  /** Address of a memory access, or the target of a transfer. */
  readonly #address = this.#code.local();
  readonly #translation = this.#code.local();
  readonly #old = this.#code.local();
  readonly #reason = this.#code.local();

  constructor(hartBase: number) {
    this.#hart = hartBase;
    this.#scratch = scratchOf(this.#code);
  }

  write(): Uint8Array {
    const code = this.#code;
    this.#loadWord(Word.translations, this.#translations);
    this.#loadWord(Word.budget, this.#budget);
    this.#loadWord(Word.pc, this.#address);

    const leave = code.block();
    const fetchMiss = code.block();
    const transfer = code.loop();
    this.#pushTranslation(Table.fetch);
    code.tee(this.#translation);
    code.op(Op.i32Eqz);
    code.branchIf(fetchMiss);
    this.#enterDecodedCode();

    const slow = code.block();
    const exhausted = code.block();
    const dispatch = code.loop();
    const handlers = operations.map(() => code.block()).reverse();
    const pageEnd = code.block();
    code.get(this.#budget);
    code.op(Op.i32Eqz);
    code.branchIf(exhausted);
    this.#addTo(this.#budget, -1);
    code.get(this.#entry);
    code.memory(Op.i32Load8U, Entry.code);
    code.branchTable([slow, pageEnd, ...handlers], slow);
    code.end(); // pageEnd
    this.#addTo(this.#budget, 1);
    this.#pushPc();
    code.set(this.#address);
    code.branch(transfer);
    for (const { row, near } of operations) {
      code.end();
      this.#handler(row, near, dispatch, transfer, slow);
    }
    code.end(); // dispatch
    code.end(); // exhausted
    this.#pushPc();
    code.set(this.#address);
    code.constant(Leave.budget);
    code.set(this.#reason);
    code.branch(leave);
    code.end(); // slow
    this.#addTo(this.#budget, 1);
    this.#pushPc();
    code.set(this.#address);
    code.branch(fetchMiss);
    code.end(); // transfer
    code.end(); // fetchMiss
    code.constant(Leave.slow);
    code.set(this.#reason);
    code.end(); // leave

    this.#storeWord(Word.pc, this.#address);
    this.#storeWord(Word.budget, this.#budget);
    code.get(this.#reason);
    return code.finish();
  }

  #handler(row: InstructionRow, near: boolean, dispatch: Label, transfer: Label, slow: Label): void {
    const code = this.#code;
    const { effect } = row;
    switch (effect.kind) {
      case 'set':
        this.#writeRd(() => this.#lower(effect.value));
        return this.#next(dispatch);
      case 'load': {
        this.#translate(effect.address, Table.read, effect.width, slow);
        const op = loadOps[`${effect.width}${effect.signed ? 's' : 'u'}`] ?? Op.unreachable;
        this.#writeRd(() => {
          this.#pushLinear();
          code.memory(op, TRANSLATION_OFFSET);
        });
        return this.#next(dispatch);
      }
      case 'store':
        this.#translate(effect.address, Table.write, effect.width, slow);
        this.#pushLinear();
        this.#lower(effect.value);
        code.memory(
          effect.width === 4 ? Op.i32Store : effect.width === 2 ? Op.i32Store16 : Op.i32Store8,
          TRANSLATION_OFFSET,
        );
        return this.#next(dispatch);
      case 'atomic':
        // The write table alone decides: a page that may be stored to may be read (Sv32 has no write-only pages).
        this.#translate(effect.address, Table.write, 4, slow);
        this.#pushLinear();
        code.memory(Op.i32Load, TRANSLATION_OFFSET);
        code.set(this.#old);
        this.#pushLinear();
        this.#lower(effect.value);
        code.memory(Op.i32Store, TRANSLATION_OFFSET);
        this.#writeRd(() => code.get(this.#old));
        return this.#next(dispatch);
      case 'branch':
        this.#lower(effect.condition);
        code.if();
        this.#goTo(effect.target, near, dispatch, transfer, undefined);
        code.end();
        return this.#next(dispatch);
      case 'jump':
        return this.#goTo(effect.target, near, dispatch, transfer, slow);
      case 'fence':
        return this.#next(dispatch);
      case 'load-reserved':
      case 'store-conditional':
      case 'system':
        throw new Error(`'${row.mnemonic}' is left to the reference interpreter`);
    }
  }

  /** Moves control. `link` is given for jumps, which also keep the return address: the label to leave by if the target is misaligned. */
  #goTo(target: Expression, near: boolean, dispatch: Label, transfer: Label, link: Label | undefined): void {
    const code = this.#code;
    if (near) {
      if (link) this.#writeRd(() => this.#pushNextPc());
      code.get(this.#entry);
      this.#pushField(Entry.immediate);
      code.op(Op.i32Add);
      code.set(this.#entry);
      return code.branch(dispatch);
    }
    this.#lower(target);
    code.set(this.#address);
    if (link) {
      code.get(this.#address);
      code.constant(2);
      code.op(Op.i32And);
      code.branchIf(link);
      this.#writeRd(() => this.#pushNextPc());
    }
    code.branch(transfer);
  }

  /** Leaves by `slow` unless the access is aligned and its page has a translation; then #address and #translation are set. */
  #translate(address: Expression, table: Table, width: number, slow: Label): void {
    const code = this.#code;
    this.#lower(address);
    code.set(this.#address);
    this.#pushTranslation(table);
    code.tee(this.#translation);
    code.op(Op.i32Eqz);
    if (width > 1) {
      code.get(this.#address);
      code.constant(width - 1);
      code.op(Op.i32And);
      code.op(Op.i32Or);
    }
    code.branchIf(slow);
  }

  #pushTranslation(table: Table): void {
    const code = this.#code;
    code.get(this.#translations);
    code.get(this.#address);
    code.constant(10);
    code.op(Op.i32ShrU);
    code.constant(PAGE_INDEX_MASK);
    code.op(Op.i32And);
    code.op(Op.i32Add);
    code.memory(Op.i32Load, table * TRANSLATION_TABLE_BYTES);
  }

  #pushLinear(): void {
    this.#code.get(this.#address);
    this.#code.get(this.#translation);
    this.#code.op(Op.i32Add);
  }

  /** #translation holds a decoded page, #address the target: point at its entry. */
  #enterDecodedCode(): void {
    const code = this.#code;
    code.get(this.#translation);
    code.get(this.#address);
    code.constant(0xffc);
    code.op(Op.i32And);
    code.constant(1);
    code.op(Op.i32Shl);
    code.op(Op.i32Add);
    code.set(this.#entry);
    code.get(this.#address);
    code.get(this.#entry);
    code.constant(1);
    code.op(Op.i32ShrU);
    code.op(Op.i32Sub);
    code.set(this.#pcOffset);
  }

  #pushPc(): void {
    const code = this.#code;
    code.get(this.#entry);
    code.constant(1);
    code.op(Op.i32ShrU);
    code.get(this.#pcOffset);
    code.op(Op.i32Add);
  }

  #pushNextPc(): void {
    this.#pushPc();
    this.#code.constant(4);
    this.#code.op(Op.i32Add);
  }

  #pushField(field: number): void {
    this.#code.get(this.#entry);
    this.#code.memory(field === Entry.immediate ? Op.i32Load : Op.i32Load8U, field);
  }

  #writeRd(pushValue: () => void): void {
    this.#pushField(Entry.rd);
    pushValue();
    this.#code.memory(Op.i32Store, this.#hart);
  }

  #lower(expression: Expression): void {
    lower(this.#code, expression, this.#pushOperand, this.#scratch);
  }

  readonly #pushOperand: PushOperand = (operand) => {
    switch (operand) {
      case 'rs1':
      case 'rs2':
        this.#pushField(Entry[operand]);
        return this.#code.memory(Op.i32Load, this.#hart);
      case 'immediate':
        return this.#pushField(Entry.immediate);
      case 'pc':
        return this.#pushPc();
      case 'old':
        return this.#code.get(this.#old);
    }
  };

  #next(dispatch: Label): void {
    this.#addTo(this.#entry, ENTRY_BYTES);
    this.#code.branch(dispatch);
  }

  #addTo(local: number, value: number): void {
    this.#code.get(local);
    this.#code.constant(value);
    this.#code.op(Op.i32Add);
    this.#code.set(local);
  }

  #loadWord(word: number, local: number): void {
    this.#code.constant(0);
    this.#code.memory(Op.i32Load, this.#hart + word * 4);
    this.#code.set(local);
  }

  #storeWord(word: number, local: number): void {
    this.#code.constant(0);
    this.#code.get(local);
    this.#code.memory(Op.i32Store, this.#hart + word * 4);
  }
}

const loadOps: Readonly<Record<string, Op>> = {
  '1s': Op.i32Load8S,
  '1u': Op.i32Load8U,
  '2s': Op.i32Load16S,
  '2u': Op.i32Load16U,
  '4s': Op.i32Load,
};
