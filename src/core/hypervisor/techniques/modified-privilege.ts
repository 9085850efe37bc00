// Loads, stores and atomics of a guest's machine mode while mstatus.MPRV is set: fetches go untranslated, data goes as the
// mode in MPP would (privileged manual, "Memory Privilege in mstatus Register"). A deprivileged hart has one translation
// for both, so each such access traps and is performed here, by the instruction's own row. Firmware does few of them. So are
// those to a page of which physical memory protection allows one part more than another.

import { decode } from '../../isa/instructions.ts';
import type { Effect as RowEffect } from '../../isa/expression.ts';
import { exceptionRows } from '../../isa/causes.ts';
import { accessFaultCauses } from '../../machine/access-causes.ts';
import type { DeviceBus } from '../../machine/device-bus.ts';
import { evaluate, type OperandValues } from '../../machine/evaluate.ts';
import type { HartState } from '../../machine/hart-state.ts';
import { trapOf, type Trap } from '../../machine/privileged-state.ts';
import { Access } from '../../machine/walker.ts';
import { emulateDeviceAccess } from '../exits/device-emulation.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { Effect } from '../exits/trace.ts';

/** The VM whose guest makes the access. */
export interface AccessingVm {
  readonly state: HartState;
  readonly memory: Pick<GuestMemory, 'holds' | 'read' | 'write'>;
  readonly board: { readonly bus: DeviceBus };
  note(kind: Effect, what: number, before: number, after: number): void;
}

/** Where an access of `width` bytes in one page goes in the guest's physical memory, or the fault its tables give it. */
export type Locate = (gva: number, access: Access, width: number) => Gpa | Trap;

const isFault = (place: Gpa | Trap): place is Trap => typeof place !== 'number';

export class ModifiedPrivilege {
  /** The word reserved by LR. Losing it is always allowed. */
  reservation: Gpa | undefined;
  readonly #locate: Locate;

  constructor(locate: Locate) {
    this.#locate = locate;
  }

  /**
   * Performs the access. pc is left to the caller.
   * @param word the guest's instruction; undefined where it cannot be read any more
   * @returns undefined when it was done, or the fault that the bare machine would take
   */
  perform(vm: AccessingVm, word: number | undefined): Trap | undefined {
    const decoded = word === undefined ? undefined : decode(word);
    if (word === undefined || decoded === undefined) return trapOf(exceptionRows.illegalInstruction.code, word ?? 0);
    const { state } = vm;
    const values: OperandValues & { old: number } = {
      rs1: state.x(decoded.rs1),
      rs2: state.x(decoded.rs2),
      immediate: decoded.immediate,
      pc: state.pc | 0,
      old: 0,
    };
    const { effect } = decoded.row;
    if (effect.kind === 'load' || effect.kind === 'store') {
      const address = evaluate(effect.address, values) >>> 0;
      return effect.kind === 'load'
        ? this.#load(vm, word, address, effect, decoded.rd)
        : this.#store(vm, word, address, effect.width, evaluate(effect.value, values));
    }
    return this.#atomic(vm, effect, values, decoded.rd);
  }

  #load(
    vm: AccessingVm,
    word: number,
    address: number,
    { width, signed }: RowEffect & { kind: 'load' },
    rd: number,
  ): Trap | undefined {
    const places = this.#places(vm, address, width, Access.load);
    if (!Array.isArray(places)) return places;
    const [first = 0] = places;
    if (!vm.memory.holds(first)) return emulateDeviceAccess(word, address, first, Access.load, vm);
    const bytes = new Uint8Array(4);
    places.forEach((gpa, index) => {
      const byte = bytes.subarray(index, index + 1);
      vm.memory.read(gpa, byte);
    });
    const value = new DataView(bytes.buffer).getUint32(0, true);
    const shift = 32 - 8 * width;
    const extended = signed ? (value << shift) >> shift : value;
    vm.note(Effect['read-memory'], first, value, value);
    vm.note(Effect['write-register'], rd, vm.state.x(rd), extended);
    vm.state.setX(rd, extended | 0);
    return undefined;
  }

  #store(vm: AccessingVm, word: number, address: number, width: number, value: number): Trap | undefined {
    const places = this.#places(vm, address, width, Access.store);
    if (!Array.isArray(places)) return places;
    const [first = 0] = places;
    if (!vm.memory.holds(first)) return emulateDeviceAccess(word, address, first, Access.store, vm);
    places.forEach((gpa, index) => vm.memory.write(gpa, Uint8Array.of(value >>> (8 * index))));
    vm.note(Effect['write-memory'], first, value, value);
    return undefined;
  }

  /** LR, SC and AMO: aligned, and in RAM. */
  #atomic(vm: AccessingVm, effect: RowEffect, values: OperandValues & { old: number }, rd: number): Trap | undefined {
    const address = values.rs1 >>> 0;
    const reserves = effect.kind === 'load-reserved';
    const access = reserves ? Access.load : Access.store;
    if ((address & 3) !== 0) {
      const { loadMisaligned, storeMisaligned } = exceptionRows;
      return trapOf((reserves ? loadMisaligned : storeMisaligned).code, address);
    }
    const gpa = this.#locate(address, access, 4);
    if (isFault(gpa)) return gpa;
    if (!vm.memory.holds(gpa)) return trapOf(accessFaultCauses[access], address);
    const bytes = new Uint8Array(4);
    const view = new DataView(bytes.buffer);
    const put = (value: number) => {
      view.setInt32(0, value, true);
      vm.memory.write(gpa, bytes);
      vm.note(Effect['write-memory'], gpa, values.old, value);
    };
    vm.memory.read(gpa, bytes);
    values.old = view.getInt32(0, true);
    if (effect.kind === 'load-reserved') {
      this.reservation = gpa;
      vm.state.setX(rd, values.old);
    } else if (effect.kind === 'store-conditional') {
      const holds = this.reservation === gpa;
      this.reservation = undefined;
      if (holds) put(values.rs2);
      vm.state.setX(rd, holds ? 0 : 1);
    } else if (effect.kind === 'atomic') {
      put(evaluate(effect.value, values));
      vm.state.setX(rd, values.old);
    }
    return undefined;
  }

  /**
   * Where each byte lies: one place for an access to a device, which takes no part of a misaligned one.
   * @returns the places, or the fault; nothing has been read or written then
   */
  #places(vm: AccessingVm, address: number, width: number, access: Access): Gpa[] | Trap {
    const inPage = 4096 - (address & 0xfff);
    const first = this.#locate(address, access, Math.min(width, inPage));
    if (isFault(first)) return first;
    const parts: Gpa[] = [first];
    if (width > inPage) {
      const behind = (address + inPage) >>> 0;
      if (!vm.memory.holds(first)) return trapOf(accessFaultCauses[access], address);
      const second = this.#locate(behind, access, width - inPage);
      if (isFault(second)) return second;
      if (!vm.memory.holds(second)) return trapOf(accessFaultCauses[access], address);
      parts.push(second);
    } else if (!vm.memory.holds(first)) {
      return vm.board.bus.covers(first) ? parts : trapOf(accessFaultCauses[access], address);
    }
    const [start = 0, next = 0] = parts;
    return Array.from({ length: width }, (_, index) => (index < inPage ? start + index : next + index - inPage));
  }
}
