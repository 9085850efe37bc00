// Where the contents of guest pages go when the machine has no frame for them: the hypervisor's swap device. A page of nothing
// but one repeated word takes no room, as in Linux's zswap.

import { PAGE_SIZE } from '../../machine/layout.ts';

interface Slot {
  /** The contents, or the word they repeat. */
  readonly contents: Uint8Array | number;
  /** Pages of guests that have these contents: clones share them. */
  holders: number;
}

export class SwapStore {
  readonly capacityPages: number;
  readonly #slots = new Map<number, Slot>();
  #next = 1;
  #stored = 0;

  /** @param capacityBytes the most it holds, not counting pages that take no room */
  constructor(capacityBytes: number) {
    this.capacityPages = Math.floor(capacityBytes / PAGE_SIZE);
  }

  /** Pages in it. */
  get pages(): number {
    return this.#slots.size;
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#stored * PAGE_SIZE;
  }

  /** Keeps a copy of a page. @returns the number of its slot, or undefined where the store is full */
  put(page: Uint8Array): number | undefined {
    const word = repeated(page);
    if (word === undefined && this.#stored >= this.capacityPages) return undefined;
    if (word === undefined) this.#stored++;
    this.#slots.set(this.#next, { contents: word ?? page.slice(), holders: 1 });
    return this.#next++;
  }

  /** Copies a page out; `into` is a whole page. */
  read(slot: number, into: Uint8Array): void {
    const contents = this.#slots.get(slot)?.contents ?? 0;
    if (typeof contents === 'number') new Int32Array(into.buffer, into.byteOffset, into.length / 4).fill(contents);
    else into.set(contents);
  }

  /** Whether a slot's contents lie in the store, and are not made anew from one word. */
  takesRoom(slot: number): boolean {
    return typeof this.#slots.get(slot)?.contents === 'object';
  }

  /** Another page has the same contents. */
  share(slot: number): void {
    const known = this.#slots.get(slot);
    if (known) known.holders++;
  }

  /** A page does not need its slot any more. */
  release(slot: number): void {
    const known = this.#slots.get(slot);
    if (known === undefined || --known.holders > 0) return;
    if (typeof known.contents !== 'number') this.#stored--;
    this.#slots.delete(slot);
  }
}

/** The word that a page repeats from beginning to end. */
function repeated(page: Uint8Array): number | undefined {
  const words = new Int32Array(page.buffer, page.byteOffset, page.length / 4);
  const [first = 0] = words;
  for (let index = 1; index < words.length; index++) if (words[index] !== first) return undefined;
  return first;
}
