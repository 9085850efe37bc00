// A VM's physical memory: which host frame stands behind each guest page, and access to it by guest physical address.
// Everything the hypervisor reads or writes of a guest goes through here, so no guest address can reach outside.
//
// A page has a frame only once something was put into it: by the guest's hart, by a device, by the loader. Before, and after
// the guest has given it up, it reads as zeros. A frame may stand behind pages of several guests (clones, merged pages):
// then the first store makes a copy. Reading never changes anything, so whoever looks may use it.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import { NO_ENTRY, type TableMemory } from '../../machine/walker.ts';
import type { Gpa, Hpa } from './addresses.ts';
import { DirtyLog } from './dirty-log.ts';
import type { FrameSupply } from './frame-supply.ts';
import { AllMappings } from './page-mappings.ts';
import { letterOf, PageSight, type PageLook } from './page-sight.ts';
import { CAREFUL, PageState } from './page-state.ts';

/** Pages of a huge mapping: 4 MiB, a leaf of the root table. */
export const HUGE_PAGES = 1024;

/** How many pages of a VM are in which state, and what has happened to them. */
export interface MemoryUse {
  /** Pages the guest was promised. */
  readonly promised: number;
  /** With a frame behind them. */
  readonly resident: number;
  /** Of these: in a frame that other pages lie in as well. */
  readonly shared: number;
  /** Of these: in an aligned block of 4 MiB that one entry can map as things are: no log watches it, nobody shares it. */
  readonly huge: number;
  readonly swapped: number;
  readonly ballooned: number;
  readonly pinned: number;
  /** Written to since the dirty log was collected; 0 while it is off. */
  readonly dirty: number;
  readonly swapIns: number;
  readonly swapOuts: number;
  /** Copies made because a page that was stored to was shared. */
  readonly copies: number;
}

export class GuestMemory implements TableMemory {
  readonly size: number;
  readonly dirtyLog: DirtyLog;
  /** The tables that map these pages now. */
  readonly mappings = new AllMappings();
  /** Told, before it happens, of every store to a page that is watched as code, whoever makes it. */
  codeStored: ((page: number) => void) | undefined;
  readonly #ram: PhysicalMemory;
  /** Undefined on a machine of the guest's own: every page has its frame for ever. */
  readonly #supply: FrameSupply | undefined;
  /** Frame of the machine behind each page, counted from RAM_BASE; −1: none. */
  readonly #frames: Int32Array;
  readonly #states: Uint8Array;
  readonly #slots = new Map<number, number>();
  /** For each 4 MiB: pages that are resident, swapped or ballooned. */
  readonly #regionPages: Uint16Array;
  /** For each 4 MiB: 1 where its frames are one aligned block. */
  readonly #hugeRegions: Uint8Array;
  readonly #zeros = new Uint8Array(PAGE_SIZE);
  #resident = 0;
  #ballooned = 0;
  #swapIns = 0;
  #swapOuts = 0;
  #copies = 0;

