// The command line: one table of option rows for each command, from which parsing, typing and --help derive.
// `--name value`, `--name=value`, `-o value`; `--` ends the options; a repeated option counts as written last, unless it may be repeated.

import { nearName } from './near-names.ts';
import { ValueError, type Reader } from '../protocol/option-values/values.ts';

/** What a person typed is not a command. The message is one line: what was expected, what was found, what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  constructor(expected: string, found: string, advice: string) {
    super(`expected ${expected}, found ${found}: ${advice}`);
  }
}

export interface OptionRow<Value> {
  /** As typed: `--memory`, `-o`. */
  readonly name: string;
  /** The value's name in --help: `SIZE`. */
  readonly value: string;
  readonly help: string;
  readonly read: Reader<Value>;
  /** It may be given more than once: the value is a list of all. */
  readonly repeated?: boolean;
}

export const option = <Value>(name: string, value: string, read: Reader<Value>, help: string): OptionRow<Value> => ({
  name,
  value,
  help,
  read,
});

/** An option that may be given more than once. */
export const repeatedOption = <Value>(
  name: string,
  value: string,
  read: Reader<Value>,
  help: string,
): OptionRow<readonly Value[]> => ({ name, value, help, read: (text) => [read(text)], repeated: true });

export type OptionTable = Readonly<Record<string, OptionRow<unknown>>>;

/** The options that were given, by the keys of the table. */
export type Given<Table extends OptionTable> = {
  readonly [Key in keyof Table]?: Table[Key] extends OptionRow<infer Value> ? Value : never;
};

export interface Arguments<Table extends OptionTable> {
  readonly options: Given<Table>;
  /** What is not an option, in order. */
  readonly operands: readonly string[];
  /** `--help` or `-h` was among them; nothing else was looked at. */
  readonly help: boolean;
}

const HELP = ['--help', '-h'];

/** How a person's text stands in a message: in quotes, without control characters, not for ever. */
export const quoted = (text: string): string => {
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
  return `"${plain.length > 80 ? `${plain.slice(0, 80)}…` : plain}"`;
};

/**
 * Reads the arguments of one command.
 * @param command its name, for the messages
 * @throws UsageError
 */
export function parseArguments<Table extends OptionTable>(
  command: string,
  table: Table,
  argv: readonly string[],
): Arguments<Table> {
  const rows = new Map(Object.entries(table).map(([key, row]) => [row.name, { key, row }]));
  const isOption = (text: string) => rows.has(text.split('=', 1)[0] ?? '') || HELP.includes(text);
  const options: Record<string, unknown> = {};
  const operands: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--') {
      operands.push(...argv.slice(index + 1));
      break;
    }
    if (HELP.includes(argument)) return { options: {}, operands: [], help: true };
    if (!argument.startsWith('-') || argument === '-') {
      operands.push(argument);
      continue;
    }
    const equals = argument.startsWith('--') ? argument.indexOf('=') : -1;
    const name = equals < 0 ? argument : argument.slice(0, equals);
    const found = rows.get(name);
    if (found === undefined) throw unknownOption(command, name, [...rows.keys()]);
    let text = equals < 0 ? undefined : argument.slice(equals + 1);
    if (text === undefined) {
      text = argv[++index];
      if (text === undefined || isOption(text)) throw missingValue(found.row, text);
    }
    const value = valueOf(found.row, text);
    const before = found.row.repeated === true ? options[found.key] : undefined;
    options[found.key] =
      Array.isArray(before) && Array.isArray(value) ? [...(before as unknown[]), ...(value as unknown[])] : value;
  }
  return { options: options as Given<Table>, operands, help: false };
}

function unknownOption(command: string, name: string, names: readonly string[]): UsageError {
  const near = nearName(name, names);
  return new UsageError(
    `an option of "${command}"`,
    quoted(name),
    `${near === undefined ? '' : `did you mean ${near}? `}see ringside ${command} --help`,
  );
}

function missingValue({ name, value }: OptionRow<unknown>, next: string | undefined): UsageError {
  return new UsageError(
    `${value} after ${name}`,
    next === undefined ? 'nothing' : `the option ${quoted(next)}`,
    `write ${name} ${value}`,
  );
}

function valueOf(row: OptionRow<unknown>, text: string): unknown {
  try {
    return row.read(text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new UsageError(`${error.expected} after ${row.name}`, text === '' ? 'nothing' : quoted(text), error.advice);
  }
}

/** For a command that takes none. @throws UsageError */
export function noOperands(command: string, operands: readonly string[]): void {
  const [first] = operands;
  if (first !== undefined) throw new UsageError(`nothing after "${command}"`, quoted(first), 'leave it out');
}

/**
 * The only operand of a command.
 * @throws UsageError where there is none, or more than one
 */
export function oneOperand(command: string, what: string, operands: readonly string[]): string {
  const [first, second] = operands;
  if (first === undefined || first === '') {
    throw new UsageError(what, 'none', `write ringside ${command} ${what}`);
  }
  if (second !== undefined) {
    throw new UsageError(`one ${what}`, `also ${quoted(second)}`, 'give one; put quotes around a text with spaces');
  }
  return first;
}
