// The fast interpreter: a WebAssembly function generated from the instruction rows. It runs decoded code out of the
// hart's current translations until the grant is used up or something is not the common case — a page that has no
// translation yet, a device, a misaligned access, a system instruction, an entry not yet decoded. Then it leaves with
// exact state, and the reference interpreter (hart.ts) executes that one instruction. Wherever control arrives — at the
// head of a loop, of a function — it counts, and where a translated region stands, it hands over to that.

import type { Expression } from '../isa/expression.ts';
import type { InstructionRow } from '../isa/row.ts';
import { CodeWriter, type FunctionBody, type Label } from '../wasm/code-writer.ts';
import { moduleOf } from '../wasm/module.ts';
import { Op, ValueType } from '../wasm/opcodes.ts';
import { HEAT_OFFSET, JUMP_PAIRS, PAGE_SIZE, TRANSLATION_TABLE_BYTES, Word } from './layout.ts';
import { loadOp, lower, scratchOf, storeOp, type PushOperand, type Scratch } from './lower.ts';
import { operations, type Reach } from './operations.ts';
import { CALL_DEPTH, LEAVES_SLOWLY, REGION, REGION_TYPE } from './translator/region-interface.ts';
import { Table, TRANSLATION_OFFSET } from './translations.ts';

/** Why the fast interpreter returned. */
export const Leave = { budget: 0, slow: 1, hot: 2 } as const;

const PAGE_INDEX_MASK = 0x3f_fffc; // (address >>> 10) & mask = 4 × virtual page number
const ENTRY_BYTES = 8;

/** Byte offsets of an entry's fields, see operations.ts. */
const Entry = { code: 0, rd: 1, rs1: 2, rs2: 3, immediate: 4 } as const;

export interface InterpreterOptions {
  /** Linear address of the hart's block. */
  readonly hartBase: number;
  /** Linear address of the profile of computed jumps. */
  readonly jumpBase: number;
  /** Arrivals after which an instruction is hot; 0: they are not counted, and no translated region is entered. */
  readonly hotAfter: number;
}

/** A module that exports `run`: executes one hart. @returns the module's bytes */
export function interpreterModule(options: InterpreterOptions): Uint8Array {
  return moduleOf(
    [
      {
        name: 'run',
        type: { parameters: [], results: [ValueType.i32] },
        body: new InterpreterWriter(options).write(),
      },
    ],
    { table: options.hotAfter > 0, types: [REGION_TYPE] },
  );
}

/** Where a handler goes on: the next entry, an entry that counts its arrivals, an address, the reference interpreter. */
interface Labels {
  readonly dispatch: Label;
  readonly arrive: Label;
  readonly transfer: Label;
  readonly slow: Label;
}

class InterpreterWriter {
  readonly #code = new CodeWriter(0);
  readonly #hart: number;
  readonly #options: InterpreterOptions;
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
  /** What to add to half of #entry to get the linear address of its heat; the heat there. */
  readonly #heatOffset = this.#code.local();
  readonly #heat = this.#code.local();
  /** 1: the region at #address is not to be entered, it has just left there. */
  readonly #plain = this.#code.local();
  readonly #result = this.#code.local(ValueType.i64);

  constructor(options: InterpreterOptions) {
    this.#options = options;
    this.#hart = options.hartBase;
    this.#scratch = scratchOf(this.#code);
  }

