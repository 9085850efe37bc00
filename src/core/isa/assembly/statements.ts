// Cuts a source into statements: comments gone, `;` and line ends as borders. Comments become blanks, so that a column in a
// statement is still the column in the source.

import type { Messages, Span } from './messages.ts';

export interface Statement {
  readonly text: string;
  /** Line of the source, from 1. For the expansion of a macro: of its outermost invocation. */
  readonly line: number;
  /** Column of `text[0]`, from 1. */
  readonly column: number;
  /** Set in the expansion of a macro, where columns mean nothing in the source. */
  readonly expansion?: { readonly macro: string; readonly length: number };
}

/** The place of `length` characters at `offset` of a statement. */
export function spanIn(statement: Statement, offset = 0, length = statement.text.trimEnd().length - offset): Span {
  if (statement.expansion)
    return { line: statement.line, column: statement.column, length: statement.expansion.length };
  return { line: statement.line, column: statement.column + offset, length: Math.max(1, length) };
}

/** A character outside of which statement text has no further structure. */
const BORDER = /[\n;#"'/]/g;
const STRING = /"(?:[^"\\\n]|\\[^\n])*"?/y;
const CHARACTER = /'(?:\\[^\n]|[^\n])'?/y;

function matchAt(pattern: RegExp, text: string, position: number): string {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0] ?? text.charAt(position);
}

/** Cuts `source` into statements; empty ones are left out. */
export function splitStatements(source: string, messages: Messages): readonly Statement[] {
  const statements: Statement[] = [];
  let line = 1;
  let lineStart = 0;
  let start = 0;
  let text = '';
  let position = 0;
  const take = (end: number) => {
    text += source.slice(start + text.length, end);
  };
  const finish = (end: number) => {
    take(end);
    const indent = text.length - text.trimStart().length;
    if (indent < text.length) {
      statements.push({ text: text.trim(), line, column: start - lineStart + indent + 1 });
    }
    text = '';
    start = end + 1;
  };
  const newline = (end: number) => {
    finish(end);
    line++;
    lineStart = end + 1;
  };
  const blank = (end: number) => {
    take(position);
    text += ' '.repeat(end - position);
    position = end;
  };
  while (position < source.length) {
    BORDER.lastIndex = position;
    const border = BORDER.exec(source);
    if (!border) break;
    position = border.index;
    const character = border[0];
    if (character === '\n') {
      newline(position++);
    } else if (character === ';') {
      finish(position++);
    } else if (character === '"') {
      position += matchAt(STRING, source, position).length;
    } else if (character === "'") {
      position += matchAt(CHARACTER, source, position).length;
    } else if (character === '#' || source.startsWith('//', position)) {
      const end = source.indexOf('\n', position);
      blank(end < 0 ? source.length : end);
    } else if (source.startsWith('/*', position)) {
      const close = source.indexOf('*/', position + 2);
      if (close < 0) {
        messages.error(
          { line, column: position - lineStart + 1, length: 2 },
          "expected '*/' to end this comment, found the end of the source: close the comment",
        );
      }
      const end = close < 0 ? source.length : close + 2;
      for (let lineEnd = source.indexOf('\n', position); lineEnd >= 0 && lineEnd < end;) {
        blank(lineEnd);
        newline(lineEnd);
        position = lineEnd + 1;
        lineEnd = source.indexOf('\n', position);
      }
      blank(end);
    } else {
      position++;
    }
  }
  finish(source.length);
  return statements;
}
