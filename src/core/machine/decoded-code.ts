// Decoded pages: for each frame that was executed from, 1024 entries that the fast interpreter dispatches on, and 1024 heats
// that count where control arrives. An entry is made when it is first reached and forgotten when its word is stored to, so
// decoded code is always exact; what was translated from it hears of the same stores.

import { DECODED_HEADER_BYTES, DECODED_PAGE_BYTES, HEAT_OFFSET, PAGE_SIZE, type Layout } from './layout.ts';
import type { LinearMemory } from './linear-memory.ts';
import { entryOf, PAGE_END, UNDECODED } from './operations.ts';

const ENTRIES = PAGE_SIZE / 4;
const ENTRY_BYTES = 8;

export interface CodeObserver {
  /** All decoded code is dropped because there is no room left. */
  dropped(): void;
  /** Words of a frame with a decoded page were stored to. @param page its decoded page */
  stored(page: number, offset: number, length: number): void;
  /** A frame is data from now on. @param page its decoded page, which has no entries any more */
  retired(page: number): void;
}

export class DecodedCode {
  readonly #memory: LinearMemory;
  readonly #layout: Layout;
  /** Linear address of each frame's decoded page; 0: none. */
  readonly #pages: Int32Array;
  #used = 0;
  readonly #observer: CodeObserver;

  constructor(memory: LinearMemory, layout: Layout, observer: CodeObserver) {
    this.#memory = memory;
    this.#layout = layout;
    this.#pages = new Int32Array(layout.ramBytes / PAGE_SIZE);
    this.#observer = observer;
  }

  /** Linear address of the decoded page of a frame (number within RAM), without its header. */
  pageOf(frame: number): number {
    const known = this.#pages[frame] ?? 0;
    if (known !== 0) return known;
    if (this.#used === this.#layout.decodedPages) this.#dropAll();
    const start = this.#layout.codeBase + this.#used * DECODED_PAGE_BYTES;
    this.#used++;
    const page = start + DECODED_HEADER_BYTES;
    this.#memory.bytes.fill(0, start, start + DECODED_PAGE_BYTES);
    this.#memory.words[start >> 2] = this.#layout.ramBase + frame * PAGE_SIZE;
    this.#memory.words[(page + ENTRIES * ENTRY_BYTES) >> 2] = PAGE_END;
    this.#pages[frame] = page;
    return page;
  }

  /** Linear address of the frame a decoded page was made from. */
  frameOf(page: number): number {
    return (this.#memory.words[(page - DECODED_HEADER_BYTES) >> 2] ?? 0) >>> 0;
  }

  /** Decodes from a byte offset of a page on, up to the first jump, to what the fast form cannot do, or to what is decoded. */
  decodeFrom(page: number, offset: number): void {
    const { words } = this.#memory;
    const frame = this.frameOf(page);
    for (let at = offset & ~3; at < PAGE_SIZE; at += 4) {
      const index = (page + at * 2) >> 2;
      if (words[index] !== UNDECODED) return;
      const entry = entryOf(words[(frame + at) >>> 2] ?? 0, at);
      if (entry.low === UNDECODED) return;
      words[index] = entry.low;
      words[index + 1] = entry.high;
      if (entry.ends) return;
    }
  }

  /** Forgets the entries of the words that `length` bytes at `offset` of a frame touch. */
  forget(frame: number, offset: number, length: number): void {
    const page = this.#pages[frame] ?? 0;
    if (page === 0) return;
    for (let at = offset & ~3; at < offset + length; at += 4) this.#memory.words[(page + at * 2) >> 2] = UNDECODED;
    this.#observer.stored(page, offset, length);
  }

  /** Forgets all entries and heats of a frame: stores to it will not be told any more, until its page is asked for again. */
  retire(frame: number): void {
    const page = this.#pages[frame] ?? 0;
    if (page === 0) return;
    const { words } = this.#memory;
    words.fill(UNDECODED, page >> 2, (page + ENTRIES * ENTRY_BYTES) >> 2);
    this.#observer.retired(page);
    words.fill(0, (page + HEAT_OFFSET) >> 2, ((page + HEAT_OFFSET) >> 2) + ENTRIES);
  }

  /** The instruction word behind a decoded entry; undefined where the fast form has none: not reached yet, or a system instruction. */
  decodedWord(page: number, offset: number): number | undefined {
    const { words } = this.#memory;
    if (words[(page + offset * 2) >> 2] === UNDECODED) return undefined;
    return words[(this.frameOf(page) + offset) >>> 2];
  }

  /** Index, in words of linear memory, of the heat of an instruction. */
  static heatIndex(page: number, offset: number): number {
    return (page + HEAT_OFFSET + offset) >> 2;
  }

  #dropAll(): void {
    this.#pages.fill(0);
    this.#used = 0;
    this.#observer.dropped();
  }
}
