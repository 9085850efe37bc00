// Technique `trap-and-emulate`: the guest's kernel and its programs both run in real user mode, translated by shadow page
// tables, and so does its machine mode, if it brings its own firmware. Whatever they may not do there traps, and the
// hypervisor does it on the guest's virtual hart. What the manual calls classic virtualization; it needs nothing of the
// H extension.

import { ADUE } from '../../isa/csr-bits.ts';
import { exceptionRows } from '../../isa/causes.ts';
import { accessFaultCauses, accessOf, pageFaultCauses } from '../../machine/access-causes.ts';
import { Privilege } from '../../machine/hart-state.ts';
import type { Hart } from '../../machine/hart.ts';
import { MIXED, PhysicalProtection, ProtectionRight, rightsFor } from '../../machine/physical-protection.ts';
import { HypervisorStatus, Status, trapOf, type Trap } from '../../machine/privileged-state.ts';
import { Access, NO_ENTRY, untranslated, Walker, type WalkContext } from '../../machine/walker.ts';
import type { Exit, Verdict } from '../exits/exits.ts';
import type { HypercallCaller } from './hypercall-caller.ts';
import { interruptExit } from '../exits/host-exits.ts';
import { ModifiedPrivilege } from './modified-privilege.ts';
import type { ShadowMode, ShadowTables } from '../memory/shadow-tables.ts';
import type { MappedExit, World, WorldPorts } from './world.ts';

const VIRTUAL_INTERRUPTS = 0x444;

export interface TrapAndEmulatePorts extends WorldPorts {
  /** The guest has machine mode to itself; otherwise the hypervisor is its firmware. */
  readonly ownsMachineMode: boolean;
  /** The guest's hart takes an interrupt: for the record. */
  readonly interruptTaken: (cause: number, handler: number) => void;
}

export class TrapAndEmulate implements World {
  readonly shadows: ShadowTables;
  readonly #ports: TrapAndEmulatePorts;
  protected readonly walker: Walker;
  /** Loads and stores of machine mode under mstatus.MPRV: no shadow can tell them from fetches, so they are done here. */
  readonly modifiedPrivilege: ModifiedPrivilege;
  readonly #context = untranslated();
  /** Physical memory protection as the guest's machine mode has set it up. */
  readonly #protection = new PhysicalProtection();
  /** The instruction at which the guest was left, once it has been read, and its address. */
  #instruction: number | undefined;
  #instructionAt = 0;

