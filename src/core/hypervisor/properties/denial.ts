// What said no: the one check that stopped an attempt, told from what the machine recorded of it — the exit and its trap
// registers, the entry of the table that was walked, the answer of the firmware, the state of a device — not from what the
// attempt was meant to do.

import { findCause } from '../../isa/causes.ts';
import { findCsr } from '../../isa/csrs.ts';
import { decode } from '../../isa/instructions.ts';
import { disassemble } from '../../isa/disassemble.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import type { Machine } from '../../machine/machine.ts';
import { Access } from '../../machine/walker.ts';
import { HardwareAssisted } from '../techniques/hardware-assisted.ts';
import type { HostedVm } from '../hosted-vm.ts';
import { walkGuest } from '../inspection/inspect-memory.ts';
import type { ExitRecord } from '../exits/trace.ts';

export interface Denial {
  /** Who decided: `second stage`, `shadow table`, `hart`, `virtual hart`, `firmware`, `device`, `timer`, `scheduler`. */
  readonly by: string;
  /** One sentence with the values it was decided by. */
  readonly check: string;
}

/** What is known of an attempt when it is over. */
export interface Attempted {
  readonly vm: HostedVm;
  readonly machine: Machine;
  /** The exits at the instruction that tried it, oldest first. */
  readonly records: readonly ExitRecord[];
  /** The cause of the trap that the guest was given for it (0: none); what a call answered, or the device's status. */
  readonly cause: number;
  readonly answer: number;
  /** What a device said when it stopped. */
  readonly deviceMessage: string | undefined;
  /** Turns that the hypervisor's timer took away from it. */
  readonly turnsEnded: number;
  /** Instructions of the machine, and of the attempt, when both neighbours were done; undefined where they never were. */
  readonly neighboursDone: { readonly elapsed: number; readonly own: number } | undefined;
  readonly endless: boolean;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
/** With its thousands apart: 103,123. */
const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ',');
const accessNames: Readonly<Record<Access, string>> = {
  [Access.load]: 'load',
  [Access.store]: 'store',
  [Access.fetch]: 'fetch',
};

const ramOf = ({ memoryBytes }: HostedVm): string => `${hex(RAM_BASE)} to ${hex(RAM_BASE + memoryBytes - 1)}`;

/** @returns undefined where nothing is known to have stopped it */
export function denialOf(attempted: Attempted): Denial | undefined {
  const { deviceMessage, records, endless, turnsEnded, neighboursDone, cause, answer } = attempted;
  if (deviceMessage !== undefined) {
    return { by: 'device', check: `${deviceMessage} Its status register then read ${hex(answer)}.` };
  }
  if (endless) {
    if (neighboursDone === undefined) return undefined;
    const { elapsed, own } = neighboursDone;
    if (turnsEnded === 0) {
      return {
        by: 'scheduler',
        check: `Its turn ended at one of its own exits: both neighbours were done after ${count(elapsed)} instructions of the machine, of which it had executed ${count(own)}.`,
      };
    }
    return {
      by: 'timer',
      check: `The hypervisor’s timer took the hart away from it ${turnsEnded === 1 ? 'once' : `${turnsEnded} times`} (host-timer exits); both neighbours were done after ${count(elapsed)} instructions of the machine, of which it had executed ${count(own)}.`,
    };
  }
  const record = records.findLast(({ reason }) => !['missing-page', 'host-timer', 'host-interrupt'].includes(reason));
  if (record === undefined) return cause === 0 ? undefined : byHart(attempted);
  switch (record.reason) {
    case 'guest-exception':
      return byTables(attempted, record) ?? byPrivilege(record);
    case 'csr-access':
      return byVirtualHart(attempted, record);
    case 'sbi-call':
      return byFirmware(attempted, record);
    case 'device-access':
      return byDevice(record);
    default:
      return cause === 0 ? undefined : byHart(attempted);
  }
}

