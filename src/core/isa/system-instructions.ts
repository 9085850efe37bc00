// Zicsr, the privileged instructions and the Hypervisor extension. Each carries a function over the hart's system port
// and ends a block (unprivileged manual "Zicsr"; privileged manual "Supervisor-Level ISA", "Hypervisor Extension").

import { system, type Width } from './expression.ts';
import { rowsOf, type InstructionRow } from './row.ts';
import type { CsrOperation } from './system-port.ts';

const rowOfZicsr = rowsOf('Zicsr');
const row = rowsOf('privileged');
const rowOfH = rowsOf('H');

/** A write happens always for CSRRW; for the set and clear forms only if the source field is not x0 or zero (Zicsr, table 9). */
const fromRegister = (operation: CsrOperation) =>
  system((hart, operands) =>
    hart.accessCsr(
      operands,
      operation,
      hart.register(operands.rs1),
      operation !== 'write' || operands.rd !== 0,
      operation === 'write' || operands.rs1 !== 0,
    ),
  );
const fromImmediate = (operation: CsrOperation) =>
  system((hart, operands) =>
    hart.accessCsr(
      operands,
      operation,
      operands.rs1,
      operation !== 'write' || operands.rd !== 0,
      operation === 'write' || operands.rs1 !== 0,
    ),
  );

const guestLoad = (width: Width, signed: boolean, executable = false) =>
  system((hart, operands) => hart.guestLoad(operands, width, signed, executable));
const guestStore = (width: Width) => system((hart, operands) => hart.guestStore(operands, width));

// prettier-ignore
export const zicsr: readonly InstructionRow[] = [
  rowOfZicsr('csrrw', 'csr rs1 001 rd 1110011', 'rd, csr, rs1', fromRegister('write'), 'Swap a CSR with a register.'),
  rowOfZicsr('csrrs', 'csr rs1 010 rd 1110011', 'rd, csr, rs1', fromRegister('set'), 'Read a CSR and set bits in it.'),
  rowOfZicsr('csrrc', 'csr rs1 011 rd 1110011', 'rd, csr, rs1', fromRegister('clear'), 'Read a CSR and clear bits in it.'),
  rowOfZicsr('csrrwi', 'csr zimm 101 rd 1110011', 'rd, csr, zimm', fromImmediate('write'), 'Read a CSR and write a constant to it.'),
  rowOfZicsr('csrrsi', 'csr zimm 110 rd 1110011', 'rd, csr, zimm', fromImmediate('set'), 'Read a CSR and set bits of a constant in it.'),
  rowOfZicsr('csrrci', 'csr zimm 111 rd 1110011', 'rd, csr, zimm', fromImmediate('clear'), 'Read a CSR and clear bits of a constant in it.'),
];

// prettier-ignore
export const privileged: readonly InstructionRow[] = [
  row('sret', '0001000 00010 00000 000 00000 1110011', '', system((hart, operands) => hart.supervisorReturn(operands)), 'Return from a trap taken in supervisor mode.'),
  row('mret', '0011000 00010 00000 000 00000 1110011', '', system((hart, operands) => hart.machineReturn(operands)), 'Return from a trap taken in machine mode.'),
  row('wfi', '0001000 00101 00000 000 00000 1110011', '', system((hart, operands) => hart.waitForInterrupt(operands)), 'Wait until an interrupt is pending.'),
  row('sfence.vma', '0001001 rs2 rs1 000 00000 1110011', 'rs1, rs2', system((hart, operands) => hart.fenceVirtualMemory(operands)), 'Let later address translations see earlier page-table stores.'),
];

// prettier-ignore
export const hypervisor: readonly InstructionRow[] = [
  rowOfH('hfence.vvma', '0010001 rs2 rs1 000 00000 1110011', 'rs1, rs2', system((hart, operands) => hart.fenceGuestVirtual(operands)), 'Fence the guest’s own (first-stage) translations.'),
  rowOfH('hfence.gvma', '0110001 rs2 rs1 000 00000 1110011', 'rs1, rs2', system((hart, operands) => hart.fenceGuestPhysical(operands)), 'Fence the second-stage translations.'),
  rowOfH('hlv.b', '0110000 00000 rs1 100 rd 1110011', 'rd, (rs1)', guestLoad(1, true), 'Load a byte through the guest’s translation.'),
  rowOfH('hlv.bu', '0110000 00001 rs1 100 rd 1110011', 'rd, (rs1)', guestLoad(1, false), 'Load an unsigned byte through the guest’s translation.'),
  rowOfH('hlv.h', '0110010 00000 rs1 100 rd 1110011', 'rd, (rs1)', guestLoad(2, true), 'Load a halfword through the guest’s translation.'),
  rowOfH('hlv.hu', '0110010 00001 rs1 100 rd 1110011', 'rd, (rs1)', guestLoad(2, false), 'Load an unsigned halfword through the guest’s translation.'),
  rowOfH('hlvx.hu', '0110010 00011 rs1 100 rd 1110011', 'rd, (rs1)', guestLoad(2, false, true), 'Read a halfword of guest code: needs execute permission.'),
  rowOfH('hlv.w', '0110100 00000 rs1 100 rd 1110011', 'rd, (rs1)', guestLoad(4, true), 'Load a word through the guest’s translation.'),
  rowOfH('hlvx.wu', '0110100 00011 rs1 100 rd 1110011', 'rd, (rs1)', guestLoad(4, false, true), 'Read a word of guest code: needs execute permission.'),
  rowOfH('hsv.b', '0110001 rs2 rs1 100 00000 1110011', 'rs2, (rs1)', guestStore(1), 'Store a byte through the guest’s translation.'),
  rowOfH('hsv.h', '0110011 rs2 rs1 100 00000 1110011', 'rs2, (rs1)', guestStore(2), 'Store a halfword through the guest’s translation.'),
  rowOfH('hsv.w', '0110101 rs2 rs1 100 00000 1110011', 'rs2, (rs1)', guestStore(4), 'Store a word through the guest’s translation.'),
];
