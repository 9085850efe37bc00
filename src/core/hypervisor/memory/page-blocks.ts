// The aligned blocks of 4 MiB of a VM's pages: which of them lie in one aligned block of frames, so that one entry may map
// them, and which of them nothing was put into yet, so that they may still get such a block.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { Hpa } from './addresses.ts';
import type { FrameSupply } from './frame-supply.ts';
import type { PageMappings } from './page-mappings.ts';
import { CAREFUL, PageState } from './page-state.ts';

/** Pages of a huge mapping: 4 MiB, a leaf of the root table. */
export const HUGE_PAGES = 1024;

export interface PageBlocksPorts {
  /** Frame of the machine behind each page, counted from RAM_BASE; −1: none. */
  readonly frames: Int32Array;
  /** Bits of `PageState` of each page. */
  readonly states: Uint8Array;
  readonly mappings: PageMappings;
  /** Undefined on a machine of the guest's own, where no block is ever made. */
  readonly supply: FrameSupply | undefined;
}

export class PageBlocks {
  readonly #ports: PageBlocksPorts;
  /** For each 4 MiB: pages that are resident, swapped or ballooned. */
  readonly #counts: Uint16Array;
  /** For each 4 MiB: 1 where its frames are one aligned block. */
  readonly #whole: Uint8Array;

  constructor(ports: PageBlocksPorts) {
    this.#ports = ports;
    this.#counts = new Uint16Array(Math.ceil(ports.frames.length / HUGE_PAGES));
    this.#whole = new Uint8Array(this.#counts.length);
  }

  /** One page more, or one less, of its block is resident, swapped or ballooned. */
  count(page: number, by: number): void {
    const region = page >>> 10;
    this.#counts[region] = (this.#counts[region] ?? 0) + by;
  }

  /** Whether all 4 MiB around a page are the VM's, and nothing of them was touched yet. */
  isUntouched(page: number): boolean {
    const region = page >>> 10;
    return this.#counts[region] === 0 && (region + 1) * HUGE_PAGES <= this.#ports.frames.length;
  }

  /** Whether the frames of the 4 MiB around a page are one aligned block. */
  isWhole(page: number): boolean {
    return this.#whole[page >>> 10] === 1;
  }

  /** The frames around a page are one aligned block from now on. */
  made(page: number): void {
    this.#whole[page >>> 10] = 1;
  }

  /** The frames around a page are one aligned block no longer, or will soon stand behind others' pages too. */
  takeApart(page: number): void {
    this.#whole[page >>> 10] = 0;
  }
  takeAllApart(): void {
    this.#whole.fill(0);
  }

  /** How many blocks one entry each can map as things are. */
  get mappable(): number {
    return this.#whole.filter((_, region) => this.blockAt(region * HUGE_PAGES) !== undefined).length;
  }

  /** Host physical address of the aligned block behind the 4 MiB around a page, where one entry may map all of it for stores. */
  blockAt(page: number): Hpa | undefined {
    const region = page >>> 10;
    const { states, frames } = this.#ports;
    if (this.#whole[region] !== 1) return undefined;
    const first = region * HUGE_PAGES;
    for (let each = first; each < first + HUGE_PAGES; each++) {
      if (((states[each] ?? 0) & CAREFUL) !== 0) return undefined;
    }
    return RAM_BASE + (frames[first] ?? 0) * PAGE_SIZE;
  }

  /**
   * Blocks of 4 MiB that were taken apart — for the dirty log, for a clone, by merging — and lie together again, with nobody
   * else in them and nothing to watch, are mapped by one entry each again (KVM: kvm_mmu_recover_huge_pages).
   */
  rejoin(): void {
    for (let first = 0; first < this.#ports.frames.length; first += HUGE_PAGES) {
      if (!this.#reunite(first)) continue;
      const block = this.blockAt(first);
      if (block !== undefined) this.#ports.mappings.join(first, block);
    }
  }

  /** @returns whether the frames of the 4 MiB from a page on are one aligned block, all of it this VM's own */
  #reunite(first: number): boolean {
    if (this.isWhole(first)) return true;
    const { frames, states, supply } = this.#ports;
    const block = frames[first] ?? -1;
    if (supply === undefined || block < 0 || block % HUGE_PAGES !== 0) return false;
    if (first + HUGE_PAGES > frames.length) return false;
    for (let each = 0; each < HUGE_PAGES; each++) {
      if (frames[first + each] !== block + each) return false;
      const shared = ((states[first + each] ?? 0) & PageState.shared) !== 0;
      if (shared && supply.frames.sharers(RAM_BASE + (block + each) * PAGE_SIZE) > 1) return false;
    }
    for (let page = first; page < first + HUGE_PAGES; page++) {
      if (((states[page] ?? 0) & PageState.shared) === 0) continue;
      supply.claim(RAM_BASE + (block + page - first) * PAGE_SIZE, page);
      states[page] = (states[page] ?? 0) & ~PageState.shared;
    }
    this.made(first);
    return true;
  }
}
