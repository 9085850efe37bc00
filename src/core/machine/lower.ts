// Lowers an expression to WebAssembly: the one place where the meaning of rows becomes code. What an operand is — a load
// from the register file, a constant, a local — is the caller's choice, so interpreter and translator share it.

import type { BinaryOperator, Expression, Operand, Width } from '../isa/expression.ts';
import type { CodeWriter } from '../wasm/code-writer.ts';
import { Op, ValueType } from '../wasm/opcodes.ts';

/** Pushes the value of an operand. */
export type PushOperand = (operand: Operand) => void;

/** Two word locals the lowering may use; expressions hold at most one division, so two are enough. */
export interface Scratch {
  readonly first: number;
  readonly second: number;
}

export const scratchOf = (code: CodeWriter): Scratch => ({
  first: code.local(ValueType.i32),
  second: code.local(ValueType.i32),
});

const simple: Readonly<Partial<Record<BinaryOperator, Op>>> = {
  add: Op.i32Add,
  sub: Op.i32Sub,
  and: Op.i32And,
  or: Op.i32Or,
  xor: Op.i32Xor,
  sll: Op.i32Shl,
  srl: Op.i32ShrU,
  sra: Op.i32ShrS,
  eq: Op.i32Eq,
  ne: Op.i32Ne,
  lt: Op.i32LtS,
  ltu: Op.i32LtU,
  ge: Op.i32GeS,
  geu: Op.i32GeU,
  mul: Op.i32Mul,
};

/** The instruction that loads a value of `width` bytes as a register holds it. */
export const loadOp = (width: Width, signed: boolean): Op =>
  width === 4
    ? Op.i32Load
    : width === 2
      ? signed
        ? Op.i32Load16S
        : Op.i32Load16U
      : signed
        ? Op.i32Load8S
        : Op.i32Load8U;

/** The instruction that stores the low `width` bytes of a word. */
export const storeOp = (width: Width): Op => (width === 4 ? Op.i32Store : width === 2 ? Op.i32Store16 : Op.i32Store8);

/** Emits code that leaves the expression's value on the stack. */
export function lower(code: CodeWriter, expression: Expression, push: PushOperand, scratch: Scratch): void {
  switch (expression.kind) {
    case 'constant':
      return code.constant(expression.value);
    case 'operand':
      return push(expression.name);
    case 'select':
      lower(code, expression.then, push, scratch);
      lower(code, expression.otherwise, push, scratch);
      lower(code, expression.condition, push, scratch);
      return code.op(Op.select);
    case 'binary': {
      const op = simple[expression.operator];
      if (op !== undefined) {
        lower(code, expression.left, push, scratch);
        lower(code, expression.right, push, scratch);
        return code.op(op);
      }
      return lowerSpecial(code, expression.operator, expression.left, expression.right, push, scratch);
    }
  }
}

/** Products whose high word is wanted, and divisions, whose special cases WebAssembly would trap on. */
function lowerSpecial(
  code: CodeWriter,
  operator: BinaryOperator,
  left: Expression,
  right: Expression,
  push: PushOperand,
  scratch: Scratch,
): void {
  switch (operator) {
    case 'mulh':
    case 'mulhsu':
    case 'mulhu':
      lower(code, left, push, scratch);
      code.op(operator === 'mulhu' ? Op.i64ExtendI32U : Op.i64ExtendI32S);
      lower(code, right, push, scratch);
      code.op(operator === 'mulh' ? Op.i64ExtendI32S : Op.i64ExtendI32U);
      code.op(Op.i64Mul);
      code.constant64(32);
      code.op(Op.i64ShrU);
      return code.op(Op.i32WrapI64);
    case 'div':
    case 'divu':
    case 'rem':
    case 'remu':
      return lowerDivision(code, operator, left, right, push, scratch);
    default:
      throw new Error(`no lowering for operator '${operator}'`);
  }
}

function lowerDivision(
  code: CodeWriter,
  operator: 'div' | 'divu' | 'rem' | 'remu',
  left: Expression,
  right: Expression,
  push: PushOperand,
  { first, second }: Scratch,
): void {
  lower(code, left, push, { first, second });
  code.set(first);
  lower(code, right, push, { first, second });
  code.tee(second);
  code.op(Op.i32Eqz);
  code.ifValue(); // by zero: −1, or the dividend
  if (operator === 'div' || operator === 'divu') code.constant(-1);
  else code.get(first);
  code.else();
  if (operator === 'div') {
    // By −1: the negated dividend, which is also right for the overflow of INT_MIN.
    code.get(second);
    code.constant(-1);
    code.op(Op.i32Eq);
    code.ifValue();
    code.constant(0);
    code.get(first);
    code.op(Op.i32Sub);
    code.else();
    code.get(first);
    code.get(second);
    code.op(Op.i32DivS);
    code.end();
  } else {
    code.get(first);
    code.get(second);
    code.op(operator === 'divu' ? Op.i32DivU : operator === 'rem' ? Op.i32RemS : Op.i32RemU);
  }
  code.end();
}
