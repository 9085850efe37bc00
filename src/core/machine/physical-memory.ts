// RAM as the machine's physical address space sees it, and what must be known of each frame so that caches stay exact:
// whether decoded code was made from it, whether somebody watches it, whether a fast store may reach it.

import { DecodedCode } from './decoded-code.ts';
import { PAGE_SIZE, RAM_BASE, type Layout } from './layout.ts';
import type { LinearMemory } from './linear-memory.ts';
import { NO_ENTRY, type TableMemory } from './walker.ts';

const FrameFlag = {
  /** Decoded code exists: stores must go through `store*`. */
  code: 1,
  /** Somebody wants to know of stores. */
  watched: 2,
  /** Some translation lets stores reach the frame without passing here. */
  writable: 4,
  /** So much has been stored to its code that it may be data by now: nothing was executed from it since that was asked. */
  doubtful: 8,
} as const;

/**
 * Stores to a frame with decoded code after which it is in doubt whether it still holds a program. If nothing is executed from
 * it while as many follow, it is data, until it is executed from again; if something is, it holds both, and the next doubt
 * takes twice as many.
 */
const PATIENCE = 1024;
const PATIENCE_LIMIT = 65_536;

/** Told after a store to a watched word. @param physical address of the store */
export type StoreWatcher = (physical: number) => void;

export interface PhysicalMemoryPorts {
  /** Removes fast stores of all harts. */
  readonly purgeWrites: () => void;
  /** Removes everything that was made from decoded code. */
  readonly purgeCode: () => void;
  /** Words of a frame with decoded code have changed. @param page its decoded page */
  readonly codeStored: (page: number, offset: number, length: number) => void;
  /** Whoever executes from a frame next must ask for its decoded page. */
  readonly purgeFetches: () => void;
  /** A frame with decoded code is data: what was made from it goes. @param page its decoded page */
  readonly codeRetired: (page: number) => void;
}

export class PhysicalMemory implements TableMemory {
  readonly memory: LinearMemory;
  readonly code: DecodedCode;
  readonly size: number;
  readonly #ramBase: number;
  readonly #flags: Uint8Array;
  readonly #watchers = new Map<number, StoreWatcher>();
  readonly #purgeWrites: () => void;
  readonly #purgeFetches: () => void;
  /** By frame: stores to its code, and how many it takes for a doubt. */
  readonly #storesToCode: Uint32Array;
  readonly #patience: Uint32Array;

