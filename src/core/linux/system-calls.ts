// Names a Linux system call and writes it as `strace` would: openat(AT_FDCWD, "/etc/profile", 0x0).

import { errorNumber, isError } from './error-numbers.ts';
import { SYSTEM_CALL_ROWS } from './system-call-rows.ts';

export interface SystemCallRow {
  readonly number: number;
  readonly name: string;
  readonly parameters: readonly { readonly name: string; readonly text: boolean }[];
}

function parse(line: string): SystemCallRow {
  const [, number = '', name = '', list = ''] = /^(\d+) (\w+)\((.*)\)$/.exec(line) ?? [];
  const parameters = list === '' ? [] : list.split(', ');
  return {
    number: Number(number),
    name,
    parameters: parameters.map((each) => ({ name: each.replace('"', ''), text: each.startsWith('"') })),
  };
}

const rows: ReadonlyMap<number, SystemCallRow> = new Map(
  SYSTEM_CALL_ROWS.trim()
    .split('\n')
    .map(parse)
    .map((row) => [row.number, row]),
);

/** What the kernel calls it; the bare number where the table has none. */
export const systemCallName = (number: number): string => rows.get(number)?.name ?? `call ${number}`;

const AT_FDCWD = 0xffff_ff9c;
/** Characters of a string that are shown. */
export const LONGEST_TEXT = 48;

/**
 * One argument as a person reads it.
 * @param text reads up to `LONGEST_TEXT` characters at a user address; undefined where it cannot be read
 */
function argument(name: string, isText: boolean, value: number, text: (gva: number) => string | undefined): string {
  if (isText) {
    const read = value === 0 ? undefined : text(value);
    return read === undefined ? hex(value) : JSON.stringify(read);
  }
  if (value === AT_FDCWD && name.endsWith('fd')) return 'AT_FDCWD';
  return value < 4096 ? String(value) : value > 0xffff_f000 ? String(value | 0) : hex(value);
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Calls that return an address. */
const ADDRESSES: readonly string[] = ['brk', 'mmap2', 'mremap', 'shmat'];

/** What a call has returned, as a person reads it: `3`, `-2 ENOENT`, an address. @param value a0, unsigned */
export function describeResult(number: number, value: number): string {
  const signed = value | 0;
  if (isError(signed)) return `${signed} ${errorNumber(-signed)?.name ?? 'error'}`;
  return ADDRESSES.includes(systemCallName(number)) ? hex(value) : String(signed);
}

/** The call with its arguments. @param args a0 … a5, unsigned */
export function describeSystemCall(
  number: number,
  args: readonly number[],
  text: (gva: number) => string | undefined,
): string {
  const row = rows.get(number);
  if (row === undefined) return `${systemCallName(number)}(${args.map(hex).join(', ')})`;
  const shown = row.parameters.map((each, index) => argument(each.name, each.text, args[index] ?? 0, text));
  return `${row.name}(${shown.join(', ')})`;
}
