// Tokens of one statement, and a cursor over them.

import { AssemblyFault, quote } from './messages.ts';
import { spanIn, type Statement } from './statements.ts';
import type { Span } from './messages.ts';

export type Token = { readonly text: string; readonly offset: number } & (
  | { readonly kind: 'name' | 'punctuation' | 'end' }
  | { readonly kind: 'number'; readonly value: bigint }
  /** `1f`, `1b`: a numeric label ahead or behind. */
  | { readonly kind: 'local-label' }
  | { readonly kind: 'string'; readonly bytes: readonly number[] }
);

const SPACE = /\s*/y;
const NAME = /[A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*/y;
const LOCAL_LABEL = /\d+[bf](?![\w.$])/y;
const NUMBER = /0[xX][0-9a-fA-F]+(?![\w.$])|0[bB][01]+(?![\w.$])|\d+(?![\w.$])/y;
const CHARACTER = /'(\\[^\n]|[^\n])'?/y;
const STRING = /"((?:[^"\\\n]|\\[^\n])*)"/y;
const PUNCTUATION = /&&|\|\||<<|>>|<=|>=|==|!=|<>|[-+*/%&|^~!<>=(),@:[\]{}]/y;

/** Escapes of strings and characters ("Strings" in the manual of GNU as). */
const ESCAPES: ReadonlyMap<string, number> = new Map([
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['\\', 92],
  ['"', 34],
  ["'", 39],
]);
const ESCAPE = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]+)|([^]))|([^\\]+)/g;

/** Bytes of a text in UTF-8. */
export function encodeUtf8(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x1_0000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return bytes;
}

/** Bytes of a string's inside. */
function unescape(text: string): number[] {
  const bytes: number[] = [];
  for (const [, octal, hexadecimal, letter, plain] of text.matchAll(ESCAPE)) {
    if (plain !== undefined) for (const byte of encodeUtf8(plain)) bytes.push(byte);
    else if (octal !== undefined) bytes.push(parseInt(octal, 8) & 255);
    else if (hexadecimal !== undefined) bytes.push(parseInt(hexadecimal.slice(-2), 16));
    else bytes.push(ESCAPES.get(letter ?? '') ?? (letter ?? '').charCodeAt(0) & 255);
  }
  return bytes;
}

function parseNumber(text: string): bigint | undefined {
  if (/^0[0-7]+$/.test(text)) return BigInt(`0o${text.slice(1)}`);
  return /^0\d+$/.test(text) ? undefined : BigInt(text);
}

/** The tokens of a statement from `offset` on, closed by one of kind `end`. @throws AssemblyFault */
export function tokenize(statement: Statement, offset: number): readonly Token[] {
  const { text } = statement;
  const tokens: Token[] = [];
  let position = offset;
  let matched: RegExpExecArray | null = null;
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = position;
    matched = pattern.exec(text);
    return matched !== null;
  };
  const found = (group: number): string => matched?.[group] ?? '';
  for (;;) {
    match(SPACE);
    position += found(0).length;
    if (position >= text.length) break;
    const at = position;
    if (match(NAME)) {
      tokens.push({ kind: 'name', text: found(0), offset: at });
    } else if (match(LOCAL_LABEL)) {
      tokens.push({ kind: 'local-label', text: found(0), offset: at });
    } else if (match(NUMBER)) {
      const value = parseNumber(found(0));
      if (value === undefined || value >= 1n << 64n) {
        throw new AssemblyFault(
          spanIn(statement, at, found(0).length),
          `expected a number of at most 64 bits (0x… is hexadecimal, a leading 0 octal), found ${quote(found(0))}`,
        );
      }
      tokens.push({ kind: 'number', text: found(0), value, offset: at });
    } else if (match(CHARACTER)) {
      const inside = found(1);
      const value = inside.startsWith('\\') ? (unescape(inside)[0] ?? 0) : (encodeUtf8(inside)[0] ?? 0);
      tokens.push({ kind: 'number', text: found(0), value: BigInt(value), offset: at });
    } else if (match(STRING)) {
      tokens.push({ kind: 'string', text: found(0), bytes: unescape(found(1)), offset: at });
    } else if (match(PUNCTUATION)) {
      tokens.push({ kind: 'punctuation', text: found(0), offset: at });
    } else {
      throw new AssemblyFault(spanIn(statement, at), explainStray(text.slice(at)));
    }
    position += found(0).length;
  }
  tokens.push({ kind: 'end', text: '', offset: text.length });
  return tokens;
}

function explainStray(text: string): string {
  if (text.startsWith('"')) return `expected '"' to end this string, found the end of the line: close the string`;
  if (text.startsWith('\\')) {
    return `expected an operand, found ${quote(text)}: '\\name' stands only for a parameter inside .macro`;
  }
  if (/^\d/.test(text))
    return `expected a number such as 42, 0x2a or 0b101, found ${quote(/^[\w.$]+/.exec(text)?.[0] ?? '')}`;
  return `expected an operand, found ${quote(text.charAt(0))}: remove it`;
}

/** Walks over the tokens of one statement. */
export class Cursor {
  readonly statement: Statement;
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(statement: Statement, offset: number) {
    this.statement = statement;
    this.#tokens = tokenize(statement, offset);
  }

  get position(): number {
    return this.#index;
  }

  /** Goes back to an earlier `position`. */
  rewind(position: number): void {
    this.#index = position;
  }

  peek(ahead = 0): Token {
    return this.#tokens[this.#index + ahead] ?? { kind: 'end', text: '', offset: this.statement.text.length };
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#index++;
    return token;
  }

  get atEnd(): boolean {
    return this.peek().kind === 'end';
  }

  /** Takes the next token if it is this punctuation. */
  accept(text: string): boolean {
    const token = this.peek();
    if (token.kind !== 'punctuation' || token.text !== text) return false;
    this.#index++;
    return true;
  }

  /** The place of one token. */
  span(token: Token): Span {
    return spanIn(this.statement, token.offset, token.text.length);
  }

  /** The place from a token to the last one taken. */
  spanFrom(position: number): Span {
    const first = this.#tokens[position] ?? this.peek();
    const last = this.#tokens[Math.max(position, this.#index - 1)] ?? first;
    return spanIn(this.statement, first.offset, last.offset + last.text.length - first.offset);
  }

  /** @throws AssemblyFault `expected …, found …` at the next token */
  expected(what: string, advice = ''): never {
    const token = this.peek();
    const found = token.kind === 'end' ? 'the end of the statement' : quote(token.text);
    throw new AssemblyFault(this.span(token), `expected ${what}, found ${found}${advice === '' ? '' : `: ${advice}`}`);
  }

  expectName(what: string): string {
    const token = this.peek();
    if (token.kind !== 'name') return this.expected(what);
    this.#index++;
    return token.text;
  }

  /** Takes `text` or fails. */
  expect(text: string): void {
    if (!this.accept(text)) this.expected(`'${text}'`);
  }

  expectEnd(): void {
    if (!this.atEnd) this.expected('the end of the statement', 'remove what follows, or put it on a line of its own');
  }
}