  constructor(memory: LinearMemory, layout: Layout, ports: PhysicalMemoryPorts) {
    this.memory = memory;
    this.size = layout.ramBytes;
    this.#ramBase = layout.ramBase;
    this.#flags = new Uint8Array(layout.ramBytes / PAGE_SIZE);
    this.#purgeWrites = ports.purgeWrites;
    this.#purgeFetches = ports.purgeFetches;
    this.#storesToCode = new Uint32Array(this.#flags.length);
    this.#patience = new Uint32Array(this.#flags.length).fill(PATIENCE);
    this.code = new DecodedCode(memory, layout, {
      dropped: () => {
        const either = FrameFlag.code | FrameFlag.doubtful;
        for (let frame = 0; frame < this.#flags.length; frame++) this.#clear(frame, either);
        ports.purgeCode();
      },
      stored: ports.codeStored,
      retired: ports.codeRetired,
    });
  }

  /** Linear address of a physical one (34 bits), or −1 where there is no RAM. */
  linearOf(physical: number): number {
    const offset = physical - RAM_BASE;
    return offset >= 0 && offset < this.size ? this.#ramBase + offset : -1;
  }

  physicalOf(linear: number): number {
    return linear - this.#ramBase + RAM_BASE;
  }

  readEntry(address: number): number {
    const linear = this.linearOf(address);
    return linear < 0 ? NO_ENTRY : (this.memory.words[linear >>> 2] ?? 0) >>> 0;
  }

  updateEntry(address: number, value: number): boolean {
    const linear = this.linearOf(address);
    if (linear < 0) return false;
    this.store(linear, 4, value);
    return true;
  }

  /** Loads `width` bytes, zero-extended, from a linear address inside RAM; any alignment. */
  load(linear: number, width: 1 | 2 | 4): number {
    const { bytes, words } = this.memory;
    if (width === 4 && (linear & 3) === 0) return (words[linear >>> 2] ?? 0) >>> 0;
    let value = 0;
    for (let index = width - 1; index >= 0; index--) value = value * 256 + (bytes[linear + index] ?? 0);
    return value;
  }

  /** Stores the low `width` bytes at a linear address inside RAM; any alignment. Every store that is not a fast one comes here. */
  store(linear: number, width: 1 | 2 | 4, value: number): void {
    const { bytes, words } = this.memory;
    if (width === 4 && (linear & 3) === 0) words[linear >>> 2] = value;
    else for (let index = 0; index < width; index++) bytes[linear + index] = value >>> (8 * index);
    this.noteStore(linear, width);
  }

  /** Bytes were stored in RAM by other means: forget decoded code, tell watchers. */
  noteStore(linear: number, length: number): void {
    const first = Math.floor((linear - this.#ramBase) / PAGE_SIZE);
    const last = Math.floor((linear + length - 1 - this.#ramBase) / PAGE_SIZE);
    for (let frame = first; frame <= last; frame++) {
      const flags = this.#flags[frame] ?? 0;
      if (flags & FrameFlag.code) {
        const start = Math.max(linear, this.#ramBase + frame * PAGE_SIZE);
        const end = Math.min(linear + length, this.#ramBase + (frame + 1) * PAGE_SIZE);
        this.code.forget(frame, start & 0xfff, end - start);
        this.#countStore(frame);
      }
    }
    if (this.#watchers.size === 0) return;
    const physical = this.physicalOf(linear);
    for (const [watched, watcher] of this.#watchers) {
      if (watched + 4 > physical && watched < physical + length) watcher(physical);
    }
  }

  /** Copies bytes into RAM at a physical address: boot images, DMA. @throws RangeError outside RAM */
  write(physical: number, bytes: Uint8Array): void {
    const linear = this.linearOf(physical);
    if (linear < 0 || physical - RAM_BASE + bytes.length > this.size) {
      throw new RangeError(`store of ${bytes.length} bytes at 0x${physical.toString(16)} is outside RAM`);
    }
    this.memory.bytes.set(bytes, linear);
    if (bytes.length > 0) this.noteStore(linear, bytes.length);
  }

  /** Fills `length` bytes of RAM with zeros. */
  zero(physical: number, length: number): void {
    const linear = this.linearOf(physical);
    this.memory.bytes.fill(0, linear, linear + length);
    if (length > 0) this.noteStore(linear, length);
  }

  /** A view of RAM for looking; `length` is cut at the end of RAM. */
  view(physical: number, length: number): Uint8Array {
    const linear = this.linearOf(physical);
    if (linear < 0) return new Uint8Array(0);
    return this.memory.bytes.subarray(linear, Math.min(linear + length, this.#ramBase + this.size));
  }

  /** Calls `watcher` after every store to the word at a physical address. */
  watch(physical: number, watcher: StoreWatcher): void {
    this.#watchers.set(physical, watcher);
    const frame = this.#frameOf(physical);
    this.#flags[frame] = (this.#flags[frame] ?? 0) | FrameFlag.watched;
    this.#withdrawFastStores(frame);
  }

  unwatch(physical: number): void {
    this.#watchers.delete(physical);
    const frame = this.#frameOf(physical);
    if (![...this.#watchers.keys()].some((other) => this.#frameOf(other) === frame)) {
      this.#clear(frame, FrameFlag.watched);
    }
  }

  /** Whether a store to this frame may bypass `store`. Asking promises that it will: the frame counts as writable from then on. */
  grantFastStore(linear: number): boolean {
    const frame = Math.floor((linear - this.#ramBase) / PAGE_SIZE);
    const flags = this.#flags[frame] ?? 0;
    if (flags & (FrameFlag.code | FrameFlag.watched)) return false;
    this.#flags[frame] = flags | FrameFlag.writable;
    return true;
  }

  /** The decoded page of the frame that holds a linear address, made empty if there is none yet. */
  decodedPage(linear: number): number {
    const frame = Math.floor((linear - this.#ramBase) / PAGE_SIZE);
    const page = this.code.pageOf(frame);
    if ((this.#flags[frame] ?? 0) & FrameFlag.doubtful) {
      this.#clear(frame, FrameFlag.doubtful);
      this.#patience[frame] = Math.min(2 * (this.#patience[frame] ?? 0), PATIENCE_LIMIT);
    }
    this.#flags[frame] = (this.#flags[frame] ?? 0) | FrameFlag.code;
    this.#withdrawFastStores(frame);
    return page;
  }

  #countStore(frame: number): void {
    const stores = (this.#storesToCode[frame] ?? 0) + 1;
    const patience = this.#patience[frame] ?? 0;
    this.#storesToCode[frame] = stores < patience ? stores : 0;
    if (stores < patience) return;
    this.#purgeFetches();
    const flags = this.#flags[frame] ?? 0;
    if ((flags & FrameFlag.doubtful) === 0) {
      this.#flags[frame] = flags | FrameFlag.doubtful;
      return;
    }
    this.#clear(frame, FrameFlag.code | FrameFlag.doubtful);
    this.code.retire(frame);
  }

  #frameOf(physical: number): number {
    return Math.floor((physical - RAM_BASE) / PAGE_SIZE);
  }

  #withdrawFastStores(frame: number): void {
    if (((this.#flags[frame] ?? 0) & FrameFlag.writable) === 0) return;
    for (let index = 0; index < this.#flags.length; index++) this.#clear(index, FrameFlag.writable);
    this.#purgeWrites();
  }

  #clear(frame: number, flag: number): void {
    this.#flags[frame] = (this.#flags[frame] ?? 0) & ~flag;
  }
}
