// Shadow page tables: what the hart walks while a deprivileged guest runs. Each maps GVA straight to HPA, with the rights
// the guest's own tables give in one mode. One root for each of the guest's address spaces and modes, kept like a tagged
// TLB: filled on a miss, dropped when the guest fences (facts: "virtual TLB"). Stores are only let through to pages whose
// frame is the guest's alone and that no dirty log watches.
//
//   root of …        holds
//   physical memory  guest translation off (satp Bare): GVA = GPA
//   user             pages with U = 1
//   kernel           pages with U = 0; with SUM also those with U = 1, never executable
//   guarded          the same, for the modes below machine mode while that has set physical memory protection up
//   fetches only     machine mode while MPRV gives its loads and stores another mode's translation: those are not mapped

import { PAGE_SIZE } from '../../machine/layout.ts';
import { Pte, type Walker } from '../../machine/walker.ts';
import type { Hpa } from './addresses.ts';
import type { PageMappings } from './page-mappings.ts';
import { targetOf, type TablePages } from './table-pages.ts';

/** What decides which shadow is in use: changes of these take effect without a fence. */
export interface ShadowMode {
  /** The guest's satp. */
  readonly satp: number;
  readonly user: boolean;
  readonly sum: boolean;
  readonly mxr: boolean;
  /** Translation off, and only for fetches: loads and stores go another way. */
  readonly fetchOnly: boolean;
  /** Below machine mode while its physical memory protection is on. It tells shadows apart only where translation is off. */
  readonly guarded: boolean;
}

interface Shadow extends ShadowMode {
  readonly root: Hpa;
  lastUse: number;
  /** Root entries that lead to a table, or once did. */
  readonly regions: number[];
  readonly known: Uint8Array;
  /** Root entries under which a guest's megapage was split into 4 KiB leaves. */
  readonly split: Uint8Array;
}

const LIMIT = 16;
const SV32 = 0x8000_0000;

export class ShadowTables implements PageMappings {
  readonly #pages: TablePages;
  #shadows: Shadow[] = [];
  #clock = 0;
  /** The shadow used last, and the guest's mode it was found for. */
  #latest: { readonly shadow: Shadow; readonly mode: ShadowMode } | undefined;

  readonly #fenceHart: () => void;
  readonly #frameOf: (page: number) => Hpa | undefined;
  readonly #copyOf: (page: number) => Hpa | undefined;

  /**
   * @param fenceHart makes the hart forget every translation; called whenever a root is given back
   * @param frameOf the frame that stands behind a page of the guest's RAM now
   * @param copyOf the frame that fetches from the page are led to instead, where there is one
   */
  constructor(
    pages: TablePages,
    fenceHart: () => void,
    frameOf: (page: number) => Hpa | undefined,
    copyOf: (page: number) => Hpa | undefined = () => undefined,
  ) {
    this.#pages = pages;
    this.#copyOf = copyOf;
    this.#fenceHart = fenceHart;
    this.#frameOf = frameOf;
  }

  /** All shadows kept, for looking. */
  get shadows(): readonly (ShadowMode & { readonly root: Hpa })[] {
    return this.#shadows;
  }

  /** The root for a mode, if it has been made; looking changes nothing. */
  find(mode: ShadowMode): Hpa | undefined {
    return this.#known(canonical(mode))?.root;
  }

  /** The root for a mode, made empty where there is none yet. @throws Error where no memory is left even after dropping others */
  select(mode: ShadowMode): Hpa {
    return this.#find(mode).root;
  }

