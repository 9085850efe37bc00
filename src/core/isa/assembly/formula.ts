// Expressions in assembly source, with the operators and the precedence of GNU as, which is not C's: shifts bind like `*`,
// bitwise operators tighter than `+`. Where C would read a formula differently, the assembler warns.

import { quote, type Messages } from './messages.ts';
import type { Label } from './label.ts';
import type { Cursor } from './tokens.ts';
import type { Span } from './messages.ts';

export type UnaryOperator = '-' | '~' | '!';
export type BinaryOperator = (typeof OPERATORS)[number]['text'];

export type Formula = { readonly size: number } & (
  | { readonly kind: 'number'; readonly value: bigint }
  | { readonly kind: 'symbol'; readonly name: string; readonly span: Span }
  | { readonly kind: 'place'; readonly label: Label; readonly offset: bigint }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Formula; readonly span: Span }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Formula;
      readonly right: Formula;
      readonly span: Span;
    }
);

/** Binary operators: how tightly they bind in GNU as ("Infix Operators") and in C. */
const OPERATORS = [
  { text: '||', gnu: 1, c: 1 },
  { text: '&&', gnu: 2, c: 2 },
  { text: '==', gnu: 3, c: 6 },
  { text: '!=', gnu: 3, c: 6 },
  { text: '<>', gnu: 3, c: 6 },
  { text: '<=', gnu: 3, c: 7 },
  { text: '>=', gnu: 3, c: 7 },
  { text: '<', gnu: 3, c: 7 },
  { text: '>', gnu: 3, c: 7 },
  { text: '+', gnu: 3, c: 9 },
  { text: '-', gnu: 3, c: 9 },
  { text: '|', gnu: 4, c: 3 },
  { text: '^', gnu: 4, c: 4 },
  { text: '&', gnu: 4, c: 5 },
  { text: '*', gnu: 5, c: 10 },
  { text: '/', gnu: 5, c: 10 },
  { text: '%', gnu: 5, c: 10 },
  { text: '<<', gnu: 5, c: 8 },
  { text: '>>', gnu: 5, c: 8 },
] as const;
type Convention = 'gnu' | 'c';

const operatorByText = new Map<string, (typeof OPERATORS)[number]>(OPERATORS.map((row) => [row.text, row]));

/** Formulas of more nodes than this are refused: walking them must neither hang nor exhaust the stack. */
const SIZE_LIMIT = 1000;
const NESTING_LIMIT = 64;

export const numberFormula = (value: bigint): Formula => ({ kind: 'number', value, size: 1 });
export const placeFormula = (label: Label, offset = 0n): Formula => ({ kind: 'place', label, offset, size: 1 });

/** What names mean while a formula is read. */
export interface FormulaScope {
  readonly messages: Messages;
  /** `.`: the place of the statement. */
  here(): Label;
  /** What a name stands for now, if it can be redefined later (`.set`). */
  snapshot(name: string): Formula | undefined;
  /** The symbol a numeric label such as `1b` or `2f` means. */
  localLabel(text: string): string | undefined;
}

class FormulaReader {
  readonly #cursor: Cursor;
  readonly #scope: FormulaScope;
  readonly #convention: Convention;
  #nesting = 0;
  /** Binary operators seen; with fewer than two no convention differs. */
  operators = 0;

  constructor(cursor: Cursor, scope: FormulaScope, convention: Convention) {
    this.#cursor = cursor;
    this.#scope = scope;
    this.#convention = convention;
  }

