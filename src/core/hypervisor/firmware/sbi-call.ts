// Carries an SBI call between a guest's registers and the firmware, and gives the firmware its reach into the guest.

import type { HartState } from '../../machine/hart-state.ts';
import type { Board } from '../../machine/board.ts';
import { Status, type PrivilegedState } from '../../machine/privileged-state.ts';
import { Access, Walker } from '../../machine/walker.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Sbi, SbiPorts } from './sbi.ts';
import type { SerialConsole } from '../guest-devices/serial-console.ts';

/** scounteren as OpenSBI leaves it to the kernel (lib/sbi/sbi_hart.c): programs may read cycle, time and instret. */
export const USER_COUNTERS = 0b111;

const A0 = 10;
const A1 = 11;

/**
 * Serves the call that stands in a hart's registers a0 … a7 and puts the answer into a0 and a1.
 * @returns false if the caller does not go on behind its ECALL (it was stopped or reset)
 */
export function serveSbiCall(sbi: Sbi, hart: number, registers: HartState): boolean {
  const reply = sbi.call({
    hart,
    a: [
      registers.x(A0),
      registers.x(A1),
      registers.x(12),
      registers.x(13),
      registers.x(14),
      registers.x(15),
      registers.x(16),
      registers.x(17),
    ],
  });
  if (reply.kind === 'none') return false;
  registers.setX(A0, reply.kind === 'pair' ? reply.error : reply.value | 0);
  if (reply.kind === 'pair') registers.setX(A1, reply.value | 0);
  return true;
}

/** The ports that are the same however the guest is run. */
export type FirmwareReach = Pick<
  SbiPorts,
  'writeConsole' | 'readConsole' | 'readMemory' | 'writeMemory' | 'isMemory' | 'loadWord'
>;

/** The ports through which firmware reaches its guest's console and memory: the same however the guest is run. */
export function firmwareReach(vm: {
  readonly console: SerialConsole;
  readonly board: Board;
  readonly memory: GuestMemory;
  look(hart?: number): PrivilegedState;
}): FirmwareReach {
  return {
    loadWord: (hart, address) => loadWord(vm.look(hart), vm.memory, address),
    writeConsole: (byte) => vm.console.write(byte),
    readConsole: () => vm.board.uart.take(),
    readMemory: (address, into) => {
      vm.memory.bringBack(address, into.length);
      return vm.memory.read(address, into);
    },
    writeMemory: (address, bytes) => vm.memory.write(address, bytes),
    isMemory: (address) => vm.memory.holds(address),
  };
}

/** A load as a hart's kernel would make it, by firmware (mstatus.MPRV), which leaves A and D as they are. */
function loadWord(
  { csrs }: PrivilegedState,
  memory: Pick<GuestMemory, 'tables' | 'bringBack' | 'read'>,
  address: number,
): number | undefined {
  const walker = new Walker({ readEntry: (at) => memory.tables.readEntry(at), updateEntry: () => true });
  const context = {
    satp: csrs.satp,
    hgatp: 0,
    twoStage: false,
    user: false,
    sum: (csrs.mstatus & Status.SUM) !== 0,
    mxr: (csrs.mstatus & Status.MXR) !== 0,
    mxrStage2: false,
    executableOnly: false,
    updateStage1: true,
    updateStage2: false,
  };
  const bytes = new Uint8Array(4);
  if (!walker.walk(context, address, Access.load)) return undefined;
  memory.bringBack(walker.physical, 4);
  if (!memory.read(walker.physical, bytes)) return undefined;
  return new DataView(bytes.buffer).getUint32(0, true);
}
