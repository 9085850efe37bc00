// Looks into the Linux guests that ship: where their kernels keep what they know, and the system calls that are recorded.

import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import { parseKernelLayout, type KernelLayout } from '../core/linux/kernel-layout.ts';
import { SystemCallLog } from '../core/linux/system-call-log.ts';
import { kernelLayouts } from '../guests/manifest.ts';
import type { ProcessesAnswer } from '../protocol/frame.ts';
import { processesAnswer } from './answers/processes.ts';
import type { GuestFiles } from './guest-files.ts';

export class Introspection {
  readonly layouts: readonly KernelLayout[];
  /** By the number of the VM. */
  readonly #logs = new Map<number, SystemCallLog>();

  constructor(layouts: readonly KernelLayout[]) {
    this.layouts = layouts;
  }

  /** Begins to record a VM's system calls. @param followed the VM, wherever it moves */
  record(id: number, followed: Pick<VirtualMachine, 'memory' | 'instructions' | 'exits'>): SystemCallLog {
    const log = new SystemCallLog(followed, this.layouts);
    this.#logs.set(id, log);
    return log;
  }

  /** The VM is gone. */
  forget(id: number): void {
    this.#logs.delete(id);
  }

  /** @param calls how many system calls are wanted at most */
  answer(vm: VirtualMachine, calls: number): ProcessesAnswer {
    return processesAnswer(vm, this.layouts, this.#logs.get(vm.id), calls);
  }
}

/** @throws Error with one line for a person */
export async function openIntrospection(files: GuestFiles): Promise<Introspection> {
  const layouts = await Promise.all(kernelLayouts.map((path) => files.get(path)));
  return new Introspection(layouts.map((bytes) => parseKernelLayout(new TextDecoder().decode(bytes))));
}
