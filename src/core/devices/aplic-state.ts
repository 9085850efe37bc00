// What an interrupt domain of an APLIC remembers, bits by the numbers of its sources, and what follows from that alone: where its
// messages go (RISC-V Advanced Interrupt Architecture 1.0, chapter 4).

import { BITS, count, FLAG, list, WORD, type FieldsOf } from './device-state.ts';
import type { InterruptLevel } from './imsics.ts';

const PAGE = 4096;
/** Sources 1 to 96, as on QEMU's `virt` board. */
export const APLIC_SOURCES = 96;
/** Words of a bit for each source. */
export const WORDS = (APLIC_SOURCES >>> 5) + 1;

export type AplicState = {
  enabled: boolean;
  genmsi: number;
  mmsiaddrcfg: number;
  mmsiaddrcfgh: number;
  smsiaddrcfg: number;
  smsiaddrcfgh: number;
  /** Indexed by source, as are the rest. */
  sourcecfg: number[];
  target: number[];
  lines: number[];
  pending: number[];
  enable: number[];
};

const BY_SOURCE = list(WORD, APLIC_SOURCES + 1);
const BITS_BY_SOURCE = list(BITS, WORDS);
export const FIELDS: FieldsOf<AplicState> = {
  enabled: FLAG,
  genmsi: WORD,
  mmsiaddrcfg: WORD,
  mmsiaddrcfgh: WORD,
  smsiaddrcfg: WORD,
  smsiaddrcfgh: WORD,
  sourcecfg: list(count(0x7ff), APLIC_SOURCES + 1),
  target: BY_SOURCE,
  lines: BITS_BY_SOURCE,
  pending: BITS_BY_SOURCE,
  enable: BITS_BY_SOURCE,
};

export const newState = (): AplicState => ({
  enabled: false,
  genmsi: 0,
  mmsiaddrcfg: 0,
  mmsiaddrcfgh: 0,
  smsiaddrcfg: 0,
  smsiaddrcfgh: 0,
  sourcecfg: new Array<number>(APLIC_SOURCES + 1).fill(0),
  target: new Array<number>(APLIC_SOURCES + 1).fill(0),
  lines: new Array<number>(WORDS).fill(0),
  pending: new Array<number>(WORDS).fill(0),
  enable: new Array<number>(WORDS).fill(0),
});

export function hasBit(words: readonly number[], bit: number): boolean {
  return (((words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) !== 0;
}

export function setBit(words: number[], bit: number, level: boolean): void {
  const word = words[bit >>> 5] ?? 0;
  words[bit >>> 5] = level ? word | (1 << (bit & 31)) : word & ~(1 << (bit & 31));
}

/** "Addresses and data for outgoing MSIs" (section 4.9.1). @param root the state of the root domain, which alone has the addresses */
export function messageAddress(
  root: Pick<AplicState, 'mmsiaddrcfg' | 'mmsiaddrcfgh' | 'smsiaddrcfg' | 'smsiaddrcfgh'>,
  level: InterruptLevel,
  hart: number,
  guest: number,
): number {
  const machine = level === 'machine';
  const shape = root.mmsiaddrcfgh;
  const low = machine ? root.mmsiaddrcfg : root.smsiaddrcfg;
  const high = machine ? root.mmsiaddrcfgh : root.smsiaddrcfgh;
  const groupShift = ((shape >>> 24) & 0x1f) + 12;
  const groupBits = (shape >>> 16) & 7;
  const hartBits = (shape >>> 12) & 0xf;
  const hartShift = (high >>> 20) & 7;
  const inGroup = hart & (2 ** hartBits - 1);
  const group = Math.floor(hart / 2 ** hartBits) & (2 ** groupBits - 1);
  const page =
    BigInt(low) |
    (BigInt(high & 0xfff) << 32n) |
    (BigInt(group) << BigInt(groupShift)) |
    (BigInt(inGroup) << BigInt(hartShift)) |
    BigInt(guest);
  return Number(page) * PAGE;
}
