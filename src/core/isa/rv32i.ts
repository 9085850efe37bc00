// RV32I, the base integer instruction set (unprivileged manual, chapter "RV32I Base Integer Instruction Set").

import {
  add,
  and,
  branch,
  constant,
  eq,
  fence,
  ge,
  geu,
  immediate,
  jump,
  load,
  lt,
  ltu,
  ne,
  or,
  pc,
  rs1,
  rs2,
  set,
  sll,
  sra,
  srl,
  store,
  sub,
  system,
  xor,
} from './expression.ts';
import { rowsOf, type InstructionRow } from './row.ts';

const row = rowsOf('I');
const rowOfZifencei = rowsOf('Zifencei');
const address = add(rs1, immediate);

// prettier-ignore
export const rv32i: readonly InstructionRow[] = [
  row('lui', 'imm[31:12] rd 0110111', 'rd, upper', set(immediate), 'Load a constant into the upper 20 bits of rd.'),
  row('auipc', 'imm[31:12] rd 0010111', 'rd, upper', set(add(pc, immediate)), 'Add an upper constant to pc.'),
  row('jal', 'imm[20|10:1|11|19:12] rd 1101111', 'rd, target', jump(add(pc, immediate)), 'Jump and keep the return address in rd.'),
  row('jalr', 'imm[11:0] rs1 000 rd 1100111', 'rd, imm(rs1)', jump(and(address, constant(-2))), 'Jump to rs1 plus an offset and keep the return address in rd.'),

  row('beq', 'imm[12|10:5] rs2 rs1 000 imm[4:1|11] 1100011', 'rs1, rs2, target', branch(eq(rs1, rs2)), 'Branch if rs1 = rs2.'),
  row('bne', 'imm[12|10:5] rs2 rs1 001 imm[4:1|11] 1100011', 'rs1, rs2, target', branch(ne(rs1, rs2)), 'Branch if rs1 ≠ rs2.'),
  row('blt', 'imm[12|10:5] rs2 rs1 100 imm[4:1|11] 1100011', 'rs1, rs2, target', branch(lt(rs1, rs2)), 'Branch if rs1 < rs2, signed.'),
  row('bge', 'imm[12|10:5] rs2 rs1 101 imm[4:1|11] 1100011', 'rs1, rs2, target', branch(ge(rs1, rs2)), 'Branch if rs1 ≥ rs2, signed.'),
  row('bltu', 'imm[12|10:5] rs2 rs1 110 imm[4:1|11] 1100011', 'rs1, rs2, target', branch(ltu(rs1, rs2)), 'Branch if rs1 < rs2, unsigned.'),
  row('bgeu', 'imm[12|10:5] rs2 rs1 111 imm[4:1|11] 1100011', 'rs1, rs2, target', branch(geu(rs1, rs2)), 'Branch if rs1 ≥ rs2, unsigned.'),

  row('lb', 'imm[11:0] rs1 000 rd 0000011', 'rd, imm(rs1)', load(1, true, address), 'Load a byte, sign-extended.'),
  row('lh', 'imm[11:0] rs1 001 rd 0000011', 'rd, imm(rs1)', load(2, true, address), 'Load a halfword, sign-extended.'),
  row('lw', 'imm[11:0] rs1 010 rd 0000011', 'rd, imm(rs1)', load(4, true, address), 'Load a word.'),
  row('lbu', 'imm[11:0] rs1 100 rd 0000011', 'rd, imm(rs1)', load(1, false, address), 'Load a byte, zero-extended.'),
  row('lhu', 'imm[11:0] rs1 101 rd 0000011', 'rd, imm(rs1)', load(2, false, address), 'Load a halfword, zero-extended.'),
  row('sb', 'imm[11:5] rs2 rs1 000 imm[4:0] 0100011', 'rs2, imm(rs1)', store(1, address, rs2), 'Store a byte.'),
  row('sh', 'imm[11:5] rs2 rs1 001 imm[4:0] 0100011', 'rs2, imm(rs1)', store(2, address, rs2), 'Store a halfword.'),
  row('sw', 'imm[11:5] rs2 rs1 010 imm[4:0] 0100011', 'rs2, imm(rs1)', store(4, address, rs2), 'Store a word.'),

  row('addi', 'imm[11:0] rs1 000 rd 0010011', 'rd, rs1, imm', set(add(rs1, immediate)), 'Add a constant.'),
  row('slti', 'imm[11:0] rs1 010 rd 0010011', 'rd, rs1, imm', set(lt(rs1, immediate)), 'Set rd to 1 if rs1 is below a constant, signed.'),
  row('sltiu', 'imm[11:0] rs1 011 rd 0010011', 'rd, rs1, imm', set(ltu(rs1, immediate)), 'Set rd to 1 if rs1 is below a constant, unsigned.'),
  row('xori', 'imm[11:0] rs1 100 rd 0010011', 'rd, rs1, imm', set(xor(rs1, immediate)), 'Exclusive or with a constant.'),
  row('ori', 'imm[11:0] rs1 110 rd 0010011', 'rd, rs1, imm', set(or(rs1, immediate)), 'Or with a constant.'),
  row('andi', 'imm[11:0] rs1 111 rd 0010011', 'rd, rs1, imm', set(and(rs1, immediate)), 'And with a constant.'),
  row('slli', '0000000 shamt rs1 001 rd 0010011', 'rd, rs1, imm', set(sll(rs1, immediate)), 'Shift left by a constant.'),
  row('srli', '0000000 shamt rs1 101 rd 0010011', 'rd, rs1, imm', set(srl(rs1, immediate)), 'Shift right by a constant, filling with zeros.'),
  row('srai', '0100000 shamt rs1 101 rd 0010011', 'rd, rs1, imm', set(sra(rs1, immediate)), 'Shift right by a constant, keeping the sign.'),

  row('add', '0000000 rs2 rs1 000 rd 0110011', 'rd, rs1, rs2', set(add(rs1, rs2)), 'Add.'),
  row('sub', '0100000 rs2 rs1 000 rd 0110011', 'rd, rs1, rs2', set(sub(rs1, rs2)), 'Subtract.'),
  row('sll', '0000000 rs2 rs1 001 rd 0110011', 'rd, rs1, rs2', set(sll(rs1, rs2)), 'Shift left by the low five bits of rs2.'),
  row('slt', '0000000 rs2 rs1 010 rd 0110011', 'rd, rs1, rs2', set(lt(rs1, rs2)), 'Set rd to 1 if rs1 < rs2, signed.'),
  row('sltu', '0000000 rs2 rs1 011 rd 0110011', 'rd, rs1, rs2', set(ltu(rs1, rs2)), 'Set rd to 1 if rs1 < rs2, unsigned.'),
  row('xor', '0000000 rs2 rs1 100 rd 0110011', 'rd, rs1, rs2', set(xor(rs1, rs2)), 'Exclusive or.'),
  row('srl', '0000000 rs2 rs1 101 rd 0110011', 'rd, rs1, rs2', set(srl(rs1, rs2)), 'Shift right, filling with zeros.'),
  row('sra', '0100000 rs2 rs1 101 rd 0110011', 'rd, rs1, rs2', set(sra(rs1, rs2)), 'Shift right, keeping the sign.'),
  row('or', '0000000 rs2 rs1 110 rd 0110011', 'rd, rs1, rs2', set(or(rs1, rs2)), 'Or.'),
  row('and', '0000000 rs2 rs1 111 rd 0110011', 'rd, rs1, rs2', set(and(rs1, rs2)), 'And.'),

  row('fence', 'fm pred succ rs1 000 rd 0001111', 'pred, succ', fence, 'Order memory accesses before it and behind it.'),
  row('ecall', '000000000000 00000 000 00000 1110011', '', system((hart) => hart.environmentCall()), 'Call the execution environment: a trap by intent.'),
  row('ebreak', '000000000001 00000 000 00000 1110011', '', system((hart) => hart.breakpoint()), 'Call the debugger.'),

  rowOfZifencei('fence.i', 'imm[11:0] rs1 001 rd 0001111', '', system((hart) => hart.fenceInstructions()), 'Let later fetches see earlier stores.'),
];
