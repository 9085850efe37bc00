// Plain state as bytes and back: whole numbers, flags, lists of numbers and groups of these by name. The bytes say themselves
// what they are, so a reader needs no description, and they may come from anywhere: nothing but an Error comes of wrong ones.
//
//   tag (8)   0 false   1 true   2 number: 32 bits   3 number: 64-bit float
//             4, 5, 6 list: length (32), then bytes, words or 64-bit floats   7 group: length (32), then name (8 + n) and value

import type { DeviceState } from '../../devices/device.ts';

const Tag = { no: 0, yes: 1, word: 2, float: 3, bytes: 4, words: 5, floats: 6, group: 7 } as const;

/** No state here has groups in groups in groups beyond this. */
const DEEPEST = 8;
const LONGEST_NAME = 64;

type Value = DeviceState[string];

const isList = (value: Value): value is readonly number[] => Array.isArray(value);
const isWord = (value: number): boolean => value >= 0 && value <= 0xffff_ffff && Number.isInteger(value);

/** The bytes of a state. @throws RangeError for a name that is empty, too long or not ASCII */
export function encodePlain(state: DeviceState): Uint8Array {
  const writer = new Writer();
  writer.value(state);
  return writer.bytes;
}

class Writer {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  value(value: Value): void {
    if (typeof value === 'boolean') this.#byte(value ? Tag.yes : Tag.no);
    else if (typeof value === 'number') {
      if (isWord(value)) this.#byte(Tag.word).#word(value);
      else this.#byte(Tag.float).#float(value);
    } else if (isList(value)) this.#list(value);
    else {
      const entries = Object.entries(value);
      this.#byte(Tag.group).#word(entries.length);
      for (const [name, each] of entries) {
        this.#name(name);
        this.value(each);
      }
    }
  }

  #list(values: readonly number[]): void {
    if (values.every((value) => isWord(value) && value <= 0xff)) {
      this.#byte(Tag.bytes).#word(values.length);
      for (const value of values) this.#byte(value);
    } else if (values.every(isWord)) {
      this.#byte(Tag.words).#word(values.length);
      for (const value of values) this.#word(value);
    } else {
      this.#byte(Tag.floats).#word(values.length);
      for (const value of values) this.#float(value);
    }
  }

  #name(name: string): void {
    if (name === '' || name.length > LONGEST_NAME || /[^ -~]/.test(name)) {
      throw new RangeError(`expected a name of 1 to ${LONGEST_NAME} letters, found “${name}”`);
    }
    this.#byte(name.length);
    for (let index = 0; index < name.length; index++) this.#byte(name.charCodeAt(index));
  }

  #advance(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const bytes = new Uint8Array(2 * this.#length);
      bytes.set(this.#bytes);
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    return at;
  }

  #byte(value: number): this {
    const at = this.#advance(1);
    this.#bytes[at] = value;
    return this;
  }
  #word(value: number): this {
    const at = this.#advance(4);
    this.#view.setUint32(at, value, true);
    return this;
  }
  #float(value: number): this {
    const at = this.#advance(8);
    this.#view.setFloat64(at, value, true);
    return this;
  }
}

/** The state that bytes hold. @throws Error, one line for a person, for bytes that hold none, or something behind it */
export function decodePlain(bytes: Uint8Array): DeviceState {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (typeof value !== 'object' || isList(value) || reader.left !== 0)
    throw broken('a group of fields and nothing behind it');
  return value;
}

const broken = (expected: string): Error =>
  new Error(`The saved state is damaged: expected ${expected}. Take it or send it again.`);

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): Value {
    const tag = this.#byte();
    switch (tag) {
      case Tag.no:
        return false;
      case Tag.yes:
        return true;
      case Tag.word:
        return this.#word();
      case Tag.float:
        return this.#float();
      case Tag.bytes:
        return this.#list(1, () => this.#byte());
      case Tag.words:
        return this.#list(4, () => this.#word());
      case Tag.floats:
        return this.#list(8, () => this.#float());
      case Tag.group:
        return this.#group(depth);
      default:
        throw broken(`one of the tags 0 to ${Tag.group}, found ${tag}`);
    }
  }

  #group(depth: number): DeviceState {
    if (depth >= DEEPEST) throw broken(`groups at most ${DEEPEST} deep`);
    const count = this.#length(3);
    const entries: [string, Value][] = [];
    for (let entry = 0; entry < count; entry++) {
      const length = this.#byte();
      if (length === 0 || length > LONGEST_NAME) throw broken(`a name of 1 to ${LONGEST_NAME} letters`);
      const at = this.#advance(length);
      const name = String.fromCharCode(...this.#bytes.subarray(at, at + length));
      entries.push([name, this.value(depth + 1)]);
    }
    // `fromEntries` defines: a name like `__proto__` is a field as any other.
    return Object.fromEntries(entries);
  }

  #list(bytesEach: number, next: () => number): readonly number[] {
    return Array.from({ length: this.#length(bytesEach) }, next);
  }

  /** A count of things of at least so many bytes: one that the bytes cannot hold is refused before room is made for it. */
  #length(bytesEach: number): number {
    const count = this.#word();
    if (count * bytesEach > this.left) throw broken('as many entries as announced');
    return count;
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.left) throw broken('a whole value');
    this.#at += length;
    return at;
  }

  #byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  #word(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  #float(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }
}
