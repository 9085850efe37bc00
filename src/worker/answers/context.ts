// What every answer is made from: the lab, and the VM being looked at.

import type { Lab } from '../../core/hypervisor/lab.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';

export interface AnswerContext {
  readonly lab: Lab;
  /** The VM being looked at. */
  readonly vm: VirtualMachine | undefined;
}
