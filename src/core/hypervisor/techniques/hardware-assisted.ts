// Technique `hardware-assisted`: the guest's kernel runs in VS-mode, its programs in VU-mode, and the hart translates in
// two stages. The guest's own traps, CSRs and page tables need no help; only devices, firmware calls, WFI and memory that
// the second stage does not map yet make the hart leave the guest (privileged manual, "Hypervisor Extension"; KVM on RISC-V).

import { ADUE, SEIP, SSIP, STCE, VSEIP, VSSIP } from '../../isa/csr-bits.ts';
import { exceptionRows } from '../../isa/causes.ts';
import type { StoredCsrName } from '../../isa/csr-stored.ts';
import { findCsr, storedIndex } from '../../isa/csrs.ts';
import { decode, type Decoded } from '../../isa/instructions.ts';
import { accessFaultCauses, accessOf, guestPageFaultCauses } from '../../machine/access-causes.ts';
import { Privilege } from '../../machine/hart-state.ts';
import type { Hart } from '../../machine/hart.ts';
import {
  HypervisorStatus,
  ILLEGAL,
  Status,
  trapOf,
  type PrivilegedState,
  type Trap,
} from '../../machine/privileged-state.ts';
import { Access } from '../../machine/walker.ts';
import type { Exit } from '../exits/exits.ts';
import type { Hpa } from '../memory/addresses.ts';
import { interruptExit } from '../exits/host-exits.ts';
import type { SecondStage } from '../memory/second-stage.ts';
import type { MappedExit, World, WorldPorts } from './world.ts';

const SSTATUS = 0x000c_0122;
const EXCEPTIONS_TO_GUEST = 0xb1ff;
const VIRTUAL_INTERRUPTS = 0x444;
const TIME_ONLY = 2;
const VGEIN_SHIFT = 12;
/** cycle, instret, hpmcounter3 … 31 and their upper halves: all user counters but time, which the hart itself answers. */
const isOwnCounter = (number: number): boolean => (number & 0xf60) === 0xc00 && (number & 31) !== 1;

/** htinst for the walker's own accesses to a guest's tables ("Transformed Instruction or Pseudoinstruction"). */
const PSEUDO_READ = 0x2000;
const PSEUDO_WRITE = 0x2020;
/** Whether what faulted in the second stage was a store: the instruction's own, or the walker's, of A and D bits. */
const stores = (htinst: number, access: Access): boolean =>
  htinst === PSEUDO_WRITE || (access === Access.store && htinst !== PSEUDO_READ);

/** The guest's supervisor CSRs, and the registers of the hart that hold them while it runs. */
const swapped: readonly (readonly [StoredCsrName, StoredCsrName])[] = [
  ['stvec', 'vstvec'],
  ['sscratch', 'vsscratch'],
  ['sepc', 'vsepc'],
  ['scause', 'vscause'],
  ['stval', 'vstval'],
  ['stimecmp', 'vstimecmp'],
  ['stimecmph', 'vstimecmph'],
  // No copies of these exist: the hart's own are used, so they are swapped as well.
  ['scounteren', 'scounteren'],
  ['senvcfg', 'senvcfg'],
];

const swappedWords = swapped.map(([own, held]) => [storedIndex(own), storedIndex(held)] as const);

export class HardwareAssisted implements World {
  readonly #ports: WorldPorts;
  readonly #secondStage: SecondStage;

  /** @param secondStage the VM's, shared by its vCPUs */
  constructor(ports: WorldPorts, secondStage: SecondStage) {
    this.#ports = ports;
    this.#secondStage = secondStage;
  }

  /** Host physical address of the second stage's root. */
  get root(): Hpa {
    return this.#secondStage.root;
  }

  get hgatp(): number {
    return this.#secondStage.hgatp;
  }

  load(hart: Hart): void {
    const { state } = this.#ports;
    const real = hart.state;
    real.csrs.vsatp = 0; // no walk may see the new guest's tables through the old guest's second stage
    real.csrs.hgatp = this.hgatp;
    real.csrs.vsatp = state.csrs.satp;
    const file = this.#ports.interruptFile?.putOn(hart, this.#secondStage) ?? 0;
    real.csrs.hstatus = HypervisorStatus.VTW | (file << VGEIN_SHIFT);
    real.csrs.vsiselectHeld = state.csrs.siselectHeld;
    if (file !== 0) hart.guestExternalChanged();
    real.csrs.hedeleg = EXCEPTIONS_TO_GUEST;
    real.csrs.hideleg = VIRTUAL_INTERRUPTS;
    real.csrs.hcounteren = TIME_ONLY; // cycle and instret of the hart would tell of the neighbours
    real.csrs.henvcfghWritten = STCE | (state.csrs.menvcfgh & ADUE);
    this.#setTimeDelta(real);
    for (const [own, held] of swappedWords) real.setStoredAt(held, state.storedAt(own));
    real.csrs.vsstatus = state.csrs.mstatus & SSTATUS;
    const enabled = state.csrs.mie & 0x222;
    real.csrs.mie = (real.csrs.mie & ~VIRTUAL_INTERRUPTS) | (enabled << 1);
    hart.changed('translation');
    hart.changed('timer');
  }

