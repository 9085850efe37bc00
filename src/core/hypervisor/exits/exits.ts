// Every reason for which a hart leaves a guest, typed. Each has a name of its own, the name `perf kvm stat` prints, the
// Intel VMX exit that stands beside it, and one sentence. `handlers` must have one function for each: the compiler asks.

import type { Decoded } from '../../isa/instructions.ts';
import type { Trap } from '../../machine/privileged-state.ts';
import type { Access } from '../../machine/walker.ts';

/** What the handler of each reason is told. */
export interface Exits {
  /** A CSR instruction that may not execute as it stands. */
  'csr-access': { readonly decoded: Decoded };
  'supervisor-return': { readonly decoded: Decoded };
  'machine-return': { readonly decoded: Decoded };
  'address-fence': { readonly decoded: Decoded };
  'wait-for-interrupt': { readonly decoded: Decoded };
  /** ECALL of the guest's kernel. */
  'sbi-call': Record<never, never>;
  /** ECALL of a guest's kernel that knows its hypervisor. */
  hypercall: Record<never, never>;
  /** ECALL for software of the guest's own: of a user program for its kernel, of a kernel for firmware in the guest. */
  'system-call': Record<never, never>;
  /** The guest touched its own memory, and the hypervisor's tables did not have the page yet. */
  'missing-page': { readonly gva: number; readonly gpa: number; readonly access: Access };
  /** A load or store of the guest's machine mode under mstatus.MPRV: as another mode would make it. */
  'modified-privilege': { readonly gva: number; readonly access: Access };
  /** An instruction that this machine does not trap, where the hypervisor has put one that does. */
  'patched-instruction': { readonly decoded: Decoded };
  /**
   * A load or store by the instruction `word` that can only be performed: it touches the patched page it is executed from, or
   * a page that is executed as often as stored to.
   */
  'code-access': { readonly gva: number; readonly gpa: number; readonly access: Access; readonly word: number };
  /** The guest stored to a page that the hypervisor's tables let it only read: it is shared, executed, or a dirty log watches it. */
  'protected-page': { readonly gva: number; readonly gpa: number; readonly access: Access };
  /** The guest touched a device of its board. */
  'device-access': { readonly gva: number; readonly gpa: number; readonly access: Access };
  /** An exception that belongs to the guest: its own kernel must see it. */
  'guest-exception': { readonly trap: Trap };
  /** The hypervisor's timer ended the turn, or a deadline of the guest's devices has come. */
  'host-timer': Record<never, never>;
  /** A physical device that is assigned to a guest, or the IOMMU, interrupts. */
  'device-interrupt': Record<never, never>;
  /** A message has come to the interrupt file of a virtual CPU that is not on the hart. */
  'guest-file-interrupt': Record<never, never>;
  /** Another part of the host wants the hart. */
  'host-interrupt': Record<never, never>;
}
export type ExitReason = keyof Exits;

/** An exit with its reason: exactly one of the types above. */
export type Exit = { [R in ExitReason]: { readonly reason: R } & Exits[R] }[ExitReason];

/** What becomes of the guest after its exit was handled. */
export type Verdict =
  /** It goes on. */
  | 'resume'
  /** It goes on in its own trap handler. */
  | 'reflect'
  /** It waits. */
  | 'block'
  /** It has ended. */
  | 'kill';
export const verdicts: readonly Verdict[] = ['resume', 'reflect', 'block', 'kill'];

export interface ExitRow {
  readonly perfName: string;
  readonly vmxName: string;
  readonly meaning: string;
}

