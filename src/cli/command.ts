// What a command of `ringside` is: a name, a table of options, a function. The list is in main.ts.

import type { Stdin } from './console-input.ts';
import type { Given, OptionTable } from './options.ts';

/** Where a command reads and writes. */
export interface Streams {
  readonly stdin: Stdin;
  readonly stdout: NodeJS.WriteStream;
  /** One line for the person, on stderr. */
  readonly complain: (message: string) => void;
}

export interface Command<Table extends OptionTable = OptionTable> {
  readonly name: string;
  /** As --help shows them. */
  readonly operands: string;
  readonly summary: string;
  /** Lines that --help adds. */
  readonly details: readonly string[];
  readonly options: Table;
  /** @returns the exit status. @throws UsageError, ImageError for what is 2 and one line */
  run(operands: readonly string[], options: Given<Table>, streams: Streams): number | Promise<number>;
}
