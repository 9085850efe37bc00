// Reads a guest kernel's memory by its own virtual addresses, from outside: walks the guest's page tables as bytes in its RAM,
// sets no bit, reads no device, and gives up after so many words, whatever the guest has put there.

import { NO_ENTRY } from '../machine/walker.ts';

/** Words one look may read: a hundred times what a busy guest needs. */
const MOST_WORDS = 400_000;
const PAGE = 4096;
const SV32 = 0x8000_0000;
const VALID = 1;
const LEAF = 0b1110;

/** The guest's physical memory: the aligned word at an address, or `NO_ENTRY` outside RAM. */
export interface PhysicalWords {
  readEntry(gpa: number): number;
}

/** What was looked at is not what a kernel would have there. The message is one sentence for a person. */
export class UnreadableKernel extends Error {}

export class KernelMemory {
  readonly #memory: PhysicalWords;
  readonly #satp: number;
  /** Guest physical address of each page that was looked at. */
  readonly #pages = new Map<number, number | undefined>();
  #words = 0;

  /** @param satp the guest's own, with paging on (Sv32) */
  constructor(memory: PhysicalWords, satp: number) {
    this.#memory = memory;
    this.#satp = satp >>> 0;
  }

  get paging(): boolean {
    return this.#satp >= SV32;
  }

  /** The aligned word at a guest virtual address; undefined where nothing is mapped. @throws UnreadableKernel after too many */
  wordIfMapped(gva: number): number | undefined {
    if (++this.#words > MOST_WORDS) {
      throw new UnreadableKernel(
        'The kernel’s lists do not end: expected some hundred processes, found no end. Its memory may be corrupt.',
      );
    }
    const address = gva >>> 0;
    const page = this.#translate(address - (address % PAGE));
    if (page === undefined || address % 4 !== 0) return undefined;
    const word = this.#memory.readEntry(page + (address % PAGE));
    return word === NO_ENTRY ? undefined : word >>> 0;
  }

  /** As above. @throws UnreadableKernel where nothing is mapped */
  word(gva: number, what: string): number {
    const word = this.wordIfMapped(gva);
    if (word !== undefined) return word;
    throw new UnreadableKernel(
      `Expected ${what} at 0x${(gva >>> 0).toString(16)}, found an address that is not mapped: the kernel’s memory may be corrupt.`,
    );
  }

  /** 64 bits as a number; exact up to 2⁵³. */
  long(gva: number, what: string): number {
    return this.word(gva, what) + this.word(gva + 4, what) * 2 ** 32;
  }

  /** A text that ends with a zero, of at most `longest` bytes; undefined where nothing is mapped. */
  textIfMapped(gva: number, longest: number): string | undefined {
    let text = '';
    for (let at = gva >>> 0; text.length < longest; at++) {
      const word = this.wordIfMapped(at - (at % 4));
      if (word === undefined) return text === '' ? undefined : text;
      const byte = (word >>> (8 * (at % 4))) & 0xff;
      if (byte === 0) return text;
      text += byte < 32 || byte > 126 ? '\ufffd' : String.fromCharCode(byte);
    }
    return text;
  }

  /** @throws UnreadableKernel where nothing is mapped */
  text(gva: number, longest: number, what: string): string {
    this.word(gva - (gva % 4), what);
    return this.textIfMapped(gva, longest) ?? '';
  }

  /** Privileged manual, "Sv32": two levels; A, D and U do not matter to somebody who only looks. */
  #translate(page: number): number | undefined {
    const known = this.#pages.get(page);
    if (known !== undefined || this.#pages.has(page)) return known;
    const found = this.#walk(page);
    this.#pages.set(page, found);
    return found;
  }

  #walk(page: number): number | undefined {
    if (!this.paging) return undefined;
    const root = (this.#satp & 0x3f_ffff) * PAGE;
    const first = this.#memory.readEntry(root + (page >>> 22) * 4);
    if (first === NO_ENTRY || (first & VALID) === 0) return undefined;
    const target = (first >>> 10) * PAGE;
    if ((first & LEAF) !== 0) return target % (1 << 22) === 0 ? target + (page & 0x3f_f000) : undefined;
    const second = this.#memory.readEntry(target + ((page >>> 12) & 0x3ff) * 4);
    if (second === NO_ENTRY || (second & VALID) === 0 || (second & LEAF) === 0) return undefined;
    return (second >>> 10) * PAGE;
  }
}
