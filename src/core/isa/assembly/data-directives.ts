// Directives that put bytes into the current section: values, strings, room, padding.

import type { Directive, DirectiveCall } from './control-directives.ts';
import { numberFormula, parseFormula, placeFormula } from './formula.ts';
import { warnIfTruncated } from './immediates.ts';
import { AssemblyFault } from './messages.ts';
import { IMAGE_LIMIT, type Program } from './program.ts';
import { spanIn } from './statements.ts';
import { Cursor } from './tokens.ts';

/** Runs a directive whose operands are read with a cursor to the end of the statement. */
const withCursor =
  (read: (cursor: Cursor, call: DirectiveCall) => void): Directive =>
  (call) => {
    const cursor = new Cursor(call.statement, call.offset);
    read(cursor, call);
    cursor.expectEnd();
  };

const values = (width: 1 | 2 | 4 | 8): Directive =>
  withCursor((cursor, { program, statement }) => {
    if (cursor.atEnd) return;
    const { section } = program;
    section.mark(statement.line, 'data');
    do {
      const start = cursor.position;
      const token = cursor.peek();
      if (token.kind === 'string') cursor.expected('a number', "text is written with '.ascii' or '.string'");
      const missing = token.kind === 'end' || (token.kind === 'punctuation' && token.text === ',');
      if (missing) program.messages.warn(cursor.span(token), 'expected a value, found none: 0 is assumed');
      const formula = missing ? numberFormula(0n) : parseFormula(cursor, program);
      const span = missing ? cursor.span(token) : cursor.spanFrom(start);
      program.reserve(width, span);
      const value = program.evaluator.value(formula);
      if (value && !value.base) {
        warnIfTruncated(program.messages, value.offset, width, span);
        section.buffer.appendValue(value.offset, width);
      } else {
        section.fixes.push({ kind: 'data', width, formula, at: section.here(), span });
        section.buffer.appendValue(0n, width);
      }
    } while (cursor.accept(','));
  });

/** `.insn word` and `.insn 4, word`: an instruction this assembler has no name for. */
const insn = withCursor((cursor, { program, statement }) => {
  const first = program.constantBetween(cursor, 0, 0xffff_ffff);
  const word = cursor.accept(',') ? program.constantBetween(cursor, 0, 0xffff_ffff) : first;
  if ((word & 3) !== 3 || (word !== first && first !== 4)) {
    throw new AssemblyFault(
      spanIn(statement),
      "expected '.insn 4, word' with an instruction of 32 bits, whose lowest two bits are set, found another: see .word",
    );
  }
  program.reserve(4, spanIn(statement));
  program.section.mark(statement.line, 'code');
  program.section.buffer.appendValue(BigInt(word), 4);
});

const strings = (terminated: boolean): Directive =>
  withCursor((cursor, { program, statement }) => {
    program.section.mark(statement.line, 'data');
    do {
      let token = cursor.peek();
      if (token.kind !== 'string') return cursor.expected('a string in double quotes', 'write e.g. "hello\\n"');
      // Strings without a comma between them are one.
      for (; token.kind === 'string'; token = cursor.peek()) {
        cursor.next();
        program.reserve(token.bytes.length + 1, cursor.span(token));
        program.section.buffer.append(token.bytes);
      }
      if (terminated) program.section.buffer.appendValue(0n, 1);
    } while (cursor.accept(','));
  });

/** An optional `, value` behind the first operand; `,,` leaves it out. */
function optional(cursor: Cursor, program: Program, least: number, most: number): number | undefined {
  if (!cursor.accept(',')) return undefined;
  const token = cursor.peek();
  if (token.kind === 'end' || (token.kind === 'punctuation' && token.text === ',')) return undefined;
  return program.constantBetween(cursor, least, most);
}

const space = withCursor((cursor, { program, statement }) => {
  const count = program.constantBetween(cursor, 0, IMAGE_LIMIT);
  const fill = optional(cursor, program, -128, 255) ?? 0;
  program.reserve(count, spanIn(statement));
  program.section.mark(statement.line, 'data');
  program.section.buffer.extend(count, fill & 255);
});

/** `.fill count, size, value`: of a value, at most four bytes count. */
const fill = withCursor((cursor, { program, statement }) => {
  const count = program.constantBetween(cursor, 0, IMAGE_LIMIT);
  const size = optional(cursor, program, 0, 8) ?? 1;
  const value = optional(cursor, program, -0x8000_0000, 0xffff_ffff) ?? 0;
  program.reserve(count * size, spanIn(statement));
  program.section.mark(statement.line, 'data');
  const pattern = BigInt.asUintN(32, BigInt(value));
  for (let index = 0; index < count && size > 0; index++) program.section.buffer.appendValue(pattern, size);
});

const LARGEST_POWER = 24;

/** `.align` counts in powers of two on RISC-V, `.balign` in bytes. */
const align = (unit: 'power' | 'bytes'): Directive =>
  withCursor((cursor, { program, statement }) => {
    const { section } = program;
    const start = cursor.position;
    const given = program.constantBetween(cursor, 0, unit === 'power' ? LARGEST_POWER : 2 ** LARGEST_POWER);
    const boundary = unit === 'power' ? 2 ** given : Math.max(1, given);
    if ((boundary & (boundary - 1)) !== 0) {
      throw new AssemblyFault(
        cursor.spanFrom(start),
        `expected a power of two, found ${given}: alignments are powers of two`,
      );
    }
    const value = optional(cursor, program, -128, 255);
    const limit = optional(cursor, program, 0, IMAGE_LIMIT) ?? 0;
    section.alignment = Math.max(section.alignment, boundary);
    if (boundary === 1) return;
    section.mark(statement.line, section.flags.executable && value === undefined ? 'code' : 'data');
    const filler = value ?? (section.flags.executable ? undefined : 0);
    section.close({
      kind: 'align',
      boundary,
      fill: filler === undefined ? undefined : filler & 255,
      limit: limit === 0 ? boundary : limit,
    });
  });

/** `.org`: a distance from the start of the section, or from a label in it. */
const org = withCursor((cursor, { program, statement }) => {
  const start = cursor.position;
  const formula = parseFormula(cursor, program);
  const span = cursor.spanFrom(start);
  const value = program.evaluator.value(formula);
  const { section } = program;
  if (!value || (value.base && value.base.section !== section)) {
    throw new AssemblyFault(
      span,
      `expected a distance from the start of ${section.name}, or a place in it, found something else: write e.g. '.org 0x100'`,
    );
  }
  const origin = value.base ?? { section, fragment: 0, offset: 0 };
  const filler = (optional(cursor, program, -128, 255) ?? 0) & 255;
  section.mark(statement.line, 'data');
  section.close({ kind: 'org', formula: placeFormula(origin, value.offset), fill: filler, span, size: 0 });
});

export const dataDirectives: Readonly<Record<string, Directive>> = {
  '.byte': values(1),
  '.half': values(2),
  '.short': values(2),
  '.hword': values(2),
  '.2byte': values(2),
  '.word': values(4),
  '.long': values(4),
  '.int': values(4),
  '.4byte': values(4),
  '.dword': values(8),
  '.quad': values(8),
  '.8byte': values(8),
  '.insn': insn,
  '.ascii': strings(false),
  '.asciz': strings(true),
  '.asciiz': strings(true),
  '.string': strings(true),
  '.space': space,
  '.skip': space,
  '.zero': space,
  '.fill': fill,
  '.align': align('power'),
  '.p2align': align('power'),
  '.balign': align('bytes'),
  '.org': org,
};
