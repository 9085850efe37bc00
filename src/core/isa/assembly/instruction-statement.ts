// One instruction statement: the spelling whose operands fit is chosen among the row of that name and its pseudo-
// instructions, its steps become words; what depends on addresses is left as a fix for the layout.

import { findCsrByName } from '../csrs.ts';
import {
  fieldOfSlot,
  findRowByMnemonic,
  orderings,
  parseFenceSet,
  parseForm,
  slotsOf,
  type OperandShape,
} from '../form.ts';
import { instructions } from '../instructions.ts';
import { encodeFields } from '../pattern.ts';
import { pseudoInstructions, type Binding, type PseudoStep } from '../pseudo-instructions.ts';
import type { InstructionRow } from '../row.ts';
import { numberFormula, type Formula, type FormulaScope } from './formula.ts';
import { fieldValue } from './immediates.ts';
import { AssemblyFault, quote } from './messages.ts';
import { describeOperand, parseOperands, type Operand, type OperandModifier } from './operands.ts';
import type { Label } from './label.ts';
import type { InstructionFix, Section } from './sections.ts';
import { spanIn, type Statement } from './statements.ts';
import type { Evaluator } from './symbols.ts';
import type { Cursor } from './tokens.ts';
import type { Span } from './messages.ts';

/** One way to write a mnemonic. */
interface Spelling {
  readonly form: string;
  readonly shapes: readonly OperandShape[];
  readonly steps: readonly PseudoStep[];
}

function ownSpelling(row: InstructionRow): Spelling {
  const bindings = slotsOf(row.form).map((slot): [string, Binding] => [fieldOfSlot(slot), { kind: 'slot', slot }]);
  return { form: row.form, shapes: parseForm(row.form), steps: [{ row, bindings: new Map(bindings) }] };
}

const spellings: ReadonlyMap<string, readonly Spelling[]> = (() => {
  const byMnemonic = new Map<string, Spelling[]>(instructions.map((row) => [row.mnemonic, [ownSpelling(row)]]));
  for (const { mnemonic, form, operands, steps } of pseudoInstructions) {
    const known = byMnemonic.get(mnemonic) ?? [];
    byMnemonic.set(mnemonic, [...known, { form, shapes: operands, steps }]);
  }
  return byMnemonic;
})();

/** All mnemonics the assembler knows, without ordering suffixes. */
export const mnemonics: readonly string[] = [...spellings.keys()];

/** Splits `amoadd.w.aqrl` into the mnemonic of a row and its ordering bits. */
function findSpellings(
  mnemonic: string,
): { spellings: readonly Spelling[]; ordering: Readonly<Record<string, number>> } | undefined {
  const plain = spellings.get(mnemonic);
  if (plain) return { spellings: plain, ordering: {} };
  for (const { suffix, aq, rl } of orderings) {
    const base = suffix !== '' && mnemonic.endsWith(suffix) ? mnemonic.slice(0, -suffix.length) : undefined;
    if (base !== undefined && findRowByMnemonic(base)?.pattern.fields.has('aq')) {
      return { spellings: spellings.get(base) ?? [], ordering: { aq, rl } };
    }
  }
  return undefined;
}

export const isMnemonic = (text: string): boolean => findSpellings(text) !== undefined;

function fits(shape: OperandShape, operand: Operand): boolean {
  if (shape.kind === 'memory' && shape.offset === undefined) {
    const { formula } = operand.kind === 'memory' ? operand : {};
    return operand.kind === 'memory' && (!formula || (formula.kind === 'number' && formula.value === 0n));
  }
  return shape.kind === operand.kind;
}

/** The values written for the slots of a spelling. */
type Written = ReadonlyMap<
  string,
  | { readonly register: number }
  | { readonly formula: Formula; readonly modifier: OperandModifier | undefined; readonly span: Span }
>;

