// Spike's host interface (HTIF) as far as programs without an operating system use it: a store of an odd value to the word
// `tohost` ends the run, with what is left of the value when its lowest bit is shifted out as the exit code.

import type { Ending } from './virtual-machine.ts';

/** The ending a value of `tohost` asks for; undefined where it asks for something else. */
export function endingOfToHost(value: number): Ending | undefined {
  if ((value & 1) === 0) return undefined;
  const code = value >>> 1;
  return {
    kind: 'finisher',
    exitCode: code,
    message:
      code === 0 ? 'The guest reported success through tohost.' : `The guest reported failure ${code} through tohost.`,
  };
}