  write(): FunctionBody {
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
    const arrive = code.loop();
    if (this.#options.hotAfter > 0) this.#countOrHandOver(transfer, leave);

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
    for (const { row, reach } of operations) {
      code.end();
      this.#handler(row, reach, { dispatch, arrive, transfer, slow });
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
    code.end(); // arrive
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

  /** Control has arrived at #entry: enters the region that stands there, or counts; leaves where it has become hot. */
  #countOrHandOver(transfer: Label, leave: Label): void {
    const code = this.#code;
    const counted = code.block();
    code.get(this.#plain);
    code.constant(0);
    code.set(this.#plain);
    code.branchIf(counted);
    this.#pushHeatAddress();
    code.memory(Op.i32Load);
    code.tee(this.#heat);
    code.constant(0);
    code.op(Op.i32LtS);
    code.if();
    this.#enterRegion(transfer);
    code.end();
    code.get(this.#heat);
    code.constant(this.#options.hotAfter);
    code.op(Op.i32GeS);
    code.branchIf(counted);
    this.#addTo(this.#heat, 1);
    this.#pushHeatAddress();
    code.get(this.#heat);
    code.memory(Op.i32Store);
    code.get(this.#heat);
    code.constant(this.#options.hotAfter);
    code.op(Op.i32LtS);
    code.branchIf(counted);
    this.#pushPc();
    code.set(this.#address);
    code.constant(Leave.hot);
    code.set(this.#reason);
    code.branch(leave);
    code.end();
  }

  /** Calls the region whose slot #heat names; what it returns says how to go on (region-interface.ts). */
  #enterRegion(transfer: Label): void {
    const code = this.#code;
    code.constant(this.#hart);
    this.#pushPc();
    code.constant(-PAGE_SIZE);
    code.op(Op.i32And);
    code.get(this.#budget);
    code.constant(CALL_DEPTH);
    code.get(this.#heat);
    code.constant(~REGION);
    code.op(Op.i32And);
    code.tee(this.#heat);
    code.get(this.#heat);
    code.callIndirect(0);
    code.tee(this.#result);
    code.constant64(32);
    code.op(Op.i64ShrU);
    code.op(Op.i32WrapI64);
    code.set(this.#budget);
    code.get(this.#result);
    code.op(Op.i32WrapI64);
    code.tee(this.#address);
    code.constant(LEAVES_SLOWLY);
    code.op(Op.i32And);
    code.set(this.#plain);
    code.get(this.#address);
    code.constant(~LEAVES_SLOWLY);
    code.op(Op.i32And);
    code.set(this.#address);
    code.branch(transfer);
  }

  #handler(row: InstructionRow, reach: Reach, labels: Labels): void {
    const code = this.#code;
    const { effect } = row;
    const { dispatch, slow } = labels;
    switch (effect.kind) {
      case 'set':
        this.#writeRd(() => this.#lower(effect.value));
        return this.#next(dispatch);
      case 'load': {
        this.#translate(effect.address, Table.read, effect.width, slow);
        this.#writeRd(() => {
          this.#pushLinear();
          code.memory(loadOp(effect.width, effect.signed), TRANSLATION_OFFSET);
        });
        return this.#next(dispatch);
      }
      case 'store':
        this.#translate(effect.address, Table.write, effect.width, slow);
        this.#pushLinear();
        this.#lower(effect.value);
        code.memory(storeOp(effect.width), TRANSLATION_OFFSET);
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
      case 'load-reserved':
        this.#translate(effect.address, Table.read, 4, slow);
        this.#pushLinearWord();
        code.set(this.#old);
        this.#storeWord(Word.reservation, this.#old);
        this.#writeRd(() => {
          code.get(this.#old);
          code.memory(Op.i32Load);
        });
        return this.#next(dispatch);
      case 'store-conditional':
        this.#translate(effect.address, Table.write, 4, slow);
        this.#loadWord(Word.reservation, this.#old);
        code.constant(0);
        code.constant(0);
        code.memory(Op.i32Store, this.#hart + Word.reservation * 4);
        code.get(this.#old);
        this.#pushLinearWord();
        code.op(Op.i32Ne);
        code.tee(this.#old);
        code.op(Op.i32Eqz);
        code.if();
        this.#pushLinear();
        this.#lower(effect.value);
        code.memory(Op.i32Store, TRANSLATION_OFFSET);
        code.end();
        this.#writeRd(() => code.get(this.#old));
        return this.#next(dispatch);
      case 'branch':
        this.#lower(effect.condition);
        code.if();
        this.#goTo(effect.target, reach, labels, false);
        code.end();
        return this.#next(dispatch);
      case 'jump':
        return this.#goTo(effect.target, reach, labels, true);
      case 'fence':
        return this.#next(dispatch);
      case 'system':
        throw new Error(`'${row.mnemonic}' is left to the reference interpreter`);
    }
  }

  /** Moves control. A jump also keeps the return address, and leaves by `slow` if its target is misaligned. */
  #goTo(target: Expression, reach: Reach, { dispatch, arrive, transfer, slow }: Labels, jump: boolean): void {
    const code = this.#code;
    if (reach === 'ahead' || reach === 'back') {
      if (jump) this.#writeRd(() => this.#pushNextPc());
      code.get(this.#entry);
      this.#pushField(Entry.immediate);
      code.op(Op.i32Add);
      code.set(this.#entry);
      return code.branch(jump || reach === 'back' ? arrive : dispatch);
    }
    this.#lower(target);
    code.set(this.#address);
    if (jump) {
      code.get(this.#address);
      code.constant(2);
      code.op(Op.i32And);
      code.branchIf(slow);
      if (reach === 'computed' && this.#options.hotAfter > 0) this.#rememberJump();
      this.#writeRd(() => this.#pushNextPc());
    }
    code.branch(transfer);
  }

  /** Notes in the profile that the jump at #entry went to #address: see translator/jump-profile.ts. */
  #rememberJump(): void {
    const code = this.#code;
    const pair = this.#heat;
    code.get(this.#entry);
    code.constant(1);
    code.op(Op.i32ShrU);
    code.get(this.#address);
    code.op(Op.i32Xor);
    code.constant(1);
    code.op(Op.i32Shl);
    code.constant((JUMP_PAIRS - 1) * 8);
    code.op(Op.i32And);
    code.tee(pair);
    code.get(this.#entry);
    code.memory(Op.i32Store, this.#options.jumpBase);
    code.get(pair);
    code.get(this.#address);
    this.#pushPc();
    code.op(Op.i32Sub);
    code.memory(Op.i32Store, this.#options.jumpBase + 4);
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

  /** The linear address itself, without what `TRANSLATION_OFFSET` adds. */
  #pushLinearWord(): void {
    this.#pushLinear();
    this.#code.constant(TRANSLATION_OFFSET);
    this.#code.op(Op.i32Add);
  }

  #pushHeatAddress(): void {
    this.#code.get(this.#entry);
    this.#code.constant(1);
    this.#code.op(Op.i32ShrU);
    this.#code.get(this.#heatOffset);
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
    if (this.#options.hotAfter === 0) return;
    code.get(this.#translation);
    code.constant(1);
    code.op(Op.i32ShrU);
    code.constant(HEAT_OFFSET);
    code.op(Op.i32Add);
    code.set(this.#heatOffset);
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
