// Takes a CSR value apart into its named fields and says them in words. Pure: rows of data in, text out.

import { findCause } from '../../../core/isa/causes.ts';
import type { CsrFieldDescription } from '../../../protocol/frame.ts';
import { formatHex } from '../../format.ts';

/** Some bits of a word: a named field, or a stretch the manual leaves reserved (`field` undefined). */
export interface BitRun {
  readonly high: number;
  readonly low: number;
  readonly value: number;
  readonly field: CsrFieldDescription | undefined;
}

/** The bits [high:low] of a 32-bit word, as an unsigned number. */
export function extractBits(word: number, high: number, low: number): number {
  return Number((BigInt(word >>> 0) >> BigInt(low)) & ((1n << BigInt(high - low + 1)) - 1n));
}

/** Cuts a 32-bit word at its fields, highest bit first; the runs cover bits 31 to 0 without a gap or an overlap. */
export function splitIntoRuns(word: number, fields: readonly CsrFieldDescription[]): readonly BitRun[] {
  const runs: BitRun[] = [];
  const run = (high: number, low: number, field: CsrFieldDescription | undefined) =>
    runs.push({ high, low, value: extractBits(word, high, low), field });
  let top = 31;
  for (const field of fields.toSorted((left, right) => right.high - left.high)) {
    if (field.high > top) continue;
    if (field.high < top) run(top, field.high + 1, undefined);
    run(field.high, field.low, field);
    top = field.low - 1;
  }
  if (top >= 0) run(top, 0, undefined);
  return runs;
}

/** One field's value in words: its named value, `set` or `clear` for a lone bit, hexadecimal otherwise. */
export function describeField(field: CsrFieldDescription, word: number): string {
  const value = extractBits(word, field.high, field.low);
  const named = field.values?.[value];
  if (named !== undefined) return named;
  if (field.high === field.low) return value === 1 ? 'set' : 'clear';
  return field.high - field.low < 4 ? String(value) : formatHex(value, true, 1);
}

/** A whole CSR in a few words, e.g. `Sv32, root table at 8040_0000` or `load page fault`; empty where the number says it all. */
export function describeCsr(name: string, value: number, fields: readonly CsrFieldDescription[]): string {
  const word = value >>> 0;
  if (/cause$/.test(name)) return describeCause(word);
  if (/atp$/.test(name)) return describeTranslation(word, fields);
  if (/tvec$/.test(name))
    return `${extractBits(word, 1, 0) === 1 ? 'vectored' : 'direct'}, handler at ${formatHex((word & ~3) >>> 0)}`;
  if (fields.length === 0) return '';
  const set: string[] = [];
  for (const field of fields) {
    const bits = extractBits(word, field.high, field.low);
    if (field.values !== undefined) set.push(`${field.name}=${describeField(field, word)}`);
    else if (bits !== 0)
      set.push(field.high === field.low ? field.name : `${field.name}=${describeField(field, word)}`);
  }
  return set.length === 0 ? 'all clear' : set.join(' ');
}

/** The trap cause's name as the manual prints it (tables of mcause and scause). */
export function describeCause(value: number): string {
  const row = findCause(value >>> 0);
  if (row !== undefined) return row.name;
  return `${value >>> 31 === 1 ? 'interrupt' : 'exception'} ${value & 0x7fff_ffff}, not defined by the manual`;
}

function describeTranslation(word: number, fields: readonly CsrFieldDescription[]): string {
  if (word >>> 31 === 0) return 'Bare: addresses are not translated';
  const mode = fields.find(({ name }) => name === 'MODE')?.values?.[1] ?? 'Sv32';
  const root = extractBits(word, 21, 0) * 4096;
  return `${mode}, root table at ${formatHex(root)}`;
}
