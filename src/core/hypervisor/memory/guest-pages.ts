// The pages of a VM by their numbers, counted from the beginning of its RAM: which frame of the machine stands behind each, and
// everything that can become of it. Who reads and writes by guest physical address asks guest-memory.ts.
//
// A page has a frame only once something was put into it: by the guest's hart, by a device, by the loader. Before, and after
// the guest has given it up, it reads as zeros. A frame may stand behind pages of several guests (clones, merged pages):
// then the first store makes a copy.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import type { Hpa } from './addresses.ts';
import { DirtyLog } from './dirty-log.ts';
import type { FrameSupply } from './frame-supply.ts';
import { HUGE_PAGES, PageBlocks } from './page-blocks.ts';
import { AllMappings } from './page-mappings.ts';
import { letterOf, PageSight, type MemoryUse, type PageLook } from './page-sight.ts';
import { CAREFUL, PageState } from './page-state.ts';

export class GuestPages {
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
  readonly #blocks: PageBlocks;
  readonly #zeros = new Uint8Array(PAGE_SIZE);
  #resident = 0;
  #ballooned = 0;
  #swapIns = 0;
  #swapOuts = 0;
  #copies = 0;
  /** Pages that had to be fetched from the swap store; while somebody counts them, nobody else waits for them. */
  #fetches = 0;
  #counted = false;

