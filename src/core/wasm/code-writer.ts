// Writes the body of one WebAssembly function, instruction by instruction, in the order of the stack machine.
// Labels are kept as depths: `block` and `loop` return a label, a branch to it works out the distance.

import { ByteWriter } from './byte-writer.ts';
import { EMPTY_BLOCK, Op, ValueType } from './opcodes.ts';

/** An open block or loop to which a branch may go. */
export interface Label {
  readonly depth: number;
}

/** What the engine should expect of a branch; null: nothing is said. */
export type Likelihood = 'likely' | 'unlikely' | null;

/** A branch hint: where the branch instruction lies in the function body, and what to expect of it. */
export interface BranchHint {
  /** Bytes from the beginning of the body, its local declarations included. */
  readonly offset: number;
  readonly likely: boolean;
}

/** A finished function body. */
export interface FunctionBody {
  /** As the code section holds it, with its size in front. */
  readonly bytes: Uint8Array;
  readonly hints: readonly BranchHint[];
}

export class CodeWriter {
  readonly #code = new ByteWriter(4096);
  readonly #locals: ValueType[] = [];
  readonly #parameters: number;
  readonly #hints: BranchHint[] = [];
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

  /** Calls, through the module's table, the function whose index is on the stack above its arguments. */
  callIndirect(type: number): void {
    this.#code.byte(Op.callIndirect);
    this.#code.unsigned(type);
    this.#code.unsigned(0); // the only table
  }

  block(): Label {
    return this.#open(Op.block);
  }

  loop(): Label {
    return this.#open(Op.loop);
  }

  /** Opens the branch taken when the word on the stack is not 0. */
  if(likelihood: Likelihood = null): Label {
    this.#hint(likelihood);
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

  branchIf(label: Label, likelihood: Likelihood = null): void {
    this.#hint(likelihood);
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

  /** Ends the function. */
  finish(): FunctionBody {
    const declarations = new ByteWriter(64);
    const runs = runsOf(this.#locals);
    declarations.unsigned(runs.length);
    for (const { type, count } of runs) {
      declarations.unsigned(count);
      declarations.byte(type);
    }
    const sized = new ByteWriter(declarations.length + this.#code.length + 8);
    sized.unsigned(declarations.length + this.#code.length + 1);
    sized.append(declarations.view());
    sized.append(this.#code.view());
    sized.byte(Op.end);
    return {
      bytes: sized.view(),
      hints: this.#hints.map(({ offset, likely }) => ({ offset: offset + declarations.length, likely })),
    };
  }

  #hint(likelihood: Likelihood): void {
    if (likelihood !== null) this.#hints.push({ offset: this.#code.length, likely: likelihood === 'likely' });
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

/** Neighbouring locals of one type, counted: so the format declares them. */
function runsOf(types: readonly ValueType[]): { type: ValueType; count: number }[] {
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of types) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  return runs;
}
