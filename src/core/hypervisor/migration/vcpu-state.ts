// A vCPU as plain data and back: what a hart of the guest has become, whichever technique ran it. What belongs to the host
// alone — the grant, the translations in use, a reservation that a change of machines breaks — stays behind.

import type { DeviceState } from '../../devices/device.ts';
import {
  adoptState,
  BITS,
  count,
  FLAG,
  group,
  list,
  number,
  upTo,
  WORD,
  type FieldsOf,
  type NumberField,
} from '../../devices/device-state.ts';
import { ADUE } from '../../isa/csr-bits.ts';
import { storedCsrs, type StoredCsrName } from '../../isa/csr-stored.ts';
import { Privilege } from '../../machine/hart-state.ts';
import type { PrivilegedState } from '../../machine/privileged-state.ts';
import { FUTILE_REFLECTIONS } from '../endings.ts';
import { STEAL_TIME_FIELDS } from '../scheduling/steal-time.ts';

type SavedHart = {
  registers: readonly number[];
  pc: number;
  privilege: number;
  waiting: boolean;
  stopped: boolean;
  /** Instructions that trapped instead of retiring: instret leaves them out. */
  trapped: number;
  cycleOffset: readonly number[];
  instretOffset: readonly number[];
  csrs: DeviceState;
};

/** Upper and lower half of a 64-bit number. */
const PAIR = list(WORD, 2);

const csrNames = Object.keys(storedCsrs) as readonly StoredCsrName[];

const HART_FIELDS: FieldsOf<SavedHart> = {
  registers: list(BITS, 32),
  pc: WORD,
  privilege: number(Privilege.user, Privilege.machine),
  waiting: FLAG,
  stopped: FLAG,
  trapped: count(),
  cycleOffset: PAIR,
  instretOffset: PAIR,
  csrs: group(Object.fromEntries(csrNames.map((name): [string, NumberField] => [name, WORD]))),
};

/** All of a vCPU: its hart, and what its hypervisor knows of it. */
export type SavedVcpu = {
  hart: DeviceState;
  instructions: number;
  exits: number;
  suspended: boolean;
  futile: number;
  /** See `World.agreement`. */
  agreement: readonly number[];
  stealTime: DeviceState;
};

/** Words of what a guest may have agreed on with its hypervisor: each of its page tables takes two. */
const MOST_AGREED = 1 << 16;

export const SAVED_VCPU_FIELDS: FieldsOf<SavedVcpu> = {
  hart: group(HART_FIELDS),
  instructions: count(),
  exits: count(),
  suspended: FLAG,
  futile: count(FUTILE_REFLECTIONS),
  agreement: upTo(MOST_AGREED, WORD),
  stealTime: group(STEAL_TIME_FIELDS),
};

/** What the hart is to be restored as; the state has no say in it. */
export interface HartShape {
  readonly hart: number;
  /** The guest has no machine mode of its own. */
  readonly supervisor: boolean;
  readonly svadu: boolean;
}

const halves = (value: bigint): readonly number[] => {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
};

const joined = ([high = 0, low = 0]: readonly number[]): bigint => (BigInt(high) << 32n) | BigInt(low);

/** @param state up to date: the vCPU is not on a hart, or was just looked at */
export function saveHart(state: PrivilegedState): DeviceState {
  const saved: SavedHart = {
    registers: Array.from({ length: 32 }, (_, index) => state.x(index)),
    pc: state.pc,
    privilege: state.privilege,
    waiting: state.waiting,
    stopped: state.stopped,
    trapped: state.trapped,
    cycleOffset: halves(state.counterOffset('cycle')),
    instretOffset: halves(state.counterOffset('instret')),
    csrs: Object.fromEntries(csrNames.map((name) => [name, state.get(name)])),
  };
  return saved;
}

/** @throws Error, one line for a person, where no hart of this kind can be in such a state; then nothing has changed */
export function restoreHart(state: PrivilegedState, saved: DeviceState, shape: HartShape): void {
  const adopted = adoptState<SavedHart>(`vCPU ${shape.hart}`, HART_FIELDS, saved);
  check(adopted, shape);
  state.reset(shape.hart);
  adopted.registers.forEach((value, index) => state.setX(index, value));
  state.pc = adopted.pc;
  state.privilege = adopted.privilege as Privilege;
  state.waiting = adopted.waiting;
  state.stopped = adopted.stopped;
  state.trapped = adopted.trapped;
  state.setCounterOffset('cycle', joined(adopted.cycleOffset));
  state.setCounterOffset('instret', joined(adopted.instretOffset));
  for (const name of csrNames) state.set(name, adopted.csrs[name] as number);
}

/** Bits that a register can never hold (WARL) are refused: no code after this one must be ready for them. */
function check(saved: SavedHart, shape: HartShape): void {
  const refuse = (expected: string, found: number): never => {
    throw new Error(
      `The saved state does not fit vCPU ${shape.hart}: expected ${expected}, found 0x${found.toString(16)}. Take it from a VM of the same kind.`,
    );
  };
  if (saved.pc % 4 !== 0) refuse('pc at a multiple of 4', saved.pc);
  const machineMode = saved.privilege === Privilege.machine;
  if (saved.privilege === 2 || (machineMode && shape.supervisor)) refuse('a mode that the guest has', saved.privilege);
  for (const name of csrNames) {
    const { mask, reset, legalize } = storedCsrs[name] as (typeof storedCsrs)[StoredCsrName] & {
      readonly legalize?: (next: number, previous: number) => number;
    };
    const value = saved.csrs[name] as number;
    if (name === 'mhartid') {
      if (value !== shape.hart) refuse(`mhartid ${shape.hart}`, value);
      continue;
    }
    const possible = mask | reset | (name === 'menvcfgh' && shape.svadu ? ADUE : 0);
    if ((value & ~possible) !== 0 || (legalize !== undefined && legalize(value, reset) >>> 0 !== value)) {
      refuse(`a legal value of ${name}`, value);
    }
  }
}
