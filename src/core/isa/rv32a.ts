// A: atomic instructions (unprivileged manual, chapter "A Extension for Atomic Instructions").

import {
  add,
  and,
  atomic,
  loadReserved,
  lt,
  ltu,
  old,
  or,
  rs1,
  rs2,
  select,
  storeConditional,
  xor,
} from './expression.ts';
import { rowsOf, type InstructionRow } from './row.ts';

const row = rowsOf('A');

// prettier-ignore
export const rv32a: readonly InstructionRow[] = [
  row('lr.w', '00010 aq rl 00000 rs1 010 rd 0101111', 'rd, (rs1)', loadReserved(rs1), 'Load a word and reserve its address.'),
  row('sc.w', '00011 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', storeConditional(rs1, rs2), 'Store a word if the reservation still holds; rd is 0 on success.'),
  row('amoswap.w', '00001 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(rs2), 'Swap a word of memory.'),
  row('amoadd.w', '00000 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(add(old, rs2)), 'Add to a word of memory.'),
  row('amoxor.w', '00100 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(xor(old, rs2)), 'Exclusive or into a word of memory.'),
  row('amoand.w', '01100 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(and(old, rs2)), 'And into a word of memory.'),
  row('amoor.w', '01000 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(or(old, rs2)), 'Or into a word of memory.'),
  row('amomin.w', '10000 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(select(lt(old, rs2), old, rs2)), 'Minimum with a word of memory, signed.'),
  row('amomax.w', '10100 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(select(lt(old, rs2), rs2, old)), 'Maximum with a word of memory, signed.'),
  row('amominu.w', '11000 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(select(ltu(old, rs2), old, rs2)), 'Minimum with a word of memory, unsigned.'),
  row('amomaxu.w', '11100 aq rl rs2 rs1 010 rd 0101111', 'rd, rs2, (rs1)', atomic(select(ltu(old, rs2), rs2, old)), 'Maximum with a word of memory, unsigned.'),
];
