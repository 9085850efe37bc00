// Runs one kernel of the benchmark as a guest and says how fast it went and whether its checksum is right.

import { Lab } from '../../core/hypervisor/lab.ts';
import type { Technique } from '../../core/hypervisor/virtual-machine.ts';
import { assemble } from '../../core/isa/assembly/assemble.ts';
import { SUPERVISOR_TEXT_ADDRESS } from '../../guests/manifest.ts';
import { nodeHost } from '../node-host.ts';
import { programOf, type Kernel } from './kernels.ts';

const MEBIBYTE = 2 ** 20;
const SLICE = 10_000_000;
const S0 = 8;

export interface Measurement {
  readonly instructions: number;
  readonly seconds: number;
  /** Millions of guest instructions a second of processor time. */
  readonly mips: number;
  readonly exits: number;
  readonly checksumIsRight: boolean;
}

/** @throws Error if the kernel's source is wrong or the guest does not end by itself */
export function measure(kernel: Kernel, technique: Technique, repetitions = kernel.repetitions): Measurement {
  const built = assemble(programOf(kernel, repetitions), { textAddress: SUPERVISOR_TEXT_ADDRESS });
  if (!built.ok) throw new Error(`${kernel.name}: ${built.errors.map(({ message }) => message).join('; ')}`);
  const lab = new Lab({ host: nodeHost, memoryBytes: 64 * MEBIBYTE, epochNanoseconds: { high: 0, low: 0 } });
  const vm = lab.addVm({
    technique,
    guest: { image: built.image, boot: 'supervisor', memoryBytes: 32 * MEBIBYTE, harts: 1 },
  });
  lab.start(vm.id);
  const computer = lab.computerOf(vm);
  const before = process.cpuUsage();
  while (!vm.ending) if (computer.runSlice(SLICE) === 'idle') throw new Error(`${kernel.name} waits for ever`);
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  return {
    instructions: vm.instructions,
    seconds,
    mips: vm.instructions / seconds / 1e6,
    exits: vm.exits,
    checksumIsRight: vm.ending.exitCode === 0 && vm.look().x(S0) === kernel.checksum(repetitions),
  };
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
};

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
