// 9P messages as bytes: little-endian numbers, strings with their length in front (Plan 9 manual, intro(5); 9P2000.L as Linux
// speaks it, Documentation/filesystems/9p.rst and diod's protocol.md).
//
//   message: 0 size (32)   4 type (8)   5 tag (16)   7 body

import { Errno, FolderError } from './shared-folder.ts';

export const HEADER_BYTES = 7;

/** Reads a message's fields in order. What is missing is a broken message: EPROTO. */
export class MessageReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = at;
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new FolderError(Errno.protocol);
    this.#at += length;
    return at;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** A position in a file. @throws FolderError (EFBIG) beyond 2^53 */
  position(): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FolderError(Errno.tooLarge);
    return Number(value);
  }

  /** One character a byte. */
  text(): string {
    const length = this.u16();
    const at = this.#advance(length);
    return String.fromCharCode(...this.#bytes.subarray(at, at + length));
  }

  /** Whatever is left, but at most `length` bytes; not copied. */
  rest(length: number): Uint8Array {
    return this.#bytes.subarray(this.#at, Math.min(this.#bytes.length, this.#at + length));
  }
}

/** Writes a message's fields in order into a buffer that grows. */
export class MessageWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  #advance(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    return at;
  }

  u8(value: number): this {
    const at = this.#advance(1);
    this.#view.setUint8(at, value);
    return this;
  }
  u16(value: number): this {
    const at = this.#advance(2);
    this.#view.setUint16(at, value, true);
    return this;
  }
  u32(value: number): this {
    const at = this.#advance(4);
    this.#view.setUint32(at, value, true);
    return this;
  }
  u64(value: bigint | number): this {
    const at = this.#advance(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    return this;
  }
  text(value: string): this {
    this.u16(value.length);
    const at = this.#advance(value.length);
    for (let index = 0; index < value.length; index++) this.#bytes[at + index] = value.charCodeAt(index);
    return this;
  }
  bytes(value: Uint8Array): this {
    const at = this.#advance(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Overwrites 32 bits that were written at `at`. */
  setCount(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** Takes back what was written behind `length`. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** The whole message, with its header. */
  message(type: number, tag: number): Uint8Array {
    const all = new Uint8Array(HEADER_BYTES + this.#length);
    const view = new DataView(all.buffer);
    view.setUint32(0, all.length, true);
    view.setUint8(4, type);
    view.setUint16(5, tag, true);
    all.set(this.#bytes.subarray(0, this.#length), HEADER_BYTES);
    return all;
  }
}
