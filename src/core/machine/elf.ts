// ELF executables for RV32: which bytes go where, where to start, and what the addresses are called
// (System V ABI, "Object Files"; RISC-V ELF psABI). Only what a loader and a debugger need; no DWARF.

/** An image that cannot be run. The message is one line for a person: what was expected, what was found, what to do. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}

/** One loadable piece of a program: `bytes` at `address`, then zeros up to `memorySize`. */
export interface ElfSegment {
  /** Physical address (`p_paddr`). */
  readonly address: number;
  /** Linked address (`p_vaddr`), which symbols and the entry refer to. */
  readonly virtualAddress: number;
  /** What the file holds of it: a view, not a copy. */
  readonly bytes: Uint8Array;
  /** At least `bytes.length`; the rest is zero (`.bss`). */
  readonly memorySize: number;
  /** So many bytes at the start are the file's own headers and zeros behind them, which the linker takes along. */
  readonly headerSize: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

export interface ElfSymbol {
  readonly name: string;
  /** The linked address: virtual where the program is linked so. */
  readonly address: number;
  /** In bytes; 0 where the assembler did not say. */
  readonly size: number;
}

export interface Elf {
  readonly kind: 'elf';
  /** The physical address of the first instruction (`e_entry`, translated by the segment it lies in). */
  readonly entry: number;
  /** `EF_RISCV_RVC` says that there may be compressed instructions, as in a program that only tests whether the hart has them. */
  readonly mayBeCompressed: boolean;
  /** Compiled with compressed instructions, which RV32IMA has not: there may be some, and the code at the entry has one. */
  readonly compressed: boolean;
  /** Compiled for floating-point registers in calls (`EF_RISCV_FLOAT_ABI`), which RV32IMA has not. */
  readonly hardFloat: boolean;
  /** By address; at least one, none overlapping. */
  readonly segments: readonly ElfSegment[];
  /** The address of any symbol that has a name, e.g. `tohost`; undefined if there is none. */
  symbol(name: string): number | undefined;
  /** Functions and labels in code, by address, for the debugger. */
  readonly functions: readonly ElfSymbol[];
}

/** Physical addresses: the first byte and the number of bytes. */
export interface MemoryRange {
  readonly base: number;
  readonly size: number;
}

const HEADER_SIZE = 52;
const PROGRAM_HEADER_SIZE = 32;
const SECTION_HEADER_SIZE = 40;
const SYMBOL_SIZE = 16;

const RISCV = 243;
/** Machines a person is likely to have compiled for by mistake (ELF registry, `e_machine`). */
const MACHINES: Readonly<Record<number, string>> = {
  2: 'SPARC',
  3: 'x86 (32-bit)',
  4: 'Motorola 68000',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC (64-bit)',
  22: 'IBM S/390',
  40: 'ARM (32-bit)',
  42: 'SuperH',
  62: 'x86-64',
  94: 'Xtensa',
  164: 'Hexagon',
  183: 'ARM (64-bit, AArch64)',
  247: 'eBPF',
  258: 'LoongArch',
};

const EXECUTABLE_TYPE = 2;
/** A position-independent program is one of these; it is loaded where its headers say. */
const SHARED_TYPE = 3;
const TYPES: Readonly<Record<number, string>> = {
  1: 'an object file that is not linked yet',
  4: 'a core dump',
};

/** Instructions at the entry that are looked at: compiled code with C has a 16-bit one among far fewer. */
const ENTRY_INSTRUCTIONS = 32;

const LOAD = 1;
const SYMBOL_TABLE = 2;
const SECTION_EXECUTABLE = 4;
const SYMBOL_NO_TYPE = 0;
const SYMBOL_FUNCTION = 2;
/** Section indexes from here on are not indexes (`SHN_LORESERVE`). */
const RESERVED_SECTIONS = 0xff00;

const LIMIT = 2 ** 32;

/** Whether the bytes claim to be an ELF file of any kind. */
export function looksLikeElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

/**
 * Reads a 32-bit little-endian RISC-V program.
 * @throws ImageError
 */
export function parseElf(bytes: Uint8Array): Elf {
  if (!looksLikeElf(bytes)) {
    const found = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new ImageError(
      `Expected an ELF file, which starts with 7f 45 4c 46; found ${found || 'an empty file'}. Choose the linked program.`,
    );
  }
  checkIdentity(bytes);
  if (bytes.length < HEADER_SIZE) throw truncated('its header', HEADER_SIZE, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkType(view.getUint16(16, true));
  const segments = readSegments(bytes, view);
  const symbols = readSymbols(bytes, view);
  // A global symbol hides a local one of the same name.
  const byName = new Map([...symbols.filter(({ local }) => local), ...symbols.filter(({ local }) => !local)].map(({ name, address }) => [name, address])); // prettier-ignore
  const flags = view.getUint32(36, true);
  const entry = physicalEntry(view.getUint32(24, true), segments);
  return {
    kind: 'elf',
    entry,
    mayBeCompressed: (flags & 0x1) !== 0,
    compressed: (flags & 0x1) !== 0 && compressedAt(entry, segments),
    hardFloat: (flags & 0x6) !== 0,
    segments,
    symbol: (name) => byName.get(name),
    functions: symbols
      .filter(({ code }) => code)
      .map(({ name, address, size }) => ({ name, address, size }))
      .sort((a, b) => a.address - b.address),
  };
}

/** Whether one of the first instructions from a physical address on has 16 bits ("Base Instruction-Length Encoding"). */
function compressedAt(entry: number, segments: readonly ElfSegment[]): boolean {
  const segment = segments.find(({ address, bytes }) => entry >= address && entry < address + bytes.length);
  if (segment === undefined) return false;
  const start = entry - segment.address;
  const code = segment.bytes.subarray(start, start + 4 * ENTRY_INSTRUCTIONS);
  return code.some((byte, index) => index % 4 === 0 && (byte & 3) !== 3);
}

/** A program that lies within this much behind the beginning of RAM is linked for RAM: there is only less of it. */
const NEAR = 2 ** 27;

/**
 * Checks that a program's segments lie in RAM.
 * @throws ImageError naming the first segment that does not
 */
export function checkElfFits(elf: Elf, ram: MemoryRange): void {
  const end = ram.base + ram.size;
  for (const { address, memorySize, virtualAddress, headerSize } of elf.segments) {
    const content = headerSize < memorySize ? address + headerSize : Infinity;
    if (content >= ram.base && address + memorySize <= end) continue;
    let advice = 'Link the program for RAM (its physical addresses count).';
    if (address >= ram.base && address < ram.base + NEAR) advice = 'Give the machine more memory.';
    else if (virtualAddress !== address) advice += ' Of a Linux kernel take arch/riscv/boot/Image, not vmlinux.';
    throw new ImageError(
      `Expected every segment in RAM, ${range(ram.base, ram.size)}; found one at ${range(address, memorySize)}. ${advice}`,
    );
  }
}

/**
 * What goes into RAM. `-Ttext=0x80000000` alone makes GNU ld put the file's headers into the page below: they are left
 * out, as what QEMU loads to where nothing is.
 * @throws ImageError naming the first segment that does not fit
 */
export function elfLoads(
  elf: Elf,
  ram: MemoryRange,
): readonly { readonly address: number; readonly bytes: Uint8Array; readonly memorySize: number }[] {
  checkElfFits(elf, ram);
  return elf.segments
    .map(({ address, bytes, memorySize }) => {
      const below = Math.max(0, ram.base - address);
      return { address: address + below, bytes: bytes.subarray(below), memorySize: memorySize - below };
    })
    .filter(({ memorySize }) => memorySize > 0);
}

/** `0x80000000 to 0x80000fff`, for messages. */
export function range(start: number, size: number): string {
  return `${hex(start)} to ${hex(start + Math.max(size, 1) - 1)}`;
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function checkIdentity(bytes: Uint8Array): void {
  if (bytes.length < 20) throw truncated('its header', HEADER_SIZE, bytes.length);
  const [wordClass, order] = [bytes[4], bytes[5]];
  // The machine is worth naming first: "64-bit" is not what is wrong with a program for x86-64.
  const machine = order === 2 ? ((bytes[18] ?? 0) << 8) | (bytes[19] ?? 0) : (bytes[18] ?? 0) | ((bytes[19] ?? 0) << 8);
  if (machine !== RISCV) {
    throw new ImageError(
      `Expected a program for RISC-V (machine ${RISCV}); found one for ${MACHINES[machine] ?? 'an unknown machine'} (machine ${machine}). Compile it for rv32, e.g. with -march=rv32ima -mabi=ilp32.`,
    );
  }
  if (wordClass !== 1) {
    const found = wordClass === 2 ? 'a 64-bit one' : `class ${wordClass ?? 0}`;
    throw new ImageError(
      `Expected a 32-bit ELF file; found ${found}. This machine is RV32: compile with -march=rv32ima -mabi=ilp32.`,
    );
  }
  if (order !== 1) {
    const found = order === 2 ? 'a big-endian one' : `byte order ${order ?? 0}`;
    throw new ImageError(`Expected a little-endian ELF file; found ${found}. Compile with -mlittle-endian.`);
  }
}

function checkType(type: number): void {
  if (type === EXECUTABLE_TYPE || type === SHARED_TYPE) return;
  throw new ImageError(
    `Expected a linked program (ELF type ${EXECUTABLE_TYPE}); found ${TYPES[type] ?? 'another kind of file'} (type ${type}). Link it for the addresses of RAM, e.g. with -Ttext=0x80000000.`,
  );
}

function readSegments(bytes: Uint8Array, view: DataView): ElfSegment[] {
  const offset = view.getUint32(28, true);
  const entrySize = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  if (count > 0 && entrySize < PROGRAM_HEADER_SIZE) {
    throw new ImageError(
      `Expected program headers of ${PROGRAM_HEADER_SIZE} bytes; found ${entrySize}. The file is damaged: build it again.`,
    );
  }
  if (offset + count * entrySize > bytes.length) {
    throw truncated('its program headers', offset + count * entrySize, bytes.length);
  }
  const segments: ElfSegment[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = offset + index * entrySize;
    const field = (word: number): number => view.getUint32(at + 4 * word, true);
    const type = field(0);
    const fileOffset = field(1);
    const address = field(3);
    const fileSize = field(4);
    const memorySize = field(5);
    const flags = field(6);
    if (type !== LOAD || memorySize === 0) continue;
    if (fileSize > memorySize) {
      throw new ImageError(
        `Expected segment ${index} to be no longer in the file than in memory; found ${fileSize} and ${memorySize} bytes. The file is damaged: build it again.`,
      );
    }
    // A segment of zeros alone (.bss) has no bytes in the file, wherever its offset points.
    if (fileSize > 0 && fileOffset + fileSize > bytes.length)
      throw truncated(`segment ${index}`, fileOffset + fileSize, bytes.length);
    if (address + memorySize > LIMIT) {
      throw new ImageError(
        `Expected segment ${index} below the end of the 32-bit address space; found ${memorySize} bytes at ${hex(address)}. Link it lower.`,
      );
    }
    segments.push({
      address,
      virtualAddress: field(2),
      bytes: bytes.subarray(fileOffset, fileOffset + fileSize),
      memorySize,
      headerSize: headerSize(
        bytes.subarray(fileOffset, fileOffset + fileSize),
        (offset <= HEADER_SIZE ? offset + count * entrySize : HEADER_SIZE) - fileOffset,
      ),
      readable: (flags & 4) !== 0,
      writable: (flags & 2) !== 0,
      executable: (flags & 1) !== 0,
    });
  }
  if (segments.length === 0) {
    throw new ImageError(
      'Expected at least one segment to load; found none. Link the program; an object file cannot run.',
    );
  }
  segments.sort((a, b) => a.address - b.address);
  segments.forEach((segment, index) => {
    const before = segments[index - 1];
    if (before === undefined || before.address + before.memorySize <= segment.address) return;
    throw new ImageError(
      `Expected segments that do not overlap; found ${range(before.address, before.memorySize)} and ${range(segment.address, segment.memorySize)}. Check the linker script's load addresses.`,
    );
  });
  return segments;
}

/** The first `headers` bytes of a segment, and the zeros behind them. */
function headerSize(segment: Uint8Array, headers: number): number {
  if (headers <= 0) return 0;
  const end = segment.findIndex((byte, index) => index >= headers && byte !== 0);
  return end < 0 ? segment.length : end;
}

/** As QEMU's loader does (include/hw/elf_ops.h): a kernel may be linked high and loaded low. */
function physicalEntry(entry: number, segments: readonly ElfSegment[]): number {
  const home = segments.find(
    ({ virtualAddress, memorySize }) => entry >= virtualAddress && entry < virtualAddress + memorySize,
  );
  return home === undefined ? entry : entry - home.virtualAddress + home.address;
}

interface FoundSymbol extends ElfSymbol {
  readonly code: boolean;
  readonly local: boolean;
}

/** A program runs without its symbols: what is not sound in the symbol table is left out, never an error. */
function readSymbols(bytes: Uint8Array, view: DataView): FoundSymbol[] {
  const offset = view.getUint32(32, true);
  const entrySize = view.getUint16(46, true);
  const count = view.getUint16(48, true);
  if (entrySize < SECTION_HEADER_SIZE || offset + count * entrySize > bytes.length) return [];
  const section = (index: number) => {
    const field = (word: number): number => view.getUint32(offset + index * entrySize + 4 * word, true);
    return { type: field(1), flags: field(2), offset: field(4), size: field(5), link: field(6) };
  };
  const found: FoundSymbol[] = [];
  for (let index = 0; index < count; index += 1) {
    const table = section(index);
    if (table.type !== SYMBOL_TABLE || table.link >= count || table.offset + table.size > bytes.length) continue;
    const strings = section(table.link);
    if (strings.offset + strings.size > bytes.length) continue;
    const names = bytes.subarray(strings.offset, strings.offset + strings.size);
    for (let at = table.offset; at + SYMBOL_SIZE <= table.offset + table.size; at += SYMBOL_SIZE) {
      const name = nameAt(names, view.getUint32(at, true));
      const type = view.getUint8(at + 12) & 0xf;
      const home = view.getUint16(at + 14, true);
      // Mapping symbols ($x, $d) and the assembler's own labels say nothing to a person.
      if (name === '' || name.startsWith('$') || name.startsWith('.L') || home === 0) continue;
      const inCode = home < Math.min(count, RESERVED_SECTIONS) && (section(home).flags & SECTION_EXECUTABLE) !== 0;
      found.push({
        name,
        address: view.getUint32(at + 4, true),
        size: view.getUint32(at + 8, true),
        local: view.getUint8(at + 12) >> 4 === 0,
        code: type === SYMBOL_FUNCTION || (type === SYMBOL_NO_TYPE && inCode),
      });
    }
  }
  return found;
}

function nameAt(names: Uint8Array, start: number): string {
  let name = '';
  for (let at = start; at < names.length && names[at] !== 0; at += 1) name += String.fromCharCode(names[at] ?? 0);
  return name;
}

function truncated(what: string, expected: number, found: number): ImageError {
  return new ImageError(
    `Expected ${what} to end at byte ${expected}; found a file of ${found} bytes. The file is cut off: copy or build it again.`,
  );
}
