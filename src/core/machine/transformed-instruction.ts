// The value of htinst/mtinst for a trap on an explicit memory access: the instruction with its address operand replaced
// by the distance between the faulting address and the address asked for ("Transformed Instruction or Pseudoinstruction").

import { findRow } from '../isa/instructions.ts';

const RS1 = 0x000f_8000;
const LOAD_KEEP = 0xfff | 0x7000; // opcode, rd, funct3
const STORE_KEEP = 0x7f | 0x7000 | 0x01f0_0000; // opcode, funct3, rs2

/**
 * @param instruction the trapping instruction; 0 for a fetch
 * @param offset faulting address minus the address asked for
 * @returns the transformed instruction, or 0 where none is defined
 */
export function transformedInstruction(instruction: number, offset: number): number {
  const row = findRow(instruction);
  if (row === undefined) return 0;
  const rs1 = (offset & 31) << 15;
  switch (row.effect.kind) {
    case 'load':
      return ((instruction & LOAD_KEEP) | rs1) >>> 0;
    case 'store':
      return ((instruction & STORE_KEEP) | rs1) >>> 0;
    case 'load-reserved':
    case 'store-conditional':
    case 'atomic':
      return ((instruction & ~RS1) | rs1) >>> 0;
    default:
      return row.extension === 'H' && row.form.endsWith('(rs1)') ? ((instruction & ~RS1) | rs1) >>> 0 : 0;
  }
}
