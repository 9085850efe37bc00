// Makes ELF files for tests, sound by default, with any header field replaceable by a wrong one.

export interface SegmentPlan {
  readonly address: number;
  readonly virtualAddress?: number;
  readonly bytes: Uint8Array;
  readonly memorySize?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly fileOffset?: number;
  readonly fileSize?: number;
}

export interface SymbolPlan {
  readonly name: string;
  readonly address: number;
  readonly size?: number;
  /** 0 none, 1 object, 2 function. */
  readonly type?: number;
  readonly local?: boolean;
  /** 1 is code, 2 is data, 0 undefined, 0xfff1 absolute. */
  readonly section?: number;
}

export interface ElfPlan {
  readonly entry?: number;
  readonly segments?: readonly SegmentPlan[];
  readonly symbols?: readonly SymbolPlan[];
  readonly flags?: number;
  /** Bytes written over the finished file. */
  readonly patches?: readonly (readonly [offset: number, ...bytes: number[]])[];
}

export const CODE = Uint8Array.of(0x6f, 0, 0, 0);

export function makeElf(plan: ElfPlan = {}): Uint8Array {
  const { entry = 0x80000000, segments = [{ address: 0x80000000, bytes: CODE }], symbols = [], flags = 0 } = plan;
  const headers = 52 + 32 * segments.length;
  const offsets: number[] = [];
  let end = headers;
  for (const { bytes } of segments) {
    offsets.push(end);
    end += Math.ceil(bytes.length / 4) * 4;
  }
  const names = ['\0', ...symbols.map(({ name }) => `${name}\0`)];
  const strings = new TextEncoder().encode(names.join(''));
  const symbolTable = end;
  const stringTable = symbolTable + 16 * (symbols.length + 1);
  const sections = Math.ceil((stringTable + strings.length) / 4) * 4;
  const file = new Uint8Array(sections + 40 * 5);
  const view = new DataView(file.buffer);
  const words = (offset: number, ...values: number[]) => values.forEach((value, index) => view.setUint32(offset + 4 * index, value, true)); // prettier-ignore
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  words(16, (243 << 16) | 2, 1, entry, 52, sections, flags);
  [52, 32, segments.length, 40, 5, 0].forEach((half, index) => view.setUint16(40 + 2 * index, half, true));
  segments.forEach((segment, index) => {
    const offset = segment.fileOffset ?? offsets[index] ?? 0;
    const fileSize = segment.fileSize ?? segment.bytes.length;
    words(
      52 + 32 * index,
      segment.type ?? 1,
      offset,
      segment.virtualAddress ?? segment.address,
      segment.address,
      fileSize,
      segment.memorySize ?? fileSize,
      segment.flags ?? 5,
      4,
    );
    file.set(segment.bytes, offsets[index]);
  });
  let nameOffset = 1;
  symbols.forEach(({ name, address, size = 0, type = 0, local = false, section = 1 }, index) => {
    const at = symbolTable + 16 * (index + 1);
    words(at, nameOffset, address, size);
    file[at + 12] = (local ? 0 : 0x10) | type;
    view.setUint16(at + 14, section, true);
    nameOffset += name.length + 1;
  });
  file.set(strings, stringTable);
  // Sections: none, code (allocated, executable), data (allocated, writable), symbols, their names.
  words(sections + 40, 0, 1, 6);
  words(sections + 80, 0, 1, 3);
  words(sections + 120, 0, 2, 0, 0, symbolTable, 16 * (symbols.length + 1), 4, 1, 4, 16);
  words(sections + 160, 0, 3, 0, 0, stringTable, strings.length);
  for (const [offset, ...bytes] of plan.patches ?? []) file.set(bytes, offset);
  return file;
}
