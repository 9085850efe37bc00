// Sections while they are being filled. A section's bytes stand in one buffer, cut into fragments; behind each fragment
// may come a tail whose size is known only once addresses are.
//
//   buffer     |  fragment 0  |        |  fragment 1  |       |  fragment 2 …
//   in memory  |  fragment 0  | align  |  fragment 1  | branch|  fragment 2 …
//
// A label is a place in the buffer, so that its address follows whatever size the tails before it take.

import type { Formula } from './formula.ts';
import type { InstructionRow } from '../row.ts';
import type { Label, PlacedFragment } from './label.ts';
import { AssemblyFault, type Span } from './messages.ts';
import type { OperandModifier } from './operands.ts';

/** Bytes that grow at the end. */
export class ByteBuffer {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; a view that the next append may leave behind. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Appends `count` bytes of value `fill` and returns where they start. */
  extend(count: number, fill = 0): number {
    const start = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes.subarray(0, start));
      this.#bytes = larger;
    }
    if (fill !== 0) this.#bytes.fill(fill, start, this.#length);
    return start;
  }

  append(bytes: ArrayLike<number>): void {
    const start = this.extend(bytes.length);
    this.#bytes.set(bytes, start);
  }

  /** Appends a 32-bit word, little-endian. */
  appendWord(word: number): void {
    const start = this.extend(4);
    for (let index = 0; index < 4; index++) this.#bytes[start + index] = (word >>> (8 * index)) & 255;
  }

  /** Appends the low `width` bytes of a value, little-endian. */
  appendValue(value: bigint, width: number): void {
    this.writeValue(this.extend(width), value, width);
  }

  writeValue(offset: number, value: bigint, width: number): void {
    let rest = BigInt.asUintN(64, value);
    for (let index = 0; index < width; index++, rest >>= 8n) this.#bytes[offset + index] = Number(rest & 255n);
  }
}

/** An instruction of which only the immediate is not known yet. */
export interface InstructionFix {
  readonly kind: 'instruction';
  readonly row: InstructionRow;
  /** Fields of the pattern known so far. */
  readonly fields: Readonly<Record<string, number>>;
  /** The operand that gives the immediate, as in a form: `imm`, `upper`, `target`, `csr`, `zimm`. */
  readonly slot: string;
  readonly modifier: OperandModifier | undefined;
  readonly formula: Formula;
  /** What a pc-relative distance is measured from, if not from the instruction itself. */
  readonly anchor?: Label;
}

export interface DataFix {
  readonly kind: 'data';
  readonly width: 1 | 2 | 4 | 8;
  readonly formula: Formula;
}

/** Something to fill in once all addresses are known. */
export type Fix = (InstructionFix | DataFix) & { readonly at: Label; readonly span: Span };

export type Tail =
  | {
      readonly kind: 'align';
      readonly boundary: number;
      /** undefined: instructions that do nothing. */
      readonly fill: number | undefined;
      /** More padding than this means none at all. */
      readonly limit: number;
    }
  /** A conditional branch; `long` is the opposite branch around a `jal`. */
  | { readonly kind: 'branch'; readonly fix: InstructionFix; readonly span: Span; long: boolean }
  /** Goes on at an address. */
  | { readonly kind: 'org'; readonly formula: Formula; readonly fill: number; readonly span: Span; size: number };

export interface Fragment extends PlacedFragment {
  /** In the section's buffer; undefined while the fragment grows. */
  end: number | undefined;
  tail: Tail | undefined;
}

export interface SectionFlags {
  readonly allocated: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  /** Takes no room in the file (.bss). */
  readonly zeroed: boolean;
}

/** Which statement a place comes from, and whether it holds an instruction or data. */
export interface SourceMark {
  readonly at: Label;
  readonly line: number;
  readonly content: 'code' | 'data';
}

export class Section {
  readonly name: string;
  readonly flags: SectionFlags;
  readonly buffer = new ByteBuffer();
  readonly fragments: Fragment[] = [{ start: 0, end: undefined, tail: undefined, address: 0 }];
  readonly fixes: Fix[] = [];
  readonly marks: SourceMark[] = [];
  alignment: number;
  address = 0;
  size = 0;

  constructor(name: string, flags: SectionFlags) {
    this.name = name;
    this.flags = flags;
    this.alignment = flags.executable ? 4 : 1;
  }

  /** The place where the next byte goes. */
  here(): Label {
    return { section: this, fragment: this.fragments.length - 1, offset: this.buffer.length };
  }

  /** Ends the current fragment with a tail. */
  close(tail: Tail): void {
    const fragment = this.fragments.at(-1);
    if (fragment) {
      fragment.end = this.buffer.length;
      fragment.tail = tail;
    }
    this.fragments.push({ start: this.buffer.length, end: undefined, tail: undefined, address: 0 });
  }

  mark(line: number, content: 'code' | 'data'): void {
    const last = this.marks.at(-1);
    const at = this.here();
    if (last?.line === line && last.content === content && content === 'data') return;
    if (last?.at.offset === at.offset && last.at.fragment === at.fragment) this.marks.pop();
    this.marks.push({ at, line, content });
  }
}

const flags = (letters: string, zeroed = false): SectionFlags => ({
  allocated: letters.includes('a'),
  writable: letters.includes('w'),
  executable: letters.includes('x'),
  zeroed,
});

/** What GNU as assumes of a section by its name. */
const FLAGS_BY_NAME: readonly (readonly [RegExp, SectionFlags])[] = [
  [/^\.(text|init|fini)(\.|$)/, flags('ax')],
  [/^\.(rodata\d*|srodata)(\.|$)/, flags('a')],
  [/^\.(data\d*|sdata|tdata|init_array|fini_array)(\.|$)/, flags('aw')],
  [/^\.(bss|sbss|tbss)(\.|$)/, flags('aw', true)],
];

export const flagsByName = (name: string): SectionFlags =>
  FLAGS_BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? flags('');

/** Reads the flags of `.section name, "awx", @nobits`. @throws AssemblyFault at `span` for letters that mean nothing here */
export function parseFlags(letters: string, zeroed: boolean, span: Span): SectionFlags {
  const unknown = [...letters].find((letter) => !'awxMSGTo?eR'.includes(letter));
  if (unknown !== undefined) {
    throw new AssemblyFault(span, `expected section flags such as "a", "aw" or "ax", found '${unknown}': remove it`);
  }
  return flags(letters, zeroed);
}
