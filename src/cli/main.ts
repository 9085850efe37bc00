// The command line: `ringside run | guests | disassemble | assemble`. The launcher, .ci/ringside.mjs, calls `main`.
// Stdout is the guest's console or the command's result; every message goes to stderr, one line, and bad input is status 2.

import { ImageError } from '../core/machine/image.ts';
import { assembleCommand } from './assemble-command.ts';
import { compareCommand } from './compare-command.ts';
import type { Command, Streams } from './command.ts';
import { containersCommand } from './containers-command.ts';
import { disassembleCommand } from './disassemble-command.ts';
import { guestsCommand } from './guests-command.ts';
import { isolationCommand } from './isolation-command.ts';
import { ioPathsCommand } from './io-paths-command.ts';
import { nearName } from './near-names.ts';
import { parseArguments, quoted, UsageError, type OptionTable } from './options.ts';
import { runCommand } from './run.ts';
import { scenarioCommand } from './scenario-command.ts';
import { twinsCommand } from './twins-command.ts';
import { commandUsage, usage, type Described } from './usage.ts';
import { virtualizableCommand } from './virtualizable-command.ts';

/** Bad input of any kind. */
const BAD_INPUT = 2;

interface Runnable extends Described {
  readonly start: (argv: readonly string[], streams: Streams) => number | Promise<number>;
}

const runnable = <Table extends OptionTable>(command: Command<Table>): Runnable => ({
  ...command,
  start: (argv, streams) => {
    const { help, operands, options } = parseArguments(command.name, command.options, argv);
    if (!help) return command.run(operands, options, streams);
    streams.stdout.write(commandUsage(command));
    return 0;
  },
});

const commands: readonly Runnable[] = [
  runnable(runCommand),
  runnable(scenarioCommand),
  runnable(guestsCommand),
  runnable(disassembleCommand),
  runnable(assembleCommand),
  runnable(containersCommand),
  runnable(virtualizableCommand),
  runnable(compareCommand),
  runnable(isolationCommand),
  runnable(twinsCommand),
  runnable(ioPathsCommand),
];

const processStreams: Streams = {
  stdin: process.stdin,
  stdout: process.stdout,
  complain: (message) => {
    const start = message.startsWith('\n') ? '\n' : '';
    process.stderr.write(`${start}ringside: ${message.trim()}\n`);
  },
};

/**
 * Runs one command.
 * @param argv what follows the program's name
 * @returns the exit status
 */
export async function main(argv: readonly string[], streams: Streams = processStreams): Promise<number> {
  const [name, ...rest] = argv;
  try {
    if (name === undefined) {
      process.stderr.write(usage(commands));
      return BAD_INPUT;
    }
    if (name === 'help' || name === '--help' || name === '-h') {
      const about = commands.find((command) => command.name === rest[0]);
      streams.stdout.write(about === undefined ? usage(commands) : commandUsage(about));
      return 0;
    }
    const command = commands.find((each) => each.name === name);
    if (command === undefined) throw unknownCommand(name);
    return await command.start(rest, streams);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ImageError)) throw error;
    // One voice: the core's messages are sentences of their own.
    streams.complain(error.message.replace(/^Expected/, 'expected'));
    return BAD_INPUT;
  }
}

function unknownCommand(name: string): UsageError {
  const near = nearName(
    name,
    commands.map((command) => command.name),
  );
  const advice = near === undefined ? '' : `did you mean ${near}? `;
  return new UsageError('a command', quoted(name), `${advice}see ringside --help`);
}
