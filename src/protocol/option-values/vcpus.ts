// Values about virtual CPUs and the physical harts they run on: one for all of them, or one for each, by commas.

import { ValueError, type Reader } from './values.ts';

const MAXIMUM_HARTS = 8;

/** One whole number for all vCPUs, or one for each. */
export function perVcpu(minimum: number, maximum: number): Reader<readonly number[]> {
  return (text) =>
    text.split(',').map((each) => {
      const value = /^\d+$/.test(each) ? Number(each) : NaN;
      if (value >= minimum && value <= maximum) return value;
      throw new ValueError(
        `whole numbers from ${minimum} to ${maximum}`,
        'write one for all virtual CPUs, or one for each with commas between them, such as 100,200',
      );
    });
}

/** Sets of physical harts as bits: `0`, `0-3`, `1+3`; one for all vCPUs, or one for each. */
export const harts: Reader<readonly number[]> = (text) =>
  text.split(',').map((set) =>
    set.split('+').reduce((mask, run) => {
      const [, first = '', last = first] = /^(\d)(?:-(\d))?$/.exec(run) ?? [];
      const [from, to] = [first, last].map((digit) => (digit === '' ? NaN : Number(digit)));
      if (from === undefined || to === undefined || !(from <= to && to < MAXIMUM_HARTS)) {
        throw new ValueError(
          `physical harts from 0 to ${MAXIMUM_HARTS - 1}`,
          'write a hart (0), a run (0-3) or several of them (1+3), with commas between virtual CPUs',
        );
      }
      return mask | (2 ** (to + 1) - 2 ** from);
    }, 0),
  );
