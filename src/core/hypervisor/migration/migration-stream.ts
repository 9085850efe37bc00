// The migration stream: how a VM travels as bytes, over a link or through a file. All numbers little-endian.
//
//   header    0 "RSVM"   4 version (32)
//   section   0 kind (32)   4 length of the payload (32)   8 payload   then CRC-32 of kind, length and payload
//
//   configuration  what the VM must be like at the other end      once, first
//   pages          page number × 2 + (1: all zeros), else 4 KiB   any number of times; the last word about a page counts
//   machine, vcpus, devices  the VM's own state, plain            once each, behind the last page
//   end            hash of the state and the memory (plain)       once, last

const STREAM_VERSION = 3;
export const PAGE_BYTES = 4096;

export const Section = { configuration: 1, pages: 2, machine: 3, vcpus: 4, devices: 5, end: 6 } as const;
export type Section = (typeof Section)[keyof typeof Section];
const LAST_KIND = Section.end;

export const sectionName = (kind: number): string =>
  Object.entries(Section).find(([, each]) => each === kind)?.[0] ?? `kind ${kind}`;

const MAGIC = [0x52, 0x53, 0x56, 0x4d] as const;
const HEADER_BYTES = 8;
const SECTION_HEADER_BYTES = 8;
const CHECKSUM_BYTES = 4;
/** What a section takes besides its payload. */
export const SECTION_OVERHEAD = SECTION_HEADER_BYTES + CHECKSUM_BYTES;
/** Bytes of the longest payload: far more than any device has. */
const LONGEST_PAYLOAD = 16 * 2 ** 20;

/** A stream that nobody could have sent, in one line for a person. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
}

export function streamHeader(): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  header.set(MAGIC);
  new DataView(header.buffer).setUint32(4, STREAM_VERSION, true);
  return header;
}

/** @throws StreamError for a payload that no reader would take */
export function encodeSection(kind: Section, payload: Uint8Array): Uint8Array {
  if (payload.length > LONGEST_PAYLOAD) {
    throw new StreamError(
      `The VM has too much state for a stream: expected at most ${LONGEST_PAYLOAD} bytes of “${sectionName(kind)}”, found ${payload.length}. Let its guest close files of shared folders, then try again.`,
    );
  }
  const bytes = new Uint8Array(payload.length + SECTION_OVERHEAD);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, payload.length, true);
  bytes.set(payload, SECTION_HEADER_BYTES);
  const checked = bytes.length - CHECKSUM_BYTES;
  view.setUint32(checked, crc32(bytes.subarray(0, checked)), true);
  return bytes;
}

export interface ReadSection {
  readonly kind: Section;
  readonly payload: Uint8Array;
}

/** Takes a stream in pieces of any size. What is wrong in it is said once, by a StreamError; then nothing more is read. */
export class StreamReader {
  #buffer = new Uint8Array(0);
  #begun = false;
  #failed = false;

  /** Whether bytes of a section that has not come whole are kept. */
  get midway(): boolean {
    return this.#buffer.length > 0 || !this.#begun;
  }