  save(hart: Hart): void {
    const { state } = this.#ports;
    const real = hart.state;
    state.csrs.satp = real.csrs.vsatp;
    for (const [own, held] of swappedWords) state.setStoredAt(own, real.storedAt(held));
    state.csrs.mstatus = (state.csrs.mstatus & ~SSTATUS) | (real.csrs.vsstatus & SSTATUS);
    state.csrs.mie = (state.csrs.mie & ~0x222) | ((real.csrs.mie & VIRTUAL_INTERRUPTS) >>> 1);
    const { interruptFile } = this.#ports;
    if (interruptFile === undefined) return;
    state.csrs.siselectHeld = real.csrs.vsiselectHeld;
    state.csrs.mipLines = (state.csrs.mipLines & ~SEIP) | (interruptFile.signals ? SEIP : 0);
  }

  unload(hart: Hart): void {
    const { interruptFile } = this.#ports;
    if (interruptFile === undefined) return;
    hart.state.csrs.hstatus = hart.state.csrs.hstatus & ~(0x3f << VGEIN_SHIFT);
    interruptFile.takenOff();
    hart.guestExternalChanged();
  }

  keepTime(hart: Hart): void {
    this.#setTimeDelta(hart.state);
    hart.changed('timer');
  }

  enter(hart: Hart): void {
    const { state } = this.#ports;
    const real = hart.state;
    this.#inject(real);
    const supervisor = state.privilege === Privilege.supervisor;
    real.copyCoreFrom(state);
    real.privilege = Privilege.supervisor; // still HS: only SRET leads into the guest
    real.virtual = false;
    real.csrs.sepc = state.pc;
    real.csrs.mstatus = (real.csrs.mstatus & ~Status.SPP) | (supervisor ? Status.SPP : 0);
    const guestMode = HypervisorStatus.SPV | (supervisor ? HypervisorStatus.SPVP : 0);
    real.csrs.hstatus = (real.csrs.hstatus & ~HypervisorStatus.SPVP) | guestMode;
    real.returnFromSupervisor();
    hart.changed('interrupts');
  }

  leave(hart: Hart): void {
    const { state } = this.#ports;
    const real = hart.state;
    state.copyCoreFrom(real);
    state.virtual = false;
    state.pc = real.csrs.sepc;
    state.privilege = real.csrs.mstatus & Status.SPP ? Privilege.supervisor : Privilege.user;
    this.#readBackSoftwareInterrupt(real);
  }

  halt(hart: Hart): void {
    const { state } = this.#ports;
    state.copyCoreFrom(hart.state);
    state.virtual = false;
    this.save(hart);
    this.#readBackSoftwareInterrupt(hart.state);
  }

