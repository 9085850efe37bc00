// What every answer is made from: the lab, and the VM being looked at.

import type { KernelLayout } from '../../core/linux/kernel-layout.ts';
import type { SystemCallLog } from '../../core/linux/system-call-log.ts';
import type { Lab } from '../../core/hypervisor/lab.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';

export interface AnswerContext {
  readonly lab: Lab;
  /** The VM being looked at. */
  readonly vm: VirtualMachine | undefined;
  /** The number of its hart that is looked at. */
  readonly vcpu: number;
  /** Kernels whose memory can be read; undefined until they are loaded. */
  readonly layouts: readonly KernelLayout[] | undefined;
  /** The VMs whose system calls are recorded. */
  readonly systemCalls: ReadonlyMap<number, SystemCallLog>;
}
