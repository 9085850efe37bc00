// Operands of one instruction as written: registers, memory operands, expressions with or without %hi and its like.

import { abiNames } from '../registers.ts';
import { parseFormula, type Formula, type FormulaScope } from './formula.ts';
import { quote } from './messages.ts';
import type { Cursor } from './tokens.ts';
import type { Span } from './messages.ts';

/** Relocation operators ("Assembler Relocation Functions" of the RISC-V assembly manual). */
const operandModifiers = ['hi', 'lo', 'pcrel_hi', 'pcrel_lo'] as const;
export type OperandModifier = (typeof operandModifiers)[number];
const isModifier = (name: string): name is OperandModifier => operandModifiers.some((modifier) => modifier === name);

export type Operand = { readonly span: Span } & (
  | { readonly kind: 'register'; readonly register: number }
  | {
      readonly kind: 'value';
      readonly formula: Formula;
      readonly modifier: OperandModifier | undefined;
      /** The name, where the operand is nothing but a name: a CSR or a fence set. */
      readonly name: string | undefined;
    }
  /** `offset(base)`; `(base)` has no offset. */
  | {
      readonly kind: 'memory';
      readonly formula: Formula | undefined;
      readonly modifier: OperandModifier | undefined;
      readonly base: number;
    }
);

const registers: ReadonlyMap<string, number> = new Map<string, number>([
  ...abiNames.map((name, index): [string, number] => [name, index]),
  ...abiNames.map((_, index): [string, number] => [`x${index}`, index]),
  ['fp', 8],
]);

/** The number of a register by its ABI name, `fp`, or `x0` … `x31`. */
export const findRegister = (name: string): number | undefined => registers.get(name);

function registerAt(cursor: Cursor, ahead: number): number | undefined {
  const token = cursor.peek(ahead);
  return token.kind === 'name' ? registers.get(token.text) : undefined;
}

/** Takes `(register)` if it comes next. */
function acceptBase(cursor: Cursor): number | undefined {
  const [open, close] = [cursor.peek(), cursor.peek(2)];
  if (open.kind !== 'punctuation' || open.text !== '(') return undefined;
  const register = registerAt(cursor, 1);
  if (register === undefined || close.kind !== 'punctuation' || close.text !== ')') return undefined;
  for (let count = 0; count < 3; count++) cursor.next();
  return register;
}

function parseModified(
  cursor: Cursor,
  scope: FormulaScope,
): { formula: Formula; modifier: OperandModifier | undefined } {
  if (!cursor.accept('%')) return { formula: parseFormula(cursor, scope), modifier: undefined };
  const token = cursor.peek();
  if (token.kind !== 'name' || !isModifier(token.text)) {
    return cursor.expected(`one of ${operandModifiers.map((modifier) => `%${modifier}(…)`).join(', ')}`);
  }
  cursor.next();
  cursor.expect('(');
  const formula = parseFormula(cursor, scope);
  cursor.expect(')');
  return { formula, modifier: token.text };
}

function parseOperand(cursor: Cursor, scope: FormulaScope): Operand {
  const start = cursor.position;
  const register = registerAt(cursor, 0);
  if (register !== undefined) {
    cursor.next();
    return { kind: 'register', register, span: cursor.spanFrom(start) };
  }
  const bare = acceptBase(cursor);
  if (bare !== undefined) {
    return { kind: 'memory', formula: undefined, modifier: undefined, base: bare, span: cursor.spanFrom(start) };
  }
  const first = cursor.peek();
  const { formula, modifier } = parseModified(cursor, scope);
  const alone = cursor.position === start + 1 && first.kind === 'name' ? first.text : undefined;
  const token = cursor.peek();
  const base = acceptBase(cursor);
  if (base !== undefined) return { kind: 'memory', formula, modifier, base, span: cursor.spanFrom(start) };
  if (token.kind === 'punctuation' && token.text === '(') {
    cursor.next();
    return cursor.expected('a register and a closing parenthesis', "a memory operand is written 'offset(register)'");
  }
  return { kind: 'value', formula, modifier, name: alone, span: cursor.spanFrom(start) };
}

/** Reads all operands to the end of the statement. @throws AssemblyFault */
export function parseOperands(cursor: Cursor, scope: FormulaScope): readonly Operand[] {
  const operands: Operand[] = [];
  if (cursor.atEnd) return operands;
  do operands.push(parseOperand(cursor, scope));
  while (cursor.accept(','));
  if (!cursor.atEnd) cursor.expected("',' or the end of the statement", 'separate operands by commas');
  return operands;
}

/** What an operand is, for a message. */
export function describeOperand(operand: Operand, text: string): string {
  const kind = { register: 'the register', memory: 'the memory operand', value: 'the value' }[operand.kind];
  return `${kind} ${quote(text)}`;
}
