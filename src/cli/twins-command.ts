// `twins`: two guests that do the same work, each in every way it can be run, and what that takes side by side.

import { exitReasons } from '../core/hypervisor/exits/exits.ts';
import { didTheSame, runTwin, type TwinRun } from '../core/hypervisor/measurements/twins.ts';
import { techniques } from '../core/hypervisor/virtual-machine.ts';
import { findGuest, guests } from '../guests/manifest.ts';
import type { Command, Streams } from './command.ts';
import { OpenFile } from './files.ts';
import { chooseGuest } from './guest-source.ts';
import { nodeHost } from './node-host.ts';
import { option, quoted, UsageError } from './options.ts';
import { fileName } from '../protocol/option-values/values.ts';

const options = {
  stats: option('--stats', 'FILE', fileName, 'write the measurements, as JSON'),
} as const;

const TICKS_PER_MILLISECOND = 10_000;
const twins = guests.filter(({ twin }) => twin !== undefined);

export const twinsCommand: Command<typeof options> = {
  name: 'twins',
  operands: '[GUEST]',
  summary: 'run a guest and its twin, and compare exits and cost',
  details: [
    `Both do the same work: ${twins.map(({ name }) => name).join(' and ')}. A column for each way of running them; the status is 1 where`,
    'they did not print the same. Host times are this computer’s; everything else is the same in every run.',
  ],
  options,
  run(operands, { stats }, { stdout, complain }) {
    const pair = pairOf(operands);
    const file = stats === undefined ? undefined : new OpenFile('the measurements', stats, []);
    try {
      return measure(pair, file, stdout, complain);
    } finally {
      file?.close();
    }
  },
};

function measure(
  pair: ReturnType<typeof pairOf>,
  file: OpenFile | undefined,
  stdout: Streams['stdout'],
  complain: Streams['complain'],
): number {
  const runs = pair.flatMap(({ name, technique }) => {
    const { guest } = chooseGuest([], { guest: name });
    return runTwin({ host: nodeHost, name, technique, guest });
  });
  file?.write(Buffer.from(`${JSON.stringify(runs, undefined, 2)}\n`));
  stdout.write(tableOf(runs));
  if (didTheSame(runs)) return 0;
  complain('expected the same output from all, found different ones: see --stats FILE for each');
  return 1;
}

/** @throws UsageError */
function pairOf(operands: readonly string[]) {
  const [wanted = twins[0]?.name ?? '', ...more] = operands;
  const one = findGuest(wanted);
  const other = one?.twin === undefined ? undefined : findGuest(one.twin);
  if (one === undefined || other === undefined || more.length > 0) {
    throw new UsageError(
      'the name of a guest that has a twin',
      more.length > 0 ? `${operands.length} operands` : quoted(wanted),
      `choose ${twins.map(({ name }) => name).join(' or ')}`,
    );
  }
  return techniques.flatMap((technique) =>
    [one, other].filter((guest) => guest.techniques.includes(technique)).map(({ name }) => ({ name, technique })),
  );
}

/** One column a run. */
function tableOf(runs: readonly TwinRun[]): string {
  const happened = exitReasons.filter((reason) =>
    runs.some(({ exits }) => exits.some((each) => each.reason === reason)),
  );
  const countOf = (run: TwinRun, reason: string) => run.exits.find((each) => each.reason === reason)?.count ?? 0;
  const sum = (run: TwinRun, field: 'count' | 'nanoseconds') =>
    run.exits.reduce((total, each) => total + each[field], 0);
  const lines: readonly (readonly string[])[] = [
    ['guest', ...runs.map(({ guest }) => guest)],
    ['technique', ...runs.map(({ technique }) => technique)],
    ...happened.map((reason) => [reason, ...runs.map((run) => String(countOf(run, reason)))]),
    ['exits', ...runs.map((run) => String(sum(run, 'count')))],
    ['instructions', ...runs.map(({ instructions }) => String(instructions))],
    ['virtual time', ...runs.map(({ ticks }) => `${(ticks / TICKS_PER_MILLISECOND).toFixed(2)} ms`)],
    ['host time', ...runs.map(({ nanoseconds }) => `${(nanoseconds / 1e6).toFixed(1)} ms`)],
    ['host time in exits', ...runs.map((run) => `${(sum(run, 'nanoseconds') / 1e6).toFixed(1)} ms`)],
  ];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2)))
        .join(''),
    )
    .join('\n')
    .concat('\n');
}
