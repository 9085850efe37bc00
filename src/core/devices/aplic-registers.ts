// Where the registers of an APLIC's interrupt domain lie, and the bits in them (RISC-V Advanced Interrupt Architecture 1.0,
// section 4.5), with the rows that a display shows.

import type { RegisterRow } from './device.ts';

export const Offset = {
  domaincfg: 0x0000,
  /** Of source 1; the others follow. */
  sourcecfg: 0x0004,
  mmsiaddrcfg: 0x1bc0,
  mmsiaddrcfgh: 0x1bc4,
  smsiaddrcfg: 0x1bc8,
  smsiaddrcfgh: 0x1bcc,
  setip: 0x1c00,
  setipnum: 0x1cdc,
  inClrip: 0x1d00,
  clripnum: 0x1ddc,
  setie: 0x1e00,
  setienum: 0x1edc,
  clrie: 0x1f00,
  clrienum: 0x1fdc,
  setipnumLe: 0x2000,
  genmsi: 0x3000,
  /** Of source 1. */
  target: 0x3004,
} as const;

/** domaincfg: always there, interrupts enabled, messages and not wires lead to harts. */
export const Domain = { fixed: 0x8000_0000, enable: 1 << 8, messages: 1 << 2 } as const;
/** sourcecfg: the source is a child domain's. */
export const DELEGATED = 1 << 10;
/** sourcecfg.SM (section 4.5.2). */
export const SourceMode = { inactive: 0, detached: 1, edge1: 4, edge0: 5, level1: 6, level0: 7 } as const;
export type SourceMode = (typeof SourceMode)[keyof typeof SourceMode];
/** mmsiaddrcfgh: the addresses are fixed for good. */
export const LOCKED = 0x8000_0000;
export const ADDRESS_HIGH_MASK = 0x9f77_ffff;
export const SUPERVISOR_ADDRESS_HIGH_MASK = 0x0070_0fff;

/** `target` of a source in MSI delivery mode: to whom, and as what. */
export const targetOf = (hart: number, guest: number, identity: number): number =>
  ((hart << 18) | (guest << 12) | identity) >>> 0;
export const targetFields = (target: number) => ({
  hart: target >>> 18,
  guest: (target >>> 12) & 0x3f,
  identity: target & 0x7ff,
});

export const isLevel = (mode: number): boolean => mode === SourceMode.level1 || mode === SourceMode.level0;
export const isInverted = (mode: number): boolean => mode === SourceMode.edge0 || mode === SourceMode.level0;
/** Modes 2 and 3 are reserved: what is written instead is inactive. */
export const legalMode = (mode: number): number => (mode === 2 || mode === 3 ? SourceMode.inactive : mode);

/** @param sources 1 to this many */
export function aplicRows(sources: number, machine: boolean): readonly RegisterRow[] {
  const rows: RegisterRow[] = [];
  const row = (name: string, offset: number, access: RegisterRow['access'], meaning: string): void => {
    rows.push({ name, offset, width: 4, access, meaning });
  };
  row('domaincfg', Offset.domaincfg, 'read-write', 'Whether this domain interrupts at all (IE), and how: by messages.');
  if (machine) {
    row('mmsiaddrcfg', Offset.mmsiaddrcfg, 'read-write', 'Page of the first hart’s machine-level interrupt file.');
    row('mmsiaddrcfgh', Offset.mmsiaddrcfgh, 'read-write', 'How hart numbers become addresses; bit 31 locks them.');
    row('smsiaddrcfg', Offset.smsiaddrcfg, 'read-write', 'Page of the first hart’s supervisor-level interrupt file.');
    row('smsiaddrcfgh', Offset.smsiaddrcfgh, 'read-write', 'How far the files of two harts are apart.');
  }
  for (let word = 0; word <= sources >>> 5; word++) {
    const range = `sources ${Math.max(1, 32 * word)} to ${Math.min(sources, 32 * word + 31)}`;
    row(`setip${word}`, Offset.setip + 4 * word, 'read-write', `Which of ${range} are pending.`);
    row(`in_clrip${word}`, Offset.inClrip + 4 * word, 'read-write', `Which wires of ${range} ask.`);
    row(`setie${word}`, Offset.setie + 4 * word, 'read-write', `Which of ${range} are enabled.`);
  }
  row('genmsi', Offset.genmsi, 'read-write', 'Sends a message of its own.');
  for (let source = 1; source <= sources; source++) {
    row(
      `sourcecfg${source}`,
      Offset.sourcecfg + 4 * (source - 1),
      'read-write',
      `What counts as a request of source ${source}.`,
    );
    row(
      `target${source}`,
      Offset.target + 4 * (source - 1),
      'read-write',
      `Hart, guest and identity for source ${source}.`,
    );
  }
  return rows;
}
