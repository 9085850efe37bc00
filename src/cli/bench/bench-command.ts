// `bench`: how fast guests run, kernel by kernel and technique by technique, under Sv32. Its checks are of results, never
// of times: a noisy machine makes figures worse, not tests red.

import { writeFileSync } from 'node:fs';
import { techniques } from '../../core/hypervisor/virtual-machine.ts';
import type { Command } from '../command.ts';
import { option, quoted, UsageError } from '../options.ts';
import { fileName, wholeNumber } from '../values.ts';
import { kernels } from './kernels.ts';
import { geometricMean, measure, median } from './measure.ts';

const ROUNDS = 5;

const options = {
  rounds: option(
    '--rounds',
    'N',
    wholeNumber(1, 100),
    `how often each kernel runs under each technique; default ${ROUNDS}`,
  ),
  json: option('--json', 'FILE', fileName, 'write every figure to FILE as JSON'),
};

export const benchCommand: Command<typeof options> = {
  name: 'bench',
  operands: '',
  summary: 'measure how fast guests run',
  details: [
    'Each kernel runs under Sv32 as a guest of each technique, in turns; the table gives medians, in millions of guest',
    'instructions a second of processor time. A wrong checksum makes the exit status 1; a slow machine never does.',
  ],
  options,
  run(operands, { rounds = ROUNDS, json }, { stdout }) {
    const [first] = operands;
    if (first !== undefined) throw new UsageError('nothing after "bench"', quoted(first), 'leave it out');
    let wrong = 0;
    const rows = kernels.map((kernel) => {
      const runs = Array.from({ length: rounds }, () => techniques.map((technique) => measure(kernel, technique)));
      wrong += runs.flat().filter(({ checksumIsRight }) => !checksumIsRight).length;
      const mips = techniques.map((_, index) => median(runs.map((round) => round[index]?.mips ?? NaN)));
      stdout.write(`${line(kernel.name, mips)}\n`);
      return { kernel: kernel.name, instructions: runs[0]?.[0]?.instructions ?? 0, mips };
    });
    const means = techniques.map((_, index) => geometricMean(rows.map(({ mips }) => mips[index] ?? NaN)));
    stdout.write(`${line('geometric mean', means)}\n`);
    stdout.write(`checksums: ${wrong === 0 ? 'all right' : `${wrong} wrong`}\n`);
    if (json !== undefined) {
      const byTechnique = (values: readonly number[]) =>
        Object.fromEntries(techniques.map((technique, index) => [technique, values[index]]));
      const report = {
        rounds,
        node: process.version,
        kernels: rows.map(({ mips, ...row }) => ({ ...row, mips: byTechnique(mips) })),
        geometricMeanMips: byTechnique(means),
        wrongChecksums: wrong,
      };
      writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
    }
    return wrong === 0 ? 0 : 1;
  },
};

const line = (name: string, mips: readonly number[]): string =>
  `${name.padEnd(16)}${techniques.map((technique, index) => `${technique} ${(mips[index] ?? NaN).toFixed(0).padStart(4)} MIPS`).join('   ')}`;
