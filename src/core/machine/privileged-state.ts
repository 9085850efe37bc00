// The privileged architecture on one block of state: which mode a trap goes to and what it writes there, how xRET undoes
// it, who may access which CSR, which interrupt is next (privileged manual, chapters "Machine-Level ISA",
// "Supervisor-Level ISA", "Hypervisor Extension"). It touches no memory, so the same class is the physical hart's
// privileged side and the virtual hart a hypervisor keeps for a deprivileged guest.

import { ADUE, SGEIP, STCE, VSEIP } from '../isa/csr-bits.ts';
import { exceptionRows, findCause, INTERRUPT_FLAG, mostUrgent } from '../isa/causes.ts';
import {
  findCsr,
  findGuestCsr,
  pendingInterrupts,
  readCsr,
  writeCsr,
  writeStored,
  type CounterName,
  type Csr,
  type CsrPort,
} from '../isa/csrs.ts';
import type { Consequence } from '../isa/csr-row.ts';
import { storedCsrs, type StoredCsrName } from '../isa/csr-stored.ts';
import type { InterruptFiles } from '../isa/interrupt-files.ts';
import type { CsrOperation } from '../isa/system-port.ts';
import { HartState, Privilege } from './hart-state.ts';
import { checkInterruptCsr, guestFileLines, writeGuestFileBits } from './interrupt-access.ts';
import type { LinearMemory } from './linear-memory.ts';
import { NO_QUIRKS, type Quirks } from './quirks.ts';

export const ILLEGAL = exceptionRows.illegalInstruction.code;
export const VIRTUAL = exceptionRows.virtualInstruction.code;

/** The mode a trap is taken in. */
export type TrapTarget = 'M' | 'HS' | 'VS';

/** A trap about to be taken. */
export interface Trap {
  /** mcause/scause value; interrupts carry bit 31. */
  readonly cause: number;
  /** mtval/stval. */
  readonly value: number;
  /** Guest physical address for guest-page faults, in bytes; 0 otherwise. */
  readonly guestPhysical: number;
  /** mtinst/htinst. */
  readonly instruction: number;
  /** `value` is a virtual address of a guest. */
  readonly guestVirtual: boolean;
}

export const trapOf = (cause: number, value = 0, guestVirtual = false): Trap => ({
  cause,
  value,
  guestPhysical: 0,
  instruction: 0,
  guestVirtual,
});

/** mstatus and sstatus bits. */
export const Status = {
  SIE: 1 << 1,
  MIE: 1 << 3,
  SPIE: 1 << 5,
  MPIE: 1 << 7,
  SPP: 1 << 8,
  MPP: 3 << 11,
  MPRV: 1 << 17,
  SUM: 1 << 18,
  MXR: 1 << 19,
  TVM: 1 << 20,
  TW: 1 << 21,
  TSR: 1 << 22,
} as const;
const MPP_SHIFT = 11;
/** Addresses of the CSRs with rules of their own. */
const Address = {
  sstatus: 0x100,
  satp: storedCsrs.satp.number,
  hgatp: storedCsrs.hgatp.number,
  stimecmp: storedCsrs.stimecmp.number,
  vstimecmp: storedCsrs.vstimecmp.number,
  mtinst: storedCsrs.mtinst.number,
  mtval2: storedCsrs.mtval2.number,
} as const;
/** What of machine-level CSRs a hart without the H extension has: no interrupts and no exceptions of guests. */
const WITHOUT_HYPERVISOR = { interrupts: ~0x1444, exceptions: ~0x00f0_0400 } as const;
/** mstatush bits. */
export const StatusHigh = { GVA: 1 << 6, MPV: 1 << 7 } as const;
/** hstatus bits. */
export const HypervisorStatus = {
  GVA: 1 << 6,
  SPV: 1 << 7,
  SPVP: 1 << 8,
  HU: 1 << 9,
  VTVM: 1 << 20,
  VTW: 1 << 21,
  VTSR: 1 << 22,
} as const;

