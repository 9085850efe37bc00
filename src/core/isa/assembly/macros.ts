// Macros: their parameters, the arguments of an invocation, and the text they turn into (GNU as, ".macro").

import { AssemblyFault, quote, type Messages, type Span } from './messages.ts';
import { spanIn, splitStatements, type Statement } from './statements.ts';

export interface Parameter {
  readonly name: string;
  readonly fallback: string;
  readonly kind: 'plain' | 'req' | 'vararg';
}

export interface Macro {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly body: readonly Statement[];
}

/** One argument and where it starts in the text. */
interface Argument {
  readonly text: string;
  readonly start: number;
}

const QUOTED = /"(?:[^"\\]|\\[^])*"?|'(?:\\[^]|[^])'?/y;
const JOINS_BEHIND = '+-*/%&|^<>=!~';
const JOINS_AHEAD = '+-*/&|^<>=';

/** Splits arguments at commas, and at blanks that stand between two operands rather than beside an operator. */
function splitArguments(text: string): readonly Argument[] {
  const found: Argument[] = [];
  let depth = 0;
  let start = 0;
  let position = 0;
  const take = (end: number, next: number) => {
    const piece = text.slice(start, end);
    found.push({ text: piece.trim(), start: start + piece.length - piece.trimStart().length });
    start = next;
  };
  while (position < text.length) {
    const character = text.charAt(position);
    QUOTED.lastIndex = position;
    const quoted = character === '"' || character === "'" ? QUOTED.exec(text) : null;
    if (quoted) {
      position += quoted[0].length;
      continue;
    }
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === ',' && depth <= 0) take(position, position + 1);
    if (/\s/.test(character) && depth <= 0) {
      const before = text.slice(start, position).trimEnd();
      let next = position;
      while (/\s/.test(text.charAt(next))) next++;
      const joined =
        before === '' ||
        next >= text.length ||
        text.charAt(next) === ',' ||
        JOINS_BEHIND.includes(before.charAt(before.length - 1)) ||
        JOINS_AHEAD.includes(text.charAt(next));
      if (!joined) take(position, next);
      position = next;
    } else {
      position++;
    }
  }
  if (text.slice(start).trim() !== '' || found.length > 0) take(text.length, text.length);
  return found;
}

/** The arguments of `.irp` and of an invocation; a quoted one without its quotes, as GNU as passes it. */
export const parseArguments = (text: string): readonly string[] =>
  splitArguments(text).map((argument) => unquote(argument.text));

const unquote = (text: string): string => (/^"(?:[^"\\]|\\[^])*"$/.test(text) ? text.slice(1, -1) : text);

const HEADER = /^\s*([A-Za-z_.$][\w.$]*)(?:\s*,|\s+|$)/;
const PARAMETER = /^([A-Za-z_.$][\w.$]*)\s*(?::\s*(req|vararg))?\s*(?:=\s*([^]*))?$/;

/** Reads what stands behind `.macro`. @throws AssemblyFault */
export function parseHeader(text: string, span: Span): { name: string; parameters: readonly Parameter[] } {
  const header = HEADER.exec(text);
  if (header?.[1] === undefined) {
    throw new AssemblyFault(span, `expected '.macro name parameter, …', found ${quote(text)}: give the macro a name`);
  }
  const parameters = splitArguments(text.slice(header[0].length)).map(({ text: part }): Parameter => {
    const [, name, kind, fallback = ''] = PARAMETER.exec(part) ?? [];
    if (name === undefined) {
      throw new AssemblyFault(
        span,
        `expected a parameter such as 'x', 'x=5', 'x:req' or 'x:vararg', found ${quote(part)}`,
      );
    }
    return { name, fallback: unquote(fallback), kind: kind === 'req' || kind === 'vararg' ? kind : 'plain' };
  });
  const names = parameters.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new AssemblyFault(span, `expected different parameters, found ${quote(twice)} twice: rename one`);
  return { name: header[1], parameters };
}

/** The values of a macro's parameters in one invocation. @throws AssemblyFault */
export function bindArguments(macro: Macro, text: string, span: Span): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let index = 0;
  for (const argument of splitArguments(text)) {
    const [, keyword, value = ''] = /^([A-Za-z_.$][\w.$]*)\s*=(?!=)\s*([^]*)$/.exec(argument.text) ?? [];
    const named = macro.parameters.find(({ name }) => name === keyword);
    if (named) {
      values.set(named.name, unquote(value));
      continue;
    }
    const parameter = macro.parameters[index++];
    if (parameter === undefined) {
      const names = macro.parameters.map(({ name }) => name).join(', ');
      throw new AssemblyFault(
        span,
        `'${macro.name}': expected ${macro.parameters.length} arguments${names && ` (${names})`}, found ${quote(argument.text)} behind them: remove it`,
      );
    }
    if (parameter.kind === 'vararg') {
      values.set(parameter.name, text.slice(argument.start).trim());
      break;
    }
    values.set(parameter.name, unquote(argument.text));
  }
  for (const { name, kind, fallback } of macro.parameters) {
    if (values.get(name)) continue;
    if (kind === 'req') {
      throw new AssemblyFault(
        span,
        `'${macro.name}': expected an argument for '${name}', found none: the macro requires it`,
      );
    }
    values.set(name, fallback);
  }
  return values;
}

const REFERENCE = /\\(?:\(\)|@|([A-Za-z_.$][\w.$]*))/g;

/** Replaces `\name`, `\@` and `\()` in one text. */
function substituteText(text: string, values: ReadonlyMap<string, string>, serial: number | undefined): string {
  return text.replace(REFERENCE, (reference, name: string | undefined) => {
    if (reference === '\\()') return '';
    if (reference === '\\@') return serial === undefined ? reference : String(serial);
    return (name === undefined ? undefined : values.get(name)) ?? reference;
  });
}

/** A text that substitution may make no longer than this. */
const TEXT_LIMIT = 10_000;

/** The statements of a body with its parameters replaced, placed at the statement that asked for them. */
export function expandBody(
  name: string,
  body: readonly Statement[],
  values: ReadonlyMap<string, string>,
  serial: number | undefined,
  invocation: Statement,
  messages: Messages,
): readonly Statement[] {
  const span = spanIn(invocation);
  const place = { line: span.line, column: span.column, expansion: { macro: name, length: span.length } };
  return body.flatMap((statement) => {
    if (!statement.text.includes('\\')) return [{ text: statement.text, ...place }];
    const text = substituteText(statement.text, values, serial);
    if (text.length > TEXT_LIMIT) {
      throw new AssemblyFault(
        span,
        `expected at most ${TEXT_LIMIT} characters in a line of '${name}', found ${text.length}: pass less`,
      );
    }
    if (!/[;#/\n]/.test(text)) return text.trim() === '' ? [] : [{ text: text.trim(), ...place }];
    return splitStatements(text, messages).map((piece) => ({ text: piece.text, ...place }));
  });
}
