// Instruction words back to text, by the `form` of their rows and the table of pseudo-instructions. What it prints, the
// assembler reads back as the same word.

import { findCsr } from './csrs.ts';
import { fieldOfSlot, formatFenceSet, orderings, parseForm, type OperandShape } from './form.ts';
import { findRow, instructions } from './instructions.ts';
import { decodeFields, extractField } from './pattern.ts';
import { pseudoInstructions, type PseudoRow } from './pseudo-instructions.ts';
import { abiNames } from './registers.ts';
import type { InstructionRow } from './row.ts';

/** Names an address, e.g. `loop` or `loop+0x8`; undefined where no symbol is near. */
export type SymbolLookup = (address: number) => string | undefined;

export interface DisassembleOptions {
  /** Print `mv a0, a1` for `addi a0, a1, 0` and the like; true unless said otherwise. */
  readonly pseudo?: boolean;
  /** Names for the targets of branches and jumps. */
  readonly symbols?: SymbolLookup;
}

export interface Disassembled {
  readonly mnemonic: string;
  readonly operands: string;
  /** Mnemonic and operands as one line of assembly. */
  readonly text: string;
  /** Where a branch or `jal` goes, as an unsigned address. */
  readonly target?: number;
}

/** Fields by name; the immediate is signed and, for `upper`, still shifted. */
type FieldValues = ReadonlyMap<string, number>;

const hexadecimal = (value: number): string => `0x${(value >>> 0).toString(16)}`;
const registerName = (index: number): string => abiNames[index] ?? `x${index}`;

function formatOperand(shape: OperandShape, values: FieldValues, address: number, options: DisassembleOptions): string {
  const value = (slot: string): number => values.get(fieldOfSlot(slot)) ?? 0;
  if (shape.kind === 'register') return registerName(value(shape.slot));
  if (shape.kind === 'memory') {
    return `${shape.offset === undefined ? '' : value(shape.offset)}(${registerName(value(shape.base))})`;
  }
  switch (shape.slot) {
    case 'upper':
      return hexadecimal(value('upper') >>> 12);
    case 'target': {
      const target = (address + value('target')) >>> 0;
      return options.symbols?.(target) ?? hexadecimal(target);
    }
    case 'csr':
      return findCsr(value('csr'))?.name ?? hexadecimal(value('csr'));
    case 'pred':
    case 'succ':
      return formatFenceSet(value(shape.slot));
    default:
      return String(value(shape.slot));
  }
}

/** The values of a pseudo-instruction's slots, by field name; undefined if the instruction is not an instance of it. */
function matchPseudo(pseudo: PseudoRow, row: InstructionRow, fields: FieldValues): FieldValues | undefined {
  const [step, ...more] = pseudo.steps;
  if (step?.row !== row || more.length > 0) return undefined;
  const values = new Map<string, number>();
  for (const [name, value] of fields) {
    const binding = step.bindings.get(name) ?? { kind: 'constant', value: 0 };
    if (binding.kind === 'slot') values.set(fieldOfSlot(binding.slot), value);
    else if (binding.kind !== 'constant' || binding.value !== value) return undefined;
  }
  return values;
}

const pseudoByRow: ReadonlyMap<InstructionRow, readonly PseudoRow[]> = pseudoInstructions.reduce((byRow, pseudo) => {
  const row = pseudo.steps[0]?.row;
  return row && pseudo.printed !== 'never' ? byRow.set(row, [...(byRow.get(row) ?? []), pseudo]) : byRow;
}, new Map<InstructionRow, PseudoRow[]>());

const shapesByForm: ReadonlyMap<string, readonly OperandShape[]> = new Map(
  instructions.map(({ form }) => [form, parseForm(form)]),
);

/** Fields that have no spelling: reserved bits of FENCE and FENCE.I, which a hart ignores. */
function hasUnprintedBits(shapes: readonly OperandShape[], fields: FieldValues): boolean {
  const printed = new Set(['aq', 'rl']);
  for (const shape of shapes) {
    if (shape.kind === 'memory') printed.add(shape.base).add('immediate');
    else printed.add(fieldOfSlot(shape.slot));
  }
  return [...fields].some(([name, value]) => value !== 0 && !printed.has(name));
}

function describe(mnemonic: string, operands: string, target: number | undefined): Disassembled {
  const text = operands === '' ? mnemonic : `${mnemonic} ${operands}`;
  return target === undefined ? { mnemonic, operands, text } : { mnemonic, operands, text, target };
}

/**
 * Prints one instruction word.
 * @param word the 32 bits of the instruction; an illegal one, or one with reserved bits set that no assembly spells,
 *   prints as `.word`
 * @param address where it stands (guest virtual); branch targets are printed as absolute addresses
 */
export function disassemble(word: number, address: number, options: DisassembleOptions = {}): Disassembled {
  const asData = () => describe('.word', `0x${(word >>> 0).toString(16).padStart(8, '0')}`, undefined);
  const row = findRow(word);
  if (!row) return asData();
  const { immediate } = decodeFields(row.pattern, word);
  const fields: FieldValues = new Map(
    [...row.pattern.fields.keys()].map((name) => [
      name,
      name === 'immediate' ? immediate : extractField(row.pattern, name, word),
    ]),
  );
  const print = (mnemonic: string, shapes: readonly OperandShape[], values: FieldValues): Disassembled => {
    const operands = shapes.map((shape) => formatOperand(shape, values, address, options)).join(', ');
    const hasTarget = shapes.some((shape) => shape.kind === 'value' && shape.slot === 'target');
    return describe(mnemonic, operands, hasTarget ? (address + immediate) >>> 0 : undefined);
  };
  for (const pseudo of pseudoByRow.get(row) ?? []) {
    const values =
      pseudo.printed === 'always' || (options.pseudo ?? true) ? matchPseudo(pseudo, row, fields) : undefined;
    if (values) return print(pseudo.mnemonic, pseudo.operands, values);
  }
  const shapes = shapesByForm.get(row.form) ?? [];
  if (hasUnprintedBits(shapes, fields)) return asData();
  const ordering = orderings.find(({ aq, rl }) => aq === (fields.get('aq') ?? 0) && rl === (fields.get('rl') ?? 0));
  return print(row.mnemonic + (ordering?.suffix ?? ''), shapes, fields);
}
