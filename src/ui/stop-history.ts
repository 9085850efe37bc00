// Remembers the last two stops of each VM, so that a panel can mark what changed between them.

import type { Frame, VmSummary } from '../protocol/frame.ts';
import { isMoving } from './frame-store.ts';

interface Stop {
  /** What tells this stop from the next. */
  readonly key: string;
  readonly instructions: number;
  readonly frame: Frame;
  readonly previous: Frame | undefined;
}

export interface StopHistory {
  /** Takes note of a full frame; returns the frame of the stop before this one, undefined while the VM moves. */
  readonly note: (frame: Frame, vm: VmSummary | undefined) => Frame | undefined;
  /** Forgets the stops of one VM: it begins anew. */
  readonly forget: (vm: number) => void;
  /** Forgets every stop: the VMs are others now. */
  readonly clear: () => void;
}

function keyOf(frame: Frame, vm: VmSummary): string {
  return [vm.instructions, vm.exits, vm.pc, vm.stopReason?.sentence, frame.answers.stage?.stage].join(' ');
}

export function createStopHistory(): StopHistory {
  const stops = new Map<number, Stop>();
  return {
    note(frame, vm) {
      if (vm === undefined || isMoving(vm)) return undefined;
      const key = keyOf(frame, vm);
      const last = stops.get(vm.vm);
      // Fewer instructions than before: it was reset, and nothing before that compares.
      const older = last !== undefined && last.instructions <= vm.instructions ? last : undefined;
      const previous = older === undefined ? undefined : older.key === key ? older.previous : older.frame;
      stops.set(vm.vm, { key, instructions: vm.instructions, frame, previous });
      return previous;
    },
    forget: (vm) => void stops.delete(vm),
    clear: () => stops.clear(),
  };
}
