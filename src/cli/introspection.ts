// What --processes and --system-calls write: a Linux guest looked at from outside, by the layouts of the kernels that ship.

import { readFileSync } from 'node:fs';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import { parseKernelLayout, type KernelLayout } from '../core/linux/kernel-layout.ts';
import { KernelMemory } from '../core/linux/kernel-memory.ts';
import { findLayout, lookAtLinux } from '../core/linux/processes.ts';
import { SystemCallLog } from '../core/linux/system-call-log.ts';
import { kernelLayouts } from '../guests/manifest.ts';
import type { OpenFile } from './files.ts';
import { shippedFile } from './guest-source.ts';
import type { Session } from './session.ts';

/** Where the kernels that ship keep their processes. */
export const shippedLayouts = (): readonly KernelLayout[] =>
  kernelLayouts.map((path) => parseKernelLayout(readFileSync(shippedFile(path), 'utf8')));

/**
 * Writes each system call of the guest's programs from now on, one JSON object a line, and a line more when it returns
 * (`returned` is the call's `sequence`).
 * @returns to be called when the session has another VM: the one has moved
 */
export function writeSystemCallsTo(file: OpenFile, session: Pick<Session, 'vm'>): () => void {
  const current = {
    get memory() {
      return session.vm.memory;
    },
    get instructions() {
      return session.vm.instructions;
    },
    get exits() {
      return session.vm.exits;
    },
  };
  const log = new SystemCallLog(current, shippedLayouts());
  const write = (line: object) => file.write(Buffer.from(`${JSON.stringify(line)}\n`));
  const observe = () => {
    session.vm.userCalls = {
      called: (call) => {
        log.called(call);
        const [record] = log.recent(1);
        if (record !== undefined) write(record);
      },
      returned: (back) => {
        const record = log.returned(back);
        if (record !== undefined) write({ returned: record.sequence, at: session.vm.instructions, ...record.result });
      },
    };
  };
  observe();
  return observe;
}

/** Writes the processes, namespaces and control groups that the guest's kernel has now. */
export function writeProcessesTo(file: OpenFile, vm: VirtualMachine): void {
  const memory = new KernelMemory(vm.memory, vm.look().get('satp'));
  const layout = findLayout(memory, shippedLayouts());
  const picture =
    layout === undefined
      ? {
          problem:
            'expected a Linux kernel that was built with the lab, found another, or one before it turned paging on',
        }
      : lookAtLinux(memory, layout);
  file.write(Buffer.from(`${JSON.stringify(picture, undefined, 2)}\n`));
}
