// The CSRs that have a word of their own in the hart's state (privileged manual, chapters "Machine-Level ISA",
// "Supervisor-Level ISA", "Hypervisor Extension"; RV32). Key order is the order of the words.

import { fieldsOf } from './csr-fields.ts';
import { protectionCsrs } from './csr-protection.ts';
import type { Consequence, CsrField, StoredCsr } from './csr-row.ts';

interface Options {
  readonly mask?: number;
  readonly reset?: number;
  readonly fields?: readonly CsrField[];
  readonly consequence?: Consequence;
  readonly legalize?: (next: number, previous: number) => number;
}

const register = (number: number, meaning: string, options: Options = {}): StoredCsr => ({
  number,
  meaning,
  mask: options.mask ?? 0xffff_ffff,
  reset: options.reset ?? 0,
  fields: options.fields ?? [],
  consequence: options.consequence ?? 'none',
  ...(options.legalize && { legalize: options.legalize }),
});

/** The code that no read shows: CSR addresses have 12 bits, internal words have none. */
const INTERNAL = -1;

/** MPP may hold U, S and M; writing the reserved 2 leaves it as it was (WARL). */
const legalMstatus = (next: number, previous: number) =>
  ((next >>> 11) & 3) === 2 ? (next & ~0x1800) | (previous & 0x1800) : next;
/** Trap vector modes 2 and 3 are reserved: such a write leaves the register as it was. */
const legalVector = (next: number, previous: number) => ((next & 2) === 0 ? next : previous);

const epcMask = 0xffff_fffc; // IALIGN = 32: the two low bits are always 0
const tvec = { fields: fieldsOf.tvec, legalize: legalVector };
const tcause = { fields: fieldsOf.cause };
const exceptionsBelowMachine = 0x00f0_b7ff; // all but 11 (ECALL from M) and the reserved codes
const exceptionsToGuest = 0x0000_b1ff; // not 9–11, 16, 20–23 ("hedeleg", table of read-only bits)
const supervisorInterrupts = 0x222;
const virtualInterrupts = 0x444;
const allInterrupts = 0xeee;

