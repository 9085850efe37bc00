// The CSRs of physical memory protection: 16 entries of one configuration byte and one address each, as QEMU's hart has
// (privileged manual, "Physical Memory Protection"). What they allow is worked out in machine/physical-protection.ts.

import { bit, field, type CsrField, type StoredCsr } from './csr-row.ts';

/** Bits of an entry's configuration byte; A says which addresses the entry is about. */
export const ProtectionBits = { R: 1, W: 2, X: 4, A: 0x18, L: 0x80 } as const;
/** Values of A, at their place. */
export const ProtectionMatch = { OFF: 0, TOR: 0x08, NA4: 0x10, NAPOT: 0x18 } as const;
export const PROTECTION_ENTRIES = 16;

/** The byte of an entry. @param csrs the hart's stored CSRs */
export const protectionByte = (csrs: Readonly<Record<string, number>>, entry: number): number =>
  ((csrs[`pmpcfg${entry >>> 2}`] ?? 0) >>> (8 * (entry & 3))) & 0xff;

/** Each byte: a locked one stays as it is; bits 5 and 6 are 0; W without R is reserved, and becomes no access (WARL). */
function legalConfiguration(next: number, previous: number): number {
  let legal = 0;
  for (let shift = 0; shift < 32; shift += 8) {
    const before = (previous >>> shift) & 0xff;
    const wanted = (next >>> shift) & 0x9f;
    const possible = (wanted & 3) === ProtectionBits.W ? wanted & ~ProtectionBits.W : wanted;
    legal |= ((before & ProtectionBits.L) !== 0 ? before : possible) << shift;
  }
  return legal >>> 0;
}

/** An address register is locked with its entry, and with the next one where that begins at it (TOR). */
const addressLocked =
  (entry: number) =>
  (csrs: Readonly<Record<string, number>>): boolean => {
    if ((protectionByte(csrs, entry) & ProtectionBits.L) !== 0) return true;
    const next = entry + 1 < PROTECTION_ENTRIES ? protectionByte(csrs, entry + 1) : 0;
    return (next & (ProtectionBits.L | ProtectionBits.A)) === (ProtectionBits.L | ProtectionMatch.TOR);
  };

const configurationFields = (register: number): readonly CsrField[] =>
  [0, 1, 2, 3].flatMap((byte): CsrField[] => {
    const entry = 4 * register + byte;
    const low = 8 * byte;
    return [
      bit(`L${entry}`, low + 7, `Entry ${entry} is locked until reset, and holds for machine mode too.`),
      field(`A${entry}`, low + 4, low + 3, `Which addresses entry ${entry} is about.`, {
        0: 'OFF: none',
        1: 'TOR: from the entry before up to its own address',
        2: 'NA4: four bytes',
        3: 'NAPOT: a power of two of bytes',
      }),
      bit(`X${entry}`, low + 2, `Entry ${entry} lets instructions be fetched.`),
      bit(`W${entry}`, low + 1, `Entry ${entry} lets stores pass.`),
      bit(`R${entry}`, low, `Entry ${entry} lets loads pass.`),
    ];
  });

const configuration = (register: number): StoredCsr => ({
  number: 0x3a0 + register,
  meaning: `Physical memory protection: what entries ${4 * register} to ${4 * register + 3} allow.`,
  mask: 0xffff_ffff,
  reset: 0,
  fields: configurationFields(register),
  consequence: 'protection',
  legalize: legalConfiguration,
});

const address = (entry: number): StoredCsr => ({
  number: 0x3b0 + entry,
  meaning: `Physical memory protection: the address of entry ${entry}, shifted right by 2.`,
  mask: 0xffff_ffff,
  reset: 0,
  fields: [],
  consequence: 'protection',
  locked: addressLocked(entry),
});

export const protectionCsrs = {
  pmpcfg0: configuration(0),
  pmpcfg1: configuration(1),
  pmpcfg2: configuration(2),
  pmpcfg3: configuration(3),
  pmpaddr0: address(0),
  pmpaddr1: address(1),
  pmpaddr2: address(2),
  pmpaddr3: address(3),
  pmpaddr4: address(4),
  pmpaddr5: address(5),
  pmpaddr6: address(6),
  pmpaddr7: address(7),
  pmpaddr8: address(8),
  pmpaddr9: address(9),
  pmpaddr10: address(10),
  pmpaddr11: address(11),
  pmpaddr12: address(12),
  pmpaddr13: address(13),
  pmpaddr14: address(14),
  pmpaddr15: address(15),
} as const;
