// The ways a guest ends, as data and in words.

import type { FinisherOutcome } from '../devices/test-finisher.ts';
import { findCause } from '../isa/causes.ts';
import { DEAD_EXIT_CODE, type Ending } from './virtual-machine.ts';

/** What a store to the test finisher means; undefined for a reset, which is no ending. */
export function endingOfFinisher(outcome: FinisherOutcome): Ending | undefined {
  switch (outcome.kind) {
    case 'pass':
      return { kind: 'finisher', exitCode: 0, message: 'The guest ended itself through the test finisher: pass.' };
    case 'fail':
      return {
        kind: 'finisher',
        exitCode: outcome.code,
        message: `The guest ended itself through the test finisher: fail, code ${outcome.code}.`,
      };
    case 'reset':
      return undefined;
  }
}

export const shutdown = (failed: boolean): Ending => ({
  kind: 'shutdown',
  exitCode: failed ? 1 : 0,
  message: failed ? 'The guest shut down and reported a failure.' : 'The guest shut down.',
});

const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;

/** Reflections in a row, each from the handler's first instruction, before the guest counts as stuck. */
export const FUTILE_REFLECTIONS = 16;

/** The first instruction of the guest's trap handler traps into that same handler. */
export const stuck = (pc: number, cause: number): Ending => ({
  kind: 'dead',
  exitCode: DEAD_EXIT_CODE,
  message:
    `The guest’s trap handler at ${hex(pc)} cannot run: its first instruction causes the trap it should handle ` +
    `(${findCause(cause)?.name ?? `cause ${cause}`}), for ever. On x86 this would be a triple fault. Check stvec or mtvec.`,
});

/** Every hart waits and nothing is left that could wake one. */
export const asleep = (): Ending => ({
  kind: 'dead',
  exitCode: DEAD_EXIT_CODE,
  message:
    'The guest waits for an interrupt, but none is enabled that could come: no timer is set and no input is left.',
});