/** Where instructions go and what their operands may refer to. */
export interface InstructionTarget {
  readonly section: Section;
  readonly scope: FormulaScope;
  readonly evaluator: Evaluator;
}

/** Reads the operands of `mnemonic` and appends its words. @throws AssemblyFault */
export function assembleInstruction(mnemonic: string, cursor: Cursor, target: InstructionTarget): void {
  const { statement } = cursor;
  const known = findSpellings(mnemonic);
  if (!known)
    throw new AssemblyFault(
      spanIn(statement, statement.text.indexOf(mnemonic), mnemonic.length),
      unknownMnemonic(mnemonic),
    );
  const operands = parseOperands(cursor, target.scope);
  const spelling = known.spellings.find(
    ({ shapes }) =>
      shapes.length === operands.length &&
      shapes.every((shape, index) => {
        const operand = operands[index];
        return operand !== undefined && fits(shape, operand);
      }),
  );
  if (!spelling) return refuseOperands(mnemonic, known.spellings, operands, statement);
  const written = collectOperands(spelling, operands, target.evaluator);
  const steps = loadsConstant(mnemonic) ? constantSteps(mnemonic, written, target.evaluator) : undefined;
  if (steps) return steps.forEach(([row, fields]) => append(target.section, encodeFields(row.pattern, fields)));
  const anchor = target.section.here();
  for (const step of spelling.steps) emitStep(step, written, known.ordering, anchor, target, spanIn(statement));
}

function append(section: Section, word: number): void {
  section.buffer.appendWord(word);
}

function collectOperands(spelling: Spelling, operands: readonly Operand[], evaluator: Evaluator): Written {
  const written = new Map<
    string,
    { register: number } | { formula: Formula; modifier: OperandModifier | undefined; span: Span }
  >();
  spelling.shapes.forEach((shape, index) => {
    const operand = operands[index];
    if (operand?.kind === 'register' && shape.kind === 'register') {
      written.set(shape.slot, { register: operand.register });
    } else if (operand?.kind === 'memory' && shape.kind === 'memory') {
      written.set(shape.base, { register: operand.base });
      const { formula = numberFormula(0n), modifier, span } = operand;
      if (shape.offset !== undefined) written.set(shape.offset, { formula, modifier, span });
    } else if (operand?.kind === 'value' && shape.kind === 'value') {
      const named = valueByName(shape.slot, operand, evaluator);
      const formula = named === undefined ? operand.formula : numberFormula(BigInt(named));
      written.set(shape.slot, { formula, modifier: operand.modifier, span: operand.span });
    }
  });
  return written;
}

/** The number a CSR name or a fence set stands for. */
function valueByName(
  slot: string,
  operand: Operand & { readonly kind: 'value' },
  evaluator: Evaluator,
): number | undefined {
  if (slot === 'csr' && operand.name !== undefined) {
    const csr = findCsrByName(operand.name);
    if (csr) return csr.row.number;
    if (evaluator.value(operand.formula)?.base === undefined && evaluator.value(operand.formula)) return undefined;
    throw new AssemblyFault(
      operand.span,
      `expected the name or number of a CSR, found ${quote(operand.name)}: check the spelling, or write its number (0x000 … 0xfff)`,
    );
  }
  if (slot === 'pred' || slot === 'succ') {
    const bits = operand.name !== undefined ? parseFenceSet(operand.name) : undefined;
    const empty = operand.formula.kind === 'number' && operand.formula.value === 0n ? 0 : undefined;
    if (bits === undefined && empty === undefined) {
      throw new AssemblyFault(
        operand.span,
        `expected letters of 'iorw' in this order, found ${operand.name === undefined ? 'an expression' : quote(operand.name)}: write e.g. 'fence rw, w'`,
      );
    }
    return bits ?? empty;
  }
  return undefined;
}

const loadsConstant = (mnemonic: string): boolean => mnemonic === 'li' || mnemonic === 'la' || mnemonic === 'lla';

