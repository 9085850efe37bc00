// From the value of an operand to the immediate of the instruction: what each slot and each %operator takes, which values
// fit, and what to say where one does not.

import { decodeFields, encodeFields, immediateFits } from '../pattern.ts';
import { AssemblyFault, type Messages } from './messages.ts';
import type { InstructionFix } from './sections.ts';
import type { Span } from './messages.ts';

const hexadecimal = (value: bigint): string => (value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`);

/** A number as people write it: small ones in decimal. */
const formatNumber = (value: bigint): string =>
  value > -65536n && value < 65536n ? String(value) : hexadecimal(value);

/** The part of an address `lui` or `auipc` supplies: rounded, because the lower part is signed. */
export const upperPart = (value: number): number => (value + 0x800) & ~0xfff;
export const lowerPart = (value: number): number => (value << 20) >> 20;

/** Smallest and largest value of an immediate, and the step between values. */
function rangeOf({ row, slot }: InstructionFix): {
  readonly least: bigint;
  readonly most: bigint;
  readonly step: number;
} {
  if (slot === 'upper') return { least: 0n, most: 0xfffffn, step: 1 };
  if (slot === 'zimm') return { least: 0n, most: 31n, step: 1 };
  if (slot === 'pred' || slot === 'succ') return { least: 0n, most: 15n, step: 1 };
  const { pattern } = row;
  if (pattern.signBit === undefined) {
    return {
      least: 0n,
      most: BigInt(decodeFields(pattern, encodeFields(pattern, { immediate: -1 })).immediate),
      step: 1,
    };
  }
  const half = 2n ** BigInt(pattern.signBit);
  const step = immediateFits(pattern, 1) ? 1 : 2;
  return { least: -half, most: half - BigInt(step), step };
}

function adviceFor({ row, slot }: InstructionFix, value: bigint, step: number): string {
  if (slot === 'target') {
    if (value % BigInt(step) !== 0n) return 'instructions stand at even addresses: align the target';
    return row.effect.kind === 'jump' ? "use 'call' or 'tail', which reach every address" : 'branch to a nearer label';
  }
  if (slot === 'csr') return 'CSR numbers have 12 bits';
  if (slot === 'upper') return 'write the upper 20 bits only, or %hi(symbol)';
  if (row.effect.kind === 'load' || row.effect.kind === 'store') {
    return "load the address with 'la' or 'li' first, or use %lo(symbol)";
  }
  return row.pattern.signBit === undefined
    ? 'a word has 32 bits to shift'
    : "load it with 'li' first and use the register form";
}

/**
 * The field value for what an operand says.
 * @param value the operand's value; for `target` the distance in bytes
 * @throws AssemblyFault if it does not fit
 */
export function fieldValue(fix: InstructionFix, value: bigint, span: Span): number {
  const { least, most, step } = rangeOf(fix);
  // A 32-bit word may be written signed or unsigned: 0xfffffff0 is −16.
  const signed =
    value > 0x7fff_ffffn && value <= 0xffff_ffffn && least < 0n && fix.slot === 'imm' ? value - (1n << 32n) : value;
  if (signed < least || signed > most || signed % BigInt(step) !== 0n) {
    const kind = fix.slot === 'target' ? 'a distance' : 'a value';
    const multiple = step === 1 ? '' : `, a multiple of ${step}`;
    throw new AssemblyFault(
      span,
      `'${fix.row.mnemonic}': expected ${kind} from ${formatNumber(least)} to ${formatNumber(most)}${multiple}, found ${formatNumber(value)}: ${adviceFor(fix, signed, step)}`,
    );
  }
  return fix.slot === 'upper' ? Number(signed) << 12 : Number(signed);
}

/** Whether a distance can be encoded in a branch. */
export function branchReaches(fix: InstructionFix, distance: bigint): boolean {
  const { least, most } = rangeOf(fix);
  return distance >= least && distance <= most;
}

/** Refuses `%hi` where only 12 bits are, and `%lo` where the upper 20 are. @throws AssemblyFault */
export function checkModifier({ row, slot, modifier }: InstructionFix, span: Span): void {
  if (modifier === undefined) return;
  const upper = modifier === 'hi' || modifier === 'pcrel_hi';
  const fitting = slot === 'upper' ? upper : slot === 'imm' && !upper && row.pattern.signBit === 11;
  if (fitting) return;
  const advice = upper ? 'it belongs into lui or auipc' : 'it belongs into addi, jalr, a load or a store';
  throw new AssemblyFault(span, `'${row.mnemonic}': expected another operand, found %${modifier}(…): ${advice}`);
}

/** Warns where a value loses bits, as GNU as does. */
export function warnIfTruncated(messages: Messages, value: bigint, width: number, span: Span): void {
  const bits = BigInt(width * 8);
  if (value >= -(1n << (bits - 1n)) && value < 1n << bits) return;
  messages.warn(
    span,
    `expected a value of ${width * 8} bits, found ${formatNumber(value)}: it is cut to ${formatNumber(BigInt.asUintN(Number(bits), value))}`,
  );
}
