// The options of `run` that are about memory as a resource, and what the statistics say of it.

import type { MemoryUse } from '../core/hypervisor/memory/page-sight.ts';
import type { Hypervisor } from '../core/hypervisor/hypervisor.ts';
import type { MemoryOptions } from '../core/hypervisor/memory/host-memory.ts';
import type { Technique, VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import { UsageError } from './options.ts';

const TICKS_PER_MICROSECOND = 10;

/** What `run` was told of memory beside the guest's own size. Sizes in bytes. */
export interface MemoryChoice {
  readonly machineMemory?: number;
  readonly swap?: number;
  /** Microseconds. */
  readonly swapLatency?: number;
  /** Pages to look at every 20 ms. */
  readonly merge?: number;
  readonly hugePages?: 'on' | 'off';
}

/** @throws UsageError where it asks for a hypervisor that there is not */
export function checkMemory(choice: MemoryChoice, technique: Technique): void {
  if (technique !== 'bare') return;
  const given = (
    [
      ['--machine-memory', choice.machineMemory],
      ['--swap', choice.swap],
      ['--swap-latency', choice.swapLatency],
      ['--merge', choice.merge],
      ['--huge-pages', choice.hugePages],
    ] as const
  ).find(([, value]) => value !== undefined);
  if (given === undefined) return;
  throw new UsageError(
    `a guest of the hypervisor with ${given[0]}`,
    '--technique bare, where the guest has the machine to itself',
    'add --technique hardware-assisted or trap-and-emulate',
  );
}

export const memoryOptionsOf = ({ swap, swapLatency, hugePages }: MemoryChoice): MemoryOptions => ({
  ...(swap !== undefined && { swapBytes: swap }),
  ...(swapLatency !== undefined && { swapLatency: swapLatency * TICKS_PER_MICROSECOND }),
  ...(hugePages !== undefined && { hugePages: hugePages === 'on' }),
});

/** Begins what goes on while the machine runs. */
export function applyMemory({ merge }: MemoryChoice, { memory, now }: Hypervisor): void {
  if (merge === undefined) return;
  memory.merging.pagesPerScan = merge;
  memory.merging.turn(true, now);
}

/** Of the guest's memory, in pages of 4 KiB where nothing else is said. */
export interface MemoryStatistics extends Omit<MemoryUse, 'pinned' | 'dirty'> {
  /** Bytes: what the balloon was asked for, and what its driver says that it has given up. */
  readonly balloonTarget: number;
  readonly balloonActual: number;
  /** Absent on the bare machine. */
  readonly machine?: {
    /** Bytes. */
    readonly total: number;
    readonly used: number;
    readonly merged: number;
    readonly fullScans: number;
  };
}

export function memoryStatisticsOf(vm: VirtualMachine, hypervisor: Hypervisor | undefined): MemoryStatistics {
  const { pinned: _, dirty: __, ...use } = vm.memory.use;
  const { targetBytes = 0, actualBytes = 0 } = vm.balloon?.use ?? {};
  return {
    ...use,
    balloonTarget: targetBytes,
    balloonActual: actualBytes,
    ...(hypervisor && {
      machine: {
        total: hypervisor.frames.count * 4096,
        used: hypervisor.frames.usedBytes,
        merged: hypervisor.memory.merging.use.merged,
        fullScans: hypervisor.memory.merging.use.fullScans,
      },
    }),
  };
}
