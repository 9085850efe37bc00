// The guest's instruction at an exit: which one led to it, and whether it is still to be executed.

import { Access } from '../../machine/walker.ts';
import type { Exit, ExitReason } from './exits.ts';
import type { Vcpu } from '../vcpu.ts';

/** The instruction that led to an exit, for its record; 0 where none did, or nobody knows. */
export function instructionOf(exit: Exit, vcpu: Pick<Vcpu, 'hart' | 'world'>): number {
  switch (exit.reason) {
    case 'csr-access':
    case 'supervisor-return':
    case 'machine-return':
    case 'address-fence':
    case 'wait-for-interrupt':
    case 'patched-instruction':
      return exit.decoded.word;
    case 'code-access':
      return exit.word;
    case 'sbi-call':
    case 'system-call':
    case 'hypercall':
      return 0x0000_0073;
    case 'device-access':
    case 'modified-privilege':
      return vcpu.hart.instruction;
    case 'missing-page':
    case 'protected-page':
      return exit.access === Access.fetch ? (vcpu.world.fetchInstruction(vcpu.hart) ?? 0) : vcpu.hart.instruction;
    default:
      return 0;
  }
}

/** Whether the guest's instruction is still to be executed after the exit: a step of one instruction goes on. */
export const transparent = (reason: ExitReason): boolean =>
  reason === 'missing-page' ||
  reason === 'protected-page' ||
  reason === 'host-timer' ||
  reason === 'device-interrupt' ||
  reason === 'guest-file-interrupt' ||
  reason === 'host-interrupt';