export interface PrivilegedOptions {
  /** False for a virtual hart whose guest sees no H extension. */
  readonly hypervisorExtension: boolean;
  /** The board lets the walker set A and D (Svadu). */
  readonly svadu: boolean;
  /** Where it departs from the manual; nowhere where absent. */
  readonly quirks?: Readonly<Quirks>;
  /** Its IMSIC; undefined for a hart without the AIA. */
  readonly interruptFiles?: InterruptFiles | undefined;
  /** Board time in ticks. */
  readonly time: () => number;
  /** Instructions executed until now, trapped ones included; and those that trapped. */
  readonly executed: () => number;
  /** Something that depends on CSRs or the mode must be worked out anew. */
  readonly changed: (consequence: Consequence) => void;
}

export class PrivilegedState extends HartState implements CsrPort {
  readonly svadu: boolean;
  readonly hypervisorExtension: boolean;
  readonly interruptFiles: InterruptFiles | undefined;
  readonly #options: PrivilegedOptions;

  constructor(memory: LinearMemory, base: number, options: PrivilegedOptions) {
    super(memory, base);
    this.svadu = options.svadu;
    this.hypervisorExtension = options.hypervisorExtension;
    this.interruptFiles = options.interruptFiles;
    this.#options = options;
  }

  override reset(hartId: number): void {
    super.reset(hartId);
    // Guest external interrupts are the hypervisor's: read-only one, where there are any ("mideleg").
    if ((this.interruptFiles?.guestFiles ?? 0) > 0) this.csrs.mideleg = this.csrs.mideleg | SGEIP;
    if (!this.hypervisorExtension) this.#leaveOutHypervisor();
  }

  counter(name: CounterName): bigint {
    if (name === 'time') {
      const now = BigInt(this.#options.time());
      if (!this.virtual) return now;
      return now + ((BigInt(this.csrs.htimedeltah) << 32n) | BigInt(this.csrs.htimedelta));
    }
    const executed = this.#options.executed();
    const count = BigInt(name === 'cycle' ? executed : executed - this.trapped);
    const offset = this.counterOffset(name);
    // While inhibited, the offset itself holds the value (see #inhibit).
    return this.#inhibited(name) ? offset : count + offset;
  }

  /** The writing instruction's own increment is lost: `value` is what the next instruction reads ("Zicsr", CSR Instructions). */
  setCounter(name: 'cycle' | 'instret', value: bigint): void {
    this.#goOnFrom(name, this.#inhibited(name) ? value : value - 1n);
  }

  /** The counter holds `value` now, before the instruction under way has been counted. */
  #goOnFrom(name: 'cycle' | 'instret', value: bigint): void {
    if (this.#inhibited(name)) return this.setCounterOffset(name, value);
    const executed = this.#options.executed();
    const count = BigInt(name === 'cycle' ? executed : executed - this.trapped);
    this.setCounterOffset(name, value - count);
  }

  #inhibited(name: 'cycle' | 'instret'): boolean {
    return (this.csrs.mcountinhibit & (name === 'cycle' ? 1 : 4)) !== 0;
  }

  /** Reads a CSR by name, without checks or side effects. */
  read(csr: Csr): number {
    return readCsr(this, csr);
  }

  /** A CSR instruction's write, with all that follows from it. The checks have been made. */
  writeChecked(csr: Csr, value: number): void {
    if (csr.name === 'mcountinhibit') this.#inhibit(value);
    else writeCsr(this, csr, value);
    if (csr.name === 'menvcfgh' && this.svadu) {
      this.csrs.menvcfgh = ((this.csrs.menvcfgh & STCE) | (value & ADUE)) >>> 0;
    }
    if (this.interruptFiles !== undefined) {
      writeGuestFileBits(this, csr.name, value);
      this.driveGuestExternal();
    }
    if (!this.hypervisorExtension && csr.row.number >>> 8 === 3) this.#leaveOutHypervisor();
    this.#options.changed(csr.row.consequence);
  }

  /** VSEIP and SGEIP follow the guest interrupt files, and which of them hstatus.VGEIN and hgeie name. */
  driveGuestExternal(): void {
    const { csrs } = this;
    csrs.mipLines = ((csrs.mipLines & ~(SGEIP | VSEIP)) | guestFileLines(this)) >>> 0;
  }

