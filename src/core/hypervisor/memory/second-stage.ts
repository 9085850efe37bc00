// The second stage of one VM: the tables that lead from guest physical pages to frames, one set of them for all of its vCPUs
// (privileged manual, "Two-Stage Address Translation", Sv32x4). They are built page by page on the exits that ask for it, or
// 4 MiB at once, and taken apart again where the hypervisor needs a right back.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import { Pte } from '../../machine/walker.ts';
import type { Gpa, Hpa } from './addresses.ts';
import { HUGE_PAGES } from './page-blocks.ts';
import type { PageMappings } from './page-mappings.ts';
import { entryOf, targetOf, type TablePages } from './table-pages.ts';

const ROOT_PAGES = 4; // Sv32x4: 16 KiB
const MODE_SV32X4 = 0x8000_0000;
const VMID_SHIFT = 22;
const HUGE_BYTES = HUGE_PAGES * PAGE_SIZE;
const READ_ONLY = Pte.V | Pte.R | Pte.X | Pte.U | Pte.A;
const ALL = READ_ONLY | Pte.W | Pte.D;
const FIRST_REGION = RAM_BASE / HUGE_BYTES;

const isLeaf = (entry: number): boolean => (entry & Pte.V) !== 0 && (entry & (Pte.R | Pte.X)) !== 0;

export class SecondStage implements PageMappings {
  readonly root: Hpa;
  readonly #vm: number;
  readonly #tables: TablePages;
  readonly #fence: () => void;

  /**
   * @param fence makes every hart forget every translation (HFENCE.GVMA)
   * @throws Error where no memory is left for the root table
   */
  constructor(vm: number, tables: TablePages, fence: () => void) {
    this.#vm = vm;
    const root = tables.allocate(ROOT_PAGES);
    if (root === undefined) throw new Error('no memory is left for second-stage page tables: remove a VM');
    this.root = root;
    this.#tables = tables;
    this.#fence = fence;
  }

