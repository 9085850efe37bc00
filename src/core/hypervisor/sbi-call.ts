// Carries an SBI call between a guest's registers and the firmware, and gives the firmware its reach into the guest.

import type { HartState } from '../machine/hart-state.ts';
import type { Board } from '../machine/board.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Sbi, SbiPorts } from './sbi.ts';
import type { SerialConsole } from './serial-console.ts';

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

/** The ports through which firmware reaches its guest's console and memory: the same however the guest is run. */
export function firmwareReach(vm: {
  readonly console: SerialConsole;
  readonly board: Board;
  readonly memory: GuestMemory;
}): Pick<SbiPorts, 'writeConsole' | 'readConsole' | 'readMemory' | 'writeMemory' | 'isMemory'> {
  return {
    writeConsole: (byte) => vm.console.write(byte),
    readConsole: () => vm.board.uart.take(),
    readMemory: (address, into) => vm.memory.read(address, into),
    writeMemory: (address, bytes) => vm.memory.write(address, bytes),
    isMemory: (address) => vm.memory.holds(address),
  };
}
