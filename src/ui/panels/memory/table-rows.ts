// Which page tables there are, and their tree as the list of its visible rows. Pure.

import type { Technique } from '../../../protocol/commands.ts';
import type { TableEntry, TablesQuestion } from '../../../protocol/frame.ts';

export type Table = TablesQuestion['table'];

export const tablesOf: Readonly<Record<Technique, readonly Table[]>> = {
  bare: ['guest', 'stage-2'],
  'trap-and-emulate': ['guest', 'shadow'],
  paravirtual: ['guest', 'shadow'],
  'hardware-assisted': ['guest', 'stage-2'],
};

/** The chosen table, or the guest's where the technique has no such. */
export const shownTable = (table: Table, technique: Technique): Table =>
  tablesOf[technique].includes(table) ? table : 'guest';

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
