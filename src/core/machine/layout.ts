// Where everything lies in the machine's one linear memory. Interpreter, translated code, snapshots and the display
// read the same words; nothing of a hart's state is kept anywhere else.
//
//   0           guard page, never used: a translation of 0 means "none"
//   HARTS       one block of 4 KiB a hart (or a saved vCPU), drawn below
//   JUMPS       where computed jumps last went: pairs of words, see translator/jump-profile.ts
//   REGIONS     for each slot of the table of regions, the decoded pages that the region there was made from
//   CODE        decoded pages: for each 4 KiB frame with code, 1024 entries of 8 bytes and 1024 heats, see decoded-code.ts
//   TRANSLATIONS  per hart, `sets` sets of three tables (read, write, fetch), one word a virtual page, see translations.ts
//   RAM         the machine's physical memory, from RAM_BASE of the address map on
//
// One hart block, in words:
//
//   0 … 31   x0 … x31              36  instructions left of the current grant
//   32       where writes to x0 go 37  linear address of the current set of translations
//   33       pc                    38  reserved address of LR (linear), 0: none
//   34       privilege             39  1: waits for an interrupt
//   35       virtualization V      40  executed, 42 trapped (float64); 44, 46 offsets of mcycle, minstret (int64)
//   48       1: stopped, as HSM means it; 49 unused
//   50 …     CSRs with a word of their own, in the order of core/isa/csr-stored.ts

import { storedCsrs, type StoredCsrName } from '../isa/csr-stored.ts';

export const PAGE_SIZE = 4096;
/** First physical address of RAM on QEMU's `virt` board. */
export const RAM_BASE = 0x8000_0000;

export const Word = {
  x: 0,
  sink: 32,
  pc: 33,
  privilege: 34,
  virtualization: 35,
  budget: 36,
  translations: 37,
  reservation: 38,
  waiting: 39,
  executed: 40,
  trapped: 42,
  cycleOffset: 44,
  instretOffset: 46,
  stopped: 48,
  csrs: 50,
} as const;

export const HART_BLOCK_BYTES = 4096;
/** Words of a hart block in use. */
export const HART_BLOCK_WORDS = Word.csrs + Object.keys(storedCsrs).length;

/** Word index, within a hart block, of each stored CSR. */
export const csrWords = Object.fromEntries(
  Object.keys(storedCsrs).map((name, index) => [name, Word.csrs + index]),
) as Readonly<Record<StoredCsrName, number>>;

/** Bytes of one table of translations: 2^20 virtual pages, one word each. */
export const TRANSLATION_TABLE_BYTES = 4 << 20;
/** A set: the read, the write and the fetch table, in this order. */
export const TRANSLATION_SET_BYTES = 3 * TRANSLATION_TABLE_BYTES;

/**
 * A decoded page: a header of 64 bytes, 1024 entries of 8 bytes and one that marks the end, then 1024 words of heat.
 * An entry lies at `page + 2 × offset`, its heat at `page + HEAT_OFFSET + offset`.
 */
export const DECODED_HEADER_BYTES = 64;
export const HEAT_OFFSET = 1025 * 8 + 56;
export const DECODED_PAGE_BYTES = DECODED_HEADER_BYTES + HEAT_OFFSET + 1024 * 4;
/** Pairs that the profile of computed jumps holds. */
export const JUMP_PAIRS = 1024;
const DECODED_PAGES = 4096;

/** Slots of the table of regions: all the regions there are at a time. */
export const REGION_SLOTS = 2048;
/** Pages before and behind its first one that a region may reach into. */
export const REGION_REACH = 7;
/** Linear addresses of a region's decoded pages, from `REGION_REACH` pages before its own on; 2^6 bytes a slot. */
export const REGION_PAGES_SHIFT = 6;

/**
 * Sets of translations of a machine, shared out to its harts: every mode of every address space in use should find its own
 * again. Memory is only used for pages that are touched.
 */
const SETS = 8;
/** The same where VMs take turns. */
const HOSTING_SETS = 32;

export interface Layout {
  readonly harts: number;
  /** Blocks behind the harts' own: room for saved vCPUs. */
  readonly hartBlocks: number;
  readonly hartBase: number;
  readonly jumpBase: number;
  readonly regionBase: number;
  readonly codeBase: number;
  readonly decodedPages: number;
  readonly translationBase: number;
  readonly setsPerHart: number;
  /** Linear address of physical address RAM_BASE. */
  readonly ramBase: number;
  readonly ramBytes: number;
  readonly totalBytes: number;
}

const align = (value: number, to: number) => Math.ceil(value / to) * to;

/** Lays out a machine of `harts` harts, `ramBytes` of RAM and room for `savedVcpus` saved vCPUs. */
export function layoutOf(harts: number, ramBytes: number, savedVcpus = 0): Layout {
  const hartBase = PAGE_SIZE;
  const hartBlocks = harts + savedVcpus;
  const jumpBase = hartBase + hartBlocks * HART_BLOCK_BYTES;
  const regionBase = jumpBase + JUMP_PAIRS * 8;
  const codeBase = regionBase + (REGION_SLOTS << REGION_PAGES_SHIFT);
  const translationBase = align(codeBase + DECODED_PAGES * DECODED_PAGE_BYTES, PAGE_SIZE);
  const setsPerHart = Math.max(4, Math.floor((savedVcpus > 0 ? HOSTING_SETS : SETS) / harts));
  const ramBase = translationBase + harts * setsPerHart * TRANSLATION_SET_BYTES;
  return {
    harts,
    hartBlocks,
    hartBase,
    jumpBase,
    regionBase,
    codeBase,
    decodedPages: DECODED_PAGES,
    translationBase,
    setsPerHart,
    ramBase,
    ramBytes,
    totalBytes: align(ramBase + ramBytes, 65536),
  };
}
