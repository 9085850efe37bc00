// Trap causes as rows: the RISC-V code and name (privileged manual, tables of mcause/scause), the name `perf kvm stat`
// prints for it, and whether mtval/stval then holds a virtual address (which decides the GVA bits of the H extension).

export interface CauseRow {
  readonly code: number;
  readonly name: string;
  readonly perfName: string;
  /** mtval/stval holds a virtual address for this cause. */
  readonly addressInTval: boolean;
}

const cause = (code: number, name: string, perfName: string, addressInTval = false): CauseRow => ({
  code,
  name,
  perfName,
  addressInTval,
});

export const exceptionRows = {
  instructionMisaligned: cause(0, 'instruction address misaligned', 'EXC_INST_MISALIGNED', true),
  instructionAccess: cause(1, 'instruction access fault', 'EXC_INST_ACCESS', true),
  illegalInstruction: cause(2, 'illegal instruction', 'EXC_INST_ILLEGAL'),
  breakpoint: cause(3, 'breakpoint', 'EXC_BREAKPOINT', true),
  loadMisaligned: cause(4, 'load address misaligned', 'EXC_LOAD_MISALIGNED', true),
  loadAccess: cause(5, 'load access fault', 'EXC_LOAD_ACCESS', true),
  storeMisaligned: cause(6, 'store/AMO address misaligned', 'EXC_STORE_MISALIGNED', true),
  storeAccess: cause(7, 'store/AMO access fault', 'EXC_STORE_ACCESS', true),
  userCall: cause(8, 'environment call from U-mode or VU-mode', 'EXC_SYSCALL'),
  supervisorCall: cause(9, 'environment call from HS-mode', 'EXC_HYPERVISOR_SYSCALL'),
  virtualSupervisorCall: cause(10, 'environment call from VS-mode', 'EXC_SUPERVISOR_SYSCALL'),
  machineCall: cause(11, 'environment call from M-mode', 'EXC_MACHINE_SYSCALL'),
  instructionPageFault: cause(12, 'instruction page fault', 'EXC_INST_PAGE_FAULT', true),
  loadPageFault: cause(13, 'load page fault', 'EXC_LOAD_PAGE_FAULT', true),
  storePageFault: cause(15, 'store/AMO page fault', 'EXC_STORE_PAGE_FAULT', true),
  instructionGuestPageFault: cause(20, 'instruction guest-page fault', 'EXC_INST_GUEST_PAGE_FAULT', true),
  loadGuestPageFault: cause(21, 'load guest-page fault', 'EXC_LOAD_GUEST_PAGE_FAULT', true),
  virtualInstruction: cause(22, 'virtual instruction', 'EXC_VIRTUAL_INST_FAULT'),
  storeGuestPageFault: cause(23, 'store/AMO guest-page fault', 'EXC_STORE_GUEST_PAGE_FAULT', true),
} as const;

export const interruptRows = {
  supervisorSoftware: cause(1, 'supervisor software interrupt', 'IRQ_S_SOFT'),
  virtualSupervisorSoftware: cause(2, 'virtual supervisor software interrupt', 'IRQ_VS_SOFT'),
  machineSoftware: cause(3, 'machine software interrupt', 'IRQ_M_SOFT'),
  supervisorTimer: cause(5, 'supervisor timer interrupt', 'IRQ_S_TIMER'),
  virtualSupervisorTimer: cause(6, 'virtual supervisor timer interrupt', 'IRQ_VS_TIMER'),
  machineTimer: cause(7, 'machine timer interrupt', 'IRQ_M_TIMER'),
  supervisorExternal: cause(9, 'supervisor external interrupt', 'IRQ_S_EXT'),
  virtualSupervisorExternal: cause(10, 'virtual supervisor external interrupt', 'IRQ_VS_EXT'),
  machineExternal: cause(11, 'machine external interrupt', 'IRQ_M_EXT'),
  supervisorGuestExternal: cause(12, 'supervisor guest external interrupt', 'IRQ_S_GEXT'),
} as const;

/** Bit 31 of mcause/scause: the trap is an interrupt. */
export const INTERRUPT_FLAG = 0x8000_0000;

const exceptionByCode = new Map<number, CauseRow>(Object.values(exceptionRows).map((row) => [row.code, row]));
const interruptByCode = new Map<number, CauseRow>(Object.values(interruptRows).map((row) => [row.code, row]));

/** The row of an mcause/scause/vscause value; undefined for reserved codes. */
export function findCause(value: number): CauseRow | undefined {
  return value >>> 31 === 1 ? interruptByCode.get(value & 0x7fff_ffff) : exceptionByCode.get(value);
}

/** Order in which interrupts of one level are taken ("mip": MEI, MSI, MTI, SEI, SSI, STI, SGEI, VSEI, VSSI, VSTI). */
const interruptPriority = [11, 3, 7, 9, 1, 5, 12, 10, 2, 6];

/** The code of the most urgent of these interrupts, given as in mip; 0 where there is none. */
export const mostUrgent = (interrupts: number): number =>
  interruptPriority.find((candidate) => (interrupts & (1 << candidate)) !== 0) ?? 0;
