// The help texts, from the commands' tables.

import type { OptionTable } from './options.ts';

const WIDTH = 100;

/** What --help shows of a command. */
export interface Described {
  readonly name: string;
  readonly operands: string;
  readonly summary: string;
  readonly details: readonly string[];
  readonly options: OptionTable;
}

/** Breaks a text into lines of at most `width`, at spaces. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Two columns, the second wrapped. */
function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const left = Math.max(...rows.map(([name]) => name.length)) + 4;
  return rows.flatMap(([name, text]) =>
    wrap(text, WIDTH - left).map((line, index) => (index === 0 ? `  ${name}`.padEnd(left) : ' '.repeat(left)) + line),
  );
}

const synopsis = ({ name, operands, options }: Described): string =>
  [`ringside ${name}`, operands, Object.keys(options).length > 0 ? '[options]' : ''].filter(Boolean).join(' ');

/** The help of one command. */
export function commandUsage(command: Described): string {
  const rows = Object.values(command.options).map(({ name, value, help }) => [`${name} ${value}`, help] as const);
  return [
    `Usage: ${synopsis(command)}`,
    '',
    ...command.details,
    ...(rows.length > 0 ? ['', 'Options (also --name=value):', ...columns(rows)] : []),
    '',
  ].join('\n');
}

/** The help of the whole. */
export function usage(commands: readonly Described[]): string {
  return [
    'Ringside: a virtualization laboratory, here without its page.',
    '',
    'Usage:',
    ...columns(commands.map((command) => [synopsis(command), command.summary])),
    '',
    '`ringside COMMAND --help` tells the rest. From a checkout: npm run --silent ringside -- COMMAND …',
    '',
  ].join('\n');
}
