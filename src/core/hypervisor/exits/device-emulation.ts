// What a guest's load or store at a device does: the device model of its own board answers, and the register that the
// instruction names gets the value. Works on the instruction itself, or on its transformed form from htinst.

import { BUS_ERROR } from '../../devices/device.ts';
import { findRow } from '../../isa/instructions.ts';
import { accessFaultCauses } from '../../machine/access-causes.ts';
import { evaluate } from '../../machine/evaluate.ts';
import type { DeviceBus } from '../../machine/device-bus.ts';
import type { HartState } from '../../machine/hart-state.ts';
import { trapOf, type Trap } from '../../machine/privileged-state.ts';
import { Access } from '../../machine/walker.ts';
import { Effect } from './trace.ts';

/** The VM whose guest makes the access. */
export interface AccessingVm {
  readonly state: HartState;
  readonly board: { readonly bus: DeviceBus };
  note(kind: Effect, what: number, before: number, after: number): void;
}

/**
 * Performs the access. @returns undefined when it was done, or the fault that the bare machine would take
 * @param word the instruction; its destination or source register is in it
 */
export function emulateDeviceAccess(
  word: number | undefined,
  gva: number,
  gpa: number,
  access: Access,
  vm: AccessingVm,
): Trap | undefined {
  const { state } = vm;
  const { bus } = vm.board;
  const effect = word === undefined ? undefined : findRow(word)?.effect;
  if (word === undefined || effect === undefined) return faultOf(gva, access);
  if (effect.kind === 'load' && access === Access.load) {
    if ((gva & (effect.width - 1)) !== 0) return faultOf(gva, access);
    const value = bus.read(gpa, effect.width);
    if (value === BUS_ERROR) return faultOf(gva, access);
    const shift = 32 - 8 * effect.width;
    const extended = effect.signed ? (value << shift) >> shift : value;
    const rd = (word >>> 7) & 31;
    vm.note(Effect['device-read'], gpa, value, value);
    vm.note(Effect['write-register'], rd, state.x(rd), extended);
    state.setX(rd, extended | 0);
    return undefined;
  }
  if (effect.kind === 'store' && access === Access.store) {
    if ((gva & (effect.width - 1)) !== 0) return faultOf(gva, access);
    const rs2 = (word >>> 20) & 31;
    const all = state.x(rs2) >>> 0;
    const value = effect.width === 4 ? all : all & (2 ** (8 * effect.width) - 1);
    vm.note(Effect['read-register'], rs2, all, all);
    if (!bus.write(gpa, effect.width, value)) return faultOf(gva, access);
    vm.note(Effect['device-write'], gpa, value, value);
    return undefined;
  }
  if (effect.kind === 'atomic' && access === Access.store && (gva & 3) === 0) {
    const [rd, rs2] = [(word >>> 7) & 31, (word >>> 20) & 31];
    const read = bus.read(gpa, 4);
    if (read === BUS_ERROR) return faultOf(gva, access);
    const old = read | 0;
    const next = evaluate(effect.value, { rs1: gva, rs2: state.x(rs2), immediate: 0, pc: state.pc, old }) >>> 0;
    vm.note(Effect['device-read'], gpa, read, read);
    if (!bus.write(gpa, 4, next)) return faultOf(gva, access);
    vm.note(Effect['device-write'], gpa, next, next);
    vm.note(Effect['write-register'], rd, state.x(rd), old);
    state.setX(rd, old);
    return undefined;
  }
  return faultOf(gva, access); // LR and SC do not reach devices
}

const faultOf = (gva: number, access: Access): Trap => trapOf(accessFaultCauses[access], gva);