  /** The value of hgatp for this guest; VMIDs have 7 bits. */
  get hgatp(): number {
    return (MODE_SV32X4 + (this.#vm % 128) * 2 ** VMID_SHIFT + this.root / PAGE_SIZE) >>> 0;
  }

  /** Maps one page. @returns false where no memory is left for a table */
  map(gpa: Gpa, target: Hpa, store: boolean): boolean {
    const region = Math.floor(gpa / HUGE_BYTES);
    if (isLeaf(this.#tables.read(this.root, region)) && !this.#split(region)) return false;
    // Invalid entries and missing rights are never cached, so adding to them needs no fence.
    const flags = store ? ALL : READ_ONLY;
    return this.#tables.setLeaf(this.root, region, (gpa >>> 12) & 0x3ff, target, flags) !== undefined;
  }

  /** Maps one page outside the guest's RAM, which may have led elsewhere until now. @returns false where no memory is left for a table */
  replace(gpa: Gpa, target: Hpa): boolean {
    const mapped = this.map(gpa, target, true);
    this.#fence();
    return mapped;
  }

  /** Maps the 4 MiB around `gpa` to a block with one entry, where nothing of it is mapped page by page. @returns whether it did */
  mapHuge(gpa: Gpa, block: Hpa): boolean {
    const region = Math.floor(gpa / HUGE_BYTES);
    if ((this.#tables.read(this.root, region) & Pte.V) !== 0) return false;
    this.#tables.write(this.root, region, entryOf(block, ALL));
    return true;
  }

  protect(pages: readonly number[] | 'all'): void {
    const clear = (table: Hpa, index: number, entry: number) => {
      if ((entry & Pte.W) !== 0) this.#tables.write(table, index, entry & ~(Pte.W | Pte.D));
    };
    if (pages === 'all') {
      for (let region = 0; region < ROOT_PAGES * 1024; region++) {
        if (isLeaf(this.#tables.read(this.root, region))) this.#split(region);
      }
      this.#leaves(clear);
    } else for (const page of pages) this.#leafOf(page, clear);
    this.#fence();
  }

  unmap(pages: readonly number[]): void {
    let mapped = false;
    for (const page of pages) {
      this.#leafOf(page, (table, index) => {
        this.#tables.write(table, index, 0);
        mapped = true;
      });
    }
    if (mapped) this.#fence();
  }

  join(first: number, block: Hpa): void {
    const region = FIRST_REGION + Math.floor(first / HUGE_PAGES);
    const pointer = this.#tables.read(this.root, region);
    if ((pointer & Pte.V) === 0 || isLeaf(pointer)) return;
    this.#tables.write(this.root, region, entryOf(block, ALL));
    this.#fence(); // the leaf's size has changed, and the table's frame may be used again
    this.#tables.free(targetOf(pointer));
  }

  harvestAccessed(accessed: (frame: Hpa) => void): void {
    this.#leaves((table, index, entry) => {
      if ((entry & Pte.A) === 0) return;
      this.#tables.write(table, index, entry & ~Pte.A);
      const frames = table === this.root ? HUGE_PAGES : 1;
      for (let frame = 0; frame < frames; frame++) accessed(targetOf(entry) + frame * PAGE_SIZE);
    });
  }

  /** How many entries map 4 MiB each. */
  get hugeEntries(): number {
    let count = 0;
    for (let region = 0; region < ROOT_PAGES * 1024; region++) {
      if (isLeaf(this.#tables.read(this.root, region))) count++;
    }
    return count;
  }

  /** Gives the tables back. */
  dispose(): void {
    for (let region = 0; region < ROOT_PAGES * 1024; region++) {
      if (isLeaf(this.#tables.read(this.root, region))) this.#tables.write(this.root, region, 0);
      else this.#tables.clearRegion(this.root, region);
    }
    this.#tables.free(this.root, ROOT_PAGES);
    this.#fence();
  }

  /** Replaces an entry of 4 MiB by a table of 1024 that say the same. @returns false where no memory is left for it */
  #split(region: number): boolean {
    const entry = this.#tables.read(this.root, region);
    const table = this.#tables.allocate();
    if (table === undefined) return false;
    const flags = entry & 0xff;
    for (let index = 0; index < HUGE_PAGES; index++) {
      this.#tables.write(table, index, entryOf(targetOf(entry) + index * PAGE_SIZE, flags));
    }
    this.#tables.write(this.root, region, entryOf(table, Pte.V));
    this.#fence(); // the leaf's size has changed ("Supervisor Memory-Management Fence Instruction")
    return true;
  }

  /** The valid 4 KiB leaf of a page; an entry of 4 MiB is split for it. */
  #leafOf(page: number, visit: (table: Hpa, index: number, entry: number) => void): void {
    const region = FIRST_REGION + Math.floor(page / HUGE_PAGES);
    let pointer = this.#tables.read(this.root, region);
    if (isLeaf(pointer)) {
      this.#split(region);
      pointer = this.#tables.read(this.root, region);
    }
    if ((pointer & Pte.V) === 0) return;
    const entry = this.#tables.read(targetOf(pointer), page % HUGE_PAGES);
    if ((entry & Pte.V) !== 0) visit(targetOf(pointer), page % HUGE_PAGES, entry);
  }

  /** All valid leaves, those of 4 MiB in the root among them. */
  #leaves(visit: (table: Hpa, index: number, entry: number) => void): void {
    for (let region = 0; region < ROOT_PAGES * 1024; region++) {
      const pointer = this.#tables.read(this.root, region);
      if ((pointer & Pte.V) === 0) continue;
      if (isLeaf(pointer)) {
        visit(this.root, region, pointer);
        continue;
      }
      for (let index = 0; index < HUGE_PAGES; index++) {
        const entry = this.#tables.read(targetOf(pointer), index);
        if ((entry & Pte.V) !== 0) visit(targetOf(pointer), index, entry);
      }
    }
  }
}
