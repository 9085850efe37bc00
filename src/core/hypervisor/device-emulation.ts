// What a guest's load or store at a device does: the device model of its own board answers, and the register that the
// instruction names gets the value. Works on the instruction itself, or on its transformed form from htinst.

import { BUS_ERROR } from '../devices/device.ts';
import { findRow } from '../isa/instructions.ts';
import { accessFaultCauses } from '../machine/access-causes.ts';
import type { DeviceBus } from '../machine/device-bus.ts';
import type { HartState } from '../machine/hart-state.ts';
import { trapOf, type Trap } from '../machine/privileged-state.ts';
import { Access } from '../machine/walker.ts';
import type { EffectRecord } from './trace.ts';

/**
 * Performs the access. @returns undefined when it was done, or the fault that the bare machine would take
 * @param word the instruction; its destination or source register is in it
 */
export function emulateDeviceAccess(
  word: number | undefined,
  gva: number,
  gpa: number,
  access: Access,
  bus: DeviceBus,
  registers: HartState,
  note: (effect: EffectRecord) => void,
): Trap | undefined {
  const fault = trapOf(accessFaultCauses[access], gva);
  const effect = word === undefined ? undefined : findRow(word)?.effect;
  if (word === undefined || effect === undefined) return fault;
  if (effect.kind === 'load' && access === Access.load) {
    if ((gva & (effect.width - 1)) !== 0) return fault;
    const value = bus.read(gpa, effect.width);
    if (value === BUS_ERROR) return fault;
    const shift = 32 - 8 * effect.width;
    const extended = effect.signed ? (value << shift) >> shift : value;
    const rd = (word >>> 7) & 31;
    note({ kind: 'device-read', what: gpa, before: value, after: value });
    note({ kind: 'write-register', what: rd, before: registers.x(rd), after: extended });
    registers.setX(rd, extended | 0);
    return undefined;
  }
  if (effect.kind === 'store' && access === Access.store) {
    if ((gva & (effect.width - 1)) !== 0) return fault;
    const rs2 = (word >>> 20) & 31;
    const all = registers.x(rs2) >>> 0;
    const value = effect.width === 4 ? all : all & (2 ** (8 * effect.width) - 1);
    note({ kind: 'read-register', what: rs2, before: all, after: all });
    if (!bus.write(gpa, effect.width, value)) return fault;
    note({ kind: 'device-write', what: gpa, before: value, after: value });
    return undefined;
  }
  return fault; // atomics do not reach devices
}
