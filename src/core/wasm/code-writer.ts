// Writes the body of one WebAssembly function, instruction by instruction, in the order of the stack machine.
// Labels are kept as depths: `block` and `loop` return a label, a branch to it works out the distance.

import { ByteWriter } from './byte-writer.ts';
import { EMPTY_BLOCK, Op, ValueType } from './opcodes.ts';

/** An open block or loop to which a branch may go. */
export interface Label {
  readonly depth: number;
}

export class CodeWriter {
  readonly #code = new ByteWriter(4096);
  readonly #locals: ValueType[] = [];
  readonly #parameters: number;
  #depth = 0;

  /** @param parameters number of parameters; they are the first locals */
  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** Declares a local variable. @returns its index */
  local(type: ValueType = ValueType.i32): number {
    this.#locals.push(type);
    return this.#parameters + this.#locals.length - 1;
  }

  op(op: Op): void {
    this.#code.byte(op);
  }

  constant(value: number): void {
    this.#code.byte(Op.i32Const);
    this.#code.signed(value);
  }

  constant64(value: number): void {
    this.#code.byte(Op.i64Const);
    this.#code.signed(value);
  }

  get(local: number): void {
    this.#code.byte(Op.localGet);
    this.#code.unsigned(local);
  }

  set(local: number): void {
    this.#code.byte(Op.localSet);
    this.#code.unsigned(local);
  }

  tee(local: number): void {
    this.#code.byte(Op.localTee);
    this.#code.unsigned(local);
  }

  /** A load or store: address (and value) are on the stack; `offset` bytes are added to the address without wrapping. */
  memory(op: Op, offset = 0): void {
    this.#code.byte(op);
    this.#code.unsigned(0); // alignment hint: none
    this.#code.unsigned(offset);
  }

  block(): Label {
    return this.#open(Op.block);
  }

  loop(): Label {
    return this.#open(Op.loop);
  }

  /** Opens the branch taken when the word on the stack is not 0. */
  if(): Label {
    return this.#open(Op.if);
  }

  /** As `if`, leaving one i32 on the stack at its end. */
  ifValue(): Label {
    return this.#open(Op.if, ValueType.i32);
  }

  else(): void {
    this.#code.byte(Op.else);
  }

  end(): void {
    this.#depth--;
    this.#code.byte(Op.end);
  }

  branch(label: Label): void {
    this.#code.byte(Op.br);
    this.#code.unsigned(this.#distance(label));
  }

  branchIf(label: Label): void {
    this.#code.byte(Op.brIf);
    this.#code.unsigned(this.#distance(label));
  }

  /** Branches to the label at the index on the stack, to `otherwise` beyond the end. */
  branchTable(labels: readonly Label[], otherwise: Label): void {
    this.#code.byte(Op.brTable);
    this.#code.unsigned(labels.length);
    for (const label of labels) this.#code.unsigned(this.#distance(label));
    this.#code.unsigned(this.#distance(otherwise));
  }

  /** The finished function body as the code section holds it, with its size in front. */
  finish(): Uint8Array {
    const body = new ByteWriter(this.#code.length + 16);
    body.unsigned(this.#locals.length);
    for (const type of this.#locals) {
      body.unsigned(1);
      body.byte(type);
    }
    body.append(this.#code.view());
    body.byte(Op.end);
    const sized = new ByteWriter(body.length + 5);
    sized.unsigned(body.length);
    sized.append(body.view());
    return sized.view();
  }

  #open(op: Op, type: number = EMPTY_BLOCK): Label {
    this.#code.byte(op);
    this.#code.byte(type);
    this.#depth++;
    return { depth: this.#depth };
  }

  #distance(label: Label): number {
    return this.#depth - label.depth;
  }
}
