// Directives that choose a section or say something about a symbol, and those that are read but mean nothing here.

import type { Directive, DirectiveCall } from './control-directives.ts';
import { parseFormula, placeFormula } from './formula.ts';
import { AssemblyFault, quote } from './messages.ts';
import { IMAGE_LIMIT } from './program.ts';
import { flagsByName, parseFlags, type SectionFlags } from './sections.ts';
import { spanIn } from './statements.ts';
import { Cursor } from './tokens.ts';

const enter =
  (name: string): Directive =>
  (call) => {
    new Cursor(call.statement, call.offset).expectEnd();
    call.program.enterSection(call.program.findSection(name));
  };

/** `.section name`, `.section name, "flags"`, `.section name, "flags", @nobits`. */
function enterNamed(call: DirectiveCall): void {
  const cursor = new Cursor(call.statement, call.offset);
  const nameToken = cursor.peek();
  const name =
    nameToken.kind === 'string' ? nameToken.text.slice(1, -1) : nameToken.kind === 'name' ? nameToken.text : undefined;
  if (!name) return cursor.expected('the name of a section such as .text or .rodata');
  cursor.next();
  // `.section .note.GNU-stack`: GNU as takes `-` as part of the name.
  let full = name;
  while (cursor.accept('-')) full += `-${cursor.expectName('the rest of the name')}`;
  let flags: SectionFlags = flagsByName(full);
  let given = false;
  if (cursor.accept(',')) {
    const token = cursor.peek();
    if (token.kind !== 'string') return cursor.expected('section flags in quotes such as "a", "aw" or "ax"');
    cursor.next();
    given = true;
    let zeroed = flags.zeroed;
    if (cursor.accept(',')) {
      if (!cursor.accept('@')) cursor.accept('%');
      const kind = cursor.expectName("'@progbits' or '@nobits'");
      zeroed = kind === 'nobits';
      // The size of mergeable entries and the like: for a linker.
      while (cursor.accept(',')) cursor.next();
    }
    flags = parseFlags(token.text.slice(1, -1), zeroed, cursor.span(token));
  }
  cursor.expectEnd();
  const isNew = !call.program.sections.has(full);
  if (isNew && !given && !flags.allocated) {
    call.program.messages.warn(
      spanIn(call.statement),
      `expected section flags, found none for ${quote(full)}: it is not loaded unless you write e.g. '.section ${full}, "a"'`,
    );
  }
  call.program.enterSection(call.program.findSection(full, flags));
}

/** Calls `apply` for each name of a list. */
const forNames =
  (apply: (call: DirectiveCall, name: string) => void): Directive =>
  (call) => {
    const cursor = new Cursor(call.statement, call.offset);
    do apply(call, cursor.expectName('a symbol'));
    while (cursor.accept(','));
    cursor.expectEnd();
  };

const ignored: Directive = () => undefined;

/** `.type name, @function`: the debugger then shows the symbol as a function. */
const type: Directive = (call) => {
  const [, name, kind] = /^\s*([\w.$]+)\s*,\s*[@%"]?(?:STT_)?(\w+)/i.exec(call.statement.text.slice(call.offset)) ?? [];
  if (name === undefined)
    throw new AssemblyFault(spanIn(call.statement), "expected '.type name, @function' or '@object'");
  if (kind?.toLowerCase() === 'function' || kind === 'FUNC') call.program.symbols.functions.add(name);
};

/** `.set`, `.equ`: may be repeated; `.equiv` only once. */
const assignment =
  (redefinable: boolean): Directive =>
  (call) => {
    const cursor = new Cursor(call.statement, call.offset);
    const span = cursor.span(cursor.peek());
    const name = cursor.expectName('a symbol');
    cursor.expect(',');
    const formula = parseFormula(cursor, call.program);
    cursor.expectEnd();
    call.program.defineSymbol(name, formula, span, redefinable);
  };

/** `.comm name, size, alignment`: room in .bss. */
const common =
  (global: boolean): Directive =>
  (call) => {
    const { program } = call;
    const cursor = new Cursor(call.statement, call.offset);
    const span = cursor.span(cursor.peek());
    const name = cursor.expectName('a symbol');
    cursor.expect(',');
    const size = program.constantBetween(cursor, 0, IMAGE_LIMIT);
    const boundary = cursor.accept(',') ? program.constantBetween(cursor, 1, 1 << 24) : 4;
    cursor.expectEnd();
    program.reserve(size, span);
    const section = program.findSection('.bss');
    section.alignment = Math.max(section.alignment, boundary);
    section.close({ kind: 'align', boundary, fill: 0, limit: boundary });
    program.defineSymbol(name, placeFormula(section.here()), span, false);
    section.buffer.extend(size);
    if (global) program.symbols.globals.add(name);
  };

const elsewhere: Directive = ({ name, statement }) => {
  throw new AssemblyFault(
    spanIn(statement),
    `expected one source that holds everything, found '${name}': put the contents here`,
  );
};

const complain: Directive = ({ statement, offset, name }) => {
  const text = statement.text
    .slice(offset)
    .trim()
    .replace(/^"(.*)"$/, '$1');
  throw new AssemblyFault(spanIn(statement), text === '' ? `the source stops here with '${name}'` : text);
};

export const sectionDirectives: Readonly<Record<string, Directive>> = {
  '.text': enter('.text'),
  '.data': enter('.data'),
  '.bss': enter('.bss'),
  '.rodata': enter('.rodata'),
  '.section': enterNamed,
  '.pushsection': (call) => {
    call.program.pushSection();
    enterNamed(call);
  },
  '.popsection': ({ program, statement }) => program.popSection(spanIn(statement)),
  '.previous': ({ program }) => program.swapSection(),

  '.globl': forNames(({ program }, name) => program.symbols.globals.add(name)),
  '.global': forNames(({ program }, name) => program.symbols.globals.add(name)),
  '.weak': forNames(({ program }, name) => program.symbols.globals.add(name)),
  '.local': forNames(() => undefined),
  '.type': type,
  '.set': assignment(true),
  '.equ': assignment(true),
  '.equiv': assignment(false),
  '.comm': common(true),
  '.common': common(true),
  '.lcomm': common(false),

  '.include': elsewhere,
  '.incbin': elsewhere,
  '.error': complain,
  '.err': complain,
  '.warning': ({ program, statement, offset }) =>
    program.messages.warn(
      spanIn(statement),
      statement.text
        .slice(offset)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    ),

  // For a linker, a debugger or an ABI that is not involved here.
  ...Object.fromEntries(
    [
      '.option',
      '.attribute',
      '.file',
      '.loc',
      '.ident',
      '.size',
      '.hidden',
      '.protected',
      '.internal',
      '.print',
      '.title',
      '.variant_cc',
      '.addrsig',
      '.addrsig_sym',
      '.cfi_startproc',
      '.cfi_endproc',
      '.cfi_sections',
      '.cfi_def_cfa',
      '.cfi_def_cfa_offset',
      '.cfi_def_cfa_register',
      '.cfi_offset',
      '.cfi_restore',
      '.cfi_undefined',
      '.cfi_signal_frame',
    ].map((name) => [name, ignored]),
  ),
};