/** The one or two instructions that load a 32-bit constant; undefined for the address of a symbol. @throws AssemblyFault */
function constantSteps(
  mnemonic: string,
  written: Written,
  evaluator: Evaluator,
): readonly (readonly [InstructionRow, Readonly<Record<string, number>>])[] | undefined {
  const operand = written.get(mnemonic === 'li' ? 'imm' : 'symbol');
  const destination = written.get('rd');
  const [lui, addi] = [findRowByMnemonic('lui'), findRowByMnemonic('addi')];
  if (!operand || !('formula' in operand) || !destination || !('register' in destination) || !lui || !addi)
    return undefined;
  const value = operand.modifier === undefined ? evaluator.value(operand.formula) : undefined;
  if (!value || value.base !== undefined) {
    if (mnemonic !== 'li') return undefined;
    throw new AssemblyFault(
      operand.span,
      'expected a constant that is known here, found an address or a symbol defined below: use la for an address, or move the .equ above',
    );
  }
  if (value.offset < -0x8000_0000n || value.offset > 0xffff_ffffn) {
    throw new AssemblyFault(
      operand.span,
      `expected a constant of 32 bits (−0x80000000 … 0xffffffff), found ${value.offset}: a register holds no more`,
    );
  }
  const rd = destination.register;
  const immediate = Number(BigInt.asIntN(32, value.offset));
  const low = (immediate << 20) >> 20;
  if (low === immediate) return [[addi, { rd, rs1: 0, immediate }]];
  const upper: readonly [InstructionRow, Readonly<Record<string, number>>] = [
    lui,
    { rd, immediate: (immediate - low) | 0 },
  ];
  return low === 0 ? [upper] : [upper, [addi, { rd, rs1: rd, immediate: low }]];
}

function emitStep(
  { row, bindings }: PseudoStep,
  written: Written,
  ordering: Readonly<Record<string, number>>,
  anchor: Label,
  { section, evaluator }: InstructionTarget,
  statementSpan: Span,
): void {
  const fields: Record<string, number> = { ...ordering };
  let fix: InstructionFix | undefined;
  let span = statementSpan;
  for (const [field, binding] of bindings) {
    if (binding.kind === 'constant') {
      fields[field] = binding.value;
      continue;
    }
    const source =
      binding.kind === 'slot' ? written.get(binding.slot) : (written.get('target') ?? written.get('symbol'));
    if (!source) continue;
    if ('register' in source) {
      fields[field] = source.register;
      continue;
    }
    span = source.span;
    const modifier =
      binding.kind === 'slot' ? source.modifier : binding.kind === 'pcrel-high' ? 'pcrel_hi' : 'pcrel_lo';
    if (binding.kind !== 'slot' && source.modifier !== undefined) {
      throw new AssemblyFault(
        span,
        `expected a symbol, found %${source.modifier}(…): this instruction splits the address itself`,
      );
    }
    const slot = binding.kind === 'slot' ? binding.slot : row.form.includes('upper') ? 'upper' : 'imm';
    const { formula } = source;
    const next: InstructionFix = { kind: 'instruction', row, fields, slot, modifier, formula };
    if (field === 'immediate') {
      fix = binding.kind === 'slot' ? next : { ...next, anchor };
    } else {
      const value = evaluator.value(formula);
      if (!value || value.base) {
        throw new AssemblyFault(
          span,
          'expected a constant that is known here, found an address or a symbol defined below',
        );
      }
      fields[field] = fieldValue(next, value.offset, span);
    }
  }
  if (!fix) return append(section, encodeFields(row.pattern, fields));
  emitFix(section, fix, evaluator, span);
}

