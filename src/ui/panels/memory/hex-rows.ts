// Cuts the bytes of a memory answer into rows of sixteen, with the text beside. Pure.

export const BYTES_PER_ROW = 16;
/** Asked of the core: more rows than a window shows. */
export const BYTES_ASKED = 64 * BYTES_PER_ROW;

export interface HexByte {
  readonly address: number;
  /** Undefined where nothing is mapped, or a device stands. */
  readonly value: number | undefined;
  readonly changed: boolean;
}
export interface HexRow {
  readonly address: number;
  readonly bytes: readonly HexByte[];
  /** Printable ASCII as it is, a point for the rest, a blank where there is no byte. */
  readonly text: string;
}

/** One past the last address of a space: 2³² for GVA, 2³⁴ for GPA and HPA (Sv32x4). */
export const spaceLimit = (space: 'gva' | 'gpa' | 'hpa'): number => (space === 'gva' ? 2 ** 32 : 2 ** 34);

type Bytes = readonly (number | undefined)[];

/** `before` are the bytes of the stop before from the same address on, if that was asked then. */
export function hexRows(address: number, bytes: Bytes, before: Bytes | undefined): readonly HexRow[] {
  const rows: HexRow[] = [];
  for (let start = 0; start < bytes.length; start += BYTES_PER_ROW) {
    const slice = bytes.slice(start, start + BYTES_PER_ROW);
    rows.push({
      address: address + start,
      bytes: slice.map((value, index) => ({
        address: address + start + index,
        value,
        changed: before !== undefined && before[start + index] !== value,
      })),
      text: slice.map(printable).join(''),
    });
  }
  return rows;
}

/** True if both rows look the same. */
export function sameRow(one: HexRow, other: HexRow): boolean {
  return (
    one.address === other.address &&
    one.bytes.length === other.bytes.length &&
    one.bytes.every(({ value, changed }, index) => {
      const byte = other.bytes[index];
      return byte?.value === value && byte?.changed === changed;
    })
  );
}

function printable(byte: number | undefined): string {
  if (byte === undefined) return ' ';
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
}

/** The first address of the row an address is in. */
export const rowStart = (address: number): number => address - (address % BYTES_PER_ROW);

/** An address moved by some bytes and kept inside its space. */
export function movedWithin(address: number, by: number, limit: number): number {
  return Math.max(0, Math.min(limit - BYTES_PER_ROW, address + by));
}
