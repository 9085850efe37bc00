// What an option's text may be: each reader turns it into a value or says, in the words of the message, what it expected.

/** A text that is not what the option wants. The message ends a line that names the option and what was found. */
export class ValueError extends Error {
  readonly expected: string;
  readonly advice: string;

  constructor(expected: string, advice: string) {
    super(`expected ${expected}: ${advice}`);
    this.expected = expected;
    this.advice = advice;
  }
}

/** Turns an option's text into its value. @throws ValueError */
export type Reader<Value> = (text: string) => Value;

const BINARY_UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const DECIMAL_UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9 };

const scaled = (text: string, units: Readonly<Record<string, number>>, rest: RegExp): number | undefined => {
  const [, digits, unit = ''] = rest.exec(text) ?? [];
  const scale = units[unit.toUpperCase()];
  return digits === undefined || scale === undefined ? undefined : Number(digits) * scale;
};

export interface SizeLimits {
  /** Bytes. */
  readonly minimum: number;
  /** Bytes. */
  readonly maximum: number;
  readonly multipleOf: number;
}

/** `128M`: bytes in binary units, K, M or G, as QEMU writes them. A number without a unit counts bytes. */
export function size({ minimum, maximum, multipleOf }: SizeLimits): Reader<number> {
  const expected = `a size from ${sizeText(minimum)} to ${sizeText(maximum)}`;
  return (text) => {
    const bytes = scaled(text, BINARY_UNITS, /^(\d+)([KMG]?)(?:i?B)?$/i);
    if (bytes === undefined) throw new ValueError(expected, 'write a number and K, M or G, such as 128M');
    if (bytes < minimum && /^\d+$/.test(text) && Number(text) > 0) {
      throw new ValueError(`${expected} (a number without a unit counts bytes)`, `write ${text}M for ${text} MiB`);
    }
    if (bytes < minimum || bytes > maximum) throw new ValueError(expected, 'choose one within these limits');
    if (bytes % multipleOf !== 0) {
      throw new ValueError(`whole pages of ${sizeText(multipleOf)}`, `write a multiple of ${multipleOf}`);
    }
    return bytes;
  };
}

/** The largest unit in which the size is a whole number: `128M`. */
export function sizeText(bytes: number): string {
  const [unit, scale] = Object.entries(BINARY_UNITS).findLast(([, each]) => bytes % each === 0 && bytes > 0) ?? ['', 1];
  return `${bytes / scale}${unit}`;
}

/** A whole number within limits, both included. */
export function wholeNumber(minimum: number, maximum: number): Reader<number> {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new ValueError(`a whole number from ${minimum} to ${maximum}`, 'choose one within these limits');
  };
}

/** How many: a whole number, optionally in thousands (K), millions (M) or thousands of millions (G). */
export const count: Reader<number> = (text) => {
  const value = scaled(text, DECIMAL_UNITS, /^(\d+)([KMG]?)$/i);
  if (value !== undefined && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new ValueError('a whole number', 'write digits, and K, M or G for thousands, millions and so on, such as 500M');
};

/** How many, and at least one. */
export const atLeastOne: Reader<number> = (text) => {
  const value = count(text);
  if (value > 0) return value;
  throw new ValueError('a whole number above 0', 'write digits, and K, M or G for thousands, millions and so on');
};

/** A 32-bit address, a multiple of 4: `0x80400000` or decimal. */
export const address: Reader<number> = (text) => {
  const value = /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : NaN;
  if (value <= 0xffff_ffff && value % 4 === 0) return value;
  throw new ValueError('an address below 2^32, a multiple of 4', 'write it such as 0x80400000');
};

/** One of a few words. */
export function oneOf<Word extends string>(words: readonly Word[]): Reader<Word> {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new ValueError(words.join(' or '), 'choose one of these');
  };
}

/** Any text; an empty one only where that means something. */
export const anyText: Reader<string> = (text) => text;

export const fileName: Reader<string> = (text) => {
  if (text !== '' && !text.includes('\0')) return text;
  throw new ValueError('a file name', 'write the path of a file');
};

/** As `fileName`, for what knows more than the file. A comma that belongs to the name is written twice, as for QEMU. */
export const aFile: Reader<{ readonly path: string }> = (text) => ({ path: fileName(text.replaceAll(',,', ',')) });

/** A file and words behind it: `disk.img,readonly`. */
export interface FileWith<Word extends string> {
  readonly path: string;
  readonly words: ReadonlySet<Word>;
}

/** A file name, with any of a few words behind commas. A comma that belongs to the name is written twice, as for QEMU. */
export function fileWith<Word extends string>(words: readonly Word[]): Reader<FileWith<Word>> {
  return (text) => {
    const [path = '', ...rest] = text.split(/(?<!,),(?!,)/).map((part) => part.replaceAll(',,', ','));
    const chosen = rest.map((part) => words.find((word) => word === part));
    if (chosen.includes(undefined)) {
      throw new ValueError(`a file name and ${words.join(' or ')} behind a comma`, `write FILE,${words[0] ?? ''}`);
    }
    return { path: fileName(path), words: new Set(chosen.filter((word) => word !== undefined)) };
  };
}
