// Writes an ELF32 executable for RISC-V (ELF specification; RISC-V ELF psABI), so that every other tool reads what the
// assembler made. File offsets follow addresses, so a segment is one piece of the file.
//
//   ELF header | program headers | … 0x1000: segments … | attributes | symbols | strings | section names | section headers

import { ByteBuffer } from './sections.ts';
import { encodeUtf8 } from './tokens.ts';

export interface ElfSection {
  readonly name: string;
  readonly address: number;
  /** Contents; for a zeroed section only their length counts. */
  readonly bytes: Uint8Array;
  readonly alignment: number;
  readonly writable: boolean;
  readonly executable: boolean;
  readonly zeroed: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  /** Index into the sections; undefined for a plain number. */
  readonly section: number | undefined;
  readonly global: boolean;
  readonly isFunction: boolean;
}

export interface ElfSegment {
  readonly address: number;
  readonly fileOffset: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly writable: boolean;
  readonly executable: boolean;
}

const HEADER_SIZE = 52;
const PROGRAM_HEADER_SIZE = 32;
const SECTION_HEADER_SIZE = 40;
const SYMBOL_SIZE = 16;
const PAGE = 0x1000;
const MACHINE_RISCV = 243;
const SectionType = { null: 0, progbits: 1, symtab: 2, strtab: 3, nobits: 8, riscvAttributes: 0x7000_0003 } as const;
const SectionFlag = { write: 1, allocate: 2, execute: 4 } as const;
const ABSOLUTE_SECTION = 0xfff1;
const LOAD = 1;
const SYMBOL_TYPE_FILE = 4;

/** What the hart offers, for tools that choose their instruction tables by it. */
const ARCHITECTURE = 'rv32i2p1_m2p0_a2p1_h1p0_zicsr2p0_zifencei2p0';

class Strings {
  readonly buffer = new ByteBuffer();
  readonly #known = new Map<string, number>([['', 0]]);

  constructor() {
    this.buffer.extend(1);
  }

  /** Where the string starts in the table. */
  add(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const offset = this.buffer.length;
    this.buffer.append([...encodeUtf8(text), 0]);
    this.#known.set(text, offset);
    return offset;
  }
}

function words(buffer: ByteBuffer, values: readonly number[]): void {
  for (const value of values) buffer.appendWord(value);
}

function halves(buffer: ByteBuffer, values: readonly number[]): void {
  for (const value of values) buffer.append([value & 255, value >> 8]);
}

/** The attributes section (psABI, "Attributes"). */
function attributes(): Uint8Array {
  const inner = [5, ...encodeUtf8(ARCHITECTURE), 0, 4, 16];
  const vendor = [...encodeUtf8('riscv'), 0];
  const file = inner.length + 5;
  const buffer = new ByteBuffer();
  buffer.append([0x41]);
  words(buffer, [4 + vendor.length + file]);
  buffer.append([...vendor, 1]);
  words(buffer, [file]);
  buffer.append(inner);
  return buffer.bytes.slice();
}

/** Joins sections of the same rights into segments; a zeroed section ends what the file holds. */
export function segmentsOf(sections: readonly ElfSection[]): readonly ElfSegment[] {
  const base = sections[0]?.address ?? 0;
  const segments: ElfSegment[] = [];
  for (const { address, bytes, writable, executable, zeroed } of sections) {
    const last = segments.at(-1);
    const end = address + bytes.length;
    if (last?.writable === writable && (last.fileSize === last.memorySize || zeroed)) {
      const memorySize = end - last.address;
      segments[segments.length - 1] = {
        ...last,
        memorySize,
        fileSize: zeroed ? last.fileSize : memorySize,
        executable: last.executable || executable,
      };
    } else {
      const fileOffset = PAGE + (base % PAGE) + address - base;
      segments.push({
        address,
        fileOffset,
        fileSize: zeroed ? 0 : bytes.length,
        memorySize: bytes.length,
        writable,
        executable,
      });
    }
  }
  return segments;
}

