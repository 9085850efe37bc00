// Why a command cannot be run now, in words for the person; undefined where it can.

import { isMoving } from '../frame-store.ts';
import type { Situation } from './command-row.ts';

export const always = () => undefined;

/** Whether the selected VM stands in an exit that has stages to come. */
export function inExit({ vm, frame }: Situation): boolean {
  const stage = frame?.answers.stage;
  return vm !== undefined && !isMoving(vm) && stage !== undefined && stage.stage !== 'resumed';
}

export function notReady({ phase }: Situation): string | undefined {
  return phase === 'ready' ? undefined : 'The machine is not running.';
}

export function noVm(situation: Situation): string | undefined {
  return notReady(situation) ?? (situation.vm === undefined ? 'There is no VM to look at; add one.' : undefined);
}

/** For commands that only make sense once the guest has come to its end. */
export function notEnded(situation: Situation): string | undefined {
  return noVm(situation) ?? (situation.vm?.state === 'ended' ? undefined : 'The guest has not ended.');
}

export function notStoppable(situation: Situation): string | undefined {
  const missing = noVm(situation);
  if (missing !== undefined) return missing;
  return situation.vm?.state === 'ended' ? 'The guest has ended; reset it to run it again.' : undefined;
}

export function isBare({ vm }: Situation): string | undefined {
  return vm?.technique === 'bare'
    ? 'A bare guest has no hypervisor below it, so nothing exits. Choose another technique.'
    : undefined;
}

export function noExits(situation: Situation): string | undefined {
  return notStoppable(situation) ?? isBare(situation);
}

export function runsAlready(situation: Situation): string | undefined {
  const missing = notStoppable(situation);
  if (missing !== undefined) return missing;
  return situation.vm !== undefined && isMoving(situation.vm) ? 'The guest runs already.' : undefined;
}

export function isPaused(situation: Situation): string | undefined {
  const missing = notStoppable(situation);
  if (missing !== undefined) return missing;
  return situation.vm !== undefined && isMoving(situation.vm) ? undefined : 'The guest is paused already.';
}