/** It never came to the hypervisor: the hart gave the trap to the guest's own handler. */
function byHart({ cause }: Attempted): Denial {
  const name = findCause(cause)?.name ?? `cause ${cause}`;
  return {
    by: 'hart',
    check: `The hart: ${name}, handed to the guest’s own handler (hedeleg bit ${cause} is 1): no exit was needed.`,
  };
}

function byTables({ vm, machine }: Attempted, { cause, stval, htval, gva }: ExitRecord): Denial | undefined {
  const address = gva ?? stval;
  const access = accessOfCause(cause);
  if (access === undefined) return undefined;
  const name = accessNames[access];
  if (cause >= 20) {
    const gpa = htval * 4 + (stval & 3);
    const world = vm.vcpus[0]?.world;
    const entry =
      world instanceof HardwareAssisted ? machine.ram.readEntry(world.root + 4 * Math.floor(gpa / 2 ** 22)) : 0;
    return {
      by: 'second stage',
      check: `${name} guest-page fault (${cause}) at GPA ${hex(gpa)}: entry ${Math.floor(gpa / 2 ** 22)} of the second-stage root is ${hex(entry)}, and the guest’s RAM is ${ramOf(vm)}.`,
    };
  }
  const walker = walkGuest(vm, address, access);
  const leads =
    walker.fault === 'none'
      ? `lead to GPA ${hex(walker.physical)}, and its RAM is ${ramOf(vm)}`
      : `fault (${walker.fault})`;
  return {
    by: 'shadow table',
    check: `${name} page fault (${cause}) at GVA ${hex(address)}: the shadow has no entry, and the hypervisor makes none: the guest’s own tables ${leads}.`,
  };
}

function accessOfCause(cause: number): Access | undefined {
  if (cause === 1 || cause === 12 || cause === 20) return Access.fetch;
  if (cause === 5 || cause === 13 || cause === 21) return Access.load;
  return cause === 7 || cause === 15 || cause === 23 ? Access.store : undefined;
}

function byPrivilege({ cause, stval, pc, instruction }: ExitRecord): Denial {
  const word = instruction === 0 ? stval : instruction;
  const text = decode(word) ? disassemble(word, pc).text : hex(word);
  return {
    by: 'hart',
    check: `${text}: ${findCause(cause)?.name ?? cause} (${cause}) in the mode the guest really runs in; the hypervisor passed it on as the guest’s own.`,
  };
}

function byVirtualHart(_: Attempted, { instruction, pc }: ExitRecord): Denial {
  const csr = findCsr(instruction >>> 20);
  const level = ['U', 'S', 'HS', 'M'][(instruction >>> 28) & 3] ?? '';
  const text = disassemble(instruction, pc).text;
  return {
    by: 'virtual hart',
    check: `${text}: ${csr?.name ?? 'this CSR'} needs mode ${level}, which the guest’s virtual hart is not in or has not: the hypervisor answered with an illegal instruction.`,
  };
}

const errorNames: Readonly<Record<number, string>> = {
  [-1]: 'failed',
  [-2]: 'not supported',
  [-3]: 'invalid parameter',
  [-4]: 'denied',
  [-5]: 'invalid address',
  [-6]: 'already available',
};

function byFirmware({ answer }: Attempted, { effects }: ExitRecord): Denial | undefined {
  const error = answer | 0;
  if (error >= 0) return undefined;
  const call = effects.find(({ kind }) => kind === 'sbi');
  return {
    by: 'firmware',
    check: `SBI call ${hex(call?.what ?? 0)}, checked by the hypervisor in the firmware’s place: error ${error} (${errorNames[error] ?? 'unknown'}).`,
  };
}

function byDevice({ gpa, effects }: ExitRecord): Denial {
  const [effect] = effects;
  return {
    by: 'device',
    check: `GPA ${hex(gpa ?? 0)} is a device of its own board; its model was given ${hex(effect?.after ?? 0)}, and knows no other VM.`,
  };
}
