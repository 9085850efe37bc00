// The lines of the comparison: what happened and how often, what it cost. Pure.

import type { Catalog, TwinRun } from '../../../protocol/commands.ts';
import { TICKS_PER_MILLISECOND } from '../../../protocol/virtual-time.ts';
import { formatCount } from '../../format.ts';

export interface CostLine {
  readonly title: string;
  /** What it is, one sentence. */
  readonly sentence: string;
  /** One for each run. */
  readonly values: readonly number[];
  readonly format: (value: number) => string;
  /** A sum of the lines above it. */
  readonly total?: boolean;
}

const milliseconds = (value: number): string => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

const sumOf = (run: TwinRun, field: 'count' | 'nanoseconds'): number =>
  run.exits.reduce((sum, each) => sum + each[field], 0);

/** Exit reasons that happened in some run, the most frequent first, then sums and times. */
export function costLines(runs: readonly TwinRun[], catalog: Catalog | undefined): readonly CostLine[] {
  const most = new Map<string, number>();
  for (const { exits } of runs) {
    for (const { reason, count } of exits) most.set(reason, Math.max(most.get(reason) ?? 0, count));
  }
  const reasons = [...most].sort(([, a], [, b]) => b - a).map(([reason]) => reason);
  const countOf = (run: TwinRun, wanted: string) => run.exits.find(({ reason }) => reason === wanted)?.count ?? 0;
  return [
    ...reasons.map((reason): CostLine => ({
      title: reason,
      sentence: catalog?.exitReasons.find((row) => row.reason === reason)?.meaning ?? '',
      values: runs.map((run) => countOf(run, reason)),
      format: formatCount,
    })),
    {
      title: 'all exits',
      sentence: 'How often the hypervisor had to act.',
      values: runs.map((run) => sumOf(run, 'count')),
      format: formatCount,
      total: true,
    },
    {
      title: 'instructions',
      sentence: 'What the guest executed, those that trapped included.',
      values: runs.map(({ instructions }) => instructions),
      format: formatCount,
    },
    {
      title: 'virtual time',
      sentence: 'From power-on to the end by the clock of the simulated board; the same in every run.',
      values: runs.map(({ ticks }) => ticks / TICKS_PER_MILLISECOND),
      format: milliseconds,
    },
    {
      title: 'time here',
      sentence: 'From the first instruction to the last by the clock of this browser.',
      values: runs.map(({ nanoseconds }) => nanoseconds / 1e6),
      format: milliseconds,
    },
    {
      title: 'time in exits',
      sentence: 'From the trap until the guest went on, all exits together, by the clock of this browser.',
      values: runs.map((run) => sumOf(run, 'nanoseconds') / 1e6),
      format: milliseconds,
    },
  ];
}

/** What the comparison says, in one sentence. */
export function verdictOf(runs: readonly TwinRun[], same: boolean): string {
  if (!same) return 'They did not print the same: that must not be.';
  const exits = (technique: TwinRun['technique']) => {
    const run = runs.find((each) => each.technique === technique);
    return run === undefined ? 0 : sumOf(run, 'count');
  };
  const [trapped, asked] = [exits('trap-and-emulate'), exits('paravirtual')];
  const lines = (runs[0]?.output.match(/\n/g) ?? []).length;
  const gain =
    asked > 0
      ? ` A kernel that asks needs ${formatCount(asked)} exits where one that is caught needs ${formatCount(trapped)}.`
      : '';
  return `All printed the same ${lines} lines.${gain}`;
}
