// What the command understands.

import { parseArgs } from 'node:util';
import { labRows } from './rows/row-list.ts';
import { PAGE_ROWS } from './page-rows.ts';

export const KERNELS = 'kernels';
/** What `--only` can name. */
export const parts: readonly string[] = [KERNELS, ...labRows.map(({ name }) => name), PAGE_ROWS];

export interface BenchOptions {
  readonly quick: boolean;
  readonly host: 'chromium' | 'node';
  readonly json: string | undefined;
  readonly parts: readonly string[];
}

export const usage = `usage: npm run bench -- [--quick] [--host chromium|node] [--only PART,…] [--json FILE]

  --quick       three pairs instead of five, shorter rows: at most two minutes
  --host        where the core runs; chromium, headless, unless said otherwise
  --only        some parts: ${parts.join(', ')}
  --json FILE   also writes every figure, with the object “ratios”

The exit status is 1 where a checksum is wrong. A slow machine never fails it.
`;

/** @returns undefined where help is asked for @throws Error in one line for a person */
export function parseOptions(argv: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      host: { type: 'string', default: 'chromium' },
      json: { type: 'string' },
      only: { type: 'string', default: parts.join(',') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { host, quick, json } = values;
  if (host !== 'chromium' && host !== 'node') throw new Error(`expected --host chromium or node, found “${host}”`);
  const wanted = values.only.split(',');
  const unknown = wanted.find((part) => !parts.includes(part));
  if (unknown !== undefined) throw new Error(`expected --only with ${parts.join(', ')}; found “${unknown}”`);
  return { quick, host, json, parts: wanted };
}