  /** Writes a stored CSR as its owner would, for a hypervisor or a boot loader that sets the hart up. */
  setUp(name: StoredCsrName, value: number): void {
    writeStored(this, name, value);
  }

  /** Bits that only the H extension gives to machine-level CSRs are 0 on a hart without it. */
  #leaveOutHypervisor(): void {
    const { csrs } = this;
    csrs.mideleg = csrs.mideleg & WITHOUT_HYPERVISOR.interrupts;
    csrs.mie = csrs.mie & WITHOUT_HYPERVISOR.interrupts;
    csrs.medeleg = csrs.medeleg & WITHOUT_HYPERVISOR.exceptions;
    csrs.mstatush = 0;
    csrs.hvip = 0;
  }

  /** A counter keeps its value while it stands still and goes on from there. */
  #inhibit(value: number): void {
    const now = { cycle: this.counter('cycle'), instret: this.counter('instret') };
    writeStored(this, 'mcountinhibit', value);
    this.#goOnFrom('cycle', now.cycle);
    this.#goOnFrom('instret', now.instret);
  }

  /**
   * Whether the current mode may access a CSR. @returns 0, or the cause of the trap: ILLEGAL or VIRTUAL
   * ("CSR Address Mapping Conventions"; virtual-instruction exceptions: "Hypervisor Extension", norm:H_cause_virtual_instruction)
   */
  checkCsr(csr: Csr | undefined, write: boolean): number {
    if (csr === undefined || (csr.aia && this.interruptFiles === undefined)) return ILLEGAL;
    const { number } = csr.row;
    if (write && number >>> 10 === 3) return ILLEGAL;
    const level = (number >>> 8) & 3;
    const hypervisorCsr = level === 2;
    if (!this.hypervisorExtension && (hypervisorCsr || number === Address.mtinst || number === Address.mtval2)) {
      return ILLEGAL;
    }
    const { privilege, virtual } = this;
    if (privilege !== Privilege.machine) {
      if (level === 3) return ILLEGAL;
      // Virtual only if HS-mode would be allowed to, which M-mode may have ruled out.
      if (virtual && (hypervisorCsr || (level === 1 && privilege === Privilege.user))) {
        if (this.#shows(number, write)) return 0;
        return isTimeCompare(number) && !this.#timeCompareGranted() ? ILLEGAL : VIRTUAL;
      }
      if (!virtual && level >= 1 && privilege === Privilege.user) return this.#shows(number, write) ? 0 : ILLEGAL;
    }
    switch (number) {
      case Address.satp:
        if (privilege !== Privilege.supervisor) return 0;
        if (virtual) return this.csrs.hstatus & HypervisorStatus.VTVM ? VIRTUAL : 0;
        return this.csrs.mstatus & Status.TVM ? ILLEGAL : 0;
      case Address.hgatp:
        return privilege === Privilege.supervisor && this.csrs.mstatus & Status.TVM ? ILLEGAL : 0;
      default:
        if (isTimeCompare(number)) return this.#checkTimeCompare();
        if (csr.aia) return checkInterruptCsr(this, number, virtual);
        return (number & 0xf60) === 0xc00 || (number & 0xf60) === 0xc80 ? this.#checkCounter(number & 31) : 0;
    }
  }

  #checkTimeCompare(): number {
    if (this.privilege === Privilege.machine) return 0;
    if (!this.#timeCompareGranted()) return ILLEGAL;
    if (!this.virtual) return 0;
    return (this.csrs.henvcfghWritten & STCE) === 0 || (this.csrs.hcounteren & 2) === 0 ? VIRTUAL : 0;
  }

  /** Whether M-mode lets lower modes use the compare registers ("Sstc"). */
  #timeCompareGranted(): boolean {
    return (this.csrs.menvcfgh & STCE) !== 0 && (this.csrs.mcounteren & 2) !== 0;
  }

  #checkCounter(index: number): number {
    const { privilege, virtual } = this;
    const mask = 1 << index;
    if (privilege === Privilege.machine) return 0;
    if ((this.csrs.mcounteren & mask) === 0) return ILLEGAL;
    if (virtual && (this.csrs.hcounteren & mask) === 0) return VIRTUAL;
    if (privilege === Privilege.user && (this.csrs.scounteren & mask) === 0) return virtual ? VIRTUAL : ILLEGAL;
    return 0;
  }

  /**
   * Executes a CSR instruction after its checks.
   * @returns the old value, or a negative cause (−ILLEGAL, −VIRTUAL) if a trap must be taken
   */
  accessCsr(number: number, operation: CsrOperation, source: number, reads: boolean, writes: boolean): number {
    const addressed = findCsr(number);
    const refusal = this.checkCsr(addressed, writes);
    if (refusal !== 0 || addressed === undefined) return -refusal;
    const csr = (this.virtual ? findGuestCsr(number) : undefined) ?? addressed;
    const value = reads ? readCsr(this, csr) : 0;
    if (writes) {
      let current = value;
      if (operation !== 'write' && csr.kind === 'view' && csr.row.readForModify) current = csr.row.readForModify(this);
      const next = operation === 'write' ? source : operation === 'set' ? current | source : current & ~source;
      this.writeChecked(csr, next >>> 0);
    }
    return value;
  }

  /** The mode in which a trap with this cause would be taken now. */
  targetOf(cause: number): TrapTarget {
    const bit = 1 << (cause & 31);
    const interrupt = cause >>> 31 === 1;
    const { csrs } = this;
    if (this.privilege === Privilege.machine || ((interrupt ? csrs.mideleg : csrs.medeleg) & bit) === 0) return 'M';
    return this.virtual && ((interrupt ? csrs.hideleg : csrs.hedeleg) & bit) !== 0 ? 'VS' : 'HS';
  }

  /** Takes a trap: writes the trap CSRs of the mode it goes to and moves pc to that mode's vector. */
  takeTrap(trap: Trap): TrapTarget {
    // An interrupt that is not taken in M-mode can only be the kind that its delegation allows, so one rule serves both.
    const target = this.targetOf(trap.cause);
    if (target === 'M') this.#trapIntoMachine(trap);
    else if (target === 'HS') this.#trapIntoSupervisor(trap);
    else this.#trapIntoGuest(trap);
    this.#options.changed('translation');
    return target;
  }

  #trapIntoMachine(trap: Trap): void {
    const status = this.csrs.mstatus;
    this.csrs.mstatus =
      (status & ~(Status.MPP | Status.MPIE | Status.MIE)) |
      (this.privilege << MPP_SHIFT) |
      (status & Status.MIE ? Status.MPIE : 0);
    this.csrs.mstatush = (this.virtual ? StatusHigh.MPV : 0) | (trap.guestVirtual ? StatusHigh.GVA : 0);
    this.csrs.mepc = this.pc;
    this.csrs.mcause = trap.cause;
    this.csrs.mtval = trap.value;
    this.csrs.mtval2 = Math.floor(trap.guestPhysical / 4);
    this.csrs.mtinst = trap.instruction;
    this.virtual = false;
    this.privilege = Privilege.machine;
    this.pc = vectorOf(this.csrs.mtvec, trap.cause);
  }

  #trapIntoSupervisor(trap: Trap): void {
    const { privilege, virtual } = this;
    let hstatus = this.csrs.hstatus & ~(HypervisorStatus.SPV | HypervisorStatus.GVA);
    if (virtual) {
      hstatus = (hstatus & ~HypervisorStatus.SPVP) | HypervisorStatus.SPV;
      if (privilege === Privilege.supervisor) hstatus |= HypervisorStatus.SPVP; // SPVP only changes if V was 1
    }
    if (trap.guestVirtual) hstatus |= HypervisorStatus.GVA;
    this.csrs.hstatus = hstatus;
    this.csrs.mstatus = trapStatus(this.csrs.mstatus, privilege);
    this.csrs.sepc = this.pc;
    this.csrs.scause = trap.cause;
    this.csrs.stval = trap.value;
    this.csrs.htval = Math.floor(trap.guestPhysical / 4);
    this.csrs.htinst = trap.instruction;
    this.virtual = false;
    this.privilege = Privilege.supervisor;
    this.pc = vectorOf(this.csrs.stvec, trap.cause);
  }

  /** Into VS-mode: only the guest's own registers change; a virtual interrupt has the supervisor's code there. */
  #trapIntoGuest(trap: Trap): void {
    const cause = trap.cause >>> 31 === 1 ? (trap.cause - 1) >>> 0 : trap.cause;
    this.csrs.vsstatus = trapStatus(this.csrs.vsstatus, this.privilege);
    this.csrs.vsepc = this.pc;
    this.csrs.vscause = cause;
    this.csrs.vstval = trap.value;
    this.privilege = Privilege.supervisor;
    this.pc = vectorOf(this.csrs.vstvec, cause);
  }

  /** SRET, its checks made ("Trap-Return Instructions"; "Hypervisor Extension", "Trap Return"). */
  returnFromSupervisor(): void {
    if (this.virtual) {
      const status = this.csrs.vsstatus;
      this.privilege = status & Status.SPP ? Privilege.supervisor : Privilege.user;
      this.csrs.vsstatus = returnStatus(status);
      this.pc = this.csrs.vsepc;
    } else {
      const status = this.csrs.mstatus;
      const hstatus = this.csrs.hstatus;
      this.privilege = status & Status.SPP ? Privilege.supervisor : Privilege.user;
      this.csrs.mstatus = returnStatus(status) & ~Status.MPRV;
      this.csrs.hstatus = hstatus & ~HypervisorStatus.SPV;
      this.virtual = (hstatus & HypervisorStatus.SPV) !== 0;
      this.pc = this.csrs.sepc;
    }
    this.#options.changed('translation');
  }

  /** MRET, its checks made. */
  returnFromMachine(): void {
    const status = this.csrs.mstatus;
    const privilege = ((status & Status.MPP) >>> MPP_SHIFT) as Privilege;
    const toVirtual = (this.csrs.mstatush & StatusHigh.MPV) !== 0 && privilege !== Privilege.machine;
    let next = status & ~(Status.MPP | Status.MIE | Status.MPIE);
    if (status & Status.MPIE) next |= Status.MIE;
    next |= Status.MPIE;
    if (privilege !== Privilege.machine) next &= ~Status.MPRV;
    this.csrs.mstatus = next;
    this.csrs.mstatush = this.csrs.mstatush & ~StatusHigh.MPV;
    this.privilege = privilege;
    this.virtual = toVirtual;
    this.pc = this.csrs.mepc;
    this.#options.changed('translation');
  }

  /** Whether SRET may be executed now: 0, ILLEGAL or VIRTUAL. */
  checkSupervisorReturn(): number {
    if (this.virtual) {
      if (this.privilege === Privilege.user) return VIRTUAL;
      return this.csrs.hstatus & HypervisorStatus.VTSR ? VIRTUAL : 0;
    }
    if (this.privilege === Privilege.user) return ILLEGAL;
    return this.privilege === Privilege.supervisor && this.csrs.mstatus & Status.TSR ? ILLEGAL : 0;
  }

  /** Whether a refused instruction is passed over, against the manual, because the machine was made to (quirks.ts). */
  passesOver(quirk: 'sret' | 'sfence'): boolean {
    return this.privilege === Privilege.user && (this.#options.quirks ?? NO_QUIRKS)[quirk];
  }

  /** Whether a refused access is granted, against the manual, because the machine was made to. */
  #shows(number: number, write: boolean): boolean {
    return number === Address.sstatus && !write && (this.#options.quirks ?? NO_QUIRKS).sstatus;
  }

  /** Whether WFI may be executed now. In user mode it traps at once: a bound of zero is legal ("Wait for Interrupt"). */
  checkWait(): number {
    const { privilege, virtual } = this;
    if (privilege === Privilege.machine) return 0;
    if (this.csrs.mstatus & Status.TW) return ILLEGAL;
    if (virtual) return privilege === Privilege.user || this.csrs.hstatus & HypervisorStatus.VTW ? VIRTUAL : 0;
    return privilege === Privilege.user ? ILLEGAL : 0;
  }

  /** Whether SFENCE.VMA may be executed now. */
  checkFence(): number {
    if (this.virtual) {
      return this.privilege === Privilege.user || this.csrs.hstatus & HypervisorStatus.VTVM ? VIRTUAL : 0;
    }
    if (this.privilege === Privilege.user) return ILLEGAL;
    return this.privilege === Privilege.supervisor && this.csrs.mstatus & Status.TVM ? ILLEGAL : 0;
  }

  /** Whether an instruction of the H extension may be executed now. `fenceGuestPhysical` also obeys TVM. */
  checkHypervisorInstruction(fenceGuestPhysical: boolean): number {
    if (!this.hypervisorExtension) return ILLEGAL;
    if (this.virtual) return VIRTUAL;
    if (this.privilege === Privilege.user) return ILLEGAL;
    const trapsFence = fenceGuestPhysical && this.privilege === Privilege.supervisor;
    return trapsFence && this.csrs.mstatus & Status.TVM ? ILLEGAL : 0;
  }

  /** Whether HLV, HLVX and HSV may be executed now: they may also be in user mode, with hstatus.HU. */
  checkGuestAccess(): number {
    if (!this.hypervisorExtension) return ILLEGAL;
    if (this.virtual) return VIRTUAL;
    return this.privilege === Privilege.user && (this.csrs.hstatus & HypervisorStatus.HU) === 0 ? ILLEGAL : 0;
  }

  /** Interrupts pending at all levels, as mip shows them. */
  get pending(): number {
    return pendingInterrupts(this);
  }

  /** The cause of the interrupt to take now, bit 31 set; 0 if there is none. */
  nextInterrupt(): number {
    const ready = this.pending & this.csrs.mie;
    if (ready === 0) return 0;
    const { privilege, virtual } = this;
    const toSupervisor = this.csrs.mideleg;
    const toGuest = virtual || this.hypervisorExtension ? this.csrs.hideleg : 0;
    const status = this.csrs.mstatus;
    const machineLevel = ready & ~toSupervisor;
    if (machineLevel !== 0 && (privilege < Privilege.machine || (status & Status.MIE) !== 0))
      return first(machineLevel);
    if (privilege === Privilege.machine) return 0;
    const supervisorLevel = ready & toSupervisor & ~toGuest;
    if (supervisorLevel !== 0 && (virtual || privilege === Privilege.user || (status & Status.SIE) !== 0)) {
      return first(supervisorLevel);
    }
    if (!virtual) return 0;
    const guestLevel = ready & toSupervisor & toGuest;
    if (guestLevel === 0) return 0;
    return privilege === Privilege.user || (this.csrs.vsstatus & Status.SIE) !== 0 ? first(guestLevel) : 0;
  }
}

