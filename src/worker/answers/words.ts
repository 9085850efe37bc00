// Words for what the core knows as numbers: modes, exits, effects, in sentences a student can read.

import { abiNames } from '../../core/isa/registers.ts';
import { findCause } from '../../core/isa/causes.ts';
import { findCsr } from '../../core/isa/csrs.ts';
import { disassemble } from '../../core/isa/disassemble.ts';
import { exitRows } from '../../core/hypervisor/exits/exits.ts';
import { findHypercall, HYPERCALL_EXTENSION } from '../../core/hypervisor/techniques/hypercalls.ts';
import { Extension } from '../../core/hypervisor/firmware/sbi.ts';
import type { EffectRecord, ExitRecord } from '../../core/hypervisor/exits/trace.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import type { Effect, ExitDetail, ExitRow, ModeName } from '../../protocol/frame.ts';

export const hex = (value: number, digits = 8): string => `0x${(value >>> 0).toString(16).padStart(digits, '0')}`;
const hexOfAddress = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/** The mode a VM's hart is in, with the H extension's names where the hart is in them. */
export function modeOf(vm: VirtualMachine, vcpu = 0): ModeName {
  const { privilege, virtual } = vm.look(vcpu);
  if (privilege === 3) return 'M';
  const supervisor = privilege === 1;
  if (vm.technique === 'hardware-assisted' || virtual) return supervisor ? 'VS' : 'VU';
  // With a second stage of its own, S-mode is where a hypervisor is.
  if (supervisor && vm.look().csrs.hgatp >>> 31 === 1) return 'HS';
  return supervisor ? 'S' : 'U';
}

/** The name of an SBI extension. */
function sbiName(extension: number): string {
  const known = Object.entries(Extension).find(([, number]) => number === extension);
  if (known) return `SBI ${known[0].toUpperCase()}`;
  return extension <= 8 ? `SBI legacy ${extension}` : `SBI ${hex(extension)}`;
}

/** What an effect record is about, by its kind. */
function effectOf(record: EffectRecord, vm: VirtualMachine | undefined): Effect {
  const { kind, before, after } = record;
  const plain = (what: string): Effect => ({ kind, what, before, after });
  switch (kind) {
    case 'read-register':
    case 'write-register':
      return plain(`x${record.what} (${abiNames[record.what] ?? '?'})`);
    case 'read-csr':
    case 'write-csr':
      return plain(findCsr(record.what)?.name ?? `CSR ${hex(record.what, 3)}`);
    case 'device-read':
    case 'device-write': {
      const mount = vm?.board.bus.find(record.what);
      const offset = mount ? record.what - mount.base : 0;
      const access = kind === 'device-read' ? 'write-only' : 'read-only';
      const register = mount?.device.registers.find((row) => row.offset === offset && row.access !== access);
      const name = mount ? `${mount.device.name} ${register?.name ?? `+${hex(offset, 2)}`}` : 'a device';
      return { kind, what: `${name} at GPA ${hexOfAddress(record.what)}`, before: undefined, after };
    }
    case 'map':
      return {
        kind,
        what: `GVA ${hex(record.what)} → GPA ${hexOfAddress(before)} → HPA ${hexOfAddress(after)}`,
        before: undefined,
        after,
      };
    case 'flush':
      return {
        kind,
        what: before === 0 ? 'every derived translation' : `translations of GVA ${hex(record.what)}`,
        before: undefined,
        after: undefined,
      };
    case 'inject':
      return { kind, what: `${findCause(record.what)?.name ?? 'a trap'} into the guest: pc`, before, after };
    case 'sbi':
      if (record.what === HYPERCALL_EXTENSION) {
        return { kind, what: `hypercall ${findHypercall(before) ?? before}`, before: undefined, after: undefined };
      }
      return { kind, what: `${sbiName(record.what)}, function ${before}`, before: undefined, after };
    case 'deny':
      return {
        kind,
        what: `${hex(record.what)}, value ${hex(before)}, with error ${after | 0}`,
        before: undefined,
        after: undefined,
      };
    default:
      return plain(hexOfAddress(record.what));
  }
}

/** The disassembled instruction of an exit, where it is known. */
export function textOf(record: Pick<ExitRecord, 'instruction' | 'pc' | 'reason'>): string {
  return record.instruction === 0 ? '' : disassemble(record.instruction, record.pc).text;
}

export function rowOf(record: ExitRecord): ExitRow {
  const { sequence, vm, reason, gva, gpa, pc, instruction, verdict, at, virtualCost, nanoseconds } = record;
  return {
    sequence,
    vm,
    reason,
    gva,
    gpa,
    pc,
    instruction: instruction === 0 ? undefined : instruction,
    text: textOf(record),
    verdict,
    at,
    virtualCost,
    nanoseconds,
  };
}

/** One exit in full. `done` false: the hypervisor has not acted yet. */
export function detailOf(record: ExitRecord, vm: VirtualMachine | undefined, done = true): ExitDetail {
  const assisted = vm?.technique === 'hardware-assisted';
  return {
    ...rowOf(record),
    mode: record.machine ? 'M' : `${assisted ? 'V' : ''}${record.user ? 'U' : 'S'}`,
    cause: record.cause,
    causeName: findCause(record.cause)?.name ?? `cause ${record.cause}`,
    stval: record.stval,
    htval: assisted ? record.htval : undefined,
    htinst: assisted ? record.htinst : undefined,
    effects: record.effects.map((effect) => effectOf(effect, vm)),
    resumePc: record.resumePc,
    sentence: sentenceOf(record, done),
  };
}

/** Whether a CSR instruction writes: always as CSRRW, as CSRRS and CSRRC only with a source other than x0 or 0 (Zicsr, table 9). */
const writesCsr = (word: number): boolean => (word & 0x3000) === 0x1000 || (word & 0xf_8000) !== 0;

/**
 * What happened and what the hypervisor did, in one sentence.
 * @param done false while the hypervisor has not acted yet
 */
export function sentenceOf(
  record: Pick<ExitRecord, 'reason' | 'instruction' | 'pc' | 'effects' | 'cause' | 'gpa'>,
  done = true,
): string {
  const { reason, instruction } = record;
  const text = textOf(record);
  if (reason === 'csr-access') {
    const csr = findCsr(instruction >>> 20)?.name ?? 'a CSR';
    const verb = writesCsr(instruction) ? ['write', 'wrote'] : ['read', 'read'];
    if (!done)
      return `The guest tries to ${verb[0]} ${csr} with \`${text}\`. It may not: the hart has trapped to the hypervisor.`;
    return `The guest ${verb[1]} ${csr} with \`${text}\`. It may not; the hypervisor did it on the guest’s virtual register.`;
  }
  if (!done)
    return `The guest has left for the hypervisor${text === '' ? '' : ` at \`${text}\``}: ${findCause(record.cause)?.name ?? 'a trap'}.`;
  if (reason === 'guest-exception') {
    return `The guest caused an exception of its own (${findCause(record.cause)?.name ?? 'unknown'}); the hypervisor passed it to the guest’s handler.`;
  }
  if (reason === 'device-access') {
    return `${exitRows['device-access'].meaning.replace(/\.$/, '')} at GPA ${hexOfAddress(record.gpa ?? 0)}.`;
  }
  return exitRows[reason].meaning;
}