export const exitRows: { readonly [R in ExitReason]: ExitRow } = {
  'csr-access': {
    perfName: 'EXC_INST_ILLEGAL / EXC_VIRTUAL_INST_FAULT',
    vmxName: 'CR_ACCESS, MSR_READ, MSR_WRITE, RDTSC',
    meaning:
      'The guest used a control register that it may not touch; the hypervisor did it on the guest’s virtual one.',
  },
  'supervisor-return': {
    perfName: 'EXC_INST_ILLEGAL',
    vmxName: 'none: IRET runs directly',
    meaning: 'The guest’s kernel returned from a trap with `sret`; in user mode that traps, so the hypervisor did it.',
  },
  'machine-return': {
    perfName: 'EXC_INST_ILLEGAL',
    vmxName: 'RSM',
    meaning: 'The guest’s firmware returned from machine mode with `mret`; the hypervisor did it on the virtual hart.',
  },
  'address-fence': {
    perfName: 'EXC_INST_ILLEGAL',
    vmxName: 'INVLPG, INVPCID',
    meaning: 'The guest said that its page tables have changed; the hypervisor dropped what it had derived from them.',
  },
  'wait-for-interrupt': {
    perfName: 'EXC_INST_ILLEGAL / EXC_VIRTUAL_INST_FAULT',
    vmxName: 'HLT',
    meaning: 'The guest has nothing to do until an interrupt comes; the hypervisor gives the hart to others.',
  },
  'sbi-call': {
    perfName: 'EXC_SYSCALL / EXC_SUPERVISOR_SYSCALL',
    vmxName: 'VMCALL',
    meaning: 'The guest’s kernel called its firmware (SBI); the hypervisor answered in the firmware’s place.',
  },
  hypercall: {
    perfName: 'EXC_SYSCALL',
    vmxName: 'VMCALL',
    meaning:
      'The guest knows that it has a hypervisor and asked it for something: page-table entries, a way back, output.',
  },
  'system-call': {
    perfName: 'EXC_SYSCALL',
    vmxName: 'none: system calls run directly',
    meaning:
      'A user program called its kernel, or a kernel firmware that is the guest’s own; the hypervisor passed the call on.',
  },
  'missing-page': {
    perfName: 'EXC_*_PAGE_FAULT / EXC_*_GUEST_PAGE_FAULT',
    vmxName: 'EXCEPTION_NMI (#PF) / EPT_VIOLATION',
    meaning: 'The guest touched its memory and the hypervisor’s page tables had no entry yet; the hypervisor added it.',
  },
  'modified-privilege': {
    perfName: 'EXC_*_PAGE_FAULT',
    vmxName: 'none',
    meaning:
      'The guest’s machine mode loaded or stored with the rights of another mode (MPRV), or something in a page that its physical memory protection (PMP) splits; the hypervisor did it with exactly those rights.',
  },
  'patched-instruction': {
    perfName: 'EXC_BREAKPOINT',
    vmxName: 'EXCEPTION_NMI (#BP)',
    meaning:
      'The guest’s kernel executed an instruction that does not trap on this machine; in the copy that the hart executes the hypervisor has put one that does, and performed the original.',
  },
  'code-access': {
    perfName: 'EXC_LOAD_PAGE_FAULT / EXC_STORE_PAGE_FAULT',
    vmxName: 'none',
    meaning:
      'The guest loaded from or stored to a page of code that is patched or write-protected while it is executed; the hypervisor did it on the guest’s own page.',
  },
  'protected-page': {
    perfName: 'EXC_STORE_PAGE_FAULT / EXC_STORE_GUEST_PAGE_FAULT',
    vmxName: 'EPT_VIOLATION (PML_FULL)',
    meaning:
      'The guest stored to a page that is write-protected because it is shared, its dirty log is on, or its instructions were patched; the hypervisor noted the store, copied what is shared, withdrew what was patched, and let it through.',
  },
  'device-access': {
    perfName: 'EXC_*_PAGE_FAULT / EXC_*_GUEST_PAGE_FAULT',
    vmxName: 'EPT_MISCONFIG, IO_INSTRUCTION',
    meaning: 'The guest loaded from or stored to a device; the hypervisor’s device model answered.',
  },
  'guest-exception': {
    perfName: 'EXC_*',
    vmxName: 'EXCEPTION_NMI',
    meaning: 'An exception that belongs to the guest; the hypervisor passed it to the guest’s own handler.',
  },
  'host-timer': {
    perfName: 'IRQ_S_TIMER',
    vmxName: 'PREEMPTION_TIMER',
    meaning: 'The hypervisor’s timer took the hart back: the turn is over, or a timer of the guest’s is due.',
  },
  'device-interrupt': {
    perfName: 'IRQ_S_EXT',
    vmxName: 'EXTERNAL_INTERRUPT',
    meaning:
      'A physical device that is assigned to a guest interrupted the hart; the hypervisor passed it on to that guest.',
  },
  'guest-file-interrupt': {
    perfName: 'IRQ_S_GEXT',
    vmxName: 'EXTERNAL_INTERRUPT (posted-interrupt wake-up)',
    meaning:
      'A message has come to the interrupt file of a virtual CPU that waits for its turn; the hypervisor noted that it can go on.',
  },
  'host-interrupt': {
    perfName: 'IRQ_S_SOFT',
    vmxName: 'EXTERNAL_INTERRUPT',
    meaning: 'The host interrupted the hart; the guest knows nothing of it.',
  },
};
export const exitReasons = Object.keys(exitRows) as readonly ExitReason[];
