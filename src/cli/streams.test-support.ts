// Streams that a test holds both ends of.

import { readFileSync, rmSync } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import type { Streams } from './command.ts';
import { main } from './main.ts';
import type { Statistics } from './stats.ts';

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  /** Bytes of stdout. */
  readonly bytes: Buffer;
  /** Messages, one each. */
  readonly complaints: readonly string[];
}

/** Runs a command as if it were typed, with a pipe for stdin. */
export async function command(argv: readonly string[], typed: string | Uint8Array = ''): Promise<Finished> {
  const stdin = new PassThrough();
  stdin.end(typed);
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  const complaints: string[] = [];
  const streams = {
    stdin: Object.assign(stdin, { fd: -1, isTTY: false }),
    stdout: Object.assign(stdout, { isTTY: false }),
    complain: (message: string) => void complaints.push(message),
  } as unknown as Streams;
  const status = await main(argv, streams);
  const bytes = Buffer.concat(chunks);
  return { status, stdout: bytes.toString(), bytes, complaints };
}

/** Runs a guest and reads the statistics of its run, which go into a file in between. */
export async function runWithStatistics(file: string, argv: readonly string[], typed = '') {
  rmSync(file, { force: true });
  const finished = await command(['run', '--stats', file, ...argv], typed);
  return { ...finished, statistics: JSON.parse(readFileSync(file, 'utf8')) as Statistics };
}
