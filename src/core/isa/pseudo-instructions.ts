// Pseudo-instructions: other spellings of instructions. One table for both directions: the assembler expands a row, the
// disassembler prints the first row whose single step is the instruction at hand, so the special stand before the general.
// Source: unprivileged manual, "RISC-V Assembly Programmer's Handbook"; spellings beyond it are those of GNU as.
//
//   pseudo('bgt', 'rs1, rs2, target', 'blt rs2, rs1, target')
//           name   as written          the instruction it stands for, operands in the order of that row's form

import {
  fieldOfSlot,
  findRowByMnemonic,
  isRegisterSlot,
  isValueSlot,
  parseFenceSet,
  parseForm,
  slotsOf,
} from './form.ts';
import type { OperandShape } from './form.ts';
import { abiNames } from './registers.ts';
import type { InstructionRow } from './row.ts';

/** What fills one field of an expanded instruction. */
export type Binding =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'slot'; readonly slot: string }
  /** Upper and lower part of the distance from the first step to the address in `target` or `symbol`. */
  | { readonly kind: 'pcrel-high' }
  | { readonly kind: 'pcrel-low' };

export interface PseudoStep {
  readonly row: InstructionRow;
  /** By field of the pattern; a field that is not bound is 0. */
  readonly bindings: ReadonlyMap<string, Binding>;
}

/** `always`: the word has no other spelling; `never`: a spelling that is only read, e.g. `move` beside `mv`. */
export type Printed = 'always' | 'preferred' | 'never';

export interface PseudoRow {
  readonly mnemonic: string;
  readonly form: string;
  readonly operands: readonly OperandShape[];
  readonly steps: readonly PseudoStep[];
  readonly printed: Printed;
}

function parseBinding(text: string, slot: string): Binding {
  if (text === 'pcrel_hi') return { kind: 'pcrel-high' };
  if (text === 'pcrel_lo') return { kind: 'pcrel-low' };
  if (isRegisterSlot(text) || isValueSlot(text)) return { kind: 'slot', slot: text };
  const register = abiNames.findIndex((name) => name === text);
  const value = register >= 0 ? register : slot === 'pred' || slot === 'succ' ? parseFenceSet(text) : Number(text);
  if (value === undefined || Number.isNaN(value)) throw new Error(`pseudo-instruction: '${text}' cannot fill ${slot}`);
  return { kind: 'constant', value };
}

/** Reads `jalr rd, 0(rs1)`, and behind the operands fields that no form names: `fence rw, rw, fm=8`. */
function parseStep(template: string): PseudoStep {
  const [mnemonic = '', ...operands] = template.split(/[\s,()]+/).filter((part) => part !== '');
  const row = findRowByMnemonic(mnemonic);
  if (!row) throw new Error(`pseudo-instruction '${template}': expected a known mnemonic, found '${mnemonic}'`);
  const slots = slotsOf(row.form);
  const bindings = new Map<string, Binding>();
  operands.forEach((operand, index) => {
    const [name, value] = operand.split('=');
    const slot = value === undefined ? slots[index] : name;
    if (slot === undefined) throw new Error(`pseudo-instruction '${template}': too many operands for ${row.form}`);
    bindings.set(fieldOfSlot(slot), parseBinding(value ?? operand, slot));
  });
  return { row, bindings };
}

const makeRow = (mnemonic: string, form: string, steps: readonly string[], printed: Printed): PseudoRow => ({
  mnemonic,
  form,
  operands: parseForm(form),
  steps: steps.map(parseStep),
  printed,
});

/** A spelling the disassembler prefers. */
const pseudo = (mnemonic: string, form: string, step: string) => makeRow(mnemonic, form, [step], 'preferred');
/** A spelling that is only read. */
const alias = (mnemonic: string, form: string, ...steps: readonly string[]) => makeRow(mnemonic, form, steps, 'never');

