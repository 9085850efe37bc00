// A figure of the benchmark that is not a ratio of kernels: a name, a number and its unit.

import type { Surroundings } from './surroundings.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** A group of figures measured on labs, wherever the engine runs those. */
export interface LabRow {
  readonly name: string;
  readonly title: string;
  /** @param quick fewer repetitions @throws Error where a result is wrong */
  readonly measure: (surroundings: Surroundings, quick: boolean) => Promise<readonly Figure[]>;
}
