// Same-page merging, as Linux's KSM does it: pages of equal contents, of one guest or of several, are led to one frame, which
// all of them may only read; whoever stores to it gets a copy again. A page is only merged when its checksum is the same as
// the last time round: what changes all the time is left alone. Scanning goes by virtual time, so a run can be repeated.

import { PAGE_SIZE } from '../../machine/layout.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import type { Hpa } from './addresses.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { HostFrames } from './host-frames.ts';

/** 20 ms in ticks of 10 MHz: `sleep_millisecs` of KSM. */
const INTERVAL = 200_000;

export interface MergingPorts {
  readonly ram: PhysicalMemory;
  readonly frames: HostFrames;
  readonly guests: ReadonlyMap<number, GuestMemory>;
}

export interface MergingUse {
  readonly on: boolean;
  readonly pagesPerScan: number;
  /** Pages that were merged, over all time. */
  readonly merged: number;
  /** Times that every page of every guest was looked at. */
  readonly fullScans: number;
}

interface Candidate {
  readonly memory: GuestMemory;
  readonly page: number;
}

export class SamePageMerging {
  /** Pages looked at every 20 ms: `pages_to_scan` of KSM. */
  pagesPerScan = 500;
  readonly #ports: MergingPorts;
  #on = false;
  /** Machine ticks at which the next pages are looked at. */
  #due = Infinity;
  /** Where the scan stands: the number of a VM, and the page of it that comes next. */
  #vm = 0;
  #page = 0;
  /** Frames that are shared already, by checksum. */
  readonly #stable = new Map<number, Hpa[]>();
  readonly #known = new Set<Hpa>();
  /** Pages of this round that nobody shares yet, by checksum. */
  readonly #unstable = new Map<number, Candidate>();
  /** Checksum of each page when it was looked at last. */
  readonly #last = new WeakMap<GuestMemory, Int32Array>();
  #merged = 0;
  #fullScans = 0;

  constructor(ports: MergingPorts) {
    this.#ports = ports;
  }

  get use(): MergingUse {
    return { on: this.#on, pagesPerScan: this.pagesPerScan, merged: this.#merged, fullScans: this.#fullScans };
  }

  /** @param now machine ticks */
  turn(on: boolean, now: number): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#due = on ? now + INTERVAL : Infinity;
  }

  /** Machine ticks at which `elapse` is due; Infinity while it is off. */
  get deadline(): number {
    return this.#due;
  }

  /** Looks at the next pages, where it is time. No guest may be in the middle of its code. */
  elapse(now: number): void {
    if (now < this.#due) return;
    this.#due = now + INTERVAL;
    this.scan(this.pagesPerScan);
  }

  /** Looks at the next `count` pages of all guests, in the order of VMs and pages, round and round. */
  scan(count: number): void {
    let ends = 0;
    for (let left = count; left > 0 && ends < 2;) {
      const memory = this.#ports.guests.get(this.#vm);
      if (memory === undefined || this.#page >= memory.pages.count) {
        if (this.#nextVm()) ends++;
        continue;
      }
      if (this.#look(memory, this.#page++)) left--;
    }
  }

  /** @returns whether a round is over */
  #nextVm(): boolean {
    this.#page = 0;
    const next = [...this.#ports.guests.keys()].sort((a, b) => a - b).find((vm) => vm > this.#vm);
    this.#vm = next ?? 0;
    if (next !== undefined) return false;
    this.#fullScans++;
    this.#unstable.clear();
    return true;
  }

  /** @returns whether there was anything to look at */
  #look(memory: GuestMemory, page: number): boolean {
    const { frames } = this.#ports;
    const frame = memory.pages.movableFrame(page);
    if (frame === undefined) return false;
    if (frames.sharers(frame) > 1) {
      if (!this.#known.has(frame)) this.#addStable(checksum(this.#bytes(frame)), frame);
      return true;
    }
    const sum = checksum(this.#bytes(frame));
    const same = this.#findStable(sum, frame);
    if (same !== undefined) {
      memory.pages.mergeInto(page, same);
      this.#merged++;
      return true;
    }
    let last = this.#last.get(memory);
    if (last === undefined) this.#last.set(memory, (last = new Int32Array(memory.pages.count)));
    const before = last[page];
    last[page] = sum;
    if (before !== sum) return true;
    const twin = this.#unstable.get(sum);
    const other = twin?.memory.pages.movableFrame(twin.page);
    if (twin === undefined || other === undefined || frames.sharers(other) > 1 || !this.#equal(other, frame)) {
      this.#unstable.set(sum, { memory, page });
    } else if (other !== frame) {
      twin.memory.pages.markShared(twin.page);
      twin.memory.mappings.protect([twin.page]);
      memory.pages.mergeInto(page, other);
      this.#addStable(sum, other);
      this.#unstable.delete(sum);
      this.#merged++;
    }
    return true;
  }

  #findStable(sum: number, frame: Hpa): Hpa | undefined {
    const { frames } = this.#ports;
    const found = this.#stable.get(sum);
    if (found === undefined) return undefined;
    const alive = found.filter((each) => frames.sharers(each) > 0 && frames.ownerOf(each)?.use === 'shared');
    if (alive.length < found.length) {
      for (const each of found) if (!alive.includes(each)) this.#known.delete(each);
      this.#stable.set(sum, alive);
    }
    return alive.find((each) => each !== frame && this.#equal(each, frame));
  }

  #addStable(sum: number, frame: Hpa): void {
    this.#known.add(frame);
    const found = this.#stable.get(sum);
    if (found) found.push(frame);
    else this.#stable.set(sum, [frame]);
  }

  #bytes(frame: Hpa): Int32Array {
    const { buffer, byteOffset } = this.#ports.ram.view(frame, PAGE_SIZE);
    return new Int32Array(buffer, byteOffset, PAGE_SIZE / 4);
  }

  #equal(one: Hpa, other: Hpa): boolean {
    const a = this.#bytes(one);
    const b = this.#bytes(other);
    for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
    return true;
  }
}

/** FNV-1a over 32-bit words: not 0, so that a page that was never looked at differs from every other. */
function checksum(words: Int32Array): number {
  let sum = 0x811c_9dc5;
  for (let index = 0; index < words.length; index++) sum = Math.imul(sum ^ (words[index] ?? 0), 0x0100_0193);
  return sum === 0 ? 1 : sum | 0;
}
