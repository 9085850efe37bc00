// Physical memory protection, worked out of its CSRs: which physical addresses a mode may reach, and how (privileged manual,
// "Physical Memory Protection", "Priority and Matching Logic"). The finest grain, four bytes, as on QEMU's hart. A physical
// hart asks it before it remembers a translation; a hypervisor asks it for the hart of a guest that has machine mode.

import { PROTECTION_ENTRIES, ProtectionBits, protectionByte, ProtectionMatch } from '../isa/csr-protection.ts';
import { Access, NO_ENTRY, type TableMemory } from './walker.ts';

/** As in a configuration byte. */
export const ProtectionRight = { R: ProtectionBits.R, W: ProtectionBits.W, X: ProtectionBits.X, all: 7 } as const;
/** Not the whole page is treated alike. */
export const MIXED = -1;

/** What an access needs. @param executableOnly HLVX, which needs the right to execute as well */
export const rightsFor = (access: Access, executableOnly = false): number =>
  access === Access.fetch
    ? ProtectionRight.X
    : access === Access.store
      ? ProtectionRight.W
      : executableOnly
        ? ProtectionRight.R | ProtectionRight.X
        : ProtectionRight.R;

interface Entry {
  /** Physical addresses: of the first byte, and of the one behind the last. */
  readonly first: number;
  readonly end: number;
  readonly rights: number;
  readonly locked: boolean;
}

export class PhysicalProtection {
  #entries: readonly Entry[] = [];

  /**
   * Some entry is on. While none is, everything is open, as on a hart without entries: what firmware leaves behind that
   * opens all memory to the modes below, and the one departure from the manual, which closes it to them.
   */
  get active(): boolean {
    return this.#entries.length > 0;
  }

  /** Takes over what the CSRs say now. @param csrs a hart's stored CSRs */
  refresh(csrs: Readonly<Record<string, number>>): void {
    const entries: Entry[] = [];
    for (let index = 0; index < PROTECTION_ENTRIES; index++) {
      const byte = protectionByte(csrs, index);
      const match = byte & ProtectionBits.A;
      if (match === ProtectionMatch.OFF) continue;
      const below = index === 0 ? 0 : (csrs[`pmpaddr${index - 1}`] ?? 0);
      const [first, end] = rangeOf(match, csrs[`pmpaddr${index}`] ?? 0, below);
      entries.push({ first, end, rights: byte & ProtectionRight.all, locked: (byte & ProtectionBits.L) !== 0 });
    }
    this.#entries = entries;
  }

  /**
   * What an access may do: the first entry with any of its bytes decides, and has to have all of them.
   * @param address physical address @param width bytes @param machine the access is machine mode's own
   */
  rightsOf(address: number, width: number, machine: boolean): number {
    for (const { first, end, rights, locked } of this.#entries) {
      if (address + width <= first || address >= end) continue;
      if (address < first || address + width > end) return 0;
      return machine && !locked ? ProtectionRight.all : rights;
    }
    return machine || !this.active ? ProtectionRight.all : 0;
  }

  /** The same for every access in the 4 KiB around an address, or MIXED. */
  pageRights(address: number, machine: boolean): number {
    const page = address - (address % 4096);
    for (const { first, end, rights, locked } of this.#entries) {
      if (page + 4096 <= first || page >= end || first === end) continue;
      if (page < first || page + 4096 > end) return MIXED;
      return machine && !locked ? ProtectionRight.all : rights;
    }
    return machine || !this.active ? ProtectionRight.all : 0;
  }

  /** The same memory, for a walker: page-table entries are read and written with a supervisor's rights. */
  guard(memory: TableMemory): TableMemory {
    const allowed = (address: number, right: number) => (this.rightsOf(address, 4, false) & right) !== 0;
    return {
      readEntry: (address) => (allowed(address, ProtectionRight.R) ? memory.readEntry(address) : NO_ENTRY),
      updateEntry: (address, value) => allowed(address, ProtectionRight.W) && memory.updateEntry(address, value),
    };
  }
}

/** The addresses of an entry, from the first to the one behind the last. */
function rangeOf(match: number, address: number, below: number): readonly [number, number] {
  if (match === ProtectionMatch.TOR) return address > below ? [below * 4, address * 4] : [0, 0];
  if (match === ProtectionMatch.NA4) return [address * 4, address * 4 + 4];
  // NAPOT: the ones at the low end say how large; all 32 of them take in everything.
  const ones = 31 - Math.clz32(~address & -~address);
  const size = address === 0xffff_ffff ? 2 ** 35 : 2 ** (ones + 3);
  const first = Math.floor((address * 4) / size) * size;
  return [first, first + size];
}
