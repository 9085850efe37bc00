// Page tables the hypervisor builds in the machine's RAM, where the hart's own walker reads them: allocation and entries.

import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import { Pte } from '../../machine/walker.ts';
import type { HostFrames, FrameUse } from './host-frames.ts';
import type { Hpa } from './addresses.ts';

/** Page tables of one VM: it owns their frames and gives them all back at the end. */
export class TablePages {
  readonly #ram: PhysicalMemory;
  readonly #frames: HostFrames;
  readonly #vm: number;
  readonly #use: FrameUse;
  /** Pages it may still take. */
  #left: number;

  /** @param limit pages at most, where several share what their VM was promised */
  constructor(ram: PhysicalMemory, frames: HostFrames, vm: number, use: FrameUse, limit = Infinity) {
    this.#left = limit;
    this.#ram = ram;
    this.#frames = frames;
    this.#vm = vm;
    this.#use = use;
  }

  /** A zeroed table of `pages` pages, aligned to its size; undefined where no memory is left. */
  allocate(pages = 1): Hpa | undefined {
    if (pages > this.#left) return undefined;
    const table = this.#frames.allocate(pages, { vm: this.#vm, use: this.#use }, pages);
    if (table !== undefined) this.#left -= pages;
    return table;
  }

  free(table: Hpa, pages = 1): void {
    this.#frames.free(table, pages);
    this.#left += pages;
  }

  read(table: Hpa, index: number): number {
    return this.#ram.readEntry(table + index * 4);
  }

  write(table: Hpa, index: number, entry: number): void {
    this.#ram.updateEntry(table + index * 4, entry);
  }

  /**
   * Sets the 4 KiB leaf of an address in a two-level table, making the second level where there is none.
   * @param rootIndex which entry of the root: 10 bits, 12 for a second stage
   * @returns the entry as it was before, or undefined where no memory is left
   */
  setLeaf(root: Hpa, rootIndex: number, leafIndex: number, target: Hpa, flags: number): number | undefined {
    const pointer = this.read(root, rootIndex);
    let table: Hpa;
    if ((pointer & Pte.V) === 0) {
      const fresh = this.allocate();
      if (fresh === undefined) return undefined;
      table = fresh;
      this.write(root, rootIndex, entryOf(table, Pte.V));
    } else {
      table = targetOf(pointer);
    }
    const before = this.read(table, leafIndex);
    // A page that one kind of access has opened stays open for it when another kind opens it too.
    const kept = (before & Pte.V) !== 0 && targetOf(before) === target ? before & 0xff : 0;
    this.write(table, leafIndex, entryOf(target, flags | kept));
    return before;
  }

  /** Makes the 4 KiB leaf of an address invalid, where there is one. */
  clearLeaf(root: Hpa, rootIndex: number, leafIndex: number): void {
    const pointer = this.read(root, rootIndex);
    if ((pointer & Pte.V) !== 0) this.write(targetOf(pointer), leafIndex, 0);
  }

  /** Frees the second-level table below one root entry. */
  clearRegion(root: Hpa, rootIndex: number): void {
    const pointer = this.read(root, rootIndex);
    if ((pointer & Pte.V) === 0) return;
    this.write(root, rootIndex, 0);
    this.free(targetOf(pointer));
  }
}

/** An entry that points to a page. RV32 entries hold 22 bits of page number at bit 10. */
export const entryOf = (target: Hpa, flags: number): number => ((target / 4096) * 1024 + flags) >>> 0;
export const targetOf = (entry: number): Hpa => (entry >>> 10) * 4096;
