// Binary patching of one VM: copies, in frames of the hypervisor's, of those pages of the guest's code that hold sensitive
// instructions which this machine does not trap. In a copy each of them is replaced by one that does; only fetches ever reach
// it. The guest's own page stays as the guest has it, so that loads, DMA, migration and hashes never see a patch.
//
//   a page is …        when                                         fetches reach    loads reach     stores
//   not examined       nothing was fetched from it                  nothing          the frame       the frame
//   examined, clean    there is nothing to patch in it              the frame        the frame       exit
//   examined, patched  there is                                     the copy         exit, or, once  exit
//                                                                   (execute-only)   exited, frame
//
// A store to an examined page, whoever makes it (another vCPU, a device, the hypervisor), withdraws what was found: nothing
// maps the page any more, and it is examined anew at the next fetch. Instructions are 4 bytes at multiples of 4 (no C
// extension), so none lies in two pages. Every aligned word that looks like one is replaced: as data it is never read there.

import type { Decoded } from '../../../isa/instructions.ts';
import { PAGE_SIZE, RAM_BASE } from '../../../machine/layout.ts';
import type { PhysicalMemory } from '../../../machine/physical-memory.ts';
import type { Gpa, Hpa } from '../../memory/addresses.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { PageMappings } from '../../memory/page-mappings.ts';
import type { TablePages } from '../../memory/table-pages.ts';
import type { SensitiveInstructions } from './sensitive-instructions.ts';

/** Times that stores may withdraw a page before the guest's own are performed for it instead: it holds data as well. */
const PATIENCE = 4;
const WORDS = PAGE_SIZE / 4;

/** One instruction that was replaced. */
export interface PatchSite {
  readonly gpa: Gpa;
  readonly original: number;
  /** Times it was executed, and the hypervisor performed it. */
  readonly trapped: number;
}

/** A page of the guest's that holds replaced instructions, or did. */
export interface PatchedPage {
  readonly gpa: Gpa;
  /** There is a copy of it now. */
  readonly live: boolean;
  /** Copies of it that were given up because somebody stored to the page. */
  readonly withdrawn: number;
  readonly sites: readonly PatchSite[];
}

/** What has been done, for a person. */
export interface PatchReport {
  /** What is replaced, as the test names it. */
  readonly instructions: readonly string[];
  /** By what. */
  readonly trapWord: number;
  /** Those with copies first, then by address. */
  readonly pages: readonly PatchedPage[];
  /** Pages that fetches may reach, patched or not. */
  readonly examined: number;
  readonly copies: number;
  /** Times that pages were looked through for something to replace. */
  readonly examinations: number;
  readonly withdrawn: number;
  /** Copies that were given up for another one: there is room for so many only. */
  readonly evicted: number;
  readonly room: number;
  /** Loads and stores that the hypervisor performed because the page they touch is patched or is being executed. */
  readonly accesses: number;
}

interface Site {
  readonly decoded: Decoded;
  trapped: number;
}

interface CodePage {
  readonly page: number;
  /** Fetches may reach it. */
  live: boolean;
  /** The copy, where it is live and there is anything to replace. */
  copy: Hpa | undefined;
  /** By offset in the page; those of the last copy where there is none now. */
  sites: Map<number, Site>;
  withdrawn: number;
  /** Times that a store has withdrawn it. */
  stored: number;
}

export interface CodePatchesPorts {
  readonly ram: PhysicalMemory;
  readonly memory: GuestMemory;
  /** Where the frames of copies come from. */
  readonly frames: TablePages;
  /** Copies there is room for. */
  readonly room: number;
}

export class CodePatches implements PageMappings {
  readonly #ports: CodePatchesPorts;
  #sensitive: SensitiveInstructions;
  /** The pages that were ever examined; the one examined last comes last. */
  readonly #pages = new Map<number, CodePage>();
  readonly #byCopy = new Map<Hpa, CodePage>();
  /** Pages that some shadow may let stores reach: 1. */
  readonly #writable: Uint8Array;
  /** The page that the hypervisor itself stores to for the guest: what was found there stays, and is brought up to date. */
  #performing: number | undefined;
  #examined = 0;
  #examinations = 0;
  #withdrawn = 0;
  #evicted = 0;
  #accesses = 0;

