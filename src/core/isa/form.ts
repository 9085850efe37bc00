// The `form` of a row, read once: what each operand is and which field of the word it fills. The disassembler prints by it,
// the assembler reads by it, and the templates of pseudo-instructions are laid against it.

import { instructions } from './instructions.ts';
import type { InstructionRow } from './row.ts';

export type RegisterSlot = 'rd' | 'rs1' | 'rs2';

/** `upper` is a value shifted right by 12, `target` and `symbol` are addresses, `pred` and `succ` sets of `iorw`. */
export type ValueSlot = 'imm' | 'upper' | 'target' | 'csr' | 'zimm' | 'pred' | 'succ' | 'symbol';

export type OperandShape =
  | { readonly kind: 'register'; readonly slot: RegisterSlot }
  | { readonly kind: 'value'; readonly slot: ValueSlot }
  /** `imm(rs1)`; without `offset`, `(rs1)`. */
  | { readonly kind: 'memory'; readonly offset: 'imm' | undefined; readonly base: RegisterSlot };

const REGISTER_SLOTS: readonly string[] = ['rd', 'rs1', 'rs2'] satisfies RegisterSlot[];
const VALUE_SLOTS: readonly string[] = [
  'imm',
  'upper',
  'target',
  'csr',
  'zimm',
  'pred',
  'succ',
  'symbol',
] satisfies ValueSlot[];

export const isRegisterSlot = (text: string): text is RegisterSlot => REGISTER_SLOTS.includes(text);
export const isValueSlot = (text: string): text is ValueSlot => VALUE_SLOTS.includes(text);

function parseOperand(text: string, form: string): OperandShape {
  if (isRegisterSlot(text)) return { kind: 'register', slot: text };
  if (isValueSlot(text)) return { kind: 'value', slot: text };
  const memory = /^(imm)?\((\w+)\)$/.exec(text);
  const base = memory?.[2];
  if (memory && base !== undefined && isRegisterSlot(base)) {
    return { kind: 'memory', offset: memory[1] === undefined ? undefined : 'imm', base };
  }
  throw new Error(`form '${form}': expected rd, rs1, rs2, a value slot or imm(rs1), found '${text}'`);
}

/** Reads a form such as `rd, imm(rs1)`. @throws Error naming the form if it is not one */
export function parseForm(form: string): readonly OperandShape[] {
  return form === '' ? [] : form.split(', ').map((operand) => parseOperand(operand, form));
}

/** The slots of a form from left to right: `rd, imm(rs1)` is rd, imm, rs1. */
export function slotsOf(form: string): readonly string[] {
  return form.split(/[\s,()]+/).filter((slot) => slot !== '');
}

/** The field of the pattern (pattern.ts) that holds a slot's value. */
export function fieldOfSlot(slot: string): string {
  if (slot === 'zimm') return 'rs1';
  return ['imm', 'upper', 'target', 'csr'].includes(slot) ? 'immediate' : slot;
}

const byMnemonic: ReadonlyMap<string, InstructionRow> = new Map(instructions.map((row) => [row.mnemonic, row]));

/** The row of a mnemonic without `.aq` and `.rl`. */
export const findRowByMnemonic = (mnemonic: string): InstructionRow | undefined => byMnemonic.get(mnemonic);

/** Ordering suffixes of an A instruction and the bits they set (unprivileged manual, "Specifying Ordering of Atomic Instructions"). */
export const orderings = [
  { suffix: '', aq: 0, rl: 0 },
  { suffix: '.aqrl', aq: 1, rl: 1 },
  { suffix: '.aq', aq: 1, rl: 0 },
  { suffix: '.rl', aq: 0, rl: 1 },
] as const;

/** The letters of a FENCE set, from bit 3 down. */
const FENCE_LETTERS = 'iorw';

/** The text of a FENCE set of four bits, e.g. `rw`; the empty set, which has a meaning only as a hint, is `0`. */
export function formatFenceSet(bits: number): string {
  return [...FENCE_LETTERS].filter((_, index) => (bits >> (3 - index)) & 1).join('') || '0';
}

/** The bits of a FENCE set such as `rw`; undefined if the text is none. The letters stand in the order i, o, r, w. */
export function parseFenceSet(text: string): number | undefined {
  for (let bits = 0; bits < 16; bits++) if (formatFenceSet(bits) === text) return bits;
  return undefined;
}
