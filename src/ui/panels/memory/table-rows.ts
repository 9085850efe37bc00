// The tree of page tables as the list of its visible rows. Pure.

import type { TableEntry } from '../../../protocol/frame.ts';

export interface TableRow {
  readonly entry: TableEntry;
  readonly depth: 1 | 2;
  /** Index in the root table of the entry itself, or of the one it hangs below. */
  readonly rootIndex: number;
}

/** Root entries, each followed by its children where the answer brought them. */
export function tableRows(entries: readonly TableEntry[]): readonly TableRow[] {
  return entries.flatMap((entry): readonly TableRow[] => [
    { entry, depth: 1, rootIndex: entry.index },
    ...(entry.children ?? []).map((child): TableRow => ({ entry: child, depth: 2, rootIndex: entry.index })),
  ]);
}
