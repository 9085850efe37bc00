// The words on the screen: one sentence, where the manual says it, and what Intel and Arm call it.
// Sections: "Priv" is The RISC-V Instruction Set Manual, Volume II (privileged architecture); "SBI" the Supervisor Binary Interface.

import { explained as row, type GlossaryRow } from './glossary-row.ts';
import { panelGlossary } from './panels/glossary.ts';
import { statusWords } from './shell/status-words.ts';

export type { GlossaryRow } from './glossary-row.ts';

export const glossary = {
  ...panelGlossary,
  ...statusWords,
  hypervisor: row(
    'Hypervisor',
    'The program that gives every guest a computer of its own and acts when a guest does what it may not.',
    'Priv, "Hypervisor" extension',
    'VMM in VMX root',
    'EL2',
  ),
  guest: row(
    'Guest',
    'A program, often a kernel, that believes it has the whole computer.',
    undefined,
    'VMX non-root',
    'EL1 and EL0',
  ),
  hart: row(
    'Hart',
    'A hardware thread: what executes instructions. Here, one RV32 processor.',
    'Unpriv, "Introduction"',
    'logical processor',
    'PE',
  ),
  vcpu: row(
    'vCPU',
    'The registers of one guest processor, kept while it does not have the hart.',
    undefined,
    'VMCS guest-state area',
    'vCPU context',
  ),
  'world-switch': row(
    'World switch',
    'The registers of one world are saved and those of the other loaded: guest to hypervisor, or back.',
    undefined,
    'VM entry and VM exit',
    'exception entry to EL2, ERET',
  ),
  technique: row(
    'Technique',
    'How the hypervisor runs the guest: not at all (bare), by trapping in user mode, or with the H extension.',
  ),
  bare: row('Bare', 'No hypervisor: the guest owns a machine of its own. The baseline that the others must equal.'),
  'trap-and-emulate': row(
    'Trap and emulate',
    'The guest’s kernel runs in user mode; each privileged instruction traps, and the hypervisor does it for the guest.',
    'Popek and Goldberg, 1974',
    'what VMware did before VT-x',
  ),
  paravirtual: row(
    'Paravirtual',
    'The guest knows its hypervisor and asks it for things, many at a time, instead of trapping for each.',
    'SBI specification, “Vendor-Specific SBI Extension Space”',
    'Xen’s paravirtual guests',
  ),
  'hardware-assisted': row(
    'Hardware-assisted',
    'The hart itself has a mode for guests and a second stage of page tables.',
    'Priv, "Hypervisor" extension',
    'VT-x with EPT',
    'EL2 with stage 2',
  ),
  trap: row(
    'Trap',
    'Control passes to a handler because of an exception or an interrupt.',
    'Unpriv, "Exceptions, Traps, and Interrupts"',
    'exception or interrupt',
    'exception',
  ),
  reflect: row(
    'Reflect',
    'The hypervisor gives the trap to the guest’s own handler, as the hardware would have done.',
    undefined,
    'event injection',
    'injected exception',
  ),
  inject: row(
    'Inject',
    'The hypervisor makes an interrupt pending in the guest.',
    'Priv, hvip',
    'VM-entry event injection',
    'list registers, HCR_EL2.VI',
  ),
  sbi: row(
    'SBI call',
    'A service the kernel asks of what is below it with ecall: timer, console, other harts, power.',
    'SBI',
    'hypercall, VMCALL',
    'PSCI, HVC',
  ),
  ecall: row(
    'ecall',
    'Calls the next more privileged mode by a trap.',
    'Unpriv, "Environment Call and Breakpoints"',
    'SYSCALL or VMCALL',
    'SVC or HVC',
  ),
  sret: row(
    'sret',
    'Returns from a trap that was taken in supervisor mode: pc from sepc, mode from sstatus.SPP.',
    'Priv, "Trap-Return Instructions"',
    'IRET',
    'ERET',
  ),
  wfi: row('WFI', 'The guest has nothing to do until an interrupt comes.', 'Priv, "Wait for Interrupt"', 'HLT', 'WFI'),
  gva: row(
    'Guest virtual address',
    'What the guest’s program says: the guest’s page tables translate it.',
    'Priv, "Two-Stage Address Translation"',
    'guest linear address',
    'VA',
  ),
  gpa: row(
    'Guest physical address',
    'What the guest believes is memory; the hypervisor decides what is behind it.',
    'Priv, "Two-Stage Address Translation"',
    'guest-physical address',
    'IPA',
  ),
  hpa: row(
    'Host physical address',
    'Where the byte is in the machine’s memory. Manuals: supervisor physical address.',
    'Priv, "Two-Stage Address Translation"',
    'host-physical address',
    'PA',
  ),
  'stage-1': row(
    'Stage 1',
    'The guest’s own page tables: guest virtual to guest physical.',
    'Priv, vsatp',
    'guest CR3',
    'stage 1, TTBR',
  ),
  'stage-2': row(
    'Stage 2',
    'The hypervisor’s page tables: guest physical to host physical. The manual’s G-stage.',
    'Priv, hgatp',
    'EPT',
    'stage 2, VTTBR_EL2',
  ),
  shadow: row(
    'Shadow page table',
    'One table made by the hypervisor that goes from guest virtual to host physical at once, kept equal to the guest’s own.',
    undefined,
    'shadow paging',
    'shadow stage 2',
  ),
  tlb: row(
    'TLB',
    'Remembers translations, so that most accesses need no walk; it may be stale until it is fenced.',
    'Priv, SFENCE.VMA',
    'TLB, VPID',
    'TLB, VMID',
  ),
  pte: row(
    'Page-table entry',
    'One 32-bit word: where the page or the next table is, and what may be done there.',
    'Priv, "Sv32"',
    'PTE',
    'descriptor',
  ),
  satp: row(
    'satp',
    'Root of the page tables in use, and whether translation is on.',
    'Priv, "Supervisor Address Translation and Protection"',
    'CR3',
    'TTBR0_EL1',
  ),
  vsatp: row('vsatp', 'The guest’s satp while the H extension runs it.', 'Priv, vsatp', 'guest CR3', 'TTBR0_EL1'),
  hgatp: row(
    'hgatp',
    'Root of the second stage, and the VM’s number for the TLB.',
    'Priv, hgatp',
    'EPTP, VPID',
    'VTTBR_EL2',
  ),
  pc: row('pc', 'Address of the next instruction.', undefined, 'RIP', 'PC'),
  mode: row(
    'Mode',
    'What the hart may do now: user (U), supervisor (S), machine (M); V in front while a guest has it.',
    'Priv, "Privilege Modes"',
    'CPL, VMX root or non-root',
    'exception level',
  ),
  time: row(
    'Board time',
    'Ticks of the 10 MHz clock. Guest instructions drive it, so that every run is the same.',
    'Priv, "Machine Timer Registers"',
    'TSC',
    'CNTVCT_EL0',
  ),
  plic: row(
    'PLIC',
    'Platform-level interrupt controller: takes device lines, offers the most urgent to each hart.',
    'RISC-V PLIC specification',
    'I/O APIC',
    'GIC distributor',
  ),
  imsic: row(
    'IMSIC',
    'Incoming MSI controller of a hart: a store of an interrupt’s number to an interrupt file’s page interrupts the hart, or the guest whose file it is, without an exit.',
    'RISC-V Advanced Interrupt Architecture, “Incoming MSI Controller (IMSIC)”',
    'local APIC, posted interrupts',
    'GIC ITS, GICv4 virtual LPIs',
  ),
  aplic: row(
    'APLIC',
    'Advanced PLIC: turns device lines into messages to interrupt files.',
    'RISC-V Advanced Interrupt Architecture, “Advanced Platform-Level Interrupt Controller (APLIC)”',
    'I/O APIC',
    'GIC distributor',
  ),
  'device-model': row(
    'Device model',
    'A device made of software; the guest’s loads and stores to it are exits.',
    undefined,
    'MMIO emulation',
    'MMIO emulation',
  ),
  'pte-v': row('V, valid', 'The entry means something. Without it the walk faults.', 'Priv, "Sv32"', 'P', 'valid bit'),
  'pte-r': row(
    'R, readable',
    'The page may be read. R, W and X all zero: the entry points to the next table.',
    'Priv, "Sv32"',
    'EPT read',
    'AP, S2AP',
  ),
  'pte-w': row('W, writable', 'The page may be written.', 'Priv, "Sv32"', 'R/W', 'AP[2]'),
  'pte-x': row('X, executable', 'Instructions may be fetched from the page.', 'Priv, "Sv32"', 'not XD', 'not XN'),
  'pte-u': row(
    'U, user',
    'User mode may use the page; supervisor mode only with sstatus.SUM. Always set in stage 2.',
    'Priv, "Sv32"',
    'U/S',
    'AP[1]',
  ),
  'pte-g': row('G, global', 'The mapping is the same in every address space.', 'Priv, "Sv32"', 'G', 'not nG'),
  'pte-a': row(
    'A, accessed',
    'The page has been read, written or fetched from since A was cleared.',
    'Priv, "Sv32"',
    'A',
    'AF',
  ),
  'pte-d': row('D, dirty', 'The page has been written since D was cleared.', 'Priv, "Sv32"', 'D', 'DBM, dirty state'),
} as const satisfies Record<string, GlossaryRow>;

export type GlossaryName = keyof typeof glossary;

/** The row of a word that came with the machine's answer, e.g. a CSR's name; undefined where the table has none. */
export function findTerm(name: string): GlossaryRow | undefined {
  return Object.hasOwn(glossary, name) ? glossary[name as GlossaryName] : undefined;
}
