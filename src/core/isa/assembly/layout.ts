// Gives every byte its address, fills in what depended on addresses, and cuts the result into segments.
//
//   text address ─► | .text, .text.* | .rodata | … next page ─► | .data | .bss |
//                   read, execute                 read, write

import { encodeFields } from '../pattern.ts';
import { findRow } from '../instructions.ts';
import { branchReaches, checkModifier, fieldValue, lowerPart, upperPart, warnIfTruncated } from './immediates.ts';
import { AssemblyFault, type Messages } from './messages.ts';
import { IMAGE_LIMIT, type Program } from './program.ts';
import { addressOf } from './label.ts';
import { type Fragment, type InstructionFix, type Section, type Tail } from './sections.ts';
import { Evaluator } from './symbols.ts';
import { findRowByMnemonic } from '../form.ts';
import type { Span } from './messages.ts';

export interface PlacedSection {
  readonly section: Section;
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface Layout {
  /** In order of address; empty sections are left out. */
  readonly sections: readonly PlacedSection[];
  readonly evaluator: Evaluator;
}

const PAGE = 4096;
const NOP = encodeNop();
/** After so many rounds of moving addresses, all branches take their long form. */
const ROUND_LIMIT = 40;

function encodeNop(): number {
  const addi = findRowByMnemonic('addi');
  return addi ? encodeFields(addi.pattern, {}) : 0;
}

const roundUp = (address: number, boundary: number): number => Math.ceil(address / boundary) * boundary;

/** The order of sections: code, constants, data, then what is zero at the start. */
function rank({ name, flags }: Section): number {
  if (flags.executable) return name === '.text' ? 0 : name.startsWith('.text') ? 1 : 2;
  if (!flags.writable) return 3;
  return flags.zeroed ? 5 : 4;
}

function tailSize(tail: Tail | undefined, address: number): number {
  if (!tail) return 0;
  if (tail.kind === 'branch') return tail.long ? 8 : 4;
  if (tail.kind === 'org') return tail.size;
  const padding = roundUp(address, tail.boundary) - address;
  return padding > tail.limit ? 0 : padding;
}

const fixedSize = (fragment: Fragment, section: Section): number =>
  (fragment.end ?? section.buffer.length) - fragment.start;

/** The values a linker would provide (the default script of GNU ld), and `_end` of all. */
function provide(sections: readonly Section[], textAddress: number): ReadonlyMap<string, number> {
  const endOf = (chosen: (section: Section) => boolean): number =>
    sections.filter(chosen).reduce((end, section) => Math.max(end, section.address + section.size), textAddress);
  const end = endOf(() => true);
  const data = sections.find(({ flags }) => flags.writable)?.address ?? end;
  const dataEnd = endOf(({ flags }) => !flags.zeroed);
  const zeroed = sections.find(({ flags }) => flags.zeroed)?.address ?? dataEnd;
  const textEnd = endOf(({ flags }) => flags.executable);
  return new Map([
    ['_end', end],
    ['end', end],
    ['__BSS_END__', end],
    ['__bss_start', zeroed],
    ['_edata', dataEnd],
    ['edata', dataEnd],
    ['_etext', textEnd],
    ['etext', textEnd],
    ['__etext', textEnd],
    ['__executable_start', textAddress],
    ['__global_pointer$', data + 0x800],
  ]);
}

/** Sets the addresses of sections and fragments. @returns the end of the last section */
function assignAddresses(sections: readonly Section[], textAddress: number): number {
  let address = textAddress;
  let group = 0;
  for (const section of sections) {
    const writable = section.flags.writable ? 1 : 0;
    // The first section stands where it is told to; writable ones get pages of their own, so that a guest can protect them.
    if (section !== sections[0]) {
      const boundary = writable > group ? PAGE : 16;
      address = roundUp(address, Math.max(boundary, section.alignment));
    }
    group = writable;
    section.address = address;
    for (const fragment of section.fragments) {
      fragment.address = address;
      address += fixedSize(fragment, section);
      address += tailSize(fragment.tail, address);
    }
    // As GNU as does: code ends at its alignment, so that what follows is never read as half an instruction.
    if (section.flags.executable) address = roundUp(address, section.alignment);
    section.size = address - section.address;
  }
  return address;
}

const tailAddress = (fragment: Fragment, section: Section): number => fragment.address + fixedSize(fragment, section);

/** Moves addresses until all branches reach their targets. */
function relax(sections: readonly Section[], program: Program, textAddress: number): Evaluator {
  const { messages, symbols } = program;
  const broken = new Set<Tail>();
  for (let round = 0; ; round++) {
    const end = assignAddresses(sections, textAddress);
    if (end - textAddress > 2 * IMAGE_LIMIT || end > 2 ** 32) {
      messages.error(
        { line: 1, column: 1, length: 1 },
        `expected an image of at most ${2 * IMAGE_LIMIT} bytes below 4 GiB, found ${end - textAddress} bytes at 0x${textAddress.toString(16)}: align or reserve less`,
      );
      return new Evaluator(symbols, provide(sections, textAddress));
    }
    const evaluator = new Evaluator(symbols, provide(sections, textAddress));
    let moved = false;
    for (const section of sections) {
      for (const fragment of section.fragments) {
        const { tail } = fragment;
        if (!tail || tail.kind === 'align' || broken.has(tail)) continue;
        const here = tailAddress(fragment, section);
        const target = messages.guard(() => evaluator.final(tail.kind === 'branch' ? tail.fix.formula : tail.formula));
        if (target === undefined) {
          broken.add(tail);
        } else if (tail.kind === 'branch' && !tail.long) {
          tail.long = !branchReaches(tail.fix, target - BigInt(here)) || round > ROUND_LIMIT;
          moved ||= tail.long;
        } else if (tail.kind === 'org') {
          const size = Number(target) - here;
          const limited = Math.max(0, Math.min(size, IMAGE_LIMIT));
          if (size < 0 && round > 0) {
            messages.error(tail.span, `expected '.org' to go forward, found a place ${-size} bytes back: raise it`);
            broken.add(tail);
          }
          moved ||= limited !== tail.size || round === 0;
          tail.size = limited;
        }
      }
    }
    if (!moved || round > ROUND_LIMIT + 8) return evaluator;
  }
}

/** Fills padding in code: zeros up to the next instruction, then instructions that do nothing. */
function padWithNops(bytes: Uint8Array, start: number, size: number): void {
  const nops = size - (size % 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let offset = start + (size % 4); offset < start + (size % 4) + nops; offset += 4)
    view.setUint32(offset, NOP, true);
}

/** The immediate of an instruction at `address`. @throws AssemblyFault if it cannot be encoded */
function immediateOf(
  fix: InstructionFix,
  address: number,
  span: Span,
  evaluator: Evaluator,
  highParts: ReadonlyMap<number, number>,
): number {
  checkModifier(fix, span);
  const value = evaluator.final(fix.formula);
  const word = Number(BigInt.asIntN(32, value));
  const distance = (word - (fix.anchor ? addressOf(fix.anchor) : address)) | 0;
  switch (fix.modifier) {
    case 'hi':
      return upperPart(word);
    case 'lo':
      return lowerPart(word);
    case 'pcrel_hi':
      return upperPart(distance);
    case 'pcrel_lo': {
      if (fix.anchor) return lowerPart(distance);
      const high = highParts.get(word >>> 0);
      if (high === undefined) {
        throw new AssemblyFault(
          span,
          'expected the label of an auipc with %pcrel_hi(…), found another place: %pcrel_lo takes the label of that auipc, not the symbol',
        );
      }
      return lowerPart(high);
    }
    case undefined:
      return fix.slot === 'target' ? fieldValue(fix, value - BigInt(address), span) : fieldValue(fix, value, span);
  }
}

/** Addresses of `auipc … %pcrel_hi(symbol)` and the distances they start. */
function collectHighParts(sections: readonly Section[], evaluator: Evaluator): ReadonlyMap<number, number> {
  const parts = new Map<number, number>();
  for (const section of sections) {
    for (const fix of section.fixes) {
      if (fix.kind !== 'instruction' || fix.modifier !== 'pcrel_hi') continue;
      const address = addressOf(fix.at);
      try {
        parts.set(address, Number(BigInt.asIntN(32, evaluator.final(fix.formula))) - address);
      } catch (fault) {
        // Reported where the instruction itself is filled in.
        if (!(fault instanceof AssemblyFault)) throw fault;
      }
    }
  }
  return parts;
}

function emitBranch(
  view: DataView,
  offset: number,
  tail: Tail & { readonly kind: 'branch' },
  address: number,
  evaluator: Evaluator,
): void {
  const { fix, span } = tail;
  if (!tail.long) {
    const immediate = immediateOf(fix, address, span, evaluator, new Map());
    view.setUint32(offset, encodeFields(fix.row.pattern, { ...fix.fields, immediate }), true);
    return;
  }
  // The opposite condition differs in the lowest bit of funct3 (unprivileged manual, "Conditional Branches").
  const opposite = findRow(fix.row.pattern.match ^ (1 << 12));
  const jal = findRowByMnemonic('jal');
  if (!opposite || !jal) return;
  view.setUint32(offset, encodeFields(opposite.pattern, { ...fix.fields, immediate: 8 }), true);
  const jump: InstructionFix = { ...fix, row: jal, fields: { rd: 0 } };
  const immediate = immediateOf(jump, address + 4, span, evaluator, new Map());
  view.setUint32(offset + 4, encodeFields(jal.pattern, { rd: 0, immediate }), true);
}

function emitSection(
  section: Section,
  program: Program,
  evaluator: Evaluator,
  highParts: ReadonlyMap<number, number>,
): Uint8Array {
  const bytes = new Uint8Array(section.size);
  const view = new DataView(bytes.buffer);
  const { messages } = program;
  let end = 0;
  for (const fragment of section.fragments) {
    const length = fixedSize(fragment, section);
    bytes.set(
      section.buffer.bytes.subarray(fragment.start, fragment.start + length),
      fragment.address - section.address,
    );
    const address = tailAddress(fragment, section);
    const offset = address - section.address;
    const { tail } = fragment;
    const size = tailSize(tail, address);
    if (tail?.kind === 'branch') messages.guard(() => emitBranch(view, offset, tail, address, evaluator));
    else if (tail && tail.fill !== undefined) bytes.fill(tail.fill, offset, offset + size);
    else if (tail) padWithNops(bytes, offset, size);
    end = offset + size;
  }
  if (section.flags.executable) padWithNops(bytes, end, section.size - end);
  for (const fix of section.fixes) {
    messages.guard(() => {
      const address = addressOf(fix.at);
      if (fix.kind === 'data') {
        const value = evaluator.final(fix.formula);
        warnIfTruncated(messages, value, fix.width, fix.span);
        for (let index = 0; index < fix.width; index++) {
          bytes[address - section.address + index] = Number(BigInt.asUintN(8, value >> BigInt(8 * index)));
        }
      } else {
        const immediate = immediateOf(fix, address, fix.span, evaluator, highParts);
        view.setUint32(address - section.address, encodeFields(fix.row.pattern, { ...fix.fields, immediate }), true);
      }
    });
  }
  return bytes;
}

function checkZeroed({ section, bytes }: PlacedSection, messages: Messages): void {
  if (!section.flags.zeroed || bytes.every((byte) => byte === 0)) return;
  messages.error(
    { line: section.marks[0]?.line ?? 1, column: 1, length: 1 },
    `expected nothing but room in ${section.name}, found values: it is zero at the start; put them into .data`,
  );
}

/** Places all loaded sections from `textAddress` on and fills in their bytes; errors go to the program's messages. */
export function layOut(program: Program, textAddress: number): Layout {
  const loaded = [...program.sections.values()].filter(
    ({ flags, buffer, fragments }) => flags.allocated && (buffer.length > 0 || fragments.length > 1),
  );
  const sections = loaded.sort((one, other) => rank(one) - rank(other));
  const evaluator = relax(sections, program, textAddress);
  if (program.messages.errors.length > 0 && sections.some(({ size }) => size > 2 * IMAGE_LIMIT))
    return { sections: [], evaluator };
  const highParts = collectHighParts(sections, evaluator);
  const placed = sections.map((section) => ({
    section,
    address: section.address,
    bytes: emitSection(section, program, evaluator, highParts),
  }));
  placed.forEach((section) => checkZeroed(section, program.messages));
  return { sections: placed.filter(({ bytes }) => bytes.length > 0), evaluator };
}