  constructor(ports: CodePatchesPorts, sensitive: SensitiveInstructions) {
    this.#ports = ports;
    this.#sensitive = sensitive;
    this.#writable = new Uint8Array(ports.memory.pages.count);
    ports.memory.pages.codeStored = (page) => this.#stored(page);
  }

  /** Whether code must be patched that runs in the guest's user mode, or in a mode above it. */
  covers(user: boolean): boolean {
    return user ? this.#sensitive.inUserMode : !this.#sensitive.none;
  }

  /** Where fetches from a page may go: examines it, unless that has been done. @returns undefined where no frame is to be had */
  examine(gpa: Gpa): Hpa | undefined {
    const { memory } = this.#ports;
    const frame = memory.touch(gpa - (gpa % PAGE_SIZE), false);
    if (frame === undefined) return undefined;
    const page = pageOf(gpa);
    const known = this.#pages.get(page);
    if (known?.live === true) return known.copy ?? frame;
    const found: CodePage = known ?? { page, live: false, copy: undefined, sites: new Map(), withdrawn: 0, stored: 0 };
    const sites = this.#sitesIn(frame, found.sites);
    const copy = sites.size > 0 ? this.#copy(frame, sites) : undefined;
    if (sites.size > 0 && copy === undefined) return undefined;
    found.live = true;
    found.copy = copy;
    if (copy !== undefined) {
      found.sites = sites;
      this.#byCopy.set(copy, found);
    }
    this.#pages.delete(page);
    this.#pages.set(page, found);
    this.#examined++;
    this.#examinations++;
    if (this.#writable[page] === 1) {
      this.#writable[page] = 0;
      memory.mappings.protect([page]);
    }
    memory.pages.watchCode(page);
    return copy ?? frame;
  }

  /** A shadow lets stores reach the page from now on. */
  storesGranted(gpa: Gpa): void {
    this.#writable[pageOf(gpa)] = 1;
  }

  /** The copy that stands for a page. */
  copyOf(page: number): Hpa | undefined {
    return this.#pages.get(page)?.copy;
  }

  /** The guest's page that a frame which fetches reach is a copy of. */
  originalOf(frame: Hpa): number | undefined {
    return this.#byCopy.get(frame)?.page;
  }

  /** Counts the trap of a replaced instruction. @returns the one that was replaced, undefined where the guest's own stands */
  trapped(frame: Hpa, offset: number): Decoded | undefined {
    const site = this.#byCopy.get(frame)?.sites.get(offset);
    if (site === undefined) return undefined;
    site.trapped++;
    return site.decoded;
  }

  /** Whether a store of the guest's to this page is better performed for it: it would withdraw the page once too often. */
  performs(gpa: Gpa): boolean {
    const known = this.#pages.get(pageOf(gpa));
    return known !== undefined && known.live && known.stored >= PATIENCE;
  }

  /** Performs an access of the guest's that may store to this page: what was found in the page is brought up to date with it. */
  perform<Result>(gpa: Gpa, access: () => Result): Result {
    this.#accesses++;
    this.#performing = pageOf(gpa);
    try {
      return access();
    } finally {
      const page = this.#performing;
      this.#performing = undefined;
      this.#update(page);
    }
  }

  /** Others are sensitive now: everything is examined anew. The shadows must be emptied as well. */
  renew(sensitive: SensitiveInstructions): void {
    this.#withdrawAll();
    this.#sensitive = sensitive;
  }

  /** As with a VM that has executed nothing. */
  reset(): void {
    this.#withdrawAll();
    this.#pages.clear();
    this.#writable.fill(0);
    this.#examinations = this.#withdrawn = this.#evicted = this.#accesses = 0;
  }

