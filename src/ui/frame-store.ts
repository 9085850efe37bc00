// What the machine was at the last frame. Written by the frame loop alone; everything else reads.
// Parts of the page that draw it subscribe by `useFrame`: they get it in turns, so that a frame is never one long task.

import { useSyncExternalStore } from 'react';
import { flushSync } from 'react-dom';
import { create } from 'zustand';
import type { Frame, VmSummary } from '../protocol/frame.ts';
import { createTurns } from './turns.ts';

export interface FrameState {
  readonly frame: Frame | undefined;
  /** The frame of the stop before the one shown (same VM); undefined while it runs, or before there were two. */
  readonly before: Frame | undefined;
  /** Why the last frame request was refused, for the person. */
  readonly refusal: string | undefined;
}

export const useFrameState = create<FrameState>(() => ({ frame: undefined, before: undefined, refusal: undefined }));

/** While guests run there is another frame soon, and keys come first; when they stand, a step is waited for. */
const SHARE_MS = { moving: 2, standing: 8 } as const;

const turns = createTurns({
  nextFrame: (callback) => requestAnimationFrame(callback),
  now: () => performance.now(),
  share: () => SHARE_MS[useFrameState.getState().frame?.vms.some(isMoving) === true ? 'moving' : 'standing'],
  run: (part) => flushSync(part),
});
useFrameState.subscribe(turns.announce);

const never = () => () => undefined;

const subscribeFirst = (part: () => void) => turns.subscribe(part, true);

/**
 * The last frame, drawn anew in this part's turn; what it was when last drawn while the part is not on the screen.
 * @param first its turn comes before the others'
 */
export function useFrame(onScreen = true, first = false): FrameState {
  return useSyncExternalStore(onScreen ? (first ? subscribeFirst : turns.subscribe) : never, useFrameState.getState);
}

/** The VM with this number in the frame. */
export function vmOf(frame: Frame | undefined, vm: number | undefined): VmSummary | undefined {
  return vm === undefined ? undefined : frame?.vms.find((summary) => summary.vm === vm);
}

/** Instructions may still be executed without a command: it runs, waits for an interrupt, or is within a step. */
export function isMoving(vm: VmSummary): boolean {
  return vm.state === 'running' || vm.state === 'waiting' || vm.stepping;
}