const counter = (name: string, csr: string) => pseudo(`rd${name}`, 'rd', `csrrs rd, ${csr}, zero`);
/** Arithmetic with a constant spelled without the `i`: `add a0, a0, 4`. */
const withConstant = (mnemonic: string, full: string) => alias(mnemonic, 'rd, rs1, imm', `${full} rd, rs1, imm`);
const loadFrom = (mnemonic: string) =>
  alias(mnemonic, 'rd, symbol', 'auipc rd, pcrel_hi', `${mnemonic} rd, pcrel_lo(rd)`);
const storeTo = (mnemonic: string) =>
  alias(mnemonic, 'rs2, symbol, rs1', 'auipc rs1, pcrel_hi', `${mnemonic} rs2, pcrel_lo(rs1)`);

// prettier-ignore
export const pseudoInstructions: readonly PseudoRow[] = [
  pseudo('nop', '', 'addi zero, zero, 0'),
  pseudo('li', 'rd, imm', 'addi rd, zero, imm'),
  pseudo('mv', 'rd, rs1', 'addi rd, rs1, 0'),
  pseudo('not', 'rd, rs1', 'xori rd, rs1, -1'),
  pseudo('neg', 'rd, rs2', 'sub rd, zero, rs2'),
  pseudo('zext.b', 'rd, rs1', 'andi rd, rs1, 255'),
  pseudo('seqz', 'rd, rs1', 'sltiu rd, rs1, 1'),
  pseudo('snez', 'rd, rs2', 'sltu rd, zero, rs2'),
  pseudo('sltz', 'rd, rs1', 'slt rd, rs1, zero'),
  pseudo('sgtz', 'rd, rs2', 'slt rd, zero, rs2'),

  pseudo('beqz', 'rs1, target', 'beq rs1, zero, target'),
  pseudo('bnez', 'rs1, target', 'bne rs1, zero, target'),
  pseudo('blez', 'rs2, target', 'bge zero, rs2, target'),
  pseudo('bgez', 'rs1, target', 'bge rs1, zero, target'),
  pseudo('bltz', 'rs1, target', 'blt rs1, zero, target'),
  pseudo('bgtz', 'rs2, target', 'blt zero, rs2, target'),

  pseudo('j', 'target', 'jal zero, target'),
  pseudo('jal', 'target', 'jal ra, target'),
  pseudo('ret', '', 'jalr zero, 0(ra)'),
  pseudo('jr', 'rs1', 'jalr zero, 0(rs1)'),
  pseudo('jr', 'imm(rs1)', 'jalr zero, imm(rs1)'),
  pseudo('jalr', 'rs1', 'jalr ra, 0(rs1)'),
  pseudo('jalr', 'imm(rs1)', 'jalr ra, imm(rs1)'),
  pseudo('jalr', 'rd, rs1', 'jalr rd, 0(rs1)'),

  pseudo('fence', '', 'fence iorw, iorw'),
  makeRow('fence.tso', '', ['fence rw, rw, fm=8'], 'always'),
  pseudo('pause', '', 'fence w, 0'),
  pseudo('sfence.vma', '', 'sfence.vma zero, zero'),
  pseudo('sfence.vma', 'rs1', 'sfence.vma rs1, zero'),
  pseudo('hfence.vvma', '', 'hfence.vvma zero, zero'),
  pseudo('hfence.vvma', 'rs1', 'hfence.vvma rs1, zero'),
  pseudo('hfence.gvma', '', 'hfence.gvma zero, zero'),
  pseudo('hfence.gvma', 'rs1', 'hfence.gvma rs1, zero'),

  pseudo('unimp', '', 'csrrw zero, 0xc00, zero'),
  counter('cycle', '0xc00'),
  counter('time', '0xc01'),
  counter('instret', '0xc02'),
  counter('cycleh', '0xc80'),
  counter('timeh', '0xc81'),
  counter('instreth', '0xc82'),
  pseudo('csrr', 'rd, csr', 'csrrs rd, csr, zero'),
  pseudo('csrw', 'csr, rs1', 'csrrw zero, csr, rs1'),
  pseudo('csrs', 'csr, rs1', 'csrrs zero, csr, rs1'),
  pseudo('csrc', 'csr, rs1', 'csrrc zero, csr, rs1'),
  pseudo('csrwi', 'csr, zimm', 'csrrwi zero, csr, zimm'),
  pseudo('csrsi', 'csr, zimm', 'csrrsi zero, csr, zimm'),
  pseudo('csrci', 'csr, zimm', 'csrrci zero, csr, zimm'),

  alias('csrw', 'csr, zimm', 'csrrwi zero, csr, zimm'),
  alias('csrs', 'csr, zimm', 'csrrsi zero, csr, zimm'),
  alias('csrc', 'csr, zimm', 'csrrci zero, csr, zimm'),
  alias('csrrw', 'rd, csr, zimm', 'csrrwi rd, csr, zimm'),
  alias('csrrs', 'rd, csr, zimm', 'csrrsi rd, csr, zimm'),
  alias('csrrc', 'rd, csr, zimm', 'csrrci rd, csr, zimm'),

  alias('move', 'rd, rs1', 'addi rd, rs1, 0'),
  alias('sgt', 'rd, rs1, rs2', 'slt rd, rs2, rs1'),
  alias('sgtu', 'rd, rs1, rs2', 'sltu rd, rs2, rs1'),
  alias('sext.b', 'rd, rs1', 'slli rd, rs1, 24', 'srai rd, rd, 24'),
  alias('sext.h', 'rd, rs1', 'slli rd, rs1, 16', 'srai rd, rd, 16'),
  alias('zext.h', 'rd, rs1', 'slli rd, rs1, 16', 'srli rd, rd, 16'),
  withConstant('add', 'addi'),
  withConstant('and', 'andi'),
  withConstant('or', 'ori'),
  withConstant('xor', 'xori'),
  withConstant('slt', 'slti'),
  withConstant('sltu', 'sltiu'),
  withConstant('sll', 'slli'),
  withConstant('srl', 'srli'),
  withConstant('sra', 'srai'),

  alias('bgt', 'rs1, rs2, target', 'blt rs2, rs1, target'),
  alias('ble', 'rs1, rs2, target', 'bge rs2, rs1, target'),
  alias('bgtu', 'rs1, rs2, target', 'bltu rs2, rs1, target'),
  alias('bleu', 'rs1, rs2, target', 'bgeu rs2, rs1, target'),
  alias('jr', 'rs1, imm', 'jalr zero, imm(rs1)'),
  alias('jalr', 'rs1, imm', 'jalr ra, imm(rs1)'),
  alias('jalr', 'rd, rs1, imm', 'jalr rd, imm(rs1)'),
  alias('call', 'target', 'auipc ra, pcrel_hi', 'jalr ra, pcrel_lo(ra)'),
  alias('call', 'rd, target', 'auipc t1, pcrel_hi', 'jalr rd, pcrel_lo(t1)'),
  alias('tail', 'target', 'auipc t1, pcrel_hi', 'jalr zero, pcrel_lo(t1)'),
  alias('jump', 'target, rs1', 'auipc rs1, pcrel_hi', 'jalr zero, pcrel_lo(rs1)'),

  alias('la', 'rd, symbol', 'auipc rd, pcrel_hi', 'addi rd, rd, pcrel_lo'),
  alias('lla', 'rd, symbol', 'auipc rd, pcrel_hi', 'addi rd, rd, pcrel_lo'),
  ...['lb', 'lh', 'lw', 'lbu', 'lhu'].map(loadFrom),
  ...['sb', 'sh', 'sw'].map(storeTo),

  alias('scall', '', 'ecall'),
  alias('sbreak', '', 'ebreak'),
];
