// Memory: how an address is translated, what the tables and the bytes are, who has which frame, and who has how much of what.

import type { MachineName } from '../../core/hypervisor/machines.ts';
import type { MemoryUse } from '../../core/hypervisor/memory/page-sight.ts';
import type { Technique } from '../vocabulary.ts';

export type Access = 'load' | 'store' | 'fetch';
export interface WalkQuestion {
  readonly gva: number;
  readonly access: Access;
}
/** A page-table entry as it was fetched. */
export interface PteFetch {
  /** Which tables: the guest's own, the second stage, or the hypervisor's shadow. */
  readonly table: 'guest' | 'stage-2' | 'shadow';
  /** 1: root, 0: leaf level. */
  readonly level: number;
  readonly index: number;
  /** Address of the entry: in guest physical memory for guest tables, and where that lies in the machine. */
  readonly gpa: number | undefined;
  readonly hpa: number | undefined;
  readonly value: number;
  readonly flags: {
    readonly V: boolean;
    readonly R: boolean;
    readonly W: boolean;
    readonly X: boolean;
    readonly U: boolean;
    readonly G: boolean;
    readonly A: boolean;
    readonly D: boolean;
  };
  /** Physical address the entry points to. */
  readonly pointsTo: number;
  readonly kind: 'pointer' | 'leaf' | 'invalid';
  /** Fetched to translate the address of a guest page-table entry, not the access itself. */
  readonly nested: boolean;
}
export interface WalkAnswer {
  readonly technique: Technique;
  readonly gva: number;
  readonly access: Access;
  /** Where the guest's tables lead; undefined where they fault. */
  readonly gpa: number | undefined;
  /** Where it lies in the machine; undefined where no memory is behind it (yet). */
  readonly hpa: number | undefined;
  /** Every entry in the order a walker fetches it. Under trap-and-emulate: the guest's tables, which the hypervisor walks, and the shadow, which the hart walks. */
  readonly fetches: readonly PteFetch[];
  /** The trap the access would cause now, in one sentence; undefined where it succeeds. */
  readonly fault: string | undefined;
}

export interface TablesQuestion {
  readonly table: 'guest' | 'stage-2' | 'shadow';
  /** Expand the second level below these root indices. */
  readonly expanded: readonly number[];
}
export interface TableEntry {
  readonly index: number;
  /** First address the entry translates: a GVA, for stage 2 a GPA. */
  readonly address: number;
  readonly value: number;
  readonly kind: 'pointer' | 'leaf';
  readonly flags: PteFetch['flags'];
  readonly pointsTo: number;
  readonly children: readonly TableEntry[] | undefined;
}
export interface TablesAnswer {
  /** Root table's address; undefined where this translation is off. */
  readonly root: number | undefined;
  readonly rootSpace: 'gpa' | 'hpa';
  /** Name of the root, e.g. `satp`, `hgatp`, or which of the shadow roots is in use. */
  readonly name: string;
  /** Only valid entries. */
  readonly entries: readonly TableEntry[];
}

export interface MemoryQuestion {
  readonly space: 'gva' | 'gpa' | 'hpa';
  readonly address: number;
  readonly length: number;
}
export interface MemoryAnswer {
  readonly space: 'gva' | 'gpa' | 'hpa';
  readonly address: number;
  /** Byte values; undefined where nothing is mapped or a device stands there (looking must not disturb it). */
  readonly bytes: readonly (number | undefined)[];
}

/** A run of physical frames with one owner. */
export interface FrameRun {
  readonly hpa: number;
  readonly frames: number;
  /** `several`: pages of more than one guest, or of one guest more than once. */
  readonly owner: { readonly kind: 'hypervisor' | 'free' | 'several' } | { readonly kind: 'vm'; readonly vm: number };
  readonly use: 'ram' | 'shared' | 'stage-2 tables' | 'shadow tables' | 'patched code' | 'free' | 'reserved';
  /** Guest pages that lie in each of the frames: more than 1 where they are shared. */
  readonly sharers: number;
}

