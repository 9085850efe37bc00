// Groups the entries a walker fetched into the rows of the drawing: one row for each address that had to be found.
//
//   two-stage:   GPA of the guest's entry ─ stage 2 L1 ─ stage 2 L0 ─ HPA ─ guest entry ┐
//                ┌──────────────────────────────────────────────────────────────────────┘
//                GPA of the next entry    ─ …                                            ┐
//                GPA of the access itself ─ stage 2 L1 ─ stage 2 L0 ─ HPA
//   shadow:      the guest's tables, walked by the hypervisor, and below them the shadow tables, walked by the hart.
//
// Pure: a WalkAnswer in, bands of rows out; the drawing and its table alternative are made from the same rows.

import type { PteFetch, WalkAnswer } from '../../../protocol/frame.ts';

/** One address found: where, through which second-stage entries, and the guest or shadow entry that lay there. */
export interface WalkRow {
  /** `entry`: a page-table entry was fetched; `access`: the address of the access itself. */
  readonly kind: 'entry' | 'access';
  /** Guest physical address that had to be found; undefined where a table is addressed in the machine, or the walk broke off. */
  readonly gpa: number | undefined;
  /** Second-stage entries fetched to find it, root first; empty where there is no second stage. */
  readonly stage2: readonly PteFetch[];
  readonly hpa: number | undefined;
  /** The entry found there; undefined in the row of the access, and where the walk broke off. */
  readonly pte: PteFetch | undefined;
  /** The walk ended here with a fault. */
  readonly faulted: boolean;
}

/** The rows of one walker: the guest's tables (with or without a second stage under them), or the shadow tables. */
export interface WalkBand {
  readonly walker: 'hart' | 'hypervisor';
  readonly title: string;
  readonly rows: readonly WalkRow[];
}

/** The hart walks tables that the hypervisor has derived from the guest's. */
const hasShadow = ({ technique }: WalkAnswer): boolean =>
  technique === 'trap-and-emulate' || technique === 'paravirtual';

/** The bands of the drawing, top to bottom. A `bare` or `hardware-assisted` walk has one; where the hart walks a shadow, two. */
export function walkBands(walk: WalkAnswer): readonly WalkBand[] {
  if (!hasShadow(walk)) {
    const title = walk.technique === 'bare' ? 'The hart walks the page tables' : 'The hart walks both stages';
    return [{ walker: 'hart', title, rows: nestedRows(walk) }];
  }
  const guest = walk.fetches.filter(({ table }) => table !== 'shadow');
  const shadow = walk.fetches.filter(({ table }) => table === 'shadow');
  const guestFaults = walk.gpa === undefined;
  const shadowFaults = !guestFaults && walk.fault !== undefined;
  return [
    {
      walker: 'hypervisor',
      title: 'The hypervisor walks the guest’s tables, in software',
      rows: [
        ...guest.map((pte, index) => entryRow(pte, [], guestFaults && index === guest.length - 1)),
        ...(guestFaults ? [] : [accessRow(walk.gpa, [], walk.hpa, false)]),
      ],
    },
    {
      walker: 'hart',
      title: 'The hart walks the shadow tables',
      rows: [
        ...shadow.map((pte, index) => entryRow(pte, [], shadowFaults && index === shadow.length - 1)),
        ...(walk.hpa === undefined || shadowFaults ? [] : [accessRow(undefined, [], walk.hpa, false)]),
      ],
    },
  ];
}

/** How many memory references the access costs: every entry fetched by the hart, and the access itself where it succeeds. */
export function countReferences(walk: WalkAnswer): number {
  const byHart = hasShadow(walk) ? walk.fetches.filter(({ table }) => table === 'shadow') : walk.fetches;
  return byHart.length + (walk.fault === undefined ? 1 : 0);
}

function nestedRows(walk: WalkAnswer): readonly WalkRow[] {
  const rows: WalkRow[] = [];
  let stage2: PteFetch[] = [];
  for (const fetch of walk.fetches) {
    if (fetch.table === 'stage-2') {
      stage2.push(fetch);
      continue;
    }
    const last = fetch === walk.fetches.at(-1);
    rows.push(entryRow(fetch, stage2, last && walk.gpa === undefined));
    stage2 = [];
  }
  if (walk.gpa !== undefined) rows.push(accessRow(walk.gpa, stage2, walk.hpa, walk.fault !== undefined));
  else if (stage2.length > 0)
    rows.push({ kind: 'entry', gpa: undefined, stage2, hpa: undefined, pte: undefined, faulted: true });
  return rows;
}

const entryRow = (pte: PteFetch, stage2: readonly PteFetch[], faulted: boolean): WalkRow => ({
  kind: 'entry',
  gpa: pte.gpa,
  stage2,
  hpa: pte.hpa,
  pte,
  faulted,
});

const accessRow = (
  gpa: number | undefined,
  stage2: readonly PteFetch[],
  hpa: number | undefined,
  faulted: boolean,
): WalkRow => ({ kind: 'access', gpa, stage2, hpa, pte: undefined, faulted });

/** The three fields of a 32-bit virtual address (privileged manual, "Sv32: Addressing and Memory Protection"). */
export function splitSv32(gva: number): { readonly vpn1: number; readonly vpn0: number; readonly offset: number } {
  return { vpn1: gva >>> 22, vpn0: (gva >>> 12) & 0x3ff, offset: gva & 0xfff };
}

/** A PTE's flags as eight letters in the manual's order, highest bit first; a clear bit is a point: `D A . . X W R V`. */
export function flagLetters(flags: PteFetch['flags']): string {
  return (['D', 'A', 'G', 'U', 'X', 'W', 'R', 'V'] as const).map((name) => (flags[name] ? name : '·')).join('');
}

const tableNames = { guest: 'guest table', 'stage-2': 'stage 2', shadow: 'shadow table' } as const;

/** One fetch in words, for the list beside the drawing. */
export function describeFetch(fetch: PteFetch): string {
  const what =
    fetch.kind === 'invalid'
      ? 'not valid, the walk ends with a fault'
      : fetch.kind === 'pointer'
        ? 'points to the next table'
        : fetch.level === 0
          ? 'maps a page of 4 KiB'
          : 'maps a superpage of 4 MiB';
  return `${nameOfEntry(fetch)}: ${what}`;
}

/** Which entry it is: `guest table, level 0, entry 12`. */
export const nameOfEntry = ({ table, level, index }: PteFetch): string =>
  `${tableNames[table]}, level ${level}, entry ${index}`;