export const storedCsrs = {
  mstatus: register(0x300, 'Machine status: the hart’s modes and interrupt enables.', {
    mask: 0x007e_19aa,
    fields: fieldsOf.mstatus,
    legalize: legalMstatus,
    consequence: 'translation',
  }),
  mstatush: register(0x310, 'Machine status, upper half: the virtualization part.', {
    mask: 0xc0,
    fields: fieldsOf.mstatush,
    consequence: 'translation',
  }),
  medeleg: register(0x302, 'Exceptions that go to S-mode instead of M-mode.', { mask: exceptionsBelowMachine }),
  mideleg: register(0x303, 'Interrupts that go to S-mode instead of M-mode.', {
    mask: supervisorInterrupts,
    reset: virtualInterrupts, // read-only one with the H extension
    fields: fieldsOf.mie,
    consequence: 'interrupts',
  }),
  mie: register(0x304, 'Interrupts enabled, all levels.', {
    mask: allInterrupts,
    fields: fieldsOf.mie,
    consequence: 'interrupts',
  }),
  mtvec: register(0x305, 'Machine trap vector.', tvec),
  mcounteren: register(0x306, 'Counters that S-mode may read.', { fields: fieldsOf.counteren }),
  menvcfg: register(0x30a, 'Environment of the modes below M.', { mask: 1, fields: fieldsOf.envcfg }),
  menvcfgh: register(0x31a, 'Environment of the modes below M, upper half.', {
    mask: 0x8000_0000, // STCE; the board adds ADUE where it has Svadu
    fields: fieldsOf.envcfgh,
    consequence: 'environment',
  }),
  mcountinhibit: register(0x320, 'Counters that stand still.', { mask: 0b101 }),
  mscratch: register(0x340, 'For the machine-mode trap handler’s use.'),
  mepc: register(0x341, 'Address at which the last trap into M-mode happened.', { mask: epcMask }),
  mcause: register(0x342, 'Why the last trap into M-mode happened.', tcause),
  mtval: register(0x343, 'The address or instruction the last trap into M-mode is about.'),
  mtinst: register(0x34a, 'The trapped memory access as a transformed instruction, M-mode.'),
  mtval2: register(0x34b, 'Guest physical address of the last trap into M-mode, shifted right by 2.'),
  mhartid: register(0xf14, 'Number of this hart.', { mask: 0 }),

  stvec: register(0x105, 'Supervisor trap vector.', tvec),
  scounteren: register(0x106, 'Counters that user mode may read.', { fields: fieldsOf.counteren }),
  senvcfg: register(0x10a, 'Environment of user mode.', { mask: 1, fields: fieldsOf.envcfg }),
  sscratch: register(0x140, 'For the supervisor trap handler’s use.'),
  sepc: register(0x141, 'Address at which the last trap into S-mode happened.', { mask: epcMask }),
  scause: register(0x142, 'Why the last trap into S-mode happened.', tcause),
  stval: register(0x143, 'The address or instruction the last trap into S-mode is about.'),
  stimecmp: register(0x14d, 'The time at which the supervisor timer interrupt comes (Sstc).', {
    reset: 0xffff_ffff,
    consequence: 'timer',
  }),
  stimecmph: register(0x15d, 'The supervisor timer compare value, upper half.', {
    reset: 0xffff_ffff,
    consequence: 'timer',
  }),
  satp: register(0x180, 'Root of the page tables and whether they are used.', {
    fields: fieldsOf.satp,
    consequence: 'translation',
  }),

  hstatus: register(0x600, 'Hypervisor status: the guest’s modes and what of it traps.', {
    mask: 0x0070_03c0,
    fields: fieldsOf.hstatus,
    consequence: 'translation',
  }),
  hedeleg: register(0x602, 'Exceptions that go to the guest instead of the hypervisor.', { mask: exceptionsToGuest }),
  hideleg: register(0x603, 'Interrupts that go to the guest instead of the hypervisor.', {
    mask: virtualInterrupts,
    fields: fieldsOf.hie,
    consequence: 'interrupts',
  }),
  hcounteren: register(0x606, 'Counters that the guest may read.', { fields: fieldsOf.counteren }),
  htimedelta: register(0x605, 'Added to time when the guest reads it.', { consequence: 'timer' }),
  htimedeltah: register(0x615, 'Added to time when the guest reads it, upper half.', { consequence: 'timer' }),
  henvcfg: register(0x60a, 'Environment of the guest.', { mask: 1, fields: fieldsOf.envcfg }),
  htval: register(0x643, 'Guest physical address of the last trap into HS-mode, shifted right by 2.'),
  hvip: register(0x645, 'Virtual interrupts the hypervisor has made pending for the guest.', {
    mask: virtualInterrupts,
    fields: fieldsOf.hvip,
    consequence: 'interrupts',
  }),
  htinst: register(0x64a, 'The trapped memory access as a transformed instruction.'),
  hgatp: register(0x680, 'Root of the second-stage page tables and whether they are used.', {
    mask: 0x9fff_fffc, // VMID has 7 bits on RV32; the root is 16 KiB aligned
    fields: fieldsOf.hgatp,
    consequence: 'translation',
  }),

  vsstatus: register(0x200, 'The guest’s sstatus.', {
    mask: 0x000c_0122,
    fields: fieldsOf.sstatus,
    consequence: 'translation',
  }),
  vstvec: register(0x205, 'The guest’s stvec.', tvec),
  vsscratch: register(0x240, 'The guest’s sscratch.'),
  vsepc: register(0x241, 'The guest’s sepc.', { mask: epcMask }),
  vscause: register(0x242, 'The guest’s scause.', tcause),
  vstval: register(0x243, 'The guest’s stval.'),
  vstimecmp: register(0x24d, 'The guest’s stimecmp.', { reset: 0xffff_ffff, consequence: 'timer' }),
  vstimecmph: register(0x25d, 'The guest’s stimecmph.', { reset: 0xffff_ffff, consequence: 'timer' }),
  vsatp: register(0x280, 'The guest’s satp.', { fields: fieldsOf.satp, consequence: 'translation' }),

  /** Interrupt bits that software has set: SSIP, STIP, SEIP. */
  mipSoftware: register(INTERNAL, 'Interrupt bits set by software.', { consequence: 'interrupts' }),
  /** Interrupt bits driven from outside: MSIP, MTIP, SEIP, MEIP by the board; STIP, VSTIP by the compare registers. */
  mipLines: register(INTERNAL, 'Interrupt bits driven by wires.', { consequence: 'interrupts' }),
  /** henvcfgh as written; its STCE and ADUE read as 0 while menvcfgh withholds them. */
  henvcfghWritten: register(INTERNAL, 'henvcfgh as written.', { consequence: 'environment' }),
  /** Of the AIA, 0 where a hart has it not: what miselect, siselect and vsiselect hold, and hgeie. */
  miselectHeld: register(INTERNAL, 'miselect.', { mask: 0x1ff }),
  siselectHeld: register(INTERNAL, 'siselect.', { mask: 0x1ff }),
  vsiselectHeld: register(INTERNAL, 'vsiselect.', { mask: 0x1ff }),
  hgeieHeld: register(INTERNAL, 'hgeie.', { mask: 0xffff_fffe, consequence: 'interrupts' }),

  ...protectionCsrs,
} as const satisfies Record<string, StoredCsr>;

export type StoredCsrName = keyof typeof storedCsrs;

/** The stored CSRs of one hart, by name. */
export type StoredCsrs = Record<StoredCsrName, number>;