/** What may be so of a page of a guest. In the numbers of `GuestPagesAnswer` the first is bit 0. */
export const pageMarks = [
  /** A frame of the machine is behind it. */
  'resident',
  /** The guest has given it up (balloon). */
  'ballooned',
  /** Its frame stands behind other pages too. */
  'shared',
  /** Written to since the dirty log was collected. */
  'dirty',
  /** Its contents lie in the swap store. */
  'swapped',
  /** One entry of the second stage maps it and the 4 MiB around it. */
  'huge',
] as const;
export type PageMark = (typeof pageMarks)[number];

/** Cells of a map at most. */
export const MOST_CELLS = 1024;

/** Pages are numbers of 4 KiB pages, counted from the beginning of the guest's RAM. */
export interface GuestPagesQuestion {
  /** The page that is told in full; undefined: the first that was touched. The window of the map is the one around it. */
  readonly page: number | undefined;
  /** Pages that lie in one cell: a power of two, at least 1. */
  readonly pagesPerCell: number;
}

export interface GuestPagesAnswer {
  readonly vm: number;
  /** Pages of the guest's RAM, and the guest physical address of the first. */
  readonly pages: number;
  readonly baseGpa: number;
  /** The first page of the first cell. */
  readonly first: number;
  readonly pagesPerCell: number;
  /** For each cell, what is so of any of its pages, as bits by `pageMarks`. */
  readonly cells: readonly number[];
  /** Of the cell around the page that was asked for: its pages, and of how many each mark is so. */
  readonly cell: { readonly pages: number; readonly counts: Readonly<Record<PageMark, number>> };
  readonly page: GuestPageDetail;
  /** Pages written to since the dirty log was collected; undefined while it is off. */
  readonly dirty: number | undefined;
}

/** One page of a guest, as it is now. */
export interface GuestPageDetail {
  readonly page: number;
  readonly gpa: number;
  /** Where its frame is; undefined where it has none. */
  readonly hpa: number | undefined;
  /** Its slot in the hypervisor's swap store, where its contents lie there. */
  readonly slot: number | undefined;
  readonly marks: readonly PageMark[];
  /** Pages of guests that lie in its frame, itself among them; 0 where it has none. */
  readonly sharers: number;
  /** Its frame must stay where it is: a device or the hypervisor knows it. */
  readonly pinned: boolean;
  /** Its frame is one of an aligned block of 4 MiB, whatever maps it. */
  readonly inBlock: boolean;
  readonly mapping: PageMapping;
}

/** What maps a page of a guest now, as the tables in the machine's memory say. */
export type PageMapping =
  /** Nothing: an access to it exits. */
  | { readonly kind: 'none' }
  /** Nothing is between the guest and its memory. */
  | { readonly kind: 'bare' }
  /** One entry of the second stage, of so many bytes. `store`: stores need no exit. */
  | { readonly kind: 'stage-2'; readonly bytes: number; readonly store: boolean }
  /** Entries of 4 KiB in shadow tables; `atLeast`: there are too many tables to have looked at all. */
  | { readonly kind: 'shadow'; readonly entries: number; readonly stores: number; readonly atLeast: boolean };

/** Of one VM, in pages of 4 KiB where nothing else is said. */
export interface VmMemoryUse extends Omit<MemoryUse, 'pinned' | 'dirty'> {
  readonly vm: number;
  /** Frames that hold its page tables. */
  readonly tables: number;
  /** Undefined while its dirty log is off. */
  readonly dirty: number | undefined;
  /** Bytes; undefined where it has no balloon. */
  readonly balloon: { readonly targetBytes: number; readonly actualBytes: number } | undefined;
  /** One letter for each 1/256 of its memory, the most telling state of its pages: `s` swapped out, `d` dirty, `m` shared, `b` ballooned, `r` resident, `.` untouched. */
  readonly map: string;
}

export interface MemoryUseAnswer {
  /** The machine that this is about: the one that the selected VM is on, or A. */
  readonly machine: MachineName;
  readonly vms: readonly VmMemoryUse[];
  /** Bytes of the machine. */
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly swapBytes: number;
  readonly swapCapacityBytes: number;
  readonly hugePages: boolean;
  readonly merging: {
    readonly on: boolean;
    readonly pagesPerScan: number;
    readonly merged: number;
    /** Frames that would be in use more if nothing were shared. */
    readonly saved: number;
    readonly fullScans: number;
  };
}
