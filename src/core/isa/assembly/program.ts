// What a source has built up so far: sections, symbols, numeric labels. The scope in which its formulas are read.

import { numberFormula, parseFormula, placeFormula, type Formula, type FormulaScope } from './formula.ts';
import { AssemblyFault, quote, type Messages, type Span } from './messages.ts';
import { findRegister } from './operands.ts';
import type { Label } from './label.ts';
import { flagsByName, Section, type SectionFlags } from './sections.ts';
import { Evaluator, SymbolTable } from './symbols.ts';
import type { Cursor } from './tokens.ts';

/** Bytes an image may have; also the reach of `.space` and its like. */
export const IMAGE_LIMIT = 32 * 1024 * 1024;

export class Program implements FormulaScope {
  readonly messages: Messages;
  readonly symbols = new SymbolTable();
  readonly evaluator = new Evaluator(this.symbols);
  /** By name, in order of appearance. */
  readonly sections = new Map<string, Section>();
  readonly #localLabels = new Map<string, number>();
  readonly #stack: { current: Section; previous: Section }[] = [];
  #previous: Section;
  #reserved = 0;
  /** Where statements go. */
  section: Section;

  constructor(messages: Messages) {
    this.messages = messages;
    this.section = this.findSection('.text');
    this.#previous = this.section;
  }

  /** The section of a name, made on first mention. */
  findSection(name: string, flags: SectionFlags = flagsByName(name)): Section {
    const known = this.sections.get(name);
    if (known) return known;
    const section = new Section(name, flags);
    this.sections.set(name, section);
    return section;
  }

  enterSection(section: Section): void {
    this.#previous = this.section;
    this.section = section;
  }

  /** `.previous`: goes back to the section before. */
  swapSection(): void {
    this.enterSection(this.#previous);
  }

  pushSection(): void {
    this.#stack.push({ current: this.section, previous: this.#previous });
  }

  /** @throws AssemblyFault without a `.pushsection` */
  popSection(span: Span): void {
    const saved = this.#stack.pop();
    if (!saved)
      throw new AssemblyFault(span, "expected '.pushsection' above, found '.popsection' without one: remove it");
    this.section = saved.current;
    this.#previous = saved.previous;
  }

  here(): Label {
    return this.section.here();
  }

  snapshot(name: string): Formula | undefined {
    const definition = this.symbols.find(name);
    return definition?.redefinable ? definition.formula : undefined;
  }

  localLabel(text: string): string | undefined {
    const number = String(BigInt(text.slice(0, -1)));
    const count = this.#localLabels.get(number) ?? 0;
    if (text.endsWith('f')) return `${number}\u0001${count + 1}`;
    return count === 0 ? undefined : `${number}\u0001${count}`;
  }

  /** Defines `name:` or `1:` here. @throws AssemblyFault if the name is taken */
  defineLabel(name: string, span: Span): void {
    const formula = placeFormula(this.here());
    if (/^\d+$/.test(name)) {
      const number = String(BigInt(name));
      const count = (this.#localLabels.get(number) ?? 0) + 1;
      this.#localLabels.set(number, count);
      this.symbols.define(`${number}\u0001${count}`, { formula, span, redefinable: false });
    } else {
      this.defineSymbol(name, formula, span, false);
    }
  }

  /** Defines a symbol; a formula whose value is known is reduced to it. @throws AssemblyFault if the name is taken */
  defineSymbol(name: string, formula: Formula, span: Span, redefinable: boolean): void {
    if (findRegister(name) !== undefined) {
      throw new AssemblyFault(span, `expected a name that is no register, found ${quote(name)}: rename the symbol`);
    }
    const value = this.evaluator.value(formula);
    const reduced = value && (value.base ? placeFormula(value.base, value.offset) : numberFormula(value.offset));
    this.symbols.define(name, { formula: reduced ?? formula, span, redefinable });
  }

  /** Reads an expression whose value must be known now. @throws AssemblyFault */
  constant(cursor: Cursor): bigint {
    const start = cursor.position;
    const value = this.evaluator.value(parseFormula(cursor, this));
    if (!value || value.base) {
      throw new AssemblyFault(
        cursor.spanFrom(start),
        'expected a constant that is known here, found an address or a symbol defined below: define it above with .equ',
      );
    }
    return value.offset;
  }

  /** Reads a constant within bounds. @throws AssemblyFault */
  constantBetween(cursor: Cursor, least: number, most: number): number {
    const start = cursor.position;
    const value = this.constant(cursor);
    if (value < BigInt(least) || value > BigInt(most)) {
      throw new AssemblyFault(cursor.spanFrom(start), `expected a number from ${least} to ${most}, found ${value}`);
    }
    return Number(value);
  }

  /** Makes sure `count` more bytes fit. @throws AssemblyFault */
  reserve(count: number, span: Span): void {
    const size = this.#reserved + count;
    if (size > IMAGE_LIMIT) {
      throw new AssemblyFault(
        span,
        `expected a program of at most ${IMAGE_LIMIT} bytes, found ${size}: reserve less`,
        true,
      );
    }
    this.#reserved = size;
  }
}