  /** satp for the hart: the shadow root, translation on. */
  satpOf(satp: number, user: boolean, sum: boolean, mxr: boolean, fetchOnly: boolean, guarded: boolean): number {
    const { mode } = this.#latest ?? {};
    if (
      mode === undefined ||
      mode.satp !== satp ||
      mode.user !== user ||
      mode.sum !== sum ||
      mode.mxr !== mxr ||
      mode.fetchOnly !== fetchOnly ||
      mode.guarded !== guarded
    ) {
      const wanted = { satp, user, sum, mxr, fetchOnly, guarded };
      this.#latest = { shadow: this.#find(wanted), mode: wanted };
    }
    return (SV32 + (this.#latest?.shadow.root ?? 0) / PAGE_SIZE) >>> 0;
  }

  /**
   * Maps a page as the guest's walk has just found it (`walker` holds the result). @returns false where no memory is left
   * @param target host physical address of the page
   * @param store whether stores may reach the frame
   */
  map(mode: ShadowMode, gva: number, target: Hpa, walker: Walker, store = true): boolean {
    const writable = !walker.writable ? 0 : store ? Pte.W | Pte.R : Pte.R;
    const rights = (walker.readable ? Pte.R : 0) | writable | (walker.executable ? Pte.X : 0);
    return this.mapWith(mode, gva, target, rights, walker.superpage) !== undefined;
  }

  /**
   * Maps a page with these rights, and those it has already where it leads to the same frame.
   * @param superpage the guest maps it as part of 4 MiB
   * @returns the leaf as it was before, or undefined where no memory is left
   */
  mapWith(mode: ShadowMode, gva: number, target: Hpa, rights: number, superpage: boolean): number | undefined {
    const shadow = this.#find(mode);
    const region = gva >>> 22;
    if (superpage) shadow.split[region] = 1;
    if (shadow.known[region] === 0) {
      shadow.known[region] = 1;
      shadow.regions.push(region);
    }
    const flags = Pte.V | Pte.U | Pte.A | Pte.D | rights;
    return this.#pages.setLeaf(shadow.root, region, (gva >>> 12) & 0x3ff, target, flags);
  }

  /** The leaf of an address; 0 where there is none. Looking changes nothing. */
  leafOf(mode: ShadowMode, gva: number): number {
    const shadow = this.#known(canonical(mode));
    const pointer = shadow === undefined ? 0 : this.#pages.read(shadow.root, gva >>> 22);
    return (pointer & Pte.V) === 0 ? 0 : this.#pages.read(targetOf(pointer), (gva >>> 12) & 0x3ff);
  }

  /** Drops what is in all of them. */
  empty(): void {
    for (const shadow of this.#shadows) this.#clear(shadow);
    this.#fenceHart();
  }

  /**
   * The guest fenced: drops what was derived from its tables, of one address or all, of one address space or all.
   * @returns whether more than the one page went
   */
  fence(address: number | undefined, addressSpace: number | undefined): boolean {
    let wide = address === undefined;
    for (const shadow of this.#shadows) {
      if ((shadow.satp & SV32) === 0) continue; // not derived from the guest's tables
      if (addressSpace !== undefined && ((shadow.satp >>> 22) & 0x1ff) !== addressSpace) continue;
      if (address === undefined) this.#clear(shadow);
      else if (this.#clearAddress(shadow, address)) wide = true;
    }
    return wide;
  }

  /** Drops every shadow but the one in use, and what is in that one, to win memory. */
  dropAll(mode: ShadowMode): void {
    const kept = this.#find(mode);
    this.#clear(kept);
    this.#fenceHart();
    for (const shadow of this.#shadows) if (shadow !== kept) this.#release(shadow);
    this.#shadows = [kept];
  }

  protect(pages: readonly number[] | 'all'): void {
    const frames = pages === 'all' ? undefined : this.#framesOf(pages);
    this.#leaves((table, index, entry) => {
      if ((entry & Pte.W) === 0 || frames?.has(targetOf(entry)) === false) return;
      this.#pages.write(table, index, entry & ~Pte.W);
    });
    this.#fenceHart();
  }

  unmap(pages: readonly number[]): void {
    const frames = this.#framesOf(pages);
    let mapped = false;
    this.#leaves((table, index, entry) => {
      if (!frames.has(targetOf(entry))) return;
      this.#pages.write(table, index, 0);
      mapped = true;
    });
    if (mapped) this.#fenceHart();
  }

  /** Shadows have no entries of 4 MiB: the guest's own pages decide what lies beside what. */
  join(): void {
    return undefined;
  }

  harvestAccessed(accessed: (frame: Hpa) => void): void {
    this.#leaves((table, index, entry) => {
      if ((entry & Pte.A) === 0) return;
      this.#pages.write(table, index, entry & ~Pte.A);
      accessed(targetOf(entry));
    });
  }

  dispose(): void {
    for (const shadow of this.#shadows) this.#release(shadow);
    this.#shadows = [];
    this.#latest = undefined;
  }

  #framesOf(pages: readonly number[]): ReadonlySet<Hpa> {
    const frames = pages.flatMap((page) => [this.#frameOf(page), this.#copyOf(page)]);
    return new Set(frames.filter((frame) => frame !== undefined));
  }

  /** All valid leaves of all shadows. */
  #leaves(visit: (table: Hpa, index: number, entry: number) => void): void {
    for (const { root, regions } of this.#shadows) {
      for (const region of regions) {
        const pointer = this.#pages.read(root, region);
        if ((pointer & Pte.V) === 0) continue;
        const table = targetOf(pointer);
        for (let index = 0; index < 1024; index++) {
          const entry = this.#pages.read(table, index);
          if ((entry & Pte.V) !== 0) visit(table, index, entry);
        }
      }
    }
  }

  #find(mode: ShadowMode): Shadow {
    const wanted = canonical(mode);
    const shadow = this.#known(wanted) ?? this.#make(wanted);
    shadow.lastUse = ++this.#clock;
    return shadow;
  }

  #known(wanted: ShadowMode): Shadow | undefined {
    return this.#shadows.find(
      (each) =>
        each.satp === wanted.satp &&
        each.user === wanted.user &&
        each.sum === wanted.sum &&
        each.mxr === wanted.mxr &&
        each.fetchOnly === wanted.fetchOnly &&
        each.guarded === wanted.guarded,
    );
  }

  #make(mode: ShadowMode): Shadow {
    if (this.#shadows.length >= LIMIT) this.#dropOldest();
    let root = this.#pages.allocate();
    while (root === undefined && this.#shadows.length > 0) {
      this.#dropOldest();
      root = this.#pages.allocate();
    }
    if (root === undefined) throw new Error('no memory is left for shadow page tables: remove a VM');
    const shadow: Shadow = {
      ...mode,
      root,
      lastUse: 0,
      regions: [],
      known: new Uint8Array(1024),
      split: new Uint8Array(1024),
    };
    this.#shadows.push(shadow);
    return shadow;
  }

  #dropOldest(): void {
    const oldest = this.#shadows.reduce((a, b) => (a.lastUse <= b.lastUse ? a : b));
    this.#release(oldest);
    this.#shadows = this.#shadows.filter((shadow) => shadow !== oldest);
  }

  #release(shadow: Shadow): void {
    this.#latest = undefined;
    this.#clear(shadow);
    this.#pages.free(shadow.root);
    this.#fenceHart(); // the next table in this frame may get the same satp
  }

  #clear(shadow: Shadow): void {
    for (const region of shadow.regions) {
      this.#pages.clearRegion(shadow.root, region);
      shadow.known[region] = 0;
      shadow.split[region] = 0;
    }
    shadow.regions.length = 0;
  }

  /** @returns whether more than the one page went */
  #clearAddress(shadow: Shadow, address: number): boolean {
    const region = address >>> 22;
    if (shadow.split[region] !== 0) {
      // The guest's mapping may be a megapage: all 4 MiB of it go.
      this.#pages.clearRegion(shadow.root, region);
      shadow.split[region] = 0;
      return true;
    }
    this.#pages.clearLeaf(shadow.root, region, (address >>> 12) & 0x3ff);
    return false;
  }
}

/** Modes that cannot be told apart share a shadow: without translation there is only one. */
function canonical(mode: ShadowMode): ShadowMode {
  if (mode.satp >>> 31 === 0) return { ...mode, satp: 0, user: false, sum: false, mxr: false };
  return { ...mode, sum: mode.sum && !mode.user, guarded: false };
}
