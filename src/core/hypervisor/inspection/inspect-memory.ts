// Looks at memory by virtual address as a VM's hart would translate it, without any side effect: no A or D bit is set, no
// device is read, no cache is filled.

import { Status } from '../../machine/privileged-state.ts';
import { Privilege } from '../../machine/hart-state.ts';
import {
  Access,
  NO_ENTRY,
  Walker,
  type FetchObserver,
  type TableMemory,
  type WalkContext,
} from '../../machine/walker.ts';
import type { VirtualMachine } from '../virtual-machine.ts';

/** The guest's own translation, as its CSRs set it up. */
export function guestContext(vm: VirtualMachine, hart = 0): WalkContext {
  const state = vm.look(hart);
  const status = state.csrs.mstatus;
  const machine = state.privilege === Privilege.machine;
  // A bare guest may itself be a hypervisor with a guest of its own on the hart.
  const nested = state.virtual;
  const guestStatus = nested ? state.csrs.vsstatus : status;
  return {
    satp: machine ? 0 : state.get(nested ? 'vsatp' : 'satp'),
    hgatp: nested ? state.csrs.hgatp : 0,
    twoStage: nested,
    user: state.privilege === Privilege.user,
    sum: !machine && (guestStatus & Status.SUM) !== 0,
    mxr: !machine && ((guestStatus | status) & Status.MXR) !== 0,
    mxrStage2: nested && (status & Status.MXR) !== 0,
    executableOnly: false,
    updateStage1: false,
    updateStage2: false,
  };
}

/** Memory that is only looked at: entries can be read, none is ever written. */
const lookingAt = (memory: TableMemory): TableMemory => ({
  readEntry: (address) => memory.readEntry(address),
  updateEntry: () => false,
});

/** Walks the guest's tables for an access of one of its harts. @returns the walker with its result; `fault` says whether it succeeded */
export function walkGuest(vm: VirtualMachine, gva: number, access: Access, observer?: FetchObserver, hart = 0): Walker {
  const walker = new Walker(lookingAt(vm.memory));
  walker.walk(guestContext(vm, hart), gva, access, observer);
  return walker;
}

/** The guest's instruction at a virtual address; undefined where none can be fetched. */
export function instructionAt(vm: VirtualMachine, gva: number, hart = 0): number | undefined {
  const walker = walkGuest(vm, gva, Access.fetch, undefined, hart);
  if (walker.fault !== 'none') return undefined;
  const word = vm.memory.readEntry(walker.physical - (walker.physical % 4));
  return word === NO_ENTRY ? undefined : word;
}
