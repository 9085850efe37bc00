// What the machine was at the last frame. Written by the frame loop alone; everything else reads.

import { create } from 'zustand';
import type { Frame, VmSummary } from '../protocol/frame.ts';

export interface FrameState {
  readonly frame: Frame | undefined;
  /** The frame of the stop before the one shown (same VM); undefined while it runs, or before there were two. */
  readonly before: Frame | undefined;
  /** Why the last frame request was refused, for the person. */
  readonly refusal: string | undefined;
}

export const useFrameState = create<FrameState>(() => ({ frame: undefined, before: undefined, refusal: undefined }));

/** The VM with this number in the frame. */
export function vmOf(frame: Frame | undefined, vm: number | undefined): VmSummary | undefined {
  return vm === undefined ? undefined : frame?.vms.find((summary) => summary.vm === vm);
}

/** Instructions may still be executed without a command: it runs, waits for an interrupt, or is within a step. */
export function isMoving(vm: VmSummary): boolean {
  return vm.state === 'running' || vm.state === 'waiting' || vm.stepping;
}
