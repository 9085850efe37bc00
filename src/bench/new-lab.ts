// The one place where the benchmark makes a lab, and so the one place that knows the lab's switches.

import { Lab } from '../core/hypervisor/lab.ts';
import type { Host } from '../core/machine/linear-memory.ts';

export interface LabSwitches {
  /** Hot code is translated to WebAssembly. */
  readonly translator: boolean;
  /** Exits are recorded. */
  readonly tracing: boolean;
}

/** What a person gets. */
export const usualSwitches: LabSwitches = { translator: true, tracing: true };

const MEBIBYTE = 2 ** 20;
const EPOCH = { high: 0, low: 0 };

/** @param memoryMiB RAM of the machine that the hypervisor shares out */
export function newLab(host: Host, memoryMiB: number, { translator, tracing }: LabSwitches = usualSwitches): Lab {
  const lab = new Lab({
    host,
    memoryBytes: memoryMiB * MEBIBYTE,
    epochNanoseconds: EPOCH,
    translator,
  });
  lab.trace.recording = tracing;
  return lab;
}
