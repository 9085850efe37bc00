// A two-pass assembler for what GNU as reads of RV32IMA with Zicsr, Zifencei and the Hypervisor extension. The first pass
// fills sections and leaves open what depends on addresses; the layout gives addresses, relaxes branches and fills in.
// The instructions it knows are the rows of the instruction set and the table of pseudo-instructions, nothing else.

import { controlDirectives, type Directive } from './control-directives.ts';
import { dataDirectives } from './data-directives.ts';
import { writeElf, segmentsOf, type ElfSection, type ElfSymbol } from './elf.ts';
import { parseFormula } from './formula.ts';
import { assembleInstruction, isMnemonic } from './instruction-statement.ts';
import { layOut, type Layout, type PlacedSection } from './layout.ts';
import { AssemblyFault, Messages, quote, type AssemblyMessage } from './messages.ts';
import { Program } from './program.ts';
import { sectionDirectives } from './section-directives.ts';
import { addressOf, type Label } from './label.ts';
import { SourceStream } from './source-stream.ts';
import { spanIn, type Statement } from './statements.ts';
import { Cursor } from './tokens.ts';

export type { AssemblyMessage } from './messages.ts';

export interface AssembleOptions {
  /** The name of the source, for a debugger. */
  readonly fileName?: string;
  /** Where .text goes: a guest physical address, a multiple of 4. The other sections follow. */
  readonly textAddress?: number;
}

export interface AssembledSymbol {
  readonly name: string;
  readonly address: number;
}

/** One piece of memory with its initial contents; beyond `bytes`, up to `memorySize`, it is zero. */
export interface AssembledSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly memorySize: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** From `address` on, memory holds what this line of the source put there, until the next entry. */
export interface AssembledLine {
  readonly address: number;
  readonly line: number;
  readonly content: 'code' | 'data';
}

export interface Assembled {
  readonly ok: true;
  /** An ELF32 executable. */
  readonly image: Uint8Array;
  readonly segments: readonly AssembledSegment[];
  /** Labels in order of address; names starting with `.L` and numeric labels are left out. */
  readonly symbols: readonly AssembledSymbol[];
  /** In order of address. */
  readonly lines: readonly AssembledLine[];
  /** The address of `_start`, or else of the first section. */
  readonly entry: number;
  readonly warnings: readonly AssemblyMessage[];
}

export interface AssemblyFailed {
  readonly ok: false;
  /** In order of line and column; never empty. */
  readonly errors: readonly AssemblyMessage[];
  readonly warnings: readonly AssemblyMessage[];
}

/** RAM of the board starts here. */
const DEFAULT_TEXT_ADDRESS = 0x8000_0000;

const directives: ReadonlyMap<string, Directive> = new Map(
  Object.entries({ ...controlDirectives, ...dataDirectives, ...sectionDirectives }),
);

/** The directives the assembler knows, for completion in an editor. */
export const directiveNames: readonly string[] = [...directives.keys()];