  unhalt(hart: Hart): void {
    this.#inject(hart.state);
    hart.state.copyCoreFrom(this.#ports.state);
    hart.state.virtual = true;
    hart.changed('translation');
  }

  exitOf(hart: Hart): Exit {
    const real = hart.state;
    const cause = real.csrs.scause;
    if (cause >>> 31 === 1) return interruptExit(cause);
    const { virtualSupervisorCall, virtualInstruction } = exceptionRows;
    if (cause === virtualSupervisorCall.code) return { reason: 'sbi-call' };
    if (cause === virtualInstruction.code) return this.#virtualInstruction(hart, real.csrs.stval);
    const access = accessOf(guestPageFaultCauses, cause);
    if (access === undefined) return { reason: 'guest-exception', trap: trapOf(cause, real.csrs.stval) };
    const gva = real.csrs.stval;
    const gpa = real.csrs.htval * 4 + (gva & 3);
    const { memory } = this.#ports;
    if (memory.holds(gpa)) {
      const isProtected = stores(real.csrs.htinst, access) && memory.isProtected(gpa);
      return { reason: isProtected ? 'protected-page' : 'missing-page', gva, gpa, access };
    }
    const implicit = real.csrs.htinst === PSEUDO_READ || real.csrs.htinst === PSEUDO_WRITE;
    if (access !== Access.fetch && !implicit && this.#ports.isDevice(gpa)) {
      return { reason: 'device-access', gva, gpa, access };
    }
    // Nothing is there: the access fault that the bare machine would give.
    return { reason: 'guest-exception', trap: trapOf(accessFaultCauses[access], gva) };
  }

  reflect(hart: Hart, trap: Trap): void {
    const { state } = this.#ports;
    const real = hart.state;
    real.virtual = true;
    real.privilege = state.privilege;
    real.pc = state.pc;
    real.takeTrap(trap); // hedeleg leads it to VS-mode
    state.pc = real.pc;
    state.privilege = real.privilege;
    real.virtual = false;
    real.privilege = Privilege.supervisor;
  }

  mapPage(hart: Hart, { gpa, access }: MappedExit): boolean {
    const { memory } = this.#ports;
    const target = memory.touch(gpa - (gpa % 4096), stores(hart.state.csrs.htinst, access));
    if (target === undefined) return false;
    const block = memory.hugeBlock(gpa);
    if (block !== undefined && this.#secondStage.mapHuge(gpa, block)) return true;
    return this.#secondStage.map(gpa, target, memory.mayStore(gpa));
  }

  instruction(hart: Hart): number | undefined {
    const transformed = hart.state.csrs.htinst;
    return transformed === 0 ? undefined : transformed;
  }

  /** Where rs1 was, the transformed instruction holds the offset. */
  accessOffset(hart: Hart): number {
    return (hart.state.csrs.htinst >>> 15) & 31;
  }

  /** As HLVX.WU reads it: through both stages, needing execute permission. */
  fetchInstruction(hart: Hart): number | undefined {
    return hart.access.guestLoad(this.#ports.state.pc, 4, true) ? hart.access.value >>> 0 : undefined;
  }

  /** The guest fences its own stage without help; this is for a remote fence asked of the firmware. */
  fence(hart: Hart, address: number | undefined): void {
    hart.access.translations.flush(address);
  }

  /** Nothing of its own: the second stage is the VM's. */
  dispose(): void {
    return undefined;
  }

  #setTimeDelta(real: PrivilegedState): void {
    const delta = BigInt.asUintN(64, BigInt(this.#ports.timeDelta()));
    real.csrs.htimedelta = Number(delta & 0xffff_ffffn);
    real.csrs.htimedeltah = Number(delta >> 32n);
  }

  #virtualInstruction(hart: Hart, word: number): Exit {
    const decoded = decode(word);
    if (decoded?.row.extension === 'Zicsr' && this.#isItsOwn(hart, decoded)) return { reason: 'csr-access', decoded };
    if (decoded?.row.mnemonic === 'wfi' && this.#ports.state.privilege === Privilege.supervisor) {
      return { reason: 'wait-for-interrupt', decoded };
    }
    // The guest's hart has no H extension and no such CSR: an illegal instruction there.
    return { reason: 'guest-exception', trap: trapOf(ILLEGAL, word) };
  }

  /**
   * Whether the guest reaches for a counter that is its own to read, which the hypervisor answers with what the guest itself has
   * executed; or for the priorities of its interrupts, which the hart keeps for S-mode alone (AIA, section 8.3.1).
   */
  #isItsOwn(hart: Hart, { immediate, word, rs1 }: Decoded): boolean {
    const csr = findCsr(immediate & 0xfff);
    if (csr === undefined || !(isOwnCounter(csr.row.number) || csr.name === 'sireg')) return false;
    this.save(hart); // scounteren is in the hart
    const writes = (word & 0x3000) === 0x1000 || rs1 !== 0;
    return this.#ports.state.checkCsr(csr, writes) === 0;
  }

  /** What is pending for the guest goes into hvip; the hart delivers it when the guest lets it. */
  #inject(real: PrivilegedState): void {
    const { state } = this.#ports;
    const software = state.csrs.mipSoftware & SSIP ? VSSIP : 0;
    // What has come to an interrupt file the hart sees by itself.
    const lines = this.#ports.interruptFile === undefined ? state.csrs.mipLines : 0;
    const external = (lines | state.csrs.mipSoftware) & SEIP ? VSEIP : 0;
    real.csrs.hvip = software | external;
  }

  /** The guest may clear its software interrupt itself. */
  #readBackSoftwareInterrupt(real: PrivilegedState): void {
    const { state } = this.#ports;
    const pending = real.csrs.hvip & VSSIP ? SSIP : 0;
    state.csrs.mipSoftware = (state.csrs.mipSoftware & ~SSIP) | pending;
  }
}