  /** What there is to see. Looking changes nothing. */
  get report(): PatchReport {
    const pages = [...this.#pages.values()]
      .filter(({ sites }) => sites.size > 0)
      .sort((a, b) => Number(b.copy !== undefined) - Number(a.copy !== undefined) || a.page - b.page)
      .map(({ page, copy, withdrawn, sites }): PatchedPage => {
        const gpa = RAM_BASE + page * PAGE_SIZE;
        return {
          gpa,
          live: copy !== undefined,
          withdrawn,
          sites: [...sites].map(([offset, { decoded, trapped }]) => ({
            gpa: gpa + offset,
            original: decoded.word,
            trapped,
          })),
        };
      });
    return {
      instructions: this.#sensitive.names,
      trapWord: this.#sensitive.trapWord,
      pages,
      examined: this.#examined,
      copies: this.#byCopy.size,
      examinations: this.#examinations,
      withdrawn: this.#withdrawn,
      evicted: this.#evicted,
      room: this.#ports.room,
      accesses: this.#accesses,
    };
  }

  // What others do to the tables that map the guest's pages (PageMappings). Comes after the shadows, which still know the copies.

  /** Copies cannot be stored to. */
  protect(): void {
    return undefined;
  }

  unmap(pages: readonly number[]): void {
    for (const page of pages) this.#forget(page);
  }

  /** Copies lie each in a page of its own. */
  join(): void {
    return undefined;
  }

  /** The shadows tell what was used. */
  harvestAccessed(): void {
    return undefined;
  }

  /** Somebody stores to an examined page. */
  #stored(page: number): void {
    const known = this.#pages.get(page);
    if (known === undefined || page === this.#performing) return;
    known.stored++;
    if (known.copy !== undefined) {
      known.withdrawn++;
      this.#withdrawn++;
    }
    this.#ports.memory.mappings.unmap([page]);
  }

  #withdrawAll(): void {
    const live = [...this.#pages.values()].filter((each) => each.live).map(({ page }) => page);
    if (live.length > 0) this.#ports.memory.mappings.unmap(live);
    for (const page of live) this.#forget(page);
  }

  /** The page counts as not examined. Nothing maps it or its copy by now. */
  #forget(page: number): void {
    const known = this.#pages.get(page);
    if (known?.live !== true) return;
    known.live = false;
    this.#examined--;
    this.#ports.memory.pages.unwatchCode(page);
    if (known.copy === undefined) return;
    this.#byCopy.delete(known.copy);
    this.#ports.frames.free(known.copy);
    known.copy = undefined;
  }

  /** A page has been stored to under the hypervisor's eyes: its copy follows, or the page is examined anew. */
  #update(page: number): void {
    const { memory, ram } = this.#ports;
    const known = this.#pages.get(page);
    const frame = memory.hostAddress(RAM_BASE + page * PAGE_SIZE);
    if (known?.live !== true || frame === undefined) return;
    const sites = this.#sitesIn(frame, known.sites);
    const { copy } = known;
    if (copy === undefined) {
      if (sites.size > 0) memory.mappings.unmap([page]);
      return;
    }
    known.sites = sites;
    const words = wordsOf(ram, frame);
    const copied = wordsOf(ram, copy);
    const { trapWord } = this.#sensitive;
    for (let index = 0; index < WORDS; index++) {
      const word = sites.has(index * 4) ? trapWord | 0 : (words[index] ?? 0);
      if (copied[index] !== word) ram.updateEntry(copy + index * 4, word >>> 0);
    }
  }

  /** What must be replaced in a frame. @param before sites whose counts go on */
  #sitesIn(frame: Hpa, before: ReadonlyMap<number, Site>): Map<number, Site> {
    const sites = new Map<number, Site>();
    const words = wordsOf(this.#ports.ram, frame);
    for (let index = 0; index < WORDS; index++) {
      const decoded = this.#sensitive.find(words[index] ?? 0);
      if (decoded === undefined) continue;
      const known = before.get(index * 4);
      sites.set(index * 4, known?.decoded.word === decoded.word ? known : { decoded, trapped: 0 });
    }
    return sites;
  }

  /** A copy of a frame, patched. Where there is no room the oldest copy goes. */
  #copy(frame: Hpa, sites: ReadonlyMap<number, Site>): Hpa | undefined {
    const { ram, frames, memory } = this.#ports;
    let copy = frames.allocate();
    while (copy === undefined) {
      const oldest = [...this.#pages.values()].find((each) => each.copy !== undefined);
      if (oldest === undefined) return undefined;
      this.#evicted++;
      memory.mappings.unmap([oldest.page]);
      copy = frames.allocate();
    }
    ram.write(copy, ram.view(frame, PAGE_SIZE));
    for (const offset of sites.keys()) ram.updateEntry(copy + offset, this.#sensitive.trapWord);
    return copy;
  }
}

const pageOf = (gpa: Gpa): number => (gpa - RAM_BASE) >>> 12;

function wordsOf(ram: PhysicalMemory, frame: Hpa): Int32Array {
  const { buffer, byteOffset } = ram.view(frame, PAGE_SIZE);
  return new Int32Array(buffer, byteOffset, WORDS);
}