  /**
   * @param count pages
   * @param supply where frames come from; a machine of the guest's own has none, and its RAM is the guest's
   */
  constructor(ram: PhysicalMemory, count: number, supply?: FrameSupply) {
    this.#ram = ram;
    this.#supply = supply;
    this.#frames = supply ? new Int32Array(count).fill(-1) : Int32Array.from({ length: count }, (_, page) => page);
    this.#states = new Uint8Array(count);
    if (supply === undefined) this.#resident = count;
    const { mappings } = this;
    this.#blocks = new PageBlocks({ frames: this.#frames, states: this.#states, mappings, supply });
    this.dirtyLog = new DirtyLog({ states: this.#states, mappings, stopped: () => this.rejoin() });
  }

  get count(): number {
    return this.#frames.length;
  }

  /** The frame of the machine behind a page now, counted from RAM_BASE; −1: none. */
  frameOf(page: number): number {
    return this.#frames[page] ?? -1;
  }

  /** Whether tables may let stores reach the page as it is now. */
  mayStore(page: number): boolean {
    return ((this.#states[page] ?? 0) & CAREFUL) === 0;
  }

  /** Whether the contents of the page lie in the swap store. */
  isSwapped(page: number): boolean {
    return ((this.#states[page] ?? 0) & PageState.swapped) !== 0;
  }

  /** Whether anything lies in the swap store. */
  get anySwapped(): boolean {
    return this.#slots.size > 0;
  }

  /** Makes accesses for somebody who waits for them himself: no vCPU does. @returns how many pages had to be fetched for them */
  fetchedBy(access: () => void): number {
    const before = this.#fetches;
    this.#counted = true;
    try {
      access();
    } finally {
      this.#counted = false;
    }
    return this.#fetches - before;
  }

  /** The frame of a page that may be stored to: it gets one of its own where it has none. −1 where none is to be had. */
  writable(page: number): number {
    const frame = this.#frames[page] ?? -1;
    if (frame >= 0 && ((this.#states[page] ?? 0) & CAREFUL) === 0) return frame;
    if (this.present(page) < 0) return -1;
    this.dirtyLog.mark(page);
    if (((this.#states[page] ?? 0) & PageState.code) !== 0) this.codeStored?.(page);
    if (((this.#states[page] ?? 0) & PageState.shared) !== 0 && !this.#unshare(page)) return -1;
    return this.#frames[page] ?? -1;
  }

  /** The frame of a page, which gets one where it has none; or −1 where none is to be had. */
  present(page: number): number {
    const known = this.#frames[page] ?? -1;
    const supply = this.#supply;
    if (known >= 0 || supply === undefined) return known;
    if (this.#presentHuge(page, supply)) return this.#frames[page] ?? -1;
    const frame = supply.frame(page);
    if (frame === undefined) return -1;
    const slot = this.#slots.get(page);
    if (slot !== undefined) {
      if (supply.swap.takesRoom(slot)) {
        this.#fetches++;
        if (!this.#counted) supply.fetched();
      }
      supply.swap.read(slot, this.#zeros);
      this.#ram.write(frame, this.#zeros);
      this.#zeros.fill(0);
      this.#forget(page);
      this.#swapIns++;
    } else if (((this.#states[page] ?? 0) & PageState.ballooned) !== 0) this.#leaveBalloon(page);
    this.#attach(page, (frame - RAM_BASE) / PAGE_SIZE);
    return this.#frames[page] ?? -1;
  }

  /** The bytes of a page as the guest would find them; to look at only, and only until something is written. */
  contents(page: number): Uint8Array {
    const frame = this.#frames[page] ?? -1;
    if (frame >= 0) return this.#ram.view(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE);
    const slot = this.#slots.get(page);
    if (slot === undefined) return this.#zeros;
    const bytes = new Uint8Array(PAGE_SIZE);
    this.#supply?.swap.read(slot, bytes);
    return bytes;
  }

  /** Host physical address of the aligned block behind the 4 MiB around a page, where one entry may map all of it for stores. */
  hugeBlock(page: number): Hpa | undefined {
    return this.#blocks.blockAt(page);
  }

  /** See `PageBlocks.rejoin`. */
  rejoin(): void {
    this.#blocks.rejoin();
  }

  /** Stores to a page of code are not let through from now on: `codeStored` hears of them. */
  watchCode(page: number): void {
    this.#states[page] = (this.#states[page] ?? 0) | PageState.code;
  }
  unwatchCode(page: number): void {
    this.#states[page] = (this.#states[page] ?? 0) & ~PageState.code;
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

  /**
   * Makes these pages copies of another VM's by sharing its frames: whoever stores to a page first gets a copy of its own.
   * What they held is gone. @throws RangeError where the sizes differ @returns false where no frame is to be had for a pinned page
   */
  shareFrom(other: GuestPages): boolean {
    const supply = this.#supply;
    if (other.count !== this.count || supply === undefined || other.#supply === undefined) {
      throw new RangeError('expected two VMs of one hypervisor with equally much memory');
    }
    this.clear();
    other.mappings.protect('all');
    other.#blocks.takeAllApart();
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
          this.#blocks.count(page, 1);
        } else if ((state & PageState.ballooned) !== 0) this.giveUp(page);
        continue;
      }
      if (((state | own) & PageState.pinned) !== 0) {
        // A copy: finding a frame for this one may take that one away.
        const contents = this.#ram.view(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE).slice();
        if (!this.#fill(page, contents)) return false;
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

  /** The page keeps its frame from now on, and the frame is its own. @returns whether one was to be had */
  pin(page: number): boolean {
    if (this.writable(page) < 0) return false;
    if (this.#supply === undefined) return true;
    this.#states[page] = (this.#states[page] ?? 0) | PageState.pinned;
    return true;
  }

  /** Pins all of RAM, as a physical device that is assigned to the guest needs it. @returns false where there is not so much */
  pinAll(): boolean {
    for (let page = 0; page < this.#frames.length; page++) {
      if (!this.pin(page)) return false;
    }
    return true;
  }

  /** The guest has given a page up: its contents are lost, its frame goes back. @returns whether it was the guest's to give */
  giveUp(page: number): boolean {
    if (((this.#states[page] ?? 0) & PageState.ballooned) !== 0) return false;
    if (((this.#states[page] ?? 0) & PageState.pinned) !== 0 || this.#supply === undefined) {
      return this.#fill(page, this.#zeros);
    }
    this.dirtyLog.mark(page);
    this.#forget(page);
    this.#states[page] = (this.#states[page] ?? 0) | PageState.ballooned;
    this.#ballooned++;
    this.#blocks.count(page, 1);
    return true;
  }

  /** The guest takes a page back; it gets a frame when it is touched. @returns whether it had given it up */
  takeBack(page: number): boolean {
    if (this.#supply === undefined) return true;
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
      for (let page = first; page < first + count; page++) this.giveUp(page);
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
    this.#blocks.count(page, 1);
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
    this.#blocks.takeApart(page);
    this.#states[page] = (this.#states[page] ?? 0) | PageState.shared;
  }

  /** Puts a frame with the same contents behind a page, shared; its own goes back. */
  mergeInto(page: number, frame: Hpa): void {
    this.#detach(page);
    this.#supply?.frames.share(frame);
    this.#states[page] = (this.#states[page] ?? 0) | PageState.shared;
    this.#attach(page, (frame - RAM_BASE) / PAGE_SIZE);
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
      inBlock: this.#blocks.isWhole(page),
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
      huge: this.#blocks.mappable * HUGE_PAGES,
      swapped: this.#slots.size,
      ballooned: this.#ballooned,
      pinned,
      dirty: this.dirtyLog.count,
      swapIns: this.#swapIns,
      swapOuts: this.#swapOuts,
      copies: this.#copies,
    };
  }

  /** Gives every frame back: the VM is over. */
  dispose(): void {
    for (let page = 0; page < this.#frames.length; page++) this.#forget(page);
  }

  /** Pages of guests that lie in the frame of a page that has one. */
  #sharersOf(page: number): number {
    if (this.#supply === undefined) return 1;
    return this.#supply.frames.sharers(RAM_BASE + (this.#frames[page] ?? 0) * PAGE_SIZE);
  }

  /** Puts a whole page of bytes in. @returns false where no frame is to be had */
  #fill(page: number, bytes: Uint8Array): boolean {
    const frame = this.writable(page);
    if (frame < 0) return false;
    this.#ram.write(RAM_BASE + frame * PAGE_SIZE, bytes);
    return true;
  }

  /** Gives 4 MiB at once a block of frames that one entry can map, where nothing of it was touched yet. */
  #presentHuge(page: number, supply: FrameSupply): boolean {
    if (!supply.hugePages || !this.#blocks.isUntouched(page)) return false;
    const first = page - (page % HUGE_PAGES);
    const block = supply.hugeBlock(first);
    if (block === undefined) return false;
    for (let each = 0; each < HUGE_PAGES; each++) this.#attach(first + each, (block - RAM_BASE) / PAGE_SIZE + each);
    this.#blocks.made(page);
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
    this.#blocks.count(page, 1);
  }

  /** Takes the frame away from a page: nothing maps it any more, and it goes back unless others share it. */
  #detach(page: number): void {
    const frame = this.#frames[page] ?? -1;
    if (frame < 0) return;
    this.mappings.unmap([page]);
    this.#supply?.frames.release(RAM_BASE + frame * PAGE_SIZE);
    this.#frames[page] = -1;
    this.#states[page] = (this.#states[page] ?? 0) & ~PageState.shared;
    this.#blocks.takeApart(page);
    this.#resident--;
    this.#blocks.count(page, -1);
  }

  /** The page is as if it had never been touched. */
  #forget(page: number): void {
    this.#detach(page);
    const slot = this.#slots.get(page);
    if (slot !== undefined) {
      this.#supply?.swap.release(slot);
      this.#slots.delete(page);
      this.#states[page] = (this.#states[page] ?? 0) & ~PageState.swapped;
      this.#blocks.count(page, -1);
    }
    if (((this.#states[page] ?? 0) & PageState.ballooned) !== 0) this.#leaveBalloon(page);
  }

  #leaveBalloon(page: number): void {
    this.#states[page] = (this.#states[page] ?? 0) & ~PageState.ballooned;
    this.#ballooned--;
    this.#blocks.count(page, -1);
  }
}
