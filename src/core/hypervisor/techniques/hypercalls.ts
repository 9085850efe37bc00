// What a guest that knows its hypervisor may ask of it (technique `paravirtual`): hypercalls as rows, the words of the page
// that both share, and the frame a trap arrives in. A hypercall is an ECALL with the SBI's calling convention: extension in
// a7, function in a6, arguments from a0 on, an error back in a0 and a value in a1 (SBI specification, "Binary Encoding"; the
// range is its "Vendor-Specific SBI Extension Space"; the low bits are those of mvendorid, which is 0 here).

/** a7 of every hypercall. */
export const HYPERCALL_EXTENSION = 0x0900_0000;

export interface HypercallRow {
  /** a6. */
  readonly number: number;
  /** Names of a0, a1 … */
  readonly arguments: readonly string[];
  /** What it asks, one sentence. */
  readonly meaning: string;
}

const call = (number: number, argumentNames: readonly string[], meaning: string): HypercallRow => ({
  number,
  arguments: argumentNames,
  meaning,
});

export const hypercallRows = {
  'get-version': call(0, [], 'Which version of these calls is spoken: 1.'),
  'share-page': call(
    1,
    ['page'],
    'This page holds the interrupt flag from now on, which the guest changes without a call.',
  ),
  'set-trap-entry': call(
    2,
    ['handler', 'stack'],
    'Traps go to the handler, with a frame on the stack; from user mode on this stack.',
  ),
  'pin-table': call(
    3,
    ['page', 'level'],
    'This page is a page table from now on: it is cleared, and no call maps it writable.',
  ),
  'unpin-table': call(4, ['page'], 'This page is no page table any more; its entries go.'),
  'update-tables': call(
    5,
    ['list', 'count'],
    'Writes page-table entries: the list has an entry’s address and its new value for each. One call for all of them.',
  ),
  'set-root': call(6, ['root'], 'Translation goes by this root table from now on.'),
  'trap-return': call(7, [], 'Goes back to where the frame at sp says: what SRET does, without SRET.'),
  wait: call(8, [], 'Sets the interrupt flag and waits for an interrupt.'),
  'set-timer': call(9, ['low', 'high'], 'The timer interrupt comes at this time.'),
  'console-write': call(10, ['address', 'length'], 'Prints the bytes at a physical address.'),
  'disk-size': call(11, [], 'How many sectors of 512 bytes the disk has.'),
  'disk-read': call(12, ['sector', 'count', 'address'], 'Reads sectors to a physical address.'),
  'disk-write': call(13, ['sector', 'count', 'address'], 'Writes sectors from a physical address.'),
  'disk-flush': call(14, [], 'What was written is kept, whatever becomes of the host.'),
} as const satisfies Record<string, HypercallRow>;
export type HypercallName = keyof typeof hypercallRows;
export const hypercallNames = Object.keys(hypercallRows) as readonly HypercallName[];

const byNumber = new Map<number, HypercallName>(hypercallNames.map((name) => [hypercallRows[name].number, name]));

/** The hypercall with a function number; undefined where there is none. */
export const findHypercall = (number: number): HypercallName | undefined => byNumber.get(number);

/** Error codes ("SBI Error Codes"). */
export const HypercallError = {
  success: 0,
  failed: -1,
  notSupported: -2,
  invalidParameter: -3,
  denied: -4,
  invalidAddress: -5,
  alreadyDone: -6,
} as const;
export type HypercallError = (typeof HypercallError)[keyof typeof HypercallError];

/** Offsets in the shared page, in bytes; words. */
export const SharedWord = {
  /** The guest's: 0 while its kernel must not be interrupted. Its user mode always may be. */
  enabled: 0,
  /** The hypervisor's: interrupts that are held back because of the flag, bits as in sip. */
  pending: 4,
  /** The hypervisor's: guest time in ticks when the guest was last entered. */
  timeLow: 8,
  timeHigh: 12,
} as const;

/** Offsets in the frame on the kernel's stack, in bytes; words. It is aligned to its size. */
export const FrameWord = {
  pc: 0,
  /** Bit 0: it came from the kernel; bit 1: the interrupt flag was set. */
  status: 4,
  cause: 8,
  value: 12,
  sp: 16,
  /** a6 and a7, which a call for `trap-return` needs for itself. */
  a6: 20,
  a7: 24,
} as const;
export const FRAME_BYTES = 32;

/** Most entries of one `update-tables`: two pages of list. */
export const MOST_UPDATES = 1024;
/** Most bytes of one `console-write`. */
export const MOST_CONSOLE_BYTES = 4096;
/** Most sectors of one disk call. */
export const MOST_SECTORS = 128;
