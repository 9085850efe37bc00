// Who owns which frame of the physical machine: RAM of a VM, RAM that several share, page tables the hypervisor keeps for
// a VM, or nobody. Tables come from the low end, RAM from the high end.

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';

export type FrameUse = 'ram' | 'shared' | 'stage-2 tables' | 'shadow tables' | 'patched code' | 'reserved';

export interface FrameOwner {
  /** Number of the VM; 0: the hypervisor itself, or several VMs (`shared`). */
  readonly vm: number;
  readonly use: FrameUse;
}

/** Frames in a row that are the same in everything told here. */
export interface OwnedRun {
  readonly hpa: number;
  readonly frames: number;
  readonly owner: FrameOwner | undefined;
  /** Pages of guests that lie in each of the frames: more than 1 where they are shared; 0 where it is not RAM of a guest. */
  readonly sharers: number;
}

const SHARED: FrameOwner = { vm: 0, use: 'shared' };
const NO_PAGE = -1;

export class HostFrames {
  readonly #ram: PhysicalMemory;
  readonly #owners: (FrameOwner | undefined)[];
  /** Frames that have been given out before and may hold something: 1. */
  readonly #stained: Uint8Array;
  /** How many pages of guests lie in each frame; page tables have none. */
  readonly #sharers: Uint32Array;
  /** Which page of its only VM lies in a frame of RAM, counted from the beginning of the guest's RAM. */
  readonly #pages: Int32Array;
  /** Frames of RAM that were used since a clock hand came by: 1. */
  readonly #referenced: Uint8Array;
  /** Every frame below this one has an owner. */
  #full = 0;
  /** Every frame above this one has an owner. */
  #highest: number;
  #used = 0;
  /** Frames promised to a VM for its page tables and not taken yet: nobody else gets them. */
  readonly #promised = new Map<number, number>();
  #promisedInAll = 0;

  constructor(ram: PhysicalMemory) {
    const count = ram.size / PAGE_SIZE;
    this.#ram = ram;
    this.#stained = new Uint8Array(count);
    this.#sharers = new Uint32Array(count);
    this.#pages = new Int32Array(count).fill(NO_PAGE);
    this.#referenced = new Uint8Array(count);
    this.#owners = Array.from({ length: count }, () => undefined);
    this.#highest = count - 1;
    // The page the hypervisor's trap vector points to; nothing is ever fetched from it.
    this.#owners[0] = { vm: 0, use: 'reserved' };
    this.#used = 1;
  }

  /** Frames of the machine. */
  get count(): number {
    return this.#owners.length;
  }

  get usedBytes(): number {
    return this.#used * PAGE_SIZE;
  }

  /** Frames that are neither given out nor promised. */
  get available(): number {
    return this.#owners.length - this.#used - this.#promisedInAll;
  }

  /**
   * Keeps `count` frames for the page tables of a VM: it will always get so many, whatever its neighbours do, and never
   * more, whatever it does itself. @returns false where there are not so many left
   */
  promise(vm: number, count: number): boolean {
    if (this.available < count) return false;
    this.#setPromise(vm, count);
    return true;
  }

