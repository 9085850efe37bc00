// M: multiplication and division (unprivileged manual, chapter "M Extension for Integer Multiplication and Division").
// The results of division by zero and of overflow are part of the operators `div` … `remu`.

import { div, divu, mul, mulh, mulhsu, mulhu, rem, remu, rs1, rs2, set } from './expression.ts';
import { rowsOf, type InstructionRow } from './row.ts';

const row = rowsOf('M');

// prettier-ignore
export const rv32m: readonly InstructionRow[] = [
  row('mul', '0000001 rs2 rs1 000 rd 0110011', 'rd, rs1, rs2', set(mul(rs1, rs2)), 'Multiply, low word.'),
  row('mulh', '0000001 rs2 rs1 001 rd 0110011', 'rd, rs1, rs2', set(mulh(rs1, rs2)), 'Multiply, high word, signed by signed.'),
  row('mulhsu', '0000001 rs2 rs1 010 rd 0110011', 'rd, rs1, rs2', set(mulhsu(rs1, rs2)), 'Multiply, high word, signed by unsigned.'),
  row('mulhu', '0000001 rs2 rs1 011 rd 0110011', 'rd, rs1, rs2', set(mulhu(rs1, rs2)), 'Multiply, high word, unsigned by unsigned.'),
  row('div', '0000001 rs2 rs1 100 rd 0110011', 'rd, rs1, rs2', set(div(rs1, rs2)), 'Divide, signed; by zero gives −1.'),
  row('divu', '0000001 rs2 rs1 101 rd 0110011', 'rd, rs1, rs2', set(divu(rs1, rs2)), 'Divide, unsigned; by zero gives all ones.'),
  row('rem', '0000001 rs2 rs1 110 rd 0110011', 'rd, rs1, rs2', set(rem(rs1, rs2)), 'Remainder, signed; by zero gives rs1.'),
  row('remu', '0000001 rs2 rs1 111 rd 0110011', 'rd, rs1, rs2', set(remu(rs1, rs2)), 'Remainder, unsigned; by zero gives rs1.'),
];