/** Appends an instruction whose immediate comes from a formula: at once if the value is known, else as a fix. */
function emitFix(section: Section, fix: InstructionFix, evaluator: Evaluator, span: Span): void {
  const at = section.here();
  const value = evaluator.value(fix.formula);
  const known = fix.modifier === undefined && value ? knownImmediate(fix, value, at, span) : undefined;
  if (known !== undefined) {
    append(section, encodeFields(fix.row.pattern, { ...fix.fields, immediate: known }));
  } else if (fix.slot === 'target' && fix.row.effect.kind === 'branch') {
    section.close({ kind: 'branch', fix, span, long: false });
  } else {
    section.fixes.push({ ...fix, at, span });
    append(section, encodeFields(fix.row.pattern, fix.fields));
  }
}

/** The immediate where no address matters: a constant, or a short way to a label in the same fragment. */
function knownImmediate(
  fix: InstructionFix,
  value: { readonly base: Label | undefined; readonly offset: bigint },
  at: Label,
  span: Span,
): number | undefined {
  if (fix.slot !== 'target') return value.base ? undefined : fieldValue(fix, value.offset, span);
  if (value.base?.section !== at.section || value.base.fragment !== at.fragment) return undefined;
  const distance = BigInt(value.base.offset - at.offset) + value.offset;
  return distance >= -4096n && distance < 4096n ? fieldValue(fix, distance, span) : undefined;
}

function refuseOperands(
  mnemonic: string,
  choices: readonly Spelling[],
  operands: readonly Operand[],
  statement: Statement,
): never {
  const forms = [...new Set(choices.map(({ form }) => `'${`${mnemonic} ${form}`.trim()}'`))];
  const expected = `expected ${forms.length > 1 ? `${forms.slice(0, -1).join(', ')} or ` : ''}${forms.at(-1)}`;
  const sameCount = choices.filter(({ shapes }) => shapes.length === operands.length);
  const wrong = (choice: Spelling): number =>
    choice.shapes.findIndex((shape, index) => {
      const operand = operands[index];
      return operand !== undefined && !fits(shape, operand);
    });
  const index = Math.max(-1, ...sameCount.map(wrong));
  const operand = operands[index];
  if (!operand) {
    const count = operands.length === 1 ? '1 operand' : `${operands.length} operands`;
    throw new AssemblyFault(spanIn(statement), `${expected}, found ${count}: give as many operands as the form has`);
  }
  const text = statement.expansion
    ? `number ${index + 1}`
    : statement.text.slice(
        operand.span.column - statement.column,
        operand.span.column - statement.column + operand.span.length,
      );
  const shape = sameCount.find((choice) => wrong(choice) === index)?.shapes[index];
  throw new AssemblyFault(operand.span, `${expected}, found ${describeOperand(operand, text)}: ${adviceFor(shape)}`);
}

function adviceFor(shape: OperandShape | undefined): string {
  if (shape?.kind === 'register') return 'write a register such as a0, sp or x10';
  if (shape?.kind === 'memory')
    return shape.offset ? "write 'offset(register)'" : "write '(register)', without an offset";
  return 'write a number, a symbol or an expression';
}

function unknownMnemonic(mnemonic: string): string {
  const lower = mnemonic.toLowerCase();
  if (isMnemonic(lower)) return `expected an instruction, found ${quote(mnemonic)}: write it in lower case, '${lower}'`;
  const close = mnemonics.find((candidate) => oneEditApart(candidate, lower));
  const advice = close === undefined ? 'check the spelling; a label ends with a colon' : `did you mean '${close}'?`;
  return `expected an instruction, a directive or a macro, found ${quote(mnemonic)}: ${advice}`;
}

/** Whether one letter added, lost, changed or swapped with its neighbour makes the one text the other. */
function oneEditApart(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false;
  let start = 0;
  while (start < one.length && one[start] === other[start]) start++;
  const [restOne, restOther] = [one.slice(start), other.slice(start)];
  return (
    restOne.slice(1) === restOther ||
    restOne === restOther.slice(1) ||
    restOne.slice(1) === restOther.slice(1) ||
    (restOne.slice(2) === restOther.slice(2) && restOne[0] === restOther[1] && restOne[1] === restOther[0])
  );
}