const LABEL = /\s*([A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*|\d+)\s*:/y;
const ASSIGNMENT = /\s*([A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*)\s*=(?!=)/y;
const WORD = /\s*([A-Za-z_.$\u0080-\uffff][\w.$\u0080-\uffff]*)/y;

/** Matches at `offset`. @returns the first group, where it starts, and where the match ends */
function matchAt(
  pattern: RegExp,
  text: string,
  offset: number,
): { word: string; start: number; end: number } | undefined {
  pattern.lastIndex = offset;
  const matched = pattern.exec(text);
  const word = matched?.[1];
  if (word === undefined) return undefined;
  return { word, start: text.indexOf(word, offset), end: pattern.lastIndex };
}

class FirstPass {
  readonly #messages: Messages;
  readonly #program: Program;
  readonly #stream: SourceStream;

  constructor(source: string, program: Program) {
    this.#messages = program.messages;
    this.#program = program;
    this.#stream = new SourceStream(source, program.messages);
  }

  run(): void {
    for (let statement = this.#next(); statement; statement = this.#next()) this.#process(statement);
    this.#stream.finish();
  }

  #next(): Statement | undefined {
    return this.#messages.guard(() => this.#stream.next());
  }

  #process(statement: Statement): void {
    try {
      this.#assemble(statement);
    } catch (fault) {
      if (!(fault instanceof AssemblyFault)) throw fault;
      const { expansion, text } = statement;
      const origin = expansion ? ` (in the expansion of ${quote(expansion.macro)}: ${quote(text)})` : '';
      this.#messages.error(fault.span, fault.message + origin);
      if (fault.isFatal) this.#stream.stop();
    }
  }

  #assemble(statement: Statement): void {
    const { text } = statement;
    let offset = 0;
    for (let label = matchAt(LABEL, text, offset); label; label = matchAt(LABEL, text, offset)) {
      if (!this.#stream.skipping)
        this.#program.defineLabel(label.word, spanIn(statement, label.start, label.word.length));
      offset = label.end;
    }
    if (text.slice(offset).trim() === '') return;
    const assignment = matchAt(ASSIGNMENT, text, offset);
    const word = matchAt(WORD, text, offset);
    if (assignment) {
      if (!this.#stream.skipping) this.#assign(statement, assignment.word, assignment.start, assignment.end);
    } else if (!word) {
      throw new AssemblyFault(
        spanIn(statement, offset),
        `expected a label, a directive or an instruction, found ${quote(text.slice(offset))}: a comment starts with '#'`,
      );
    } else {
      this.#execute(statement, word.word, word.start, word.end);
    }
  }

  #execute(statement: Statement, word: string, start: number, offset: number): void {
    const program = this.#program;
    const stream = this.#stream;
    const macro = stream.skipping ? undefined : stream.findMacro(word);
    const directive = word.startsWith('.') ? directives.get(word.toLowerCase()) : undefined;
    if (macro) {
      stream.invoke(macro, statement.text.slice(offset), statement);
    } else if (directive) {
      directive({ name: word, statement, offset, program, stream });
    } else if (stream.skipping) {
      return;
    } else if (word.startsWith('.')) {
      throw new AssemblyFault(
        spanIn(statement, start, word.length),
        `expected a directive, found ${quote(word)}, which this assembler does not know: check the spelling or remove the line`,
      );
    } else {
      this.#instruction(statement, word, offset);
    }
  }

  #instruction(statement: Statement, mnemonic: string, offset: number): void {
    const { section, evaluator, messages } = this.#program;
    if (isMnemonic(mnemonic)) {
      this.#program.reserve(8, spanIn(statement));
      if (!section.flags.executable && section.flags.allocated) {
        messages.warn(
          spanIn(statement),
          `expected code in .text, found an instruction in ${section.name}: write '.text' above`,
        );
      }
    }
    section.mark(statement.line, 'code');
    assembleInstruction(mnemonic, new Cursor(statement, offset), { section, scope: this.#program, evaluator });
  }

  #assign(statement: Statement, name: string, start: number, offset: number): void {
    const cursor = new Cursor(statement, offset);
    const formula = parseFormula(cursor, this.#program);
    cursor.expectEnd();
    const span = spanIn(statement, start, name.length);
    if (name === '.')
      throw new AssemblyFault(span, "expected a symbol, found '.': move the location with .org or .space");
    this.#program.defineSymbol(name, formula, span, true);
  }
}

const byPlace = (one: AssemblyMessage, other: AssemblyMessage): number =>
  one.line - other.line || one.column - other.column;

function elfSections(layout: Layout): readonly ElfSection[] {
  return layout.sections.map(({ section: { name, alignment, flags }, address, bytes }) => ({
    name,
    address,
    bytes,
    alignment,
    ...flags,
  }));
}

/** Labels, numbers and the marks that tell a disassembler code from data (psABI, "Mapping Symbol"). */
function elfSymbols({ sections, evaluator }: Layout, { symbols }: Program): readonly ElfSymbol[] {
  const indexOf = new Map<Label['section'], number>(sections.map(({ section }, index) => [section, index]));
  const found: ElfSymbol[] = [];
  for (const { section } of sections) {
    let content: string | undefined;
    for (const mark of section.marks) {
      if (mark.content === content) continue;
      content = mark.content;
      const name = content === 'code' ? '$x' : '$d';
      found.push({ name, value: addressOf(mark.at), section: indexOf.get(section), global: false, isFunction: false });
    }
  }
  for (const [name, { formula }] of symbols.entries()) {
    if (name.startsWith('.L') || name.includes('\u0001')) continue;
    const section = formula.kind === 'place' ? indexOf.get(formula.label.section) : undefined;
    if (formula.kind === 'place' && section === undefined) continue;
    const value = Number(BigInt.asUintN(32, evaluator.final(formula)));
    found.push({ name, value, section, global: symbols.globals.has(name), isFunction: symbols.functions.has(name) });
  }
  return found;
}

function linesOf(sections: readonly PlacedSection[]): readonly AssembledLine[] {
  const lines = sections.flatMap(({ section, address, bytes }) =>
    section.marks
      .map(({ at, line, content }) => ({ address: addressOf(at), line, content }))
      .filter((line) => line.address < address + bytes.length),
  );
  return lines.sort((one, other) => one.address - other.address);
}

function segments(sections: readonly ElfSection[], image: Uint8Array): readonly AssembledSegment[] {
  return segmentsOf(sections).map(({ address, fileOffset, fileSize, memorySize, writable, executable }) => ({
    address,
    bytes: image.slice(fileOffset, fileOffset + fileSize),
    memorySize,
    writable,
    executable,
  }));
}

/**
 * Assembles one source text into an executable.
 * Never throws, whatever the source: all its errors are returned, each with its place.
 */
export function assemble(source: string, options: AssembleOptions = {}): Assembled | AssemblyFailed {
  const messages = new Messages();
  const program = new Program(messages);
  const textAddress = (options.textAddress ?? DEFAULT_TEXT_ADDRESS) >>> 0;
  new FirstPass(source, program).run();
  const layout = layOut(program, textAddress);
  const symbols = messages.errors.length > 0 ? [] : (messages.guard(() => elfSymbols(layout, program)) ?? []);
  if (layout.sections.length === 0 && messages.errors.length === 0) {
    messages.error({ line: 1, column: 1, length: 1 }, 'expected at least one instruction, found none: write one');
  }
  const warnings = messages.warnings.sort(byPlace);
  if (messages.errors.length > 0) return { ok: false, errors: messages.errors.sort(byPlace), warnings };
  const start = symbols.find(({ name, section }) => name === '_start' && section !== undefined);
  const sections = elfSections(layout);
  const entry = start?.value ?? textAddress;
  const image = writeElf(sections, symbols, entry, options.fileName);
  return {
    ok: true,
    image,
    segments: segments(sections, image),
    symbols: symbols
      .filter(({ name, section }) => section !== undefined && !/^\$[xd]$/.test(name))
      .map(({ name, value }) => ({ name, address: value }))
      .sort((one, other) => one.address - other.address),
    lines: linesOf(layout.sections),
    entry,
    warnings,
  };
}
