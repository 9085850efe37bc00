// The reference meaning of expressions: walks the tree of a row. Slow and plain; the generated forms are held against it.

import type { BinaryOperator, Expression } from '../isa/expression.ts';

/** Values of the operands, as signed words. */
export interface OperandValues {
  readonly rs1: number;
  readonly rs2: number;
  readonly immediate: number;
  readonly pc: number;
  readonly old: number;
}

const INT_MIN = -0x8000_0000;

/** High word of a 64-bit product. Signedness is in the arguments: signed or unsigned 32-bit numbers. */
const multiplyHigh = (a: number, b: number): number => Number(BigInt.asIntN(32, (BigInt(a) * BigInt(b)) >> 32n));

const operators: Readonly<Record<BinaryOperator, (a: number, b: number) => number>> = {
  add: (a, b) => (a + b) | 0,
  sub: (a, b) => (a - b) | 0,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  sll: (a, b) => a << b,
  srl: (a, b) => (a >>> b) | 0,
  sra: (a, b) => a >> b,
  eq: (a, b) => (a === b ? 1 : 0),
  ne: (a, b) => (a !== b ? 1 : 0),
  lt: (a, b) => (a < b ? 1 : 0),
  ltu: (a, b) => (a >>> 0 < b >>> 0 ? 1 : 0),
  ge: (a, b) => (a >= b ? 1 : 0),
  geu: (a, b) => (a >>> 0 >= b >>> 0 ? 1 : 0),
  mul: (a, b) => Math.imul(a, b),
  mulh: (a, b) => multiplyHigh(a, b),
  mulhsu: (a, b) => multiplyHigh(a, b >>> 0),
  mulhu: (a, b) => multiplyHigh(a >>> 0, b >>> 0),
  div: (a, b) => (b === 0 ? -1 : a === INT_MIN && b === -1 ? INT_MIN : (a / b) | 0),
  divu: (a, b) => (b === 0 ? -1 : ((a >>> 0) / (b >>> 0)) | 0),
  rem: (a, b) => (b === 0 ? a : a === INT_MIN && b === -1 ? 0 : (a % b) | 0),
  remu: (a, b) => (b === 0 ? a : ((a >>> 0) % (b >>> 0)) | 0),
};

/** The value of an expression as a signed 32-bit word. */
export function evaluate(expression: Expression, values: OperandValues): number {
  switch (expression.kind) {
    case 'constant':
      return expression.value | 0;
    case 'operand':
      return values[expression.name];
    case 'binary':
      return operators[expression.operator](evaluate(expression.left, values), evaluate(expression.right, values));
    case 'select':
      return evaluate(evaluate(expression.condition, values) !== 0 ? expression.then : expression.otherwise, values);
  }
}
