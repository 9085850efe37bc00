// Writes exits as CSV (RFC 4180) and as JSON lines, for notebooks and spreadsheets. Pure: rows in, text out.
// Addresses and words are hexadecimal with 0x in CSV, numbers in JSON; nothing is rounded.

import type { ExitRow } from '../../../protocol/frame.ts';

type Column = readonly [heading: string, cell: (row: ExitRow) => string | number];

const hexadecimal = (value: number | undefined): string =>
  value === undefined ? '' : `0x${value.toString(16).padStart(8, '0')}`;

const columns: readonly Column[] = [
  ['sequence', (row) => row.sequence],
  ['vm', (row) => row.vm],
  ['reason', (row) => row.reason],
  ['pc', (row) => hexadecimal(row.pc)],
  ['gva', (row) => hexadecimal(row.gva)],
  ['gpa', (row) => hexadecimal(row.gpa)],
  ['instruction', (row) => hexadecimal(row.instruction)],
  ['text', (row) => row.text],
  ['verdict', (row) => row.verdict],
  ['at_instructions', (row) => row.at],
  ['virtual_cost', (row) => row.virtualCost],
  ['nanoseconds', (row) => row.nanoseconds ?? ''],
];

/** A cell with a comma, a quote or a line break is quoted; a text a spreadsheet would take for a formula gets a ' in front. */
function escapeCell(cell: string | number): string {
  if (typeof cell === 'number') return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The rows as CSV with a heading line; lines end with CR LF as RFC 4180 says. */
export function exitsToCsv(rows: readonly ExitRow[]): string {
  const lines = [
    columns.map(([heading]) => heading),
    ...rows.map((row) => columns.map(([, cell]) => escapeCell(cell(row)))),
  ];
  return lines.map((cells) => `${cells.join(',')}\r\n`).join('');
}

/** The rows as JSON lines: one object a line. */
export function exitsToJsonLines(rows: readonly ExitRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
