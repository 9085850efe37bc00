// Reads the bit pattern of an instruction as the manual prints it, most significant bit first, and derives from it
// match, mask, decode and encode. `imm[12|10:5] rs2 rs1 001 imm[4:1|11] 1100011` is the pattern of BNE.

/** The fields a pattern may name besides `imm[...]`, with their widths in bits. */
const FIELD_WIDTHS = {
  rd: 5,
  rs1: 5,
  rs2: 5,
  shamt: 5,
  zimm: 5,
  csr: 12,
  aq: 1,
  rl: 1,
  fm: 4,
  pred: 4,
  succ: 4,
} as const;
type NamedField = keyof typeof FIELD_WIDTHS;

/** The operands of an instruction as they stand in its word. Absent fields are 0. */
export interface Fields {
  readonly rd: number;
  readonly rs1: number;
  readonly rs2: number;
  /** Signed value of `imm`; or the unsigned `shamt`, `csr`. */
  readonly immediate: number;
}

interface Slice {
  /** Bits of the instruction word: lowest bit and count. */
  readonly low: number;
  readonly width: number;
  /** `width` ones. */
  readonly mask: number;
  /** Lowest bit of the value these bits belong to. */
  readonly valueLow: number;
}

export interface Pattern {
  /** The bits that are fixed, and their values. */
  readonly mask: number;
  readonly match: number;
  /** Named fields present, e.g. `rd`, `csr`, `aq`. */
  readonly fields: ReadonlyMap<string, readonly Slice[]>;
  /** Sign bit position of the immediate; undefined where it is unsigned or absent. */
  readonly signBit: number | undefined;
  /** The register fields and the immediate once more, where decoding finds them quickly; each register is one slice. */
  readonly rd: Slice | undefined;
  readonly rs1: Slice | undefined;
  readonly rs2: Slice | undefined;
  readonly immediate: readonly Slice[];
}

function isNamedField(token: string): token is NamedField {
  return token in FIELD_WIDTHS;
}

/** Parses one pattern. @throws Error naming the pattern if it does not describe 32 bits */
export function parsePattern(text: string): Pattern {
  let mask = 0;
  let match = 0;
  let position = 32;
  let signBit: number | undefined;
  const fields = new Map<string, Slice[]>();
  const place = (name: string, width: number, valueLow: number) => {
    position -= width;
    fields.set(name, [...(fields.get(name) ?? []), { low: position, width, mask: 2 ** width - 1, valueLow }]);
  };
  for (const token of text.split(/\s+/)) {
    const immediate = /^imm\[(.+)\]$/.exec(token);
    if (immediate?.[1] !== undefined) {
      for (const range of immediate[1].split('|')) {
        const [high = 0, low = high] = range.split(':').map(Number);
        place('immediate', high - low + 1, low);
        signBit = Math.max(signBit ?? 0, high);
      }
    } else if (isNamedField(token)) {
      const isImmediate = token === 'shamt' || token === 'csr';
      place(isImmediate ? 'immediate' : token === 'zimm' ? 'rs1' : token, FIELD_WIDTHS[token], 0);
    } else if (/^[01]+$/.test(token)) {
      position -= token.length;
      mask |= (2 ** token.length - 1) << position;
      match |= parseInt(token, 2) << position;
    } else {
      throw new Error(`pattern '${text}': expected bits, a field or imm[...], found '${token}'`);
    }
  }
  if (position !== 0) throw new Error(`pattern '${text}': expected 32 bits, found ${32 - position}`);
  return {
    mask: mask >>> 0,
    match: match >>> 0,
    fields,
    signBit,
    rd: fields.get('rd')?.[0],
    rs1: fields.get('rs1')?.[0],
    rs2: fields.get('rs2')?.[0],
    immediate: fields.get('immediate') ?? [],
  };
}

/** The value of one field in an instruction word, unsigned. */
export function extractField(pattern: Pattern, name: string, word: number): number {
  let value = 0;
  for (const slice of pattern.fields.get(name) ?? []) {
    value |= sliceOf(slice, word) << slice.valueLow;
  }
  return value >>> 0;
}

/** The operands of an instruction word that matches the pattern; the immediate as a signed 32-bit number. */
export function decodeFields(pattern: Pattern, word: number): Fields {
  let immediate = 0;
  for (const slice of pattern.immediate) immediate |= sliceOf(slice, word) << slice.valueLow;
  if (pattern.signBit !== undefined) immediate = (immediate << (31 - pattern.signBit)) >> (31 - pattern.signBit);
  return {
    rd: pattern.rd ? sliceOf(pattern.rd, word) : 0,
    rs1: pattern.rs1 ? sliceOf(pattern.rs1, word) : 0,
    rs2: pattern.rs2 ? sliceOf(pattern.rs2, word) : 0,
    immediate,
  };
}

const sliceOf = ({ low, mask }: Slice, word: number): number => (word >>> low) & mask;

/** The instruction word with the given fields, unsigned. Bits of a value that the pattern has no place for are dropped. */
export function encodeFields(pattern: Pattern, values: Readonly<Record<string, number>>): number {
  let word = pattern.match;
  for (const [name, slices] of pattern.fields) {
    const value = values[name] ?? 0;
    for (const slice of slices) {
      word |= ((value >>> slice.valueLow) & slice.mask) << slice.low;
    }
  }
  return word >>> 0;
}

/** Whether the immediate can be encoded without loss: within its bits, and with zeros where the pattern stores none. */
export function immediateFits(pattern: Pattern, value: number): boolean {
  const word = encodeFields(pattern, { immediate: value });
  return decodeFields(pattern, word).immediate === (value | 0);
}