  constructor(ports: TrapAndEmulatePorts, shadows: ShadowTables) {
    this.#ports = ports;
    this.shadows = shadows;
    this.walker = new Walker(this.#protection.guard(ports.memory.tables));
    this.modifiedPrivilege = new ModifiedPrivilege((gva, access, width) => this.locate(gva, access, width));
  }

  /** What decides which shadow the hart must use now. */
  get mode(): ShadowMode {
    const { state } = this.#ports;
    const status = state.csrs.mstatus;
    return {
      satp: state.privilege === Privilege.machine ? 0 : state.csrs.satp,
      user: state.privilege === Privilege.user,
      sum: (status & Status.SUM) !== 0,
      mxr: (status & Status.MXR) !== 0,
      fetchOnly: this.#modifiesPrivilege,
      guarded: this.#guarded,
    };
  }

  load(hart: Hart): void {
    const real = hart.state;
    real.csrs.scounteren = 0; // counters are sensitive: they must trap
    real.csrs.mie = real.csrs.mie & ~VIRTUAL_INTERRUPTS;
    real.csrs.henvcfghWritten = 0;
    real.csrs.hgatp = 0;
    this.modifiedPrivilege.reservation = undefined; // others may have stored meanwhile
    this.#protection.refresh(this.#ports.state.csrs);
    this.#useShadow(hart);
    hart.changed('translation');
    hart.changed('timer');
  }

  /** Nothing to bring back: the virtual hart's registers are never anywhere but in the vCPU's state. */
  save(): void {
    return undefined;
  }

  /** Nothing to do: the counter traps, and the virtual hart reads the board's clock. */
  keepTime(): void {
    return undefined;
  }

  enter(hart: Hart): void {
    const { state, interruptTaken } = this.#ports;
    const real = hart.state;
    const cause = state.nextInterrupt();
    if (cause !== 0) {
      state.waiting = false;
      this.deliver(trapOf(cause));
      interruptTaken(cause, state.pc);
    }
    this.#useShadow(hart);
    real.copyCoreFrom(state);
    real.privilege = Privilege.supervisor;
    real.virtual = false;
    real.csrs.sepc = state.pc;
    real.csrs.mstatus = real.csrs.mstatus & ~(Status.SPP | Status.SUM | Status.MXR);
    real.csrs.hstatus = real.csrs.hstatus & ~HypervisorStatus.SPV;
    real.returnFromSupervisor();
  }

  leave(hart: Hart): void {
    this.#takeRegisters(hart);
    this.#ports.state.pc = hart.state.csrs.sepc;
    this.#instruction = undefined;
  }

  halt(hart: Hart): void {
    this.#takeRegisters(hart);
    this.#instruction = undefined;
  }

  unhalt(hart: Hart): void {
    this.enter(hart);
  }

  exitOf(hart: Hart): Exit {
    const { state } = this.#ports;
    const real = hart.state;
    const cause = real.csrs.scause;
    const stval = real.csrs.stval;
    if (cause >>> 31 === 1) return interruptExit(cause);
    const { illegalInstruction, userCall } = exceptionRows;
    if (cause === userCall.code) {
      const toFirmware = state.privilege === Privilege.supervisor && !this.#ports.ownsMachineMode;
      return { reason: toFirmware ? 'sbi-call' : 'system-call' };
    }
    if (cause === illegalInstruction.code) return this.#illegalInstruction(hart, stval);
    const access = accessOf(pageFaultCauses, cause);
    return access === undefined
      ? { reason: 'guest-exception', trap: trapOf(cause, stval) }
      : this.#pageFault(stval, access);
  }

  reflect(_hart: Hart, trap: Trap): void {
    this.deliver(trap);
  }

  /** The guest's hart takes a trap. */
  protected deliver(trap: Trap): void {
    this.#ports.state.takeTrap(trap);
  }

  hypercall?(caller: HypercallCaller): Verdict;
  agreement?(): readonly number[];
  agree?(words: readonly number[]): void;

  mapPage(_hart: Hart, exit: MappedExit): boolean {
    const { memory } = this.#ports;
    const gpa = this.translate(exit.gva, exit.access);
    if (gpa === undefined) return false;
    const target = memory.touch(gpa - (gpa % 4096), exit.access === Access.store);
    if (target === undefined) return false;
    const store = memory.mayStore(gpa);
    const { mode } = this;
    if (mode.fetchOnly) this.walker.readable = this.walker.writable = false;
    if (this.shadows.map(mode, exit.gva, target, this.walker, store)) return true;
    this.shadows.dropAll(mode);
    return this.shadows.map(mode, exit.gva, target, this.walker, store);
  }

  /** Reads the guest's instruction through the guest's own tables, as its hart would fetch it. */
  instruction(): number | undefined {
    const { state, memory } = this.#ports;
    if (this.#instruction !== undefined && this.#instructionAt === state.pc) return this.#instruction;
    const gpa = this.translate(state.pc, Access.fetch);
    if (gpa === undefined) return undefined;
    const word = memory.tables.readEntry(gpa);
    if (word === NO_ENTRY) return undefined;
    this.#instruction = word;
    this.#instructionAt = state.pc;
    return word;
  }

  accessOffset(hart: Hart, gva: number): number {
    const word = this.instruction();
    const decoded = word === undefined ? undefined : hart.decoder.decode(word);
    return decoded === undefined ? 0 : (gva - this.#ports.state.x(decoded.rs1) - decoded.immediate) >>> 0;
  }

  fetchInstruction(): number | undefined {
    return this.instruction();
  }

  fence(hart: Hart, address: number | undefined, addressSpace: number | undefined): void {
    const wide = this.shadows.fence(address, addressSpace);
    hart.access.translations.flush(wide ? undefined : address);
  }

  /** The guest's machine mode has set physical memory protection up anew: what was mapped may no longer be allowed. */
  protectionChanged(): void {
    const { active } = this.#protection;
    this.#protection.refresh(this.#ports.state.csrs);
    if (active || this.#protection.active) this.shadows.empty();
  }

  dispose(): void {
    this.shadows.dispose();
  }

  #takeRegisters(hart: Hart): void {
    const { state } = this.#ports;
    const { privilege } = state; // the hart's own mode is always user: the guest's is kept here
    state.copyCoreFrom(hart.state);
    state.privilege = privilege;
    state.virtual = false;
  }

  #useShadow(hart: Hart): void {
    const real = hart.state;
    const { state } = this.#ports;
    const { mstatus, satp } = state.csrs;
    const { privilege } = state;
    const sum = (mstatus & Status.SUM) !== 0;
    const mxr = (mstatus & Status.MXR) !== 0;
    const { shadows } = this;
    real.csrs.satp =
      privilege === Privilege.machine
        ? shadows.satpOf(0, false, false, false, this.#modifiesPrivilege, false)
        : shadows.satpOf(satp, privilege === Privilege.user, sum, mxr, false, this.#guarded);
  }

  /** Machine mode lets its loads and stores be translated as those of another mode, and that makes a difference. */
  get #modifiesPrivilege(): boolean {
    const { csrs, privilege } = this.#ports.state;
    if (privilege !== Privilege.machine || (csrs.mstatus & Status.MPRV) === 0) return false;
    return (csrs.mstatus & Status.MPP) !== Status.MPP && (csrs.satp >>> 31 === 1 || this.#protection.active);
  }

  /** Untranslated accesses of the modes below machine mode reach less than its own do. */
  get #guarded(): boolean {
    return this.#protection.active && this.#ports.state.privilege !== Privilege.machine;
  }

  /** The guest's kernel may have meant it; its programs never, except to read a counter. */
  #illegalInstruction(hart: Hart, word: number): Exit {
    const decoded = hart.decoder.decode(word);
    const trap = trapOf(exceptionRows.illegalInstruction.code, word);
    if (decoded === undefined) return { reason: 'guest-exception', trap };
    if (decoded.row.extension === 'Zicsr') return { reason: 'csr-access', decoded };
    if (this.#ports.state.privilege === Privilege.user) return { reason: 'guest-exception', trap };
    switch (decoded.row.mnemonic) {
      case 'sret':
        return { reason: 'supervisor-return', decoded };
      case 'mret':
        return { reason: 'machine-return', decoded };
      case 'wfi':
        return { reason: 'wait-for-interrupt', decoded };
      case 'sfence.vma':
        return { reason: 'address-fence', decoded };
      default:
        return { reason: 'guest-exception', trap };
    }
  }

  /** A miss in the shadow, a device, or a fault of the guest's own: its tables decide. */
  #pageFault(gva: number, access: Access): Exit {
    if (access !== Access.fetch && this.#modifiesPrivilege) {
      return { reason: 'modified-privilege', gva, access };
    }
    const gpa = this.locate(gva, access, access === Access.fetch ? 4 : 1);
    const { memory } = this.#ports;
    if (access !== Access.fetch && this.#protection.active && this.#isMixed(gva, access)) {
      return { reason: 'modified-privilege', gva, access };
    }
    if (typeof gpa !== 'number') return { reason: 'guest-exception', trap: gpa };
    if (memory.holds(gpa)) {
      const isProtected = access === Access.store && memory.isProtected(gpa);
      return { reason: isProtected ? 'protected-page' : 'missing-page', gva, gpa, access };
    }
    if (access !== Access.fetch && this.#ports.isDevice(gpa)) return { reason: 'device-access', gva, gpa, access };
    return { reason: 'guest-exception', trap: trapOf(accessFaultCauses[access], gva) };
  }

  /** Whether the page's parts are protected differently: no entry of a table can say that, so each access is done here. */
  #isMixed(gva: number, access: Access): boolean {
    const gpa = this.translate(gva, access);
    return (
      gpa !== undefined &&
      this.#ports.memory.holds(gpa) &&
      this.#protection.pageRights(gpa, this.#ownsAccess(access)) === MIXED
    );
  }

  /** The access is machine mode's own. */
  #ownsAccess(access: Access): boolean {
    return this.#ports.state.privilege === Privilege.machine && (access === Access.fetch || !this.#modifiesPrivilege);
  }

  /** Where an access of the guest's goes, or the fault that its own tables and its physical memory protection give it. */
  protected locate(gva: number, access: Access, width: number): number | Trap {
    const gpa = this.translate(gva, access);
    if (gpa !== undefined) {
      const rights = this.#protection.active
        ? this.#protection.rightsOf(gpa, width, this.#ownsAccess(access))
        : ProtectionRight.all;
      return (rights & rightsFor(access)) !== 0 ? gpa : trapOf(accessFaultCauses[access], gva);
    }
    const causes = this.walker.fault === 'access' ? accessFaultCauses : pageFaultCauses;
    return trapOf(causes[access], gva);
  }

  /** Walks the guest's tables as its hart would. @returns the guest physical address, or undefined with the walker's fault set */
  protected translate(gva: number, access: Access): number | undefined {
    const { walker } = this;
    if (!walker.walk(this.context(access), gva, access)) return undefined;
    if (this.#protection.active) this.#restrict(access);
    return walker.physical;
  }

  /**
   * The walker's result allows no more than the page's protection does. A page whose parts differ allows fetches only: a
   * deprivileged hart cannot be kept to the part that may be executed.
   */
  #restrict(access: Access): void {
    const { walker } = this;
    const rights = this.#protection.pageRights(walker.physical, this.#ownsAccess(access));
    const allowed = rights === MIXED ? ProtectionRight.X : rights;
    walker.readable &&= (allowed & ProtectionRight.R) !== 0;
    walker.writable &&= (allowed & ProtectionRight.W) !== 0;
    walker.executable &&= (allowed & ProtectionRight.X) !== 0;
  }

  /** The guest's translation as its own CSRs set it up now, for fetches or for loads and stores. */
  context(access: Access): WalkContext {
    const { state } = this.#ports;
    const { mstatus, satp, menvcfgh } = state.csrs;
    const context = this.#context;
    const borrows = access !== Access.fetch && this.#modifiesPrivilege;
    context.satp = state.privilege === Privilege.machine && !borrows ? 0 : satp;
    context.user = borrows ? (mstatus & Status.MPP) === 0 : state.privilege === Privilege.user;
    context.sum = (mstatus & Status.SUM) !== 0;
    context.mxr = (mstatus & Status.MXR) !== 0;
    context.updateStage1 = (menvcfgh & ADUE) !== 0;
    return context;
  }
}
