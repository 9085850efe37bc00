// Symbols and the values of formulas. While the source is read, a formula has a value only if no address matters or if
// both ends of a distance lie in one fragment; after the layout every formula has one.

import type { BinaryOperator, Formula } from './formula.ts';
import { AssemblyFault, quote } from './messages.ts';
import { addressOf, type Label } from './label.ts';
import type { Span } from './messages.ts';

export interface SymbolDefinition {
  readonly formula: Formula;
  readonly span: Span;
  /** Defined with `.set` or `=`, which may be repeated. */
  readonly redefinable: boolean;
}

/** A value: a number, or a distance from a label. */
export interface Value {
  readonly base: Label | undefined;
  readonly offset: bigint;
}

/** All symbols of a source; numeric labels stand under names no source can spell. */
export class SymbolTable {
  readonly #definitions = new Map<string, SymbolDefinition>();
  /** Names with global binding. */
  readonly globals = new Set<string>();
  /** Names of functions (`.type name, @function`). */
  readonly functions = new Set<string>();

  find(name: string): SymbolDefinition | undefined {
    return this.#definitions.get(name);
  }

  entries(): IterableIterator<[string, SymbolDefinition]> {
    return this.#definitions.entries();
  }

  /** @throws AssemblyFault if the name is taken by something that may not be redefined */
  define(name: string, definition: SymbolDefinition): void {
    const earlier = this.#definitions.get(name);
    if (earlier && !(earlier.redefinable && definition.redefinable)) {
      throw new AssemblyFault(
        definition.span,
        `expected a new name, found ${quote(name)}, which line ${earlier.span.line} defines: rename one of them`,
      );
    }
    this.#definitions.set(name, definition);
  }
}

/** Terms of all formulas that may be open at a time: cuts symbols that stand for themselves, and bounds the stack. */
const DEPTH_LIMIT = 2000;

const wrap = (value: bigint): bigint => BigInt.asIntN(64, value);
/** True is −1 in GNU as, so that `~` works on it. */
const truth = (condition: boolean): bigint => (condition ? -1n : 0n);

function compute(operator: BinaryOperator, left: bigint, right: bigint, span: Span): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
    case '%':
      if (right === 0n)
        throw new AssemblyFault(span, `expected a divisor other than 0, found 0: '${operator}' has no result`);
      return operator === '/' ? left / right : left % right;
    case '<<':
      return right < 0n || right > 63n ? 0n : left << right;
    case '>>':
      return right < 0n || right > 63n ? 0n : BigInt.asUintN(64, left) >> right;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
    case '==':
      return truth(left === right);
    case '!=':
    case '<>':
      return truth(left !== right);
    case '<':
      return truth(left < right);
    case '>':
      return truth(left > right);
    case '<=':
      return truth(left <= right);
    case '>=':
      return truth(left >= right);
    case '&&':
      return left !== 0n && right !== 0n ? 1n : 0n;
    case '||':
      return left !== 0n || right !== 0n ? 1n : 0n;
  }
}

/** A difference or comparison of two places in one fragment needs no addresses. */
function sameFragment(left: Label, right: Label): boolean {
  return left.section === right.section && left.fragment === right.fragment;
}

/** Evaluates formulas against a symbol table. */
export class Evaluator {
  readonly #symbols: SymbolTable;
  /** Values the linker provides if nobody defines them, e.g. `_end`; present once there is a layout. */
  readonly #provided: ReadonlyMap<string, number> | undefined;
  readonly #cache = new Map<string, Value>();
  #depth = 0;

  /** @param provided given once addresses are final for now: then every formula has a number as its value */
  constructor(symbols: SymbolTable, provided?: ReadonlyMap<string, number>) {
    this.#symbols = symbols;
    this.#provided = provided;
  }

  /** The value of a formula; undefined if it is not known yet. @throws AssemblyFault for one that can have none */
  value(formula: Formula): Value | undefined {
    switch (formula.kind) {
      case 'number':
        return { base: undefined, offset: formula.value };
      case 'place':
        return this.#provided
          ? { base: undefined, offset: BigInt(addressOf(formula.label)) + formula.offset }
          : { base: formula.label, offset: formula.offset };
      case 'symbol':
        return this.#symbol(formula.name, formula.span);
      case 'unary': {
        const operand = this.value(formula.operand);
        if (operand?.base !== undefined || operand === undefined) return undefined;
        const { offset } = operand;
        const result =
          formula.operator === '-' ? -offset : formula.operator === '~' ? ~offset : offset === 0n ? 1n : 0n;
        return { base: undefined, offset: wrap(result) };
      }
      case 'binary': {
        const left = this.value(formula.left);
        const right = left && this.value(formula.right);
        return left && right && this.#binary(formula.operator, left, right, formula.span);
      }
    }
  }

  /** The value of a formula after the layout. */
  final(formula: Formula): bigint {
    return this.value(formula)?.offset ?? 0n;
  }

  #binary(operator: BinaryOperator, left: Value, right: Value, span: Span): Value | undefined {
    if (left.base && right.base) {
      if (!sameFragment(left.base, right.base) || operator === '+') return undefined;
      const distance = BigInt(left.base.offset - right.base.offset);
      return ['-', '==', '!=', '<>', '<', '>', '<=', '>='].includes(operator)
        ? { base: undefined, offset: wrap(compute(operator, left.offset + distance, right.offset, span)) }
        : undefined;
    }
    if (left.base && operator !== '+' && operator !== '-') return undefined;
    if (right.base && operator !== '+') return undefined;
    return { base: left.base ?? right.base, offset: wrap(compute(operator, left.offset, right.offset, span)) };
  }

  #symbol(name: string, span: Span): Value | undefined {
    const definition = this.#symbols.find(name);
    if (!definition) {
      if (!this.#provided) return undefined;
      const provided = this.#provided.get(name);
      if (provided !== undefined) return { base: undefined, offset: BigInt(provided) };
      throw new AssemblyFault(span, undefinedSymbol(name));
    }
    const cached = this.#provided && this.#cache.get(name);
    if (cached) return cached;
    if (this.#depth >= DEPTH_LIMIT) {
      throw new AssemblyFault(
        span,
        `expected a value, found ${quote(name)}, whose definition leads back to itself or through too many symbols: define it directly`,
      );
    }
    const { size } = definition.formula;
    this.#depth += size;
    try {
      const value = this.value(definition.formula);
      if (value && this.#provided) this.#cache.set(name, value);
      return value;
    } finally {
      this.#depth -= size;
    }
  }
}

function undefinedSymbol(name: string): string {
  const [, local] = /^(\d+)\u0001/.exec(name) ?? [];
  if (local !== undefined) {
    return `expected a label '${local}:' below, found none: define it, or look behind with '${local}b'`;
  }
  return `expected a defined symbol, found ${quote(name)}: define it with '${name}:' or .equ, or check the spelling`;
}
