// The small language in which an instruction row says what it means. A meaning is a value, not code: the reference
// interpreter walks it, the fast interpreter and the translator are generated from it, the tooltip prints it.
// Every value is a 32-bit word; signedness lives in the operator, as in the manual.

import type { SystemOperation, Width } from './system-port.ts';

export type { Width } from './system-port.ts';

/** What an expression can name: register contents, the immediate, the address of the instruction, an AMO's old memory word. */
export type Operand = 'rs1' | 'rs2' | 'immediate' | 'pc' | 'old';

export type BinaryOperator =
  | 'add'
  | 'sub'
  | 'and'
  | 'or'
  | 'xor'
  | 'sll'
  | 'srl'
  | 'sra'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'ltu'
  | 'ge'
  | 'geu'
  | 'mul'
  | 'mulh'
  | 'mulhsu'
  | 'mulhu'
  | 'div'
  | 'divu'
  | 'rem'
  | 'remu';

export type Expression =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'operand'; readonly name: Operand }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'select';
      readonly condition: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
    };

/** What an instruction does. Every row has exactly one effect; all but `system` are total descriptions. */
export type Effect =
  | { readonly kind: 'set'; readonly value: Expression }
  | { readonly kind: 'load'; readonly width: Width; readonly signed: boolean; readonly address: Expression }
  | { readonly kind: 'store'; readonly width: Width; readonly address: Expression; readonly value: Expression }
  | { readonly kind: 'branch'; readonly condition: Expression; readonly target: Expression }
  /** rd receives the address of the next instruction, then control moves to `target`. */
  | { readonly kind: 'jump'; readonly target: Expression }
  | { readonly kind: 'load-reserved'; readonly address: Expression }
  | { readonly kind: 'store-conditional'; readonly address: Expression; readonly value: Expression }
  /** rd receives the old word; memory receives `value`, in which `old` names that word. */
  | { readonly kind: 'atomic'; readonly address: Expression; readonly value: Expression }
  /** Ordering only: nothing to do on harts that execute one after the other on coherent memory. */
  | { readonly kind: 'fence' }
  | { readonly kind: 'system'; readonly operation: SystemOperation };

export const rs1: Expression = { kind: 'operand', name: 'rs1' };
export const rs2: Expression = { kind: 'operand', name: 'rs2' };
export const immediate: Expression = { kind: 'operand', name: 'immediate' };
export const pc: Expression = { kind: 'operand', name: 'pc' };
export const old: Expression = { kind: 'operand', name: 'old' };
export const constant = (value: number): Expression => ({ kind: 'constant', value });

const binary =
  (operator: BinaryOperator) =>
  (left: Expression, right: Expression): Expression => ({ kind: 'binary', operator, left, right });

export const add = binary('add');
export const sub = binary('sub');
export const and = binary('and');
export const or = binary('or');
export const xor = binary('xor');
export const sll = binary('sll');
export const srl = binary('srl');
export const sra = binary('sra');
export const eq = binary('eq');
export const ne = binary('ne');
export const lt = binary('lt');
export const ltu = binary('ltu');
export const ge = binary('ge');
export const geu = binary('geu');
export const mul = binary('mul');
export const mulh = binary('mulh');
export const mulhsu = binary('mulhsu');
export const mulhu = binary('mulhu');
export const div = binary('div');
export const divu = binary('divu');
export const rem = binary('rem');
export const remu = binary('remu');
export const select = (condition: Expression, then: Expression, otherwise: Expression): Expression => ({
  kind: 'select',
  condition,
  then,
  otherwise,
});

export const set = (value: Expression): Effect => ({ kind: 'set', value });
export const load = (width: Width, signed: boolean, address: Expression): Effect => ({
  kind: 'load',
  width,
  signed,
  address,
});
export const store = (width: Width, address: Expression, value: Expression): Effect => ({
  kind: 'store',
  width,
  address,
  value,
});
export const branch = (condition: Expression): Effect => ({ kind: 'branch', condition, target: add(pc, immediate) });
export const jump = (target: Expression): Effect => ({ kind: 'jump', target });
export const loadReserved = (address: Expression): Effect => ({ kind: 'load-reserved', address });
export const storeConditional = (address: Expression, value: Expression): Effect => ({
  kind: 'store-conditional',
  address,
  value,
});
export const atomic = (value: Expression): Effect => ({ kind: 'atomic', address: rs1, value });
export const fence: Effect = { kind: 'fence' };
export const system = (operation: SystemOperation): Effect => ({ kind: 'system', operation });
