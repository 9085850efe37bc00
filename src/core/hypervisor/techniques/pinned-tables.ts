// The page tables of a paravirtual guest: pages it has given for the purpose, which only `update-tables` changes. Every entry
// is checked before it is written, as Xen's mmu_update does: it leads to the guest's own memory or to a device of its board, a
// pointer leads to a table of the level below, and no table is mapped writable — so what the hypervisor has derived from them
// is always right, and no entry needs to be looked at again.

import { PAGE_SIZE } from '../../machine/layout.ts';
import { Pte } from '../../machine/walker.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { HypercallError } from './hypercalls.ts';

const RIGHTS = Pte.R | Pte.W | Pte.X;
const ENTRIES = PAGE_SIZE / 4;
const pageOf = (address: Gpa): Gpa => address - (address % PAGE_SIZE);

interface PinnedTable {
  /** 1: a root. */
  readonly level: 0 | 1;
  /** For level 0: the root entries that lead to it, by their addresses. */
  readonly parents: Set<Gpa>;
}

export class PinnedTables {
  readonly #memory: Pick<GuestMemory, 'holds' | 'write' | 'readEntry' | 'updateEntry'>;
  readonly #isDevice: (gpa: Gpa) => boolean;
  readonly #tables = new Map<Gpa, PinnedTable>();
  /** How many entries map a page writable. */
  readonly #writable = new Map<Gpa, number>();

  /** @param isDevice whether a device of the guest's board lies at an address: a kernel reaches those through its tables too */
  constructor(
    memory: Pick<GuestMemory, 'holds' | 'write' | 'readEntry' | 'updateEntry'>,
    isDevice: (gpa: Gpa) => boolean,
  ) {
    this.#memory = memory;
    this.#isDevice = isDevice;
  }

  isRoot(page: Gpa): boolean {
    return this.#tables.get(page)?.level === 1;
  }

  /** Page and level of each table, one after the other, tables below roots first. */
  words(): readonly number[] {
    return [...this.#tables].sort(([, a], [, b]) => a.level - b.level).flatMap(([page, { level }]) => [page, level]);
  }

  /** Takes tables over with the entries they have in memory. @returns false where one of them is against the rules */
  adopt(words: readonly number[]): boolean {
    for (let index = 0; index < words.length; index += 2) {
      const [page = 0, level = 0] = [words[index], words[index + 1]];
      const isLevel = level === 0 || level === 1;
      if (page % PAGE_SIZE !== 0 || !this.#memory.holds(page) || !isLevel || this.#tables.has(page)) return false;
      this.#tables.set(page, { level, parents: new Set() });
    }
    for (const [page, table] of this.#tables) {
      for (let address = page; address < page + PAGE_SIZE; address += 4) {
        const entry = this.#memory.readEntry(address);
        // A and D have been set in a leaf; in a pointer they are reserved.
        if (this.#check(table, entry) !== HypercallError.success) return false;
        this.#count(table, address, entry, 1);
      }
    }
    return true;
  }

  pin(page: Gpa, level: number): HypercallError {
    if (page % PAGE_SIZE !== 0 || !this.#memory.holds(page)) return HypercallError.invalidAddress;
    if (level !== 0 && level !== 1) return HypercallError.invalidParameter;
    if (this.#tables.has(page)) return HypercallError.alreadyDone;
    if ((this.#writable.get(page) ?? 0) > 0) return HypercallError.denied;
    this.#memory.write(page, new Uint8Array(PAGE_SIZE));
    this.#tables.set(page, { level, parents: new Set() });
    return HypercallError.success;
  }

  /** A table that another one points to stays. @param changed as for `update` */
  unpin(page: Gpa, changed: (root: Gpa, gva: number, region: boolean) => void): HypercallError {
    const table = this.#tables.get(page);
    if (table === undefined) return HypercallError.invalidAddress;
    if (table.parents.size > 0) return HypercallError.denied;
    for (let index = 0; index < ENTRIES; index++) {
      if (this.#memory.readEntry(page + 4 * index) !== 0) this.update(page + 4 * index, 0, changed);
    }
    this.#tables.delete(page);
    return HypercallError.success;
  }

  /**
   * Writes one entry, if it may be. A and D are set in it: nobody is to fault for them.
   * @param address of the entry, guest physical
   * @param changed told where translation has changed: below which root, at which address, the 4 KiB page or all 4 MiB there
   */
  update(address: Gpa, value: number, changed: (root: Gpa, gva: number, region: boolean) => void): HypercallError {
    const page = pageOf(address);
    const table = this.#tables.get(page);
    if (table === undefined || address % 4 !== 0) return HypercallError.invalidAddress;
    const refusal = this.#check(table, value);
    if (refusal !== HypercallError.success) return refusal;
    const before = this.#memory.readEntry(address);
    this.#count(table, address, before, -1);
    this.#count(table, address, value, 1);
    const leaf = (value & Pte.V) !== 0 && (value & RIGHTS) !== 0;
    const entry = leaf ? value | Pte.A | (value & Pte.W ? Pte.D : 0) : value;
    this.#memory.updateEntry(address, entry >>> 0);
    const index = (address - page) / 4;
    if (table.level === 1) changed(page, index * 0x40_0000, true);
    else for (const parent of table.parents) changed(pageOf(parent), gvaOf(parent, index), false);
    return HypercallError.success;
  }

  #check({ level }: PinnedTable, value: number): HypercallError {
    if ((value & Pte.V) === 0) return HypercallError.success;
    const target = targetOf(value);
    if ((value & RIGHTS) === 0) {
      if (level !== 1 || (value & (Pte.U | Pte.A | Pte.D)) !== 0) return HypercallError.invalidParameter;
      return this.#tables.get(target)?.level === 0 ? HypercallError.success : HypercallError.denied;
    }
    if (level === 1) return HypercallError.notSupported; // 4 MiB would be some page of somebody's, one day
    if ((value & (Pte.R | Pte.W)) === Pte.W) return HypercallError.invalidParameter;
    if (!this.#memory.holds(target)) {
      // No shadow maps it: each access exits, to the device model. Nothing can be fetched from there.
      return this.#isDevice(target) && (value & Pte.X) === 0 ? HypercallError.success : HypercallError.denied;
    }
    return (value & Pte.W) !== 0 && this.#tables.has(target) ? HypercallError.denied : HypercallError.success;
  }

  /** An entry comes (1) or goes (−1). */
  #count({ level }: PinnedTable, address: Gpa, entry: number, by: 1 | -1): void {
    if ((entry & Pte.V) === 0) return;
    const target = targetOf(entry);
    if (level === 1) {
      const parents = this.#tables.get(target)?.parents;
      if (by === 1) parents?.add(address);
      else parents?.delete(address);
    } else if ((entry & Pte.W) !== 0) {
      this.#writable.set(target, (this.#writable.get(target) ?? 0) + by);
    }
  }
}

/** The page an entry leads to; RV32 entries hold 22 bits of page number at bit 10. */
const targetOf = (entry: number): Gpa => (entry >>> 10) * PAGE_SIZE;

/** What the entry `index` of a table translates that the root entry at `parent` leads to. */
const gvaOf = (parent: Gpa, index: number): number => ((parent % PAGE_SIZE) / 4) * 0x40_0000 + index * PAGE_SIZE;
