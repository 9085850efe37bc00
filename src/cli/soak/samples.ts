// Figures taken from a long run at intervals, and what they say of it: whether memory stays bounded and speed steady.

import type { TranslatorCounts } from '../../core/machine/translator/translator.ts';

export interface Sample {
  /** Host time since the start. */
  readonly seconds: number;
  /** Of the guest. */
  readonly instructions: number;
  /** Bytes: the process's resident memory; the JavaScript heap and what hangs on it. */
  readonly resident: number;
  readonly heap: number;
  readonly rounds: number;
  readonly exits: number;
  readonly counts: TranslatorCounts;
}

const MIB = 2 ** 20;
const columns = [
  ['second', 7],
  ['instructions', 15],
  ['MIPS', 6],
  ['RSS MiB', 8],
  ['heap MiB', 9],
  ['translated', 11],
  ['shared', 7],
  ['dropped', 8],
  ['standing', 9],
  ['wasm KiB', 9],
  ['exits', 10],
  ['rounds', 7],
] as const;

const line = (cells: readonly string[]): string =>
  cells.map((cell, index) => cell.padStart(columns[index]?.[1] ?? 0)).join(' ');

export const header = line(columns.map(([name]) => name));

/** Millions of instructions a second between two samples. */
const mipsBetween = (from: Sample | undefined, to: Sample): number =>
  (to.instructions - (from?.instructions ?? 0)) / (to.seconds - (from?.seconds ?? 0)) / 1e6;

/** @param before the sample before it, to tell the speed in between */
export const rowOf = (sample: Sample, before: Sample | undefined): string =>
  line([
    sample.seconds.toFixed(0),
    String(sample.instructions),
    mipsBetween(before, sample).toFixed(0),
    (sample.resident / MIB).toFixed(0),
    (sample.heap / MIB).toFixed(0),
    String(sample.counts.translated),
    String(sample.counts.shared),
    String(sample.counts.dropped),
    String(sample.counts.standing),
    (sample.counts.bytes / 1024).toFixed(0),
    String(sample.exits),
    String(sample.rounds),
  ]);

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** How much the last third of a run may differ from the second: the first is the warm-up. */
const TOLERANCE = 0.1;

export class Samples {
  readonly #samples: Sample[] = [];

  get last(): Sample | undefined {
    return this.#samples.at(-1);
  }

  add(sample: Sample): void {
    this.#samples.push(sample);
  }

  /** A table of the run's thirds, and a verdict in words. */
  summary(): readonly string[] {
    const samples = this.#samples;
    if (samples.length < 6) return ['too short to tell whether memory is bounded and speed steady: give it more time'];
    const size = Math.floor(samples.length / 3);
    const thirds = [0, 1, 2].map((third) => {
      const first = samples.length - (3 - third) * size;
      const part = samples.slice(first, first + size);
      return {
        mips: median(part.map((sample, index) => mipsBetween(samples[first + index - 1], sample))),
        resident: Math.max(...part.map(({ resident }) => resident)) / MIB,
        heap: Math.max(...part.map(({ heap }) => heap)) / MIB,
        standing: Math.max(...part.map(({ counts }) => counts.standing)),
      };
    });
    const [, middle, end] = thirds;
    const table = [
      'third    MIPS (median)   RSS MiB (most)   heap MiB (most)   regions standing (most)',
      ...thirds.map(
        ({ mips, resident, heap, standing }, index) =>
          `${['first', 'second', 'last'][index]?.padEnd(6)} ${mips.toFixed(0).padStart(15)} ${resident.toFixed(0).padStart(16)} ` +
          `${heap.toFixed(0).padStart(17)} ${String(standing).padStart(25)}`,
      ),
    ];
    if (middle === undefined || end === undefined) return table;
    const memory = end.resident / middle.resident - 1;
    const speed = end.mips / middle.mips - 1;
    const percent = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value * 100).toFixed(1)} %`;
    return [
      ...table,
      `memory, last third over second: ${percent(memory)}: ${memory <= TOLERANCE ? 'bounded' : 'IT GROWS'}`,
      `speed, last third over second: ${percent(speed)}: ${speed >= -TOLERANCE ? 'steady' : 'IT FALLS'}`,
    ];
  }
}