/** Writes the file. `sections` stand in order of address; `symbols` name them by index; `source` is where they come from. */
export function writeElf(
  sections: readonly ElfSection[],
  symbols: readonly ElfSymbol[],
  entry: number,
  source?: string,
): Uint8Array {
  const segments = segmentsOf(sections);
  const names = new Strings();
  const strings = new Strings();
  const headers = new ByteBuffer();
  const file = new ByteBuffer();
  const fileOffsetOf = (address: number): number => {
    const segment = segments.findLast((candidate) => candidate.address <= address);
    return segment ? segment.fileOffset + address - segment.address : PAGE;
  };
  file.extend(HEADER_SIZE + PROGRAM_HEADER_SIZE * segments.length);
  words(
    headers,
    Array.from({ length: 10 }, () => 0),
  );
  for (const { name, address, bytes, alignment, writable, executable, zeroed } of sections) {
    const offset = fileOffsetOf(address);
    if (!zeroed && bytes.length > 0) {
      file.extend(offset - file.length);
      file.append(bytes);
    }
    const flags = SectionFlag.allocate | (writable ? SectionFlag.write : 0) | (executable ? SectionFlag.execute : 0);
    const type = zeroed ? SectionType.nobits : SectionType.progbits;
    words(headers, [names.add(name), type, flags, address, offset, bytes.length, 0, 0, alignment, 0]);
  }
  const addTable = (
    name: string,
    type: number,
    bytes: Uint8Array,
    link = 0,
    info = 0,
    alignment = 1,
    entrySize = 0,
  ) => {
    file.extend((alignment - (file.length % alignment)) % alignment);
    words(headers, [names.add(name), type, 0, 0, file.length, bytes.length, link, info, alignment, entrySize]);
    file.append(bytes);
  };
  addTable('.riscv.attributes', SectionType.riscvAttributes, attributes());

  const ordered = [...symbols].sort((one, other) => Number(one.global) - Number(other.global));
  const table = new ByteBuffer();
  table.extend(SYMBOL_SIZE);
  if (source !== undefined) {
    words(table, [strings.add(source), 0, 0]);
    table.append([SYMBOL_TYPE_FILE, 0]);
    halves(table, [ABSOLUTE_SECTION]);
  }
  for (const { name, value, section, global, isFunction } of ordered) {
    words(table, [strings.add(name), value, 0]);
    table.append([(global ? 0x10 : 0) | (isFunction ? 2 : 0), 0]);
    halves(table, [section === undefined ? ABSOLUTE_SECTION : section + 1]);
  }
  const firstGlobal = (source === undefined ? 1 : 2) + ordered.filter(({ global }) => !global).length;
  const stringsIndex = sections.length + 3;
  addTable('.symtab', SectionType.symtab, table.bytes, stringsIndex, firstGlobal, 4, SYMBOL_SIZE);
  addTable('.strtab', SectionType.strtab, strings.buffer.bytes);
  names.add('.shstrtab');
  addTable('.shstrtab', SectionType.strtab, names.buffer.bytes);
  file.extend((4 - (file.length % 4)) % 4);
  const headersOffset = file.length;
  file.append(headers.bytes);

  const start = new ByteBuffer();
  start.append([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  halves(start, [2, MACHINE_RISCV]);
  words(start, [1, entry, HEADER_SIZE, headersOffset, 0]);
  halves(start, [
    HEADER_SIZE,
    PROGRAM_HEADER_SIZE,
    segments.length,
    SECTION_HEADER_SIZE,
    sections.length + 5,
    stringsIndex + 1,
  ]);
  for (const { address, fileOffset, fileSize, memorySize, writable, executable } of segments) {
    const rights = 4 | (writable ? 2 : 0) | (executable ? 1 : 0);
    words(start, [LOAD, fileOffset, address, address, fileSize, memorySize, rights, PAGE]);
  }
  const image = file.bytes.slice();
  image.set(start.bytes);
  return image;
}