  read(lowest: number): Formula {
    let left = this.#operand();
    for (;;) {
      const start = this.#cursor.position;
      const token = this.#cursor.peek();
      const row = token.kind === 'punctuation' ? operatorByText.get(token.text) : undefined;
      if (!row || row[this.#convention] < lowest) return left;
      this.#cursor.next();
      this.operators++;
      const right = this.read(row[this.#convention] + 1);
      const size = left.size + right.size + 1;
      this.#cursor.rewind(this.#limit(size, start));
      left = { kind: 'binary', operator: row.text, left, right, span: this.#cursor.span(token), size };
    }
  }

  /** Refuses a formula that is too large. @returns the cursor's position, unchanged */
  #limit(size: number, start: number): number {
    const position = this.#cursor.position;
    if (size > SIZE_LIMIT || this.#nesting > NESTING_LIMIT) {
      this.#cursor.rewind(start);
      this.#cursor.expected(
        `an expression of at most ${SIZE_LIMIT} terms and ${NESTING_LIMIT} levels`,
        'split it with .equ',
      );
    }
    return position;
  }

  #operand(): Formula {
    const cursor = this.#cursor;
    const start = cursor.position;
    const token = cursor.peek();
    this.#limit(0, start);
    if (token.kind === 'number') {
      cursor.next();
      return numberFormula(token.value);
    }
    if (token.kind === 'local-label') {
      const name = this.#scope.localLabel(token.text);
      if (name === undefined) {
        return cursor.expected(`a label '${token.text.slice(0, -1)}:' above`, "define it, or look ahead with 'f'");
      }
      cursor.next();
      return { kind: 'symbol', name, span: cursor.span(token), size: 1 };
    }
    if (token.kind === 'name') {
      cursor.next();
      if (token.text === '.') return placeFormula(this.#scope.here());
      return (
        this.#scope.snapshot(token.text) ?? { kind: 'symbol', name: token.text, span: cursor.span(token), size: 1 }
      );
    }
    if (token.kind === 'punctuation') {
      this.#nesting++;
      const inner = this.#prefixed(token.text);
      this.#nesting--;
      if (inner) return inner;
    }
    if (token.kind === 'string') return cursor.expected('a number or a symbol', "a character is written 'a'");
    return cursor.expected('a number, a symbol or an expression');
  }

  #prefixed(text: string): Formula | undefined {
    const cursor = this.#cursor;
    const token = cursor.peek();
    if (cursor.accept('(')) {
      const inner = this.read(0);
      if (!cursor.accept(')')) cursor.expected("')'", 'close the parenthesis');
      return inner;
    }
    if (cursor.accept('+')) return this.#operand();
    if (text === '-' || text === '~' || text === '!') {
      cursor.next();
      const operand = this.#operand();
      return { kind: 'unary', operator: text, operand, span: cursor.span(token), size: operand.size + 1 };
    }
    return undefined;
  }
}

/** Whether two readings of the same tokens group them alike. */
function sameShape(one: Formula, other: Formula): boolean {
  if (one.kind === 'binary' && other.kind === 'binary') {
    return one.operator === other.operator && sameShape(one.left, other.left) && sameShape(one.right, other.right);
  }
  if (one.kind === 'unary' && other.kind === 'unary') return sameShape(one.operand, other.operand);
  return one.kind === other.kind;
}

function print(formula: Formula, inside = false): string {
  switch (formula.kind) {
    case 'number':
      return String(formula.value);
    case 'symbol':
      return formula.name;
    case 'place':
      return '.';
    case 'unary':
      return formula.operator + print(formula.operand, true);
    case 'binary': {
      const text = `${print(formula.left, true)} ${formula.operator} ${print(formula.right, true)}`;
      return inside ? `(${text})` : text;
    }
  }
}

/** Reads one expression. @throws AssemblyFault where there is none */
export function parseFormula(cursor: Cursor, scope: FormulaScope): Formula {
  const start = cursor.position;
  const reader = new FormulaReader(cursor, scope, 'gnu');
  const formula = reader.read(0);
  if (reader.operators < 2) return formula;
  const end = cursor.position;
  cursor.rewind(start);
  const asC = new FormulaReader(cursor, scope, 'c').read(0);
  if (!sameShape(formula, asC)) {
    scope.messages.warn(
      cursor.spanFrom(start),
      `this is read as ${quote(print(formula))}, as GNU as does; C would read ${quote(print(asC))}: add parentheses`,
    );
  }
  cursor.rewind(end);
  return formula;
}
