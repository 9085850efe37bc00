// What the hypervisor must be able to ask of the tables that map a VM's pages, whichever kind they are: to take rights away
// again, and to say which pages were used. Giving rights is the world's affair, on the exits that ask for it.

import type { Hpa } from './addresses.ts';

/** Pages are numbers of 4 KiB pages, counted from the beginning of the guest's RAM. */
export interface PageMappings {
  /** Stores to these pages will exit; `all`: to every page. The harts are fenced before it returns. */
  protect(pages: readonly number[] | 'all'): void;
  /** Nothing maps these pages any more, whatever the access. To be called while their frames still stand behind them. Fences. */
  unmap(pages: readonly number[]): void;
  /**
   * The pages of an aligned 4 MiB lie in one aligned block again, and stores may reach all of them: one entry may map them.
   * @param first the first of the pages @param block host physical address of the block
   */
  join(first: number, block: Hpa): void;
  /** Tells every frame whose A bit is set, and clears the bit. The harts must be fenced afterwards, or they will not set it again. */
  harvestAccessed(accessed: (frame: Hpa) => void): void;
}

/** Everything that maps the pages of one VM: its second stage, or the shadow tables of each of its vCPUs. */
export class AllMappings implements PageMappings {
  readonly #all = new Set<PageMappings>();

  add(mappings: PageMappings): void {
    this.#all.add(mappings);
  }

  /** The tables have gone. */
  clear(): void {
    this.#all.clear();
  }

  protect(pages: readonly number[] | 'all'): void {
    for (const each of this.#all) each.protect(pages);
  }

  unmap(pages: readonly number[]): void {
    for (const each of this.#all) each.unmap(pages);
  }

  join(first: number, block: Hpa): void {
    for (const each of this.#all) each.join(first, block);
  }

  harvestAccessed(accessed: (frame: Hpa) => void): void {
    for (const each of this.#all) each.harvestAccessed(accessed);
  }
}