  /**
   * Gives out `count` frames in a row, zeroed, the first aligned to `alignment` frames. Tables come out of what was
   * promised to their VM.
   * @param page for RAM: which page of the guest will lie in the first of them
   * @returns the host physical address, or undefined where there are none
   */
  allocate(count: number, owner: FrameOwner, alignment = 1, page = NO_PAGE): number | undefined {
    const isTable = owner.use !== 'ram';
    const promised = this.#promised.get(owner.vm) ?? 0;
    if (count > (isTable ? promised : this.available)) return undefined;
    const first = isTable ? this.#findLow(count, alignment) : this.#findHigh(count, alignment);
    if (first === undefined) return undefined;
    this.#used += count;
    if (isTable) this.#setPromise(owner.vm, promised - count);
    for (let frame = first; frame < first + count; frame++) {
      if (this.#stained[frame] !== 0) this.#ram.zero(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE);
      this.#stained[frame] = 1;
      this.#owners[frame] = owner;
      if (isTable) continue;
      this.#sharers[frame] = 1;
      this.#referenced[frame] = 1;
      this.#pages[frame] = page === NO_PAGE ? NO_PAGE : page + frame - first;
    }
    return RAM_BASE + first * PAGE_SIZE;
  }

  /** One more page of a guest lies in this frame of RAM: from now on it belongs to nobody alone. */
  share(hpa: number): void {
    const frame = frameOf(hpa);
    this.#owners[frame] = SHARED;
    this.#pages[frame] = NO_PAGE;
    this.#sharers[frame] = this.sharers(hpa) + 1;
  }

  /** One page of a guest fewer lies in this frame of RAM. With the last one it is free. */
  release(hpa: number): void {
    const frame = frameOf(hpa);
    const left = this.sharers(hpa) - 1;
    if (left <= 0) this.free(hpa, 1);
    else this.#sharers[frame] = left;
  }

  /** Pages of guests that lie in this frame. */
  sharers(hpa: number): number {
    return this.#sharers[frameOf(hpa)] ?? 0;
  }

  /** The last guest page in a frame that was shared has it for itself again. */
  claim(hpa: number, owner: FrameOwner, page: number): void {
    const frame = frameOf(hpa);
    this.#owners[frame] = owner;
    this.#pages[frame] = page;
  }

  /** Whose RAM the frame is and which page of it, where exactly one guest page lies in it. */
  holder(hpa: number): { readonly vm: number; readonly page: number } | undefined {
    const frame = frameOf(hpa);
    const owner = this.#owners[frame];
    const page = this.#pages[frame] ?? NO_PAGE;
    return owner?.use === 'ram' && page !== NO_PAGE ? { vm: owner.vm, page } : undefined;
  }

  ownerOf(hpa: number): FrameOwner | undefined {
    return this.#owners[frameOf(hpa)];
  }

  /** The frame was used. */
  refer(hpa: number): void {
    this.#referenced[frameOf(hpa)] = 1;
  }

  /** Whether the frame was used since this was asked last. */
  takeReference(hpa: number): boolean {
    const frame = frameOf(hpa);
    const was = this.#referenced[frame] === 1;
    this.#referenced[frame] = 0;
    return was;
  }

  /** Gives frames in a row back, whoever had them. */
  free(address: number, count: number): void {
    const first = frameOf(address);
    this.#full = Math.min(this.#full, first);
    this.#highest = Math.max(this.#highest, first + count - 1);
    const owner = this.#owners[first];
    this.#owners.fill(undefined, first, first + count);
    this.#sharers.fill(0, first, first + count);
    this.#pages.fill(NO_PAGE, first, first + count);
    this.#used -= count;
    if (owner && isTableUse(owner.use)) this.#setPromise(owner.vm, (this.#promised.get(owner.vm) ?? 0) + count);
  }

  /** Takes back everything a VM owns alone, and what it was promised. */
  freeAll(vm: number): void {
    this.#owners.forEach((owner, frame) => {
      if (owner?.vm === vm) this.free(RAM_BASE + frame * PAGE_SIZE, 1);
    });
    this.#setPromise(vm, 0);
  }

  /** Runs of frames with one owner and use and as many sharers, over all of RAM. */
  runs(): readonly OwnedRun[] {
    const runs: { hpa: number; frames: number; owner: FrameOwner | undefined; sharers: number }[] = [];
    this.#owners.forEach((owner, frame) => {
      const last = runs[runs.length - 1];
      const sharers = this.#sharers[frame] ?? 0;
      if (last && last.sharers === sharers && last.owner?.vm === owner?.vm && last.owner?.use === owner?.use) {
        last.frames++;
      } else runs.push({ hpa: RAM_BASE + frame * PAGE_SIZE, frames: 1, owner, sharers });
    });
    return runs;
  }

  #setPromise(vm: number, count: number): void {
    this.#promisedInAll += count - (this.#promised.get(vm) ?? 0);
    if (count === 0) this.#promised.delete(vm);
    else this.#promised.set(vm, count);
  }

  #findLow(count: number, alignment: number): number | undefined {
    while (this.#full < this.#owners.length && this.#owners[this.#full] !== undefined) this.#full++;
    const last = this.#owners.length - count;
    for (let first = Math.ceil(this.#full / alignment) * alignment; first <= last;) {
      const taken = this.#firstTaken(first, count);
      if (taken === undefined) return first;
      first = Math.ceil((taken + 1) / alignment) * alignment;
    }
    return undefined;
  }

  #findHigh(count: number, alignment: number): number | undefined {
    while (this.#highest >= 0 && this.#owners[this.#highest] !== undefined) this.#highest--;
    for (let first = Math.floor((this.#highest + 1 - count) / alignment) * alignment; first >= 0;) {
      const taken = this.#firstTaken(first, count);
      if (taken === undefined) return first;
      first = Math.floor((taken - count) / alignment) * alignment;
    }
    return undefined;
  }

  /** The first of `count` frames that has an owner. */
  #firstTaken(first: number, count: number): number | undefined {
    for (let frame = first; frame < first + count; frame++) if (this.#owners[frame] !== undefined) return frame;
    return undefined;
  }
}

const isTableUse = (use: FrameUse): boolean =>
  use === 'stage-2 tables' || use === 'shadow tables' || use === 'patched code';
const frameOf = (hpa: number): number => Math.floor((hpa - RAM_BASE) / PAGE_SIZE);
