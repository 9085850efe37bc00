// What a device's whole state consists of, declared once as rows of fields. From the same rows follow the copy that a snapshot
// is, the checked copy back that a restore is, and the refusal of a state that was forged or damaged on its way.

import type { DeviceState } from './device.ts';

/** Whole numbers from `minimum` to `maximum`. */
export interface NumberField {
  readonly kind: 'number';
  readonly minimum: number;
  readonly maximum: number;
}

export interface FlagField {
  readonly kind: 'flag';
}

/** Whole numbers in a row. */
export interface ListField {
  readonly kind: 'list';
  readonly of: NumberField;
  readonly shortest: number;
  readonly longest: number;
}

export interface GroupField {
  readonly kind: 'group';
  readonly fields: Fields;
}

export type Field = NumberField | FlagField | ListField | GroupField;
export type Fields = { readonly [name: string]: Field };

/** One row for each field of a state, of the kind that fits its type: a field that is forgotten does not compile. */
export type FieldsOf<S> = {
  readonly [K in keyof S]: S[K] extends number
    ? NumberField
    : S[K] extends boolean
      ? FlagField
      : S[K] extends readonly number[]
        ? ListField
        : GroupField;
};

/** A whole number from `minimum` to `maximum`. */
export const number = (minimum: number, maximum: number): NumberField => ({ kind: 'number', minimum, maximum });
/** A whole number from 0 to `maximum`; without one, as large as a number can be exact. */
export const count = (maximum = Number.MAX_SAFE_INTEGER): NumberField => number(0, maximum);
export const BYTE = count(0xff);
export const HALF = count(0xffff);
export const WORD = count(0xffff_ffff);
/** 32 bits, signed or not: as bit operations leave them. */
export const BITS = number(-0x8000_0000, 0xffff_ffff);
/** Board time in ticks. */
export const TICKS = count();
export const FLAG: FlagField = { kind: 'flag' };
/** Exactly `length` numbers. */
export const list = (of: NumberField, length: number): ListField => ({
  kind: 'list',
  of,
  shortest: length,
  longest: length,
});
/** Up to `longest` numbers. */
export const upTo = (longest: number, of: NumberField): ListField => ({ kind: 'list', of, shortest: 0, longest });
export const group = (fields: Fields): GroupField => ({ kind: 'group', fields });

/** A deep copy that shares nothing with `state`. */
export function copyState<S extends DeviceState>(state: S): S {
  const copy: DeviceState = {};
  for (const [key, value] of Object.entries(state)) copy[key] = copyValue(value);
  return copy as S;
}

type StateValue = DeviceState[string];

function copyValue(value: StateValue): StateValue {
  if (isList(value)) return [...value];
  if (typeof value === 'object') return copyState(value);
  return value;
}

/** `Array.isArray` does not narrow a union that holds a readonly array. */
function isList(value: StateValue): value is readonly number[] {
  return Array.isArray(value);
}

/**
 * A copy of what `fields` say, checked field by field: a state of another device, of another version, of a board with another
 * number of harts or of nobody at all is refused before anything has changed. What is not in `fields` is left out.
 * @throws Error naming the first field that does not fit
 */
export function adoptState<S extends DeviceState>(device: string, fields: FieldsOf<S>, state: DeviceState): S {
  return adopt(device, fields, state) as S;
}

function adopt(device: string, fields: Fields, state: DeviceState): DeviceState {
  const copy: DeviceState = {};
  for (const [key, field] of Object.entries(fields)) {
    const found = Object.hasOwn(state, key) ? state[key] : undefined;
    const refuse = (expected: string, instead: string): Error =>
      new Error(
        `The snapshot does not fit this ${device}: expected ${expected} in \`${key}\`, found ${instead}. Take the snapshot from a board of the same shape.`,
      );
    if (found === undefined || kindOf(found) !== field.kind) {
      throw refuse(NAMES[field.kind], found === undefined ? 'nothing' : NAMES[kindOf(found)]);
    }
    if (field.kind === 'number' && !fits(field, found as number)) throw refuse(rangeOf(field), `${found as number}`);
    if (field.kind === 'list') {
      const values = found as readonly number[];
      if (values.length < field.shortest || values.length > field.longest) {
        const wanted = field.shortest === field.longest ? `${field.longest}` : `at most ${field.longest}`;
        throw refuse(`${wanted} entries`, `${values.length}`);
      }
      const wrong = values.find((value) => !fits(field.of, value));
      if (wrong !== undefined) throw refuse(rangeOf(field.of), `${wrong}`);
    }
    copy[key] = field.kind === 'group' ? adopt(device, field.fields, found as DeviceState) : copyValue(found);
  }
  return copy;
}

const NAMES = { number: 'a number', flag: 'a boolean', list: 'a list', group: 'a group' } as const;

function kindOf(value: StateValue): Field['kind'] {
  if (isList(value)) return 'list';
  if (typeof value === 'object') return 'group';
  return typeof value === 'boolean' ? 'flag' : 'number';
}

const fits = ({ minimum, maximum }: NumberField, value: number): boolean =>
  Number.isInteger(value) && value >= minimum && value <= maximum;

const rangeOf = ({ minimum, maximum }: NumberField): string => `a whole number from ${minimum} to ${maximum}`;
