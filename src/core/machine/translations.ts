// A hart's cache of address translations: flat tables with one word for each of the 2^20 virtual pages, so that a load
// is an index, a test and an add. Several sets exist so that a change of mode or address space finds its translations
// again; a set is chosen by everything that translation depends on, so no entry is ever right in one mode and wrong in
// another. Entries are only ever made from a successful walk: faults are never cached.
//
//   read, write table:  linear address of the page − virtual address of the page − 4095; 0: none
//                       (a multiple of 4096 plus 1, so never 0; the access adds 4095 back as its constant offset)
//   fetch table:        linear address of the decoded page; 0: none

import { TRANSLATION_SET_BYTES, TRANSLATION_TABLE_BYTES } from './layout.ts';
import type { LinearMemory } from './linear-memory.ts';

/** Added by the access itself, see above. */
export const TRANSLATION_OFFSET = 4095;

export const Table = { read: 0, write: 1, fetch: 2 } as const;
export type Table = (typeof Table)[keyof typeof Table];

/** Everything a translation depends on. */
export interface TranslationKey {
  /** Modes and status bits, packed; see Hart. */
  readonly modes: number;
  readonly satp: number;
  readonly vsatp: number;
  readonly hgatp: number;
}

const LIST_CAPACITY = 65536;
const TABLE_WORDS = TRANSLATION_TABLE_BYTES / 4;

interface TranslationSet {
  readonly base: number;
  key: TranslationKey | undefined;
  lastUse: number;
  /** Virtual pages that may have an entry, with repetitions. */
  readonly filled: Int32Array;
  count: number;
  /** For each 4 MiB of virtual space: an entry came from a megapage. */
  readonly superpages: Uint8Array;
}

export class Translations {
  readonly #words: Int32Array;
  readonly #sets: readonly TranslationSet[];
  #current: TranslationSet;
  #clock = 0;

  constructor(memory: LinearMemory, base: number, count: number) {
    this.#words = memory.words;
    const make = (index: number): TranslationSet => ({
      base: base + index * TRANSLATION_SET_BYTES,
      key: undefined,
      lastUse: 0,
      filled: new Int32Array(LIST_CAPACITY),
      count: 0,
      superpages: new Uint8Array(1024),
    });
    this.#current = make(0);
    this.#sets = [this.#current, ...Array.from({ length: count - 1 }, (_, index) => make(index + 1))];
  }

  /** Makes the set of `key` current, clearing the least recently used one if there is none. @returns its linear address */
  select(key: TranslationKey): number {
    let oldest = this.#current;
    for (const set of this.#sets) {
      if (set.key !== undefined && sameKey(set.key, key)) return this.#use(set);
      if (set.lastUse < oldest.lastUse) oldest = set;
    }
    this.#clear(oldest);
    oldest.key = key;
    return this.#use(oldest);
  }

  /** The entry of a virtual address in the current set; 0: none. */
  lookup(table: Table, address: number): number {
    return this.#words[this.#index(this.#current, table, address >>> 12)] ?? 0;
  }

  /** Remembers that a virtual page leads to a linear page (read, write) or a decoded page (fetch). */
  fill(table: Table, address: number, target: number, superpage: boolean): void {
    const set = this.#current;
    const page = address >>> 12;
    if (set.count === LIST_CAPACITY) this.#clear(set);
    set.filled[set.count++] = page;
    if (superpage) set.superpages[page >>> 10] = 1;
    const value = table === Table.fetch ? target : target - page * 4096 - TRANSLATION_OFFSET;
    this.#words[this.#index(set, table, page)] = value | 0;
  }

  /** Forgets the translations of one virtual address in all sets, or everything. */
  flush(address?: number): void {
    for (const set of this.#sets) {
      if (address === undefined) this.#clear(set);
      else this.#clearAddress(set, address >>> 12);
    }
  }

  /** Forgets all entries of one table in all sets: a frame became code, or a breakpoint was set. */
  forgetTable(table: Table): void {
    for (const set of this.#sets) {
      for (let index = 0; index < set.count; index++) {
        this.#words[this.#index(set, table, set.filled[index] ?? 0)] = 0;
      }
    }
  }

  #use(set: TranslationSet): number {
    set.lastUse = ++this.#clock;
    this.#current = set;
    return set.base;
  }

  #clear(set: TranslationSet): void {
    for (let index = 0; index < set.count; index++) this.#clearPage(set, set.filled[index] ?? 0);
    set.count = 0;
    set.superpages.fill(0);
  }

  #clearAddress(set: TranslationSet, page: number): void {
    const region = page >>> 10;
    if (set.superpages[region] === 0) return this.#clearPage(set, page);
    for (const table of Object.values(Table)) {
      const first = this.#index(set, table, region << 10);
      this.#words.fill(0, first, first + 1024);
    }
    set.superpages[region] = 0;
  }

  #clearPage(set: TranslationSet, page: number): void {
    const first = (set.base >> 2) + page;
    this.#words[first] = 0;
    this.#words[first + TABLE_WORDS] = 0;
    this.#words[first + 2 * TABLE_WORDS] = 0;
  }

  #index(set: TranslationSet, table: Table, page: number): number {
    return (set.base >> 2) + table * TABLE_WORDS + page;
  }
}

const sameKey = (a: TranslationKey, b: TranslationKey): boolean =>
  a.modes === b.modes && a.satp === b.satp && a.vsatp === b.vsatp && a.hgatp === b.hgatp;
