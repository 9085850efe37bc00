// What decides whether a command can be run now, as React state for buttons and as a plain reading for keys.

import { useChoice } from '../choice.ts';
import type { Situation } from '../commands/command-row.ts';
import { useFrame, useFrameState, vmOf } from '../frame-store.ts';
import type { Lab } from '../lab.ts';
import { useCoreStatus } from './use-core-status.ts';

export function useSituation(): Situation {
  const { frame } = useFrame();
  const choice = useChoice();
  const { phase } = useCoreStatus();
  return { phase, frame, choice, vm: vmOf(frame, choice.vm) };
}

export function situationNow(lab: Lab): Situation {
  const { frame } = useFrameState.getState();
  const choice = useChoice.getState();
  return { phase: lab.core.status().phase, frame, choice, vm: vmOf(frame, choice.vm) };
}
