// The machine's memory as the hypervisor deals it out: more may be promised to guests than there is. A guest gets a frame when
// it touches a page; where none is free, pages that nobody has used lately go to the swap store. Only where that does not
// help either is a VM ended, and always the one that asks.
//
// Fetching a page back takes virtual time: the vCPU that needs it waits while others run, as KVM's does in its page fault.
// Writing one out takes none, as it is done behind everybody's back; nor does a page of one repeated word, which lies nowhere.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import type { FrameSupply } from './frame-supply.ts';
import type { Hpa } from './addresses.ts';
import { GuestMemory } from './guest-memory.ts';
import { HostFrames } from './host-frames.ts';
import { HUGE_PAGES } from './page-blocks.ts';
import { SamePageMerging } from './same-page-merging.ts';
import { SwapStore } from './swap-store.ts';

/** Frames that are freed in one go, so that fences are few (SWAP_CLUSTER_MAX of Linux). */
const CLUSTER = 32;

/** What a person chooses about the machine's memory. */
export interface MemoryOptions {
  /** Most bytes of guests that lie in the swap store; as much as the machine has where absent. */
  readonly swapBytes?: number;
  /**
   * Ticks that a vCPU waits for a page that it needs from the swap store, one after the other. Where absent, as long as a read
   * from a solid-state disk takes.
   */
  readonly swapLatency?: number;
  /** Huge pages from the start; off where absent. */
  readonly hugePages?: boolean;
}

/** 100 µs in ticks of 10 MHz. */
export const DEFAULT_SWAP_LATENCY = 1000;

export interface HostMemoryOptions extends MemoryOptions {
  readonly ram: PhysicalMemory;
  /** Every hart forgets every translation. */
  readonly fence: () => void;
  /** A page has been fetched from the swap store. */
  readonly fetched?: () => void;
}

export class HostMemory {
  readonly frames: HostFrames;
  readonly swap: SwapStore;
  readonly merging: SamePageMerging;
  /** RAM that a guest touches first is given out in blocks of 4 MiB, where such a block is free, and mapped by one entry each. */
  hugePages: boolean;
  /** Ticks that a vCPU waits for a page from the swap store. */
  readonly swapLatency: number;
  readonly #options: HostMemoryOptions;
  readonly #guests = new Map<number, GuestMemory>();
  /** Where the clock hand stands: a frame. */
  #hand = 0;

  constructor(options: HostMemoryOptions) {
    this.#options = options;
    this.frames = new HostFrames(options.ram);
    this.swap = new SwapStore(options.swapBytes ?? options.ram.size);
    this.merging = new SamePageMerging({ ram: options.ram, frames: this.frames, guests: this.#guests });
    this.hugePages = options.hugePages ?? false;
    this.swapLatency = options.swapLatency ?? DEFAULT_SWAP_LATENCY;
  }

  /** The memory of each VM that there is. */
  get guests(): ReadonlyMap<number, GuestMemory> {
    return this.#guests;
  }

  /**
   * Memory for a VM, none of it given out yet.
   * @param exhausted told, in a sentence, when a frame is needed that cannot be had: the VM cannot go on
   */
  guest(vm: number, size: number, exhausted: (message: string) => void): GuestMemory {
    const owner = { vm, use: 'ram' } as const;
    const { frames, swap } = this;
    const hugePages = () => this.hugePages;
    const supply: FrameSupply = {
      frames,
      swap,
      get hugePages() {
        return hugePages();
      },
      frame: (page) => {
        if (frames.available === 0) this.reclaim(1);
        const frame = frames.allocate(1, owner, 1, page);
        if (frame === undefined) exhausted(this.#shortage());
        return frame;
      },
      hugeBlock: (first) => frames.allocate(HUGE_PAGES, owner, HUGE_PAGES, first),
      fetched: () => this.#options.fetched?.(),
      claim: (frame, page) => frames.claim(frame, owner, page),
    };
    const memory = new GuestMemory(this.#options.ram, size, supply);
    this.#guests.set(vm, memory);
    return memory;
  }

  /** Promises frames for a VM's page tables, taken from guests' RAM if need be. @returns false where there are not so many */
  promise(vm: number, count: number): boolean {
    const missing = count - this.frames.available;
    let movable = 0;
    for (const guest of this.#guests.values()) movable += guest.use.resident;
    if (missing > movable) return false; // nobody is swapped out in vain
    if (missing > 0) this.reclaim(missing);
    return this.frames.promise(vm, count);
  }

  /** Takes back everything of a VM. */
  remove(vm: number): void {
    this.#guests.get(vm)?.pages.dispose();
    this.#guests.delete(vm);
    this.frames.freeAll(vm);
    // Who shared frames with it may have whole blocks for itself again.
    for (const guest of this.#guests.values()) guest.pages.rejoin();
  }

  /**
   * Frees frames by moving pages to the swap store that were not used since the clock hand came by last: every frame gets a
   * second chance (A bits of the tables that map it). @returns how many became free
   */
  reclaim(wanted: number): number {
    const { frames } = this;
    for (const guest of this.#guests.values()) guest.mappings.harvestAccessed((frame) => frames.refer(frame));
    this.#options.fence();
    const target = Math.max(wanted, CLUSTER);
    let freed = 0;
    for (let step = 0; step < 2 * frames.count && freed < target; step++) {
      const hpa: Hpa = RAM_BASE + this.#hand * PAGE_SIZE;
      this.#hand = (this.#hand + 1) % frames.count;
      const holder = frames.holder(hpa);
      if (holder === undefined || frames.takeReference(hpa)) continue;
      if (this.#guests.get(holder.vm)?.pages.swapOut(holder.page) === true) freed++;
    }
    return freed;
  }

  #shortage(): string {
    return (
      `The machine has no memory left for this guest: all ${this.frames.count * 4} KiB are in use and the swap store took ` +
      `${Math.floor(this.swap.bytes / 1024)} of ${this.swap.capacityPages * 4} KiB. Remove a VM, inflate the balloon of another one, or give the lab more memory.`
    );
  }
}