  /**
   * @param size bytes
   * @param supply where frames come from; a machine of the guest's own has none, and its RAM is the guest's
   */
  constructor(ram: PhysicalMemory, size: number, supply?: FrameSupply) {
    const pages = size / PAGE_SIZE;
    this.#ram = ram;
    this.size = size;
    this.#supply = supply;
    this.#frames = supply ? new Int32Array(pages).fill(-1) : Int32Array.from({ length: pages }, (_, page) => page);
    this.#states = new Uint8Array(pages);
    this.#regionPages = new Uint16Array(Math.ceil(pages / HUGE_PAGES));
    this.#hugeRegions = new Uint8Array(this.#regionPages.length);
    if (supply === undefined) this.#resident = pages;
    this.dirtyLog = new DirtyLog({ states: this.#states, mappings: this.mappings, stopped: () => this.rejoin() });
  }

  /** Whether a guest physical address (34 bits) is the guest's RAM. */
  holds(gpa: Gpa): boolean {
    return gpa >= RAM_BASE && gpa < RAM_BASE + this.size;
  }

  /** Where a guest physical address lies in the machine now; undefined outside the guest's RAM and where no frame is behind it. */
  hostAddress(gpa: Gpa): Hpa | undefined {
    if (!this.holds(gpa)) return undefined;
    const frame = this.#frames[(gpa - RAM_BASE) >>> 12] ?? -1;
    return frame < 0 ? undefined : RAM_BASE + frame * PAGE_SIZE + (gpa & 0xfff);
  }

  /**
   * Puts a frame behind a page that is about to be mapped or used, and a frame of its own where it will be stored to.
   * @returns host physical address of `gpa`, or undefined outside RAM and where no frame is to be had
   */
  touch(gpa: Gpa, store: boolean): Hpa | undefined {
    if (!this.holds(gpa)) return undefined;
    const page = (gpa - RAM_BASE) >>> 12;
    const frame = store ? this.#writable(page) : this.#present(page);
    return frame < 0 ? undefined : RAM_BASE + frame * PAGE_SIZE + (gpa & 0xfff);
  }

  /** Whether tables may let stores reach the page as it is now. */
  mayStore(gpa: Gpa): boolean {
    return ((this.#states[(gpa - RAM_BASE) >>> 12] ?? 0) & CAREFUL) === 0;
  }

  /** Whether the page is there and a store to it exits only because it is write-protected. */
  isProtected(gpa: Gpa): boolean {
    return this.hostAddress(gpa) !== undefined && !this.mayStore(gpa);
  }

  /** Stores to a page of code are not let through from now on: `codeStored` hears of them. */
  watchCode(page: number): void {
    this.#states[page] = (this.#states[page] ?? 0) | PageState.code;
  }
  unwatchCode(page: number): void {
    this.#states[page] = (this.#states[page] ?? 0) & ~PageState.code;
  }

  /** Whether the contents of the page lie in the swap store. */
  isSwapped(gpa: Gpa): boolean {
    return this.holds(gpa) && ((this.#states[(gpa - RAM_BASE) >>> 12] ?? 0) & PageState.swapped) !== 0;
  }

  /** Host physical address of the aligned block behind the 4 MiB around `gpa`, where one entry may map all of it for stores. */
  hugeBlock(gpa: Gpa): Hpa | undefined {
    return this.#hugeBlockOf((gpa - RAM_BASE) >>> 22);
  }

  #hugeBlockOf(region: number): Hpa | undefined {
    if (this.#hugeRegions[region] !== 1) return undefined;
    const first = region * HUGE_PAGES;
    for (let page = first; page < first + HUGE_PAGES; page++) {
      if (((this.#states[page] ?? 0) & CAREFUL) !== 0) return undefined;
    }
    return RAM_BASE + (this.#frames[first] ?? 0) * PAGE_SIZE;
  }

  /**
   * Blocks of 4 MiB that were taken apart — for the dirty log, for a clone, by merging — and lie together again, with nobody
   * else in them and nothing to watch, are mapped by one entry each again (KVM: kvm_mmu_recover_huge_pages).
   */
  rejoin(): void {
    for (let region = 0; region < this.#hugeRegions.length; region++) {
      if (!this.#reunite(region)) continue;
      const block = this.#hugeBlockOf(region);
      if (block !== undefined) this.mappings.join(region * HUGE_PAGES, block);
    }
  }

  /** @returns whether the frames of a region are one aligned block, all of it this VM's own */
  #reunite(region: number): boolean {
    if (this.#hugeRegions[region] === 1) return true;
    const supply = this.#supply;
    const first = region * HUGE_PAGES;
    const block = this.#frames[first] ?? -1;
    if (supply === undefined || block < 0 || block % HUGE_PAGES !== 0) return false;
    if (first + HUGE_PAGES > this.#frames.length) return false;
    for (let each = 0; each < HUGE_PAGES; each++) {
      if (this.#frames[first + each] !== block + each) return false;
      const shared = ((this.#states[first + each] ?? 0) & PageState.shared) !== 0;
      if (shared && supply.frames.sharers(RAM_BASE + (block + each) * PAGE_SIZE) > 1) return false;
    }
    for (let page = first; page < first + HUGE_PAGES; page++) {
      if (((this.#states[page] ?? 0) & PageState.shared) === 0) continue;
      supply.claim(RAM_BASE + (block + page - first) * PAGE_SIZE, page);
      this.#states[page] = (this.#states[page] ?? 0) & ~PageState.shared;
    }
    this.#hugeRegions[region] = 1;
    return true;
  }

  /** The entry as it is; a page without a frame reads as it would if it had one. */
  readEntry(address: Gpa): number {
    if (!this.holds(address)) return NO_ENTRY;
    const page = (address - RAM_BASE) >>> 12;
    const frame = this.#frames[page] ?? -1;
    if (frame >= 0) return this.#ram.readEntry(RAM_BASE + frame * PAGE_SIZE + (address & 0xfff));
    const bytes = this.#contents(page);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(address & 0xffc, true);
  }

  updateEntry(address: Gpa, value: number): boolean {
    const host = this.touch(address, true);
    return host !== undefined && this.#ram.updateEntry(host, value);
  }

  /** The guest's tables as the hypervisor itself walks them: pages that were swapped out come back. */
  readonly tables: TableMemory = {
    readEntry: (address) => {
      if (this.#slots.size > 0) this.bringBack(address, 4);
      return this.readEntry(address);
    },
    updateEntry: (address, value) => this.updateEntry(address, value),
  };

  /** Copies bytes in. @returns false, with nothing written, unless all of it is RAM; false where no frame is to be had */
  write(gpa: Gpa, bytes: Uint8Array): boolean {
    return this.#pieces(gpa, bytes.length, (page, offset, from, to) => {
      const frame = this.#writable(page);
      if (frame < 0) return false;
      this.#ram.write(RAM_BASE + frame * PAGE_SIZE + offset, bytes.subarray(from, to));
      return true;
    });
  }

  /** Copies bytes out into `into`. @returns false unless all of it is RAM */
  read(gpa: Gpa, into: Uint8Array): boolean {
    return this.#pieces(gpa, into.length, (page, offset, from, to) => {
      into.set(this.#contents(page).subarray(offset, offset + to - from), from);
      return true;
    });
  }

  /** Brings back what was swapped out of a range, as a device's access to it does. */
  bringBack(gpa: Gpa, length: number): void {
    if (this.#slots.size === 0) return;
    this.#pieces(gpa, length, (page) => {
      if (((this.#states[page] ?? 0) & PageState.swapped) !== 0) this.#present(page);
      return true;
    });
  }

  /** Fills all of RAM with zeros: frames that are not pinned go back. */
  clear(): void {
    this.#frames.forEach((frame, page) => {
      const state = this.#states[page] ?? 0;
      if (frame < 0 && (state & (PageState.swapped | PageState.ballooned)) === 0) return;
      this.dirtyLog.mark(page);
      if (frame >= 0 && (this.#supply === undefined || (state & PageState.pinned) !== 0)) {
        this.#ram.zero(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE);
      } else this.#forget(page);
    });
  }

  /** All of RAM as one sequence of views, for hashing. */
  *views(): Iterable<Uint8Array> {
    for (let page = 0; page < this.#frames.length; page++) yield this.#contents(page);
  }

  /** Every page that may hold anything but zeros: with a frame behind it, or swapped out. In order. */
  *touchedPages(): Iterable<Gpa> {
    for (let page = 0; page < this.#frames.length; page++) {
      const swapped = ((this.#states[page] ?? 0) & PageState.swapped) !== 0;
      if ((this.#frames[page] ?? -1) >= 0 || swapped) yield RAM_BASE + page * PAGE_SIZE;
    }
  }

  /** Copies a whole page out. @param gpa aligned to 4 KiB @param into 4096 bytes @returns false outside RAM */
  copyPage(gpa: Gpa, into: Uint8Array): boolean {
    return this.read(gpa, into.subarray(0, PAGE_SIZE));
  }

  /** Puts a whole page in; nothing but zeros takes no frame where there was none. @returns false outside RAM, and where no frame is to be had */
  installPage(gpa: Gpa, bytes: Uint8Array): boolean {
    if (!this.holds(gpa)) return false;
    const page = (gpa - RAM_BASE) >>> 12;
    const untouched = (this.#frames[page] ?? -1) < 0 && ((this.#states[page] ?? 0) & PageState.swapped) === 0;
    if (untouched && bytes.every((byte) => byte === 0)) return true;
    return this.write(gpa, bytes.subarray(0, PAGE_SIZE));
  }

  /**
   * Makes this memory a copy of another one by sharing its frames: whoever stores to a page first gets a copy of its own.
   * What this memory held is gone. @throws RangeError where the sizes differ @returns false where no frame is to be had for a pinned page
   */
  shareFrom(other: GuestMemory): boolean {
    const supply = this.#supply;
    if (other.size !== this.size || supply === undefined || other.#supply === undefined) {
      throw new RangeError('expected two VMs of one hypervisor with equally much memory');
    }
    this.clear();
    other.mappings.protect('all');
    other.#hugeRegions.fill(0);
    for (let page = 0; page < this.#frames.length; page++) {
      const state = other.#states[page] ?? 0;
      const frame = other.#frames[page] ?? -1;
      const own = this.#states[page] ?? 0;
      if (frame < 0) {
        const slot = other.#slots.get(page);
        if (slot !== undefined && (own & PageState.pinned) === 0) {
          supply.swap.share(slot);
          this.#slots.set(page, slot);
          this.#states[page] = own | PageState.swapped;
          this.#count(page, 1);
        } else if ((state & PageState.ballooned) !== 0) this.giveUp(RAM_BASE + page * PAGE_SIZE);
        continue;
      }
      if (((state | own) & PageState.pinned) !== 0) {
        // A copy: finding a frame for this one may take that one away.
        const contents = this.#ram.view(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE).slice();
        if (!this.write(RAM_BASE + page * PAGE_SIZE, contents)) return false;
        continue;
      }
      supply.frames.share(RAM_BASE + frame * PAGE_SIZE);
      other.#states[page] = state | PageState.shared;
      this.dirtyLog.mark(page);
      this.#states[page] = (this.#states[page] ?? 0) | PageState.shared;
      this.#attach(page, frame);
    }
    return true;
  }

  /** The page keeps its frame from now on, and the frame is its own. @returns its host physical address */
  pin(gpa: Gpa): Hpa | undefined {
    const host = this.touch(gpa, true);
    if (host === undefined || this.#supply === undefined) return host;
    const page = (gpa - RAM_BASE) >>> 12;
    this.#states[page] = (this.#states[page] ?? 0) | PageState.pinned;
    return host;
  }

  /** Pins all of RAM, as a physical device that is assigned to the guest needs it. @returns false where there is not so much */
  pinAll(): boolean {
    for (let page = 0; page < this.#frames.length; page++) {
      if (this.pin(RAM_BASE + page * PAGE_SIZE) === undefined) return false;
    }
    return true;
  }

  /** The guest has given a page up: its contents are lost, its frame goes back. @returns whether it was the guest's to give */
  giveUp(gpa: Gpa): boolean {
    if (!this.holds(gpa)) return false;
    const page = (gpa - RAM_BASE) >>> 12;
    if (((this.#states[page] ?? 0) & PageState.ballooned) !== 0) return false;
    if (((this.#states[page] ?? 0) & PageState.pinned) !== 0 || this.#supply === undefined) {
      return this.write(gpa - (gpa & 0xfff), this.#zeros);
    }
    this.dirtyLog.mark(page);
    this.#forget(page);
    this.#states[page] = (this.#states[page] ?? 0) | PageState.ballooned;
    this.#ballooned++;
    this.#count(page, 1);
    return true;
  }

  /** The guest takes a page back; it gets a frame when it is touched. @returns whether it had given it up */
  takeBack(gpa: Gpa): boolean {
    const page = (gpa - RAM_BASE) >>> 12;
    if (!this.holds(gpa) || this.#supply === undefined) return this.holds(gpa);
    if (((this.#states[page] ?? 0) & PageState.ballooned) === 0) return false;
    this.#leaveBalloon(page);
    return true;
  }

  /** What the guest has given up, in runs: the first page of each and how many, counted from the beginning of its RAM. */
  get ballooned(): readonly number[] {
    const runs: number[] = [];
    for (let page = 0; page < this.#states.length; page++) {
      if (((this.#states[page] ?? 0) & PageState.ballooned) === 0) continue;
      const first = page;
      while (((this.#states[page + 1] ?? 0) & PageState.ballooned) !== 0) page++;
      runs.push(first, page + 1 - first);
    }
    return runs;
  }

  /** The guest has given these up elsewhere. @param runs as `ballooned` @throws Error, one line for a person, for others than there can be */
  giveUpAgain(runs: readonly number[]): void {
    let next = 0;
    for (let index = 0; index < runs.length; index += 2) {
      const [first = 0, count = 0] = [runs[index], runs[index + 1]];
      if (first < next || count === 0 || first + count > this.#states.length) {
        throw new Error(
          `expected pages in a balloon from ${next} to ${this.#states.length - 1}, in order, found ${count} from ${first} on: take the state from a whole VM`,
        );
      }
      for (let page = first; page < first + count; page++) this.giveUp(RAM_BASE + page * PAGE_SIZE);
      next = first + count;
    }
  }

  /** Moves a page to the swap store. @returns whether its frame is free now */
  swapOut(page: number): boolean {
    const frame = this.#frames[page] ?? -1;
    const state = this.#states[page] ?? 0;
    const supply = this.#supply;
    if (frame < 0 || supply === undefined || (state & (PageState.pinned | PageState.shared)) !== 0) return false;
    const slot = supply.swap.put(this.#ram.view(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE));
    if (slot === undefined) return false;
    this.#detach(page);
    this.#slots.set(page, slot);
    this.#states[page] = (this.#states[page] ?? 0) | PageState.swapped;
    this.#count(page, 1);
    this.#swapOuts++;
    return true;
  }

  /** Whether a page may be moved, merged or swapped out. @returns its frame */
  movableFrame(page: number): Hpa | undefined {
    const frame = this.#frames[page] ?? -1;
    if (frame < 0 || ((this.#states[page] ?? 0) & PageState.pinned) !== 0) return undefined;
    return RAM_BASE + frame * PAGE_SIZE;
  }

  /** The page's frame may soon stand behind other pages too: a store must copy it. Its tables are told by the caller's `protect`. */
  markShared(page: number): void {
    this.#hugeRegions[page >>> 10] = 0;
    this.#states[page] = (this.#states[page] ?? 0) | PageState.shared;
  }

  /** Puts a frame with the same contents behind a page, shared; its own goes back. */
  mergeInto(page: number, frame: Hpa): void {
    this.#detach(page);
    this.#supply?.frames.share(frame);
    this.#states[page] = (this.#states[page] ?? 0) | PageState.shared;
    this.#attach(page, (frame - RAM_BASE) / PAGE_SIZE);
  }

  get pages(): number {
    return this.#frames.length;
  }

  /**
   * The most telling state among `count` pages, as a letter: s swapped out, d dirty, m shared, b ballooned, r resident, and a dot
   * where none of them was touched.
   */
  stateOf(first: number, count: number): string {
    let found = 0;
    for (let page = first; page < Math.min(first + count, this.#frames.length); page++) found |= this.sightOf(page);
    return letterOf(found);
  }

  /** What is so of a page, as bits of `PageSight`. Looking changes nothing. */
  sightOf(page: number): number {
    const state = this.#states[page] ?? 0;
    let sight = 0;
    if ((this.#frames[page] ?? -1) >= 0) {
      sight |= PageSight.resident;
      if ((state & PageState.shared) !== 0 && this.#sharersOf(page) > 1) sight |= PageSight.shared;
    }
    if ((state & PageState.ballooned) !== 0) sight |= PageSight.ballooned;
    if (this.dirtyLog.active && (state & PageState.clean) === 0) sight |= PageSight.dirty;
    if ((state & PageState.swapped) !== 0) sight |= PageSight.swapped;
    return sight;
  }

  /** Everything that is known of a page. Looking changes nothing. */
  lookAt(page: number): PageLook {
    const frame = this.#frames[page] ?? -1;
    return {
      sight: this.sightOf(page),
      frame: frame < 0 ? undefined : RAM_BASE + frame * PAGE_SIZE,
      slot: this.#slots.get(page),
      sharers: frame < 0 ? 0 : this.#sharersOf(page),
      pinned: ((this.#states[page] ?? 0) & PageState.pinned) !== 0,
      inBlock: this.#hugeRegions[page >>> 10] === 1,
    };
  }

  get use(): MemoryUse {
    let shared = 0;
    let pinned = 0;
    this.#states.forEach((state, page) => {
      if ((state & PageState.pinned) !== 0) pinned++;
      if ((state & PageState.shared) !== 0 && this.#sharersOf(page) > 1) shared++;
    });
    return {
      promised: this.#frames.length,
      resident: this.#resident,
      shared,
      huge: this.#hugeRegions.filter((_, region) => this.#hugeBlockOf(region) !== undefined).length * HUGE_PAGES,
      swapped: this.#slots.size,
      ballooned: this.#ballooned,
      pinned,
      dirty: this.dirtyLog.count,
      swapIns: this.#swapIns,
      swapOuts: this.#swapOuts,
      copies: this.#copies,
    };
  }

  /** Pages of guests that lie in the frame of a page that has one. */
  #sharersOf(page: number): number {
    if (this.#supply === undefined) return 1;
    return this.#supply.frames.sharers(RAM_BASE + (this.#frames[page] ?? 0) * PAGE_SIZE);
  }

  /** Gives every frame back: the VM is over. */
  dispose(): void {
    for (let page = 0; page < this.#frames.length; page++) this.#forget(page);
  }

  /** The frame of a page that may be stored to, or −1. */
  #writable(page: number): number {
    const frame = this.#frames[page] ?? -1;
    if (frame >= 0 && ((this.#states[page] ?? 0) & CAREFUL) === 0) return frame;
    if (this.#present(page) < 0) return -1;
    this.dirtyLog.mark(page);
    if (((this.#states[page] ?? 0) & PageState.code) !== 0) this.codeStored?.(page);
    if (((this.#states[page] ?? 0) & PageState.shared) !== 0 && !this.#unshare(page)) return -1;
    return this.#frames[page] ?? -1;
  }

  /** The frame of a page, which gets one where it has none; or −1. */
  #present(page: number): number {
    const known = this.#frames[page] ?? -1;
    const supply = this.#supply;
    if (known >= 0 || supply === undefined) return known;
    if (this.#presentHuge(page, supply)) return this.#frames[page] ?? -1;
    const frame = supply.frame(page);
    if (frame === undefined) return -1;
    const slot = this.#slots.get(page);
    if (slot !== undefined) {
      if (supply.swap.takesRoom(slot)) supply.fetched();
      supply.swap.read(slot, this.#zeros);
      this.#ram.write(frame, this.#zeros);
      this.#zeros.fill(0);
      this.#forget(page);
      this.#swapIns++;
    } else if (((this.#states[page] ?? 0) & PageState.ballooned) !== 0) this.#leaveBalloon(page);
    this.#attach(page, (frame - RAM_BASE) / PAGE_SIZE);
    return this.#frames[page] ?? -1;
  }

  /** Gives 4 MiB at once a block of frames that one entry can map, where nothing of it was touched yet. */
  #presentHuge(page: number, supply: FrameSupply): boolean {
    const region = page >>> 10;
    const first = region * HUGE_PAGES;
    if (!supply.hugePages || this.#regionPages[region] !== 0 || first + HUGE_PAGES > this.#frames.length) return false;
    const block = supply.hugeBlock(first);
    if (block === undefined) return false;
    for (let each = 0; each < HUGE_PAGES; each++) this.#attach(first + each, (block - RAM_BASE) / PAGE_SIZE + each);
    this.#hugeRegions[region] = 1;
    return true;
  }

  /** The guest stores to a page that others share: it gets a copy, unless the others have gone. */
  #unshare(page: number): boolean {
    const supply = this.#supply;
    if (supply === undefined) return false;
    const old = RAM_BASE + (this.#frames[page] ?? 0) * PAGE_SIZE;
    if (supply.frames.sharers(old) === 1) supply.claim(old, page);
    else {
      const fresh = supply.frame(page);
      if (fresh === undefined) return false;
      this.#ram.write(fresh, this.#ram.view(old, PAGE_SIZE));
      this.#detach(page);
      this.#attach(page, (fresh - RAM_BASE) / PAGE_SIZE);
      this.#copies++;
    }
    this.#states[page] = (this.#states[page] ?? 0) & ~PageState.shared;
    return true;
  }

  #attach(page: number, frame: number): void {
    this.#frames[page] = frame;
    this.#resident++;
    this.#count(page, 1);
  }

  /** Takes the frame away from a page: nothing maps it any more, and it goes back unless others share it. */
  #detach(page: number): void {
    const frame = this.#frames[page] ?? -1;
    if (frame < 0) return;
    this.mappings.unmap([page]);
    this.#supply?.frames.release(RAM_BASE + frame * PAGE_SIZE);
    this.#frames[page] = -1;
    this.#states[page] = (this.#states[page] ?? 0) & ~PageState.shared;
    this.#hugeRegions[page >>> 10] = 0;
    this.#resident--;
    this.#count(page, -1);
  }

  /** The page is as if it had never been touched. */
  #forget(page: number): void {
    this.#detach(page);
    const slot = this.#slots.get(page);
    if (slot !== undefined) {
      this.#supply?.swap.release(slot);
      this.#slots.delete(page);
      this.#states[page] = (this.#states[page] ?? 0) & ~PageState.swapped;
      this.#count(page, -1);
    }
    if (((this.#states[page] ?? 0) & PageState.ballooned) !== 0) this.#leaveBalloon(page);
  }

  #leaveBalloon(page: number): void {
    this.#states[page] = (this.#states[page] ?? 0) & ~PageState.ballooned;
    this.#ballooned--;
    this.#count(page, -1);
  }

  #count(page: number, by: number): void {
    const region = page >>> 10;
    this.#regionPages[region] = (this.#regionPages[region] ?? 0) + by;
  }

  /** The bytes of a page as the guest would find them; to look at only, and only until something is written. */
  #contents(page: number): Uint8Array {
    const frame = this.#frames[page] ?? -1;
    if (frame >= 0) return this.#ram.view(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE);
    const slot = this.#slots.get(page);
    if (slot === undefined) return this.#zeros;
    const bytes = new Uint8Array(PAGE_SIZE);
    this.#supply?.swap.read(slot, bytes);
    return bytes;
  }

  /** Visits a range page by page. @returns false unless all of it is RAM and every visit went well */
  #pieces(
    gpa: Gpa,
    length: number,
    visit: (page: number, offset: number, from: number, to: number) => boolean,
  ): boolean {
    if (length === 0) return true;
    if (!this.holds(gpa) || !this.holds(gpa + length - 1)) return false;
    for (let from = 0; from < length;) {
      const at = gpa + from - RAM_BASE;
      const offset = at % PAGE_SIZE;
      const to = Math.min(length, from + PAGE_SIZE - offset);
      if (!visit(at >>> 12, offset, from, to)) return false;
      from = to;
    }
    return true;
  }
}
