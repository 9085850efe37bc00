// What the command understands.

import { parseArgs } from 'node:util';
import type { Clock } from './engine.ts';
import { labRows } from './rows/row-list.ts';
import { PAGE_ROWS } from './page-rows.ts';

export const KERNELS = 'kernels';
/** What `--only` can name. */
export const parts: readonly string[] = [KERNELS, ...labRows.map(({ name }) => name), PAGE_ROWS];

export interface BenchOptions {
  readonly quick: boolean;
  /** Pairs of each kernel and peer. */
  readonly pairs: number;
  readonly host: 'chromium' | 'node';
  /** What the kernels' times are of. */
  readonly clock: Clock;
  readonly json: string | undefined;
  readonly parts: readonly string[];
}

const PAIRS = 5;
const QUICK_PAIRS = 3;

/** Chromium's processor time is known where the system tells that of any process. */
const usualClock = (host: BenchOptions['host']): Clock =>
  host === 'node' || process.platform === 'linux' ? 'cpu' : 'wall';

export const usage = `usage: npm run bench -- [--quick] [--host chromium|node] [--only PART,…] [--pairs N]
                        [--clock wall|cpu] [--json FILE]

  --quick       ${QUICK_PAIRS} pairs instead of ${PAIRS}, shorter rows: two minutes
  --pairs N     runs of each kernel on each peer, each with one of the baseline
  --host        where the core runs; chromium, headless, unless said otherwise
  --clock       of the kernels: processor time, which other programs do not lengthen, unless said otherwise;
                in Chromium only Linux tells it, elsewhere it is wall
  --only        some parts: ${parts.join(', ')}
  --json FILE   also writes every figure, with the object “ratios”

The exit status is 1 where a checksum is wrong or a row could not be measured. A slow machine never fails it.
`;

/** @returns undefined where help is asked for @throws Error in one line for a person */
export function parseOptions(argv: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      host: { type: 'string', default: 'chromium' },
      clock: { type: 'string' },
      json: { type: 'string' },
      pairs: { type: 'string' },
      only: { type: 'string', default: parts.join(',') },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { host, quick, json } = values;
  if (host !== 'chromium' && host !== 'node') throw new Error(`expected --host chromium or node, found “${host}”`);
  const clock = values.clock ?? usualClock(host);
  if (clock !== 'wall' && clock !== 'cpu') throw new Error(`expected --clock wall or cpu, found “${clock}”`);
  const pairs = Number(values.pairs ?? (quick ? QUICK_PAIRS : PAIRS));
  if (!Number.isInteger(pairs) || pairs < 1) throw new Error(`expected --pairs 1 or more, found “${values.pairs}”`);
  const wanted = values.only.split(',');
  const unknown = wanted.find((part) => !parts.includes(part));
  if (unknown !== undefined) throw new Error(`expected --only with ${parts.join(', ')}; found “${unknown}”`);
  return { quick, pairs, host, clock, json, parts: wanted };
}
