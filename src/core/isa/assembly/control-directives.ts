// Directives that decide which statements are assembled: conditionals, repetitions, macros.

import { AssemblyFault, quote } from './messages.ts';
import { parseArguments, parseHeader } from './macros.ts';
import type { Program } from './program.ts';
import type { SourceStream } from './source-stream.ts';
import { spanIn, type Statement } from './statements.ts';
import { Cursor } from './tokens.ts';

/** A directive at work: its statement, where its operands start, and what it may change. */
export interface DirectiveCall {
  readonly name: string;
  readonly statement: Statement;
  readonly offset: number;
  readonly program: Program;
  readonly stream: SourceStream;
}

export type Directive = (call: DirectiveCall) => void;

const rest = ({ statement, offset }: DirectiveCall): string => statement.text.slice(offset).trim();

/** The text of a quoted string or of what stands there unquoted. */
const plain = (text: string): string => text.replace(/^"(.*)"$/, '$1');

const compareWithZero: Readonly<Record<string, (value: bigint) => boolean>> = {
  '.if': (value) => value !== 0n,
  '.ifne': (value) => value !== 0n,
  '.ifeq': (value) => value === 0n,
  '.ifgt': (value) => value > 0n,
  '.ifge': (value) => value >= 0n,
  '.iflt': (value) => value < 0n,
  '.ifle': (value) => value <= 0n,
};

function evaluateCondition(call: DirectiveCall, holds: (value: bigint) => boolean): boolean {
  const cursor = new Cursor(call.statement, call.offset);
  const value = call.program.constant(cursor);
  cursor.expectEnd();
  return holds(value);
}

function compareTexts(call: DirectiveCall): boolean {
  const texts = parseArguments(rest(call));
  if (texts.length > 2) {
    throw new AssemblyFault(spanIn(call.statement), `expected '${call.name} text, text', found ${texts.length} texts`);
  }
  return plain(texts[0] ?? '') === plain(texts[1] ?? '');
}

const isDefined = (call: DirectiveCall): boolean => {
  const cursor = new Cursor(call.statement, call.offset);
  const name = cursor.expectName('a symbol');
  cursor.expectEnd();
  return call.program.symbols.find(name) !== undefined;
};

const conditional =
  (condition: Directive extends (call: infer Call) => void ? (call: Call) => boolean : never): Directive =>
  (call) =>
    call.stream.openConditional(call.statement, () => condition(call));

const NAME = /^[A-Za-z_.$][\w.$]*$/;

function repeatWith(call: DirectiveCall, split: (texts: readonly string[]) => readonly string[]): void {
  const [name = '', ...texts] = parseArguments(rest(call));
  const body = call.stream.collectBlock(call.statement, /^\.(rept|irpc?)$/, '.endr');
  if (!NAME.test(name)) {
    throw new AssemblyFault(
      spanIn(call.statement),
      `expected '${call.name} name, value, …', found ${quote(name)}: give a name`,
    );
  }
  const values = split(texts);
  const once = values.length === 0 ? [''] : values;
  call.stream.repeat(call.statement, body, once.length, (round) => new Map([[name, once[round] ?? '']]));
}

function defineMacro(call: DirectiveCall): void {
  const span = spanIn(call.statement);
  const body = call.stream.collectBlock(call.statement, /^\.macro$/, '.endm');
  const macro = { ...parseHeader(rest(call), span), body };
  if (call.stream.findMacro(macro.name)) {
    throw new AssemblyFault(
      span,
      `expected a new name, found the macro ${quote(macro.name)} again: rename it, or .purgem it first`,
    );
  }
  call.stream.addMacro(macro);
}

const stray =
  (opening: string): Directive =>
  ({ name, statement }) => {
    throw new AssemblyFault(spanIn(statement), `expected '${opening}' above, found '${name}' without one: remove it`);
  };

export const controlDirectives: Readonly<Record<string, Directive>> = {
  ...Object.fromEntries(
    Object.entries(compareWithZero).map(([name, holds]) => [
      name,
      conditional((call) => evaluateCondition(call, holds)),
    ]),
  ),
  '.ifdef': conditional(isDefined),
  '.ifndef': conditional((call) => !isDefined(call)),
  '.ifnotdef': conditional((call) => !isDefined(call)),
  '.ifb': conditional((call) => plain(rest(call)) === ''),
  '.ifnb': conditional((call) => plain(rest(call)) !== ''),
  '.ifc': conditional(compareTexts),
  '.ifnc': conditional((call) => !compareTexts(call)),
  '.ifeqs': conditional(compareTexts),
  '.ifnes': conditional((call) => !compareTexts(call)),
  '.elseif': (call) =>
    call.stream.switchConditional(call.statement, false, () => evaluateCondition(call, (value) => value !== 0n)),
  '.else': ({ stream, statement }) => stream.switchConditional(statement, true, () => true),
  '.endif': ({ stream, statement }) => stream.closeConditional(statement),

  '.rept': (call) => {
    const body = call.stream.collectBlock(call.statement, /^\.(rept|irpc?)$/, '.endr');
    const cursor = new Cursor(call.statement, call.offset);
    const rounds = call.program.constantBetween(cursor, 0, 1_000_000);
    cursor.expectEnd();
    call.stream.repeat(call.statement, body, rounds);
  },
  '.irp': (call) => repeatWith(call, (texts) => texts),
  '.irpc': (call) => repeatWith(call, (texts) => [...texts.join('')]),
  '.endr': stray('.rept'),
  '.macro': defineMacro,
  '.endm': stray('.macro'),
  '.exitm': ({ stream, statement }) => stream.exitMacro(statement),
  '.purgem': (call) => {
    const name = rest(call);
    if (!call.stream.removeMacro(name)) {
      throw new AssemblyFault(
        spanIn(call.statement),
        `expected the name of a macro, found ${quote(name)}: check the spelling`,
      );
    }
  },
  '.end': ({ stream }) => stream.stop(),
};
