// A VM's physical memory: which host frame stands behind each guest frame, and access to it by guest physical address.
// Everything the hypervisor reads or writes of a guest goes through here, so no guest address can reach outside.

import { PAGE_SIZE, RAM_BASE } from '../machine/layout.ts';
import type { PhysicalMemory } from '../machine/physical-memory.ts';
import { NO_ENTRY, type TableMemory } from '../machine/walker.ts';

/** Guest and host physical addresses: numbers that must not be mixed up. */
export type Gpa = number & { readonly space?: 'gpa' };
export type Hpa = number & { readonly space?: 'hpa' };

export class GuestMemory implements TableMemory {
  readonly size: number;
  readonly #ram: PhysicalMemory;
  /** Host physical address of the frame behind each guest frame. */
  readonly #frames: Float64Array;

  /** @param first host physical address of the VM's run of frames */
  constructor(ram: PhysicalMemory, first: Hpa, size: number) {
    this.#ram = ram;
    this.size = size;
    this.#frames = Float64Array.from({ length: size / PAGE_SIZE }, (_, frame) => first + frame * PAGE_SIZE);
  }

  /** Whether a guest physical address (34 bits) is the guest's RAM. */
  holds(gpa: Gpa): boolean {
    return gpa >= RAM_BASE && gpa < RAM_BASE + this.size;
  }

  /** Where a guest physical address lies in the machine; undefined outside the guest's RAM. */
  hostAddress(gpa: Gpa): Hpa | undefined {
    if (!this.holds(gpa)) return undefined;
    const offset = gpa - RAM_BASE;
    const frame = this.#frames[Math.floor(offset / PAGE_SIZE)];
    return frame === undefined ? undefined : frame + (offset % PAGE_SIZE);
  }

  readEntry(address: Gpa): number {
    const host = this.hostAddress(address);
    return host === undefined ? NO_ENTRY : this.#ram.readEntry(host);
  }

  updateEntry(address: Gpa, value: number): boolean {
    const host = this.hostAddress(address);
    return host !== undefined && this.#ram.updateEntry(host, value);
  }

  /** Copies bytes in. @returns false, with nothing written, unless all of it is RAM */
  write(gpa: Gpa, bytes: Uint8Array): boolean {
    return this.#pieces(gpa, bytes.length, (host, from, to) => this.#ram.write(host, bytes.subarray(from, to)));
  }

  /** Copies bytes out into `into`. @returns false unless all of it is RAM */
  read(gpa: Gpa, into: Uint8Array): boolean {
    return this.#pieces(gpa, into.length, (host, from, to) => into.set(this.#ram.view(host, to - from), from));
  }

  /** Fills all of RAM with zeros. */
  clear(): void {
    for (const frame of this.#frames) this.#ram.zero(frame, PAGE_SIZE);
  }

  /** All of RAM as one sequence of views, for hashing. */
  *views(): Iterable<Uint8Array> {
    for (const frame of this.#frames) yield this.#ram.view(frame, PAGE_SIZE);
  }

  #pieces(gpa: Gpa, length: number, visit: (host: Hpa, from: number, to: number) => void): boolean {
    if (length === 0) return true;
    if (!this.holds(gpa) || !this.holds(gpa + length - 1)) return false;
    for (let from = 0; from < length;) {
      const to = Math.min(length, from + PAGE_SIZE - ((gpa + from) % PAGE_SIZE));
      const host = this.hostAddress(gpa + from);
      if (host === undefined) return false;
      visit(host, from, to);
      from = to;
    }
    return true;
  }
}