function first(interrupts: number): number {
  return (INTERRUPT_FLAG | mostUrgent(interrupts)) >>> 0;
}

/** Interrupts go to BASE + 4 × code in vectored mode, exceptions always to BASE. */
function vectorOf(tvec: number, cause: number): number {
  const base = tvec & ~3;
  return ((tvec & 1) === 1 && cause >>> 31 === 1 ? base + 4 * (cause & 0x7fff_ffff) : base) >>> 0;
}

/** sstatus after a trap: SPP and SPIE keep what was, interrupts are off. */
function trapStatus(status: number, privilege: Privilege): number {
  const cleared = status & ~(Status.SPP | Status.SPIE | Status.SIE);
  return cleared | (privilege === Privilege.supervisor ? Status.SPP : 0) | (status & Status.SIE ? Status.SPIE : 0);
}

/** sstatus after SRET: the reverse; SPP becomes U, SPIE 1. */
function returnStatus(status: number): number {
  const cleared = status & ~(Status.SPP | Status.SIE);
  return cleared | Status.SPIE | (status & Status.SPIE ? Status.SIE : 0);
}

/** stimecmp, vstimecmp and their upper halves, which differ in bit 4. */
const isTimeCompare = (number: number): boolean =>
  (number & ~0x10) === Address.stimecmp || (number & ~0x10) === Address.vstimecmp;

/** Whether mtval/stval of this cause holds a virtual address. */
export const addressInTval = (cause: number): boolean => findCause(cause)?.addressInTval ?? false;
