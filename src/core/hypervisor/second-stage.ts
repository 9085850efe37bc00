// The second stage of one VM: the tables that lead from guest physical to host physical addresses, one set of them for all
// of its vCPUs (privileged manual, "Two-Stage Address Translation", Sv32x4).

import { Pte } from '../machine/walker.ts';
import type { Gpa, Hpa } from './guest-memory.ts';
import type { TablePages } from './table-pages.ts';

const ROOT_PAGES = 4; // Sv32x4: 16 KiB
const MODE_SV32X4 = 0x8000_0000;
const VMID_SHIFT = 22;
const LEAF = Pte.V | Pte.R | Pte.W | Pte.X | Pte.U | Pte.A | Pte.D;

export class SecondStage {
  readonly root: Hpa;
  readonly #vm: number;
  readonly #tables: TablePages;
  readonly #fenceHarts: () => void;

  /**
   * @param fenceHarts makes every hart forget its translations; called when the tables are given back
   * @throws Error where no memory is left for the root table
   */
  constructor(vm: number, tables: TablePages, fenceHarts: () => void) {
    this.#vm = vm;
    this.#tables = tables;
    this.#fenceHarts = fenceHarts;
    const root = tables.allocate(ROOT_PAGES);
    if (root === undefined) throw new Error('no memory is left for second-stage page tables: remove a VM');
    this.root = root;
  }

  /** The value of hgatp for this guest; VMIDs have 7 bits. */
  get hgatp(): number {
    return (MODE_SV32X4 + (this.#vm % 128) * 2 ** VMID_SHIFT + this.root / 4096) >>> 0;
  }

  /** Maps the page of a guest physical address. @returns false where no table memory is left */
  map(gpa: Gpa, target: Hpa): boolean {
    const rootIndex = Math.floor(gpa / 0x40_0000);
    // Invalid entries are never cached, so adding one needs no fence.
    return this.#tables.setLeaf(this.root, rootIndex, (gpa >>> 12) & 0x3ff, target, LEAF) !== undefined;
  }

  dispose(): void {
    for (let index = 0; index < ROOT_PAGES * 1024; index++) this.#tables.clearRegion(this.root, index);
    this.#tables.free(this.root, ROOT_PAGES);
    this.#fenceHarts();
  }
}
