// Who owns which frame of the physical machine: RAM of a VM, page tables the hypervisor keeps for it, or nobody.

import { PAGE_SIZE, RAM_BASE } from '../machine/layout.ts';
import type { PhysicalMemory } from '../machine/physical-memory.ts';

export type FrameUse = 'ram' | 'stage-2 tables' | 'shadow tables' | 'reserved';

export interface FrameOwner {
  /** Number of the VM; 0: the hypervisor itself. */
  readonly vm: number;
  readonly use: FrameUse;
}

export class HostFrames {
  readonly #ram: PhysicalMemory;
  readonly #owners: (FrameOwner | undefined)[];
  /** Frames that have been given out before and may hold something: 1. */
  readonly #stained: Uint8Array;
  /** Every frame below this one has an owner. */
  #full = 0;
  #used = 0;
  /** Frames promised to a VM for its page tables and not taken yet: nobody else gets them. */
  readonly #promised = new Map<number, number>();

  constructor(ram: PhysicalMemory) {
    this.#ram = ram;
    this.#stained = new Uint8Array(ram.size / PAGE_SIZE);
    this.#owners = Array.from({ length: ram.size / PAGE_SIZE }, () => undefined);
    // The page the hypervisor's trap vector points to; nothing is ever fetched from it.
    this.#owners[0] = { vm: 0, use: 'reserved' };
    this.#used = 1;
  }

  get usedBytes(): number {
    return this.#used * PAGE_SIZE;
  }

  /**
   * Keeps `count` frames for the page tables of a VM: it will always get so many, whatever its neighbours do, and never
   * more, whatever it does itself. @returns false where there are not so many left
   */
  promise(vm: number, count: number): boolean {
    if (this.#free < count) return false;
    this.#promised.set(vm, count);
    return true;
  }

  /** Frames that are neither given out nor promised. */
  get #free(): number {
    let free = this.#owners.length - this.#used;
    for (const promised of this.#promised.values()) free -= promised;
    return free;
  }

  /**
   * Gives out `count` frames in a row, zeroed, the first aligned to `alignment` frames. Tables come out of what was
   * promised to their VM.
   * @returns the host physical address, or undefined where there are none
   */
  allocate(count: number, owner: FrameOwner, alignment = 1): number | undefined {
    const isTable = owner.use !== 'ram';
    const promised = this.#promised.get(owner.vm) ?? 0;
    if (count > (isTable ? promised : this.#free)) return undefined;
    // Tables from the low end, RAM from the high end: a VM's RAM stays one run.
    const first = isTable ? this.#lowest(count, alignment) : this.#highest(count, alignment);
    if (first === undefined) return undefined;
    this.#owners.fill(owner, first, first + count);
    this.#used += count;
    if (isTable) this.#promised.set(owner.vm, promised - count);
    for (let frame = first; frame < first + count; frame++) {
      if (this.#stained[frame] !== 0) this.#ram.zero(RAM_BASE + frame * PAGE_SIZE, PAGE_SIZE);
      this.#stained[frame] = 1;
    }
    return RAM_BASE + first * PAGE_SIZE;
  }

  #lowest(count: number, alignment: number): number | undefined {
    while (this.#owners[this.#full] !== undefined) this.#full++;
    const last = this.#owners.length - count;
    for (let first = Math.ceil(this.#full / alignment) * alignment; first <= last;) {
      const taken = this.#firstTaken(first, count);
      if (taken === undefined) return first;
      first = Math.ceil((taken + 1) / alignment) * alignment;
    }
    return undefined;
  }

  #highest(count: number, alignment: number): number | undefined {
    for (let first = Math.floor((this.#owners.length - count) / alignment) * alignment; first >= 0;) {
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

  free(address: number, count: number): void {
    const first = (address - RAM_BASE) / PAGE_SIZE;
    this.#full = Math.min(this.#full, first);
    const owner = this.#owners[first];
    this.#owners.fill(undefined, first, first + count);
    this.#used -= count;
    if (owner && owner.use !== 'ram') this.#promised.set(owner.vm, (this.#promised.get(owner.vm) ?? 0) + count);
  }

  /** Takes back everything a VM owns, and what it was promised. */
  freeAll(vm: number): void {
    this.#promised.delete(vm);
    this.#full = 0;
    this.#owners.forEach((owner, frame) => {
      if (owner?.vm !== vm) return;
      this.#owners[frame] = undefined;
      this.#used--;
    });
  }

  /** Runs of frames with one owner and use, over all of RAM. */
  runs(): readonly { readonly hpa: number; readonly frames: number; readonly owner: FrameOwner | undefined }[] {
    const runs: { hpa: number; frames: number; owner: FrameOwner | undefined }[] = [];
    this.#owners.forEach((owner, frame) => {
      const last = runs[runs.length - 1];
      if (last && last.owner?.vm === owner?.vm && last.owner?.use === owner?.use) last.frames++;
      else runs.push({ hpa: RAM_BASE + frame * PAGE_SIZE, frames: 1, owner });
    });
    return runs;
  }
}
