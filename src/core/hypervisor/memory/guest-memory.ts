// A VM's physical memory, by guest physical address: everything the hypervisor reads or writes of a guest goes through here, so
// no guest address can reach outside. Reading never changes anything, so whoever looks may use it. What becomes of a page —
// swapped, shared, given up — is the affair of guest-pages.ts.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import { NO_ENTRY, type TableMemory } from '../../machine/walker.ts';
import type { Gpa, Hpa } from './addresses.ts';
import type { DirtyLog } from './dirty-log.ts';
import type { FrameSupply } from './frame-supply.ts';
import { GuestPages } from './guest-pages.ts';
import type { AllMappings } from './page-mappings.ts';
import type { MemoryUse } from './page-sight.ts';

export class GuestMemory implements TableMemory {
  readonly size: number;
  readonly pages: GuestPages;
  readonly #ram: PhysicalMemory;

  /**
   * @param size bytes
   * @param supply where frames come from; a machine of the guest's own has none, and its RAM is the guest's
   */
  constructor(ram: PhysicalMemory, size: number, supply?: FrameSupply) {
    this.#ram = ram;
    this.size = size;
    this.pages = new GuestPages(ram, size / PAGE_SIZE, supply);
  }

  get dirtyLog(): DirtyLog {
    return this.pages.dirtyLog;
  }
  /** The tables that map these pages now. */
  get mappings(): AllMappings {
    return this.pages.mappings;
  }
  get use(): MemoryUse {
    return this.pages.use;
  }

  /** Whether a guest physical address (34 bits) is the guest's RAM. */
  holds(gpa: Gpa): boolean {
    return gpa >= RAM_BASE && gpa < RAM_BASE + this.size;
  }

  /** Where a guest physical address lies in the machine now; undefined outside the guest's RAM and where no frame is behind it. */
  hostAddress(gpa: Gpa): Hpa | undefined {
    return this.holds(gpa) ? hostAddressIn(this.pages.frameOf((gpa - RAM_BASE) >>> 12), gpa) : undefined;
  }

  /**
   * Puts a frame behind a page that is about to be mapped or used, and a frame of its own where it will be stored to.
   * @returns host physical address of `gpa`, or undefined outside RAM and where no frame is to be had
   */
  touch(gpa: Gpa, store: boolean): Hpa | undefined {
    if (!this.holds(gpa)) return undefined;
    const page = (gpa - RAM_BASE) >>> 12;
    return hostAddressIn(store ? this.pages.writable(page) : this.pages.present(page), gpa);
  }

  /** Whether tables may let stores reach the page as it is now. */
  mayStore(gpa: Gpa): boolean {
    return this.pages.mayStore((gpa - RAM_BASE) >>> 12);
  }

  /** Whether the page is there and a store to it exits only because it is write-protected. */
  isProtected(gpa: Gpa): boolean {
    return this.hostAddress(gpa) !== undefined && !this.mayStore(gpa);
  }

  /** Whether the contents of the page lie in the swap store. */
  isSwapped(gpa: Gpa): boolean {
    return this.holds(gpa) && this.pages.isSwapped((gpa - RAM_BASE) >>> 12);
  }

  /** Host physical address of the aligned block behind the 4 MiB around `gpa`, where one entry may map all of it for stores. */
  hugeBlock(gpa: Gpa): Hpa | undefined {
    return this.pages.hugeBlock((gpa - RAM_BASE) >>> 12);
  }

  /** The page keeps its frame from now on, and the frame is its own. @returns its host physical address */
  pin(gpa: Gpa): Hpa | undefined {
    if (!this.holds(gpa) || !this.pages.pin((gpa - RAM_BASE) >>> 12)) return undefined;
    return this.hostAddress(gpa);
  }

  /** The guest has given a page up: its contents are lost, its frame goes back. @returns whether it was the guest's to give */
  giveUp(gpa: Gpa): boolean {
    return this.holds(gpa) && this.pages.giveUp((gpa - RAM_BASE) >>> 12);
  }

  /** The guest takes a page back; it gets a frame when it is touched. @returns whether it had given it up */
  takeBack(gpa: Gpa): boolean {
    return this.holds(gpa) && this.pages.takeBack((gpa - RAM_BASE) >>> 12);
  }

  /** The entry as it is; a page without a frame reads as it would if it had one. */
  readEntry(address: Gpa): number {
    if (!this.holds(address)) return NO_ENTRY;
    const page = (address - RAM_BASE) >>> 12;
    const frame = this.pages.frameOf(page);
    if (frame >= 0) return this.#ram.readEntry(RAM_BASE + frame * PAGE_SIZE + (address & 0xfff));
    const bytes = this.pages.contents(page);
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(address & 0xffc, true);
  }

  updateEntry(address: Gpa, value: number): boolean {
    const host = this.touch(address, true);
    return host !== undefined && this.#ram.updateEntry(host, value);
  }

  /** The guest's tables as the hypervisor itself walks them: pages that were swapped out come back. */
  readonly tables: TableMemory = {
    readEntry: (address) => {
      if (this.pages.anySwapped) this.bringBack(address, 4);
      return this.readEntry(address);
    },
    updateEntry: (address, value) => this.updateEntry(address, value),
  };

  /** Copies bytes in. @returns false, with nothing written, unless all of it is RAM; false where no frame is to be had */
  write(gpa: Gpa, bytes: Uint8Array): boolean {
    return this.#pieces(gpa, bytes.length, (page, offset, from, to) => {
      const frame = this.pages.writable(page);
      if (frame < 0) return false;
      this.#ram.write(RAM_BASE + frame * PAGE_SIZE + offset, bytes.subarray(from, to));
      return true;
    });
  }

  /** Copies bytes out into `into`. @returns false unless all of it is RAM */
  read(gpa: Gpa, into: Uint8Array): boolean {
    return this.#pieces(gpa, into.length, (page, offset, from, to) => {
      into.set(this.pages.contents(page).subarray(offset, offset + to - from), from);
      return true;
    });
  }

  /** Brings back what was swapped out of a range, as a device's access to it does. */
  bringBack(gpa: Gpa, length: number): void {
    if (!this.pages.anySwapped) return;
    this.#pieces(gpa, length, (page) => {
      if (this.pages.isSwapped(page)) this.pages.present(page);
      return true;
    });
  }

  /** All of RAM as one sequence of views, for hashing. */
  *views(): Iterable<Uint8Array> {
    for (let page = 0; page < this.pages.count; page++) yield this.pages.contents(page);
  }

  /** Every page that may hold anything but zeros: with a frame behind it, or swapped out. In order. */
  *touchedPages(): Iterable<Gpa> {
    const { pages } = this;
    for (let page = 0; page < pages.count; page++) {
      if (pages.frameOf(page) >= 0 || pages.isSwapped(page)) yield RAM_BASE + page * PAGE_SIZE;
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
    const untouched = this.pages.frameOf(page) < 0 && !this.pages.isSwapped(page);
    if (untouched && bytes.every((byte) => byte === 0)) return true;
    return this.write(gpa, bytes.subarray(0, PAGE_SIZE));
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

/** Where an address of a guest lies in the frame behind its page; undefined for no frame. */
const hostAddressIn = (frame: number, gpa: Gpa): Hpa | undefined =>
  frame < 0 ? undefined : RAM_BASE + frame * PAGE_SIZE + (gpa & 0xfff);