  /** @returns the sections that are whole now @throws StreamError */
  push(bytes: Uint8Array): readonly ReadSection[] {
    if (this.#failed) return [];
    this.#buffer = this.#buffer.length === 0 ? bytes.slice() : joined(this.#buffer, bytes);
    const sections: ReadSection[] = [];
    try {
      let at = this.#begin();
      for (;;) {
        const length = this.#sectionAt(at);
        if (length === undefined) break;
        const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset + at, length);
        const checked = length - CHECKSUM_BYTES;
        const kind = view.getUint32(0, true) as Section;
        if (crc32(this.#buffer.subarray(at, at + checked)) !== view.getUint32(checked, true)) {
          throw new StreamError(
            `The stream is damaged: the checksum of a section “${sectionName(kind)}” is wrong. Send it again.`,
          );
        }
        sections.push({ kind, payload: this.#buffer.slice(at + SECTION_HEADER_BYTES, at + checked) });
        at += length;
      }
      this.#buffer = this.#buffer.slice(at);
    } catch (error) {
      this.#failed = true;
      this.#buffer = new Uint8Array(0);
      throw error;
    }
    return sections;
  }

  /** @returns where the first section begins */
  #begin(): number {
    if (this.#begun || this.#buffer.length < HEADER_BYTES) return 0;
    if (MAGIC.some((byte, index) => this.#buffer[index] !== byte)) {
      throw new StreamError(
        'Expected a migration stream, which begins with “RSVM”; found something else. Choose a file that --save wrote.',
      );
    }
    const version = new DataView(this.#buffer.buffer, this.#buffer.byteOffset).getUint32(4, true);
    if (version !== STREAM_VERSION) {
      throw new StreamError(
        `Expected version ${STREAM_VERSION} of the migration stream, found ${version}. Send it from the same release.`,
      );
    }
    this.#begun = true;
    return HEADER_BYTES;
  }

  /** @returns bytes of the section that begins at `at`, or undefined where it has not come whole */
  #sectionAt(at: number): number | undefined {
    const left = this.#buffer.length - at;
    if (!this.#begun || left < SECTION_HEADER_BYTES) return undefined;
    const view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset + at);
    const kind = view.getUint32(0, true);
    const payload = view.getUint32(4, true);
    if (kind < 1 || kind > LAST_KIND || payload > LONGEST_PAYLOAD) {
      throw new StreamError(
        `The stream is damaged: expected a section of kind 1 to ${LAST_KIND} and at most ${LONGEST_PAYLOAD} bytes, found kind ${kind} and ${payload} bytes. Send it again.`,
      );
    }
    const length = payload + SECTION_OVERHEAD;
    return left < length ? undefined : length;
  }
}

/** Writes the pages of one section. */
export class PagesWriter {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;
  #pages = 0;

  get pages(): number {
    return this.#pages;
  }
  /** Bytes of the section so far. */
  get bytes(): number {
    return this.#bytes + SECTION_OVERHEAD;
  }

  /** @param contents 4096 bytes, copied @returns whether they are all zeros, and take no room */
  add(page: number, contents: Uint8Array): boolean {
    const zeros = isZero(contents);
    const part = new Uint8Array(4 + (zeros ? 0 : PAGE_BYTES));
    new DataView(part.buffer).setUint32(0, 2 * page + (zeros ? 1 : 0), true);
    if (!zeros) part.set(contents.subarray(0, PAGE_BYTES), 4);
    this.#parts.push(part);
    this.#bytes += part.length;
    this.#pages++;
    return zeros;
  }

  /** The section; the writer begins anew. */
  finish(): Uint8Array {
    const payload = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts.splice(0)) {
      payload.set(part, at);
      at += part.length;
    }
    this.#bytes = 0;
    this.#pages = 0;
    return encodeSection(Section.pages, payload);
  }
}

/** The pages of a section, in order; contents undefined: all zeros. @throws StreamError */
export function* readPages(
  payload: Uint8Array,
  pageCount: number,
): Generator<{ readonly page: number; readonly contents: Uint8Array | undefined }> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = 0; at < payload.length;) {
    if (at + 4 > payload.length)
      throw new StreamError('The stream is damaged: a page’s number is cut off. Send it again.');
    const word = view.getUint32(at, true);
    at += 4;
    const page = word >>> 1;
    if (page >= pageCount) {
      throw new StreamError(
        `The stream is damaged: expected pages below ${pageCount}, found page ${page}. Send it again.`,
      );
    }
    if ((word & 1) === 1) yield { page, contents: undefined };
    else {
      if (at + PAGE_BYTES > payload.length) {
        throw new StreamError(`The stream is damaged: page ${page} is cut off. Send it again.`);
      }
      yield { page, contents: payload.subarray(at, at + PAGE_BYTES) };
      at += PAGE_BYTES;
    }
  }
}

function isZero(bytes: Uint8Array): boolean {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false;
  return true;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** IEEE 802.3, reflected, a byte at a time. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  return value;
});

/** CRC-32 as zip and Ethernet have it. */
export function crc32(bytes: Uint8Array): number {
  let value = ~0;
  for (let index = 0; index < bytes.length; index++) {
    value = (CRC_TABLE[(value ^ (bytes[index] ?? 0)) & 0xff] ?? 0) ^ (value >>> 8);
  }
  return ~value >>> 0;
}
