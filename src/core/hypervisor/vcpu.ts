// A virtual CPU: the guest's hart as the guest sees it, the world that puts it on a physical one, and what it is doing —
// executing, waiting, in an exit. It does one thing at a time for the hypervisor's loop: enter, name the exit, handle it,
// leave. Everything it shares with the other vCPUs of its guest is its VM's.

import type { DeviceState } from '../devices/device.ts';
import { adoptState } from '../devices/device-state.ts';
import { ADUE, SEIP, SSIP, STCE } from '../isa/csr-bits.ts';
import type { Board, Line } from '../machine/board.ts';
import type { Hart } from '../machine/hart.ts';
import { Privilege } from '../machine/hart-state.ts';
import { ILLEGAL, PrivilegedState, type Trap } from '../machine/privileged-state.ts';
import { FUTILE_REFLECTIONS } from './endings.ts';
import type { Exit, Verdict } from './exits/exits.ts';
import type { GuestMemory } from './memory/guest-memory.ts';
import { restoreHart, saveHart, SAVED_VCPU_FIELDS, type SavedVcpu } from './migration/vcpu-state.ts';
import { handle, type HandledVcpu } from './exits/handlers.ts';
import { HsmState, type Sbi } from './firmware/sbi.ts';
import { USER_COUNTERS } from './firmware/sbi-call.ts';
import { StealTime } from './scheduling/steal-time.ts';
import { Effect } from './exits/trace.ts';
import { userCallOf, userReturnOf } from './inspection/user-call.ts';
import { DEAD_EXIT_CODE, type Ending, type HostedTechnique } from './virtual-machine.ts';
import type { VcpuOptions, VcpuVm } from './vcpu-ports.ts';
import { VirtualHart } from './techniques/virtual-hart.ts';
import { VcpuSchedule } from './scheduling/vcpu-schedule.ts';
import { VcpuTimer } from './scheduling/vcpu-timer.ts';
import type { World } from './techniques/world.ts';

const GUEST_MEDELEG = 0xb1ff;
const SUPERVISOR_INTERRUPTS = 0x222;

export class Vcpu<Vm extends VcpuVm = VcpuVm> implements HandledVcpu {
  readonly vm: Vm;
  readonly index: number;
  /** The guest's hart, as the guest sees it. While it is on a physical hart, `look` brings it up to date. */
  readonly state: PrivilegedState;
  readonly virtualHart: VirtualHart;
  /** What it is entitled to, and how its time has gone. */
  readonly schedule = new VcpuSchedule();
  /** What it tells its guest of that. */
  readonly stealTime: StealTime;
  exits = 0;
  readonly #options: VcpuOptions<Vm>;
  readonly #timer: VcpuTimer;
  #hart: Hart;
  #world: World | undefined;
  #loaded = false;
  #inGuest = false;
  #executed = 0;
  #executedAtLoad = 0;
  /** Bits of sip that were set while the guest was in the middle of its code: they go in when it is entered again. */
  #arriving = 0;
  /** It waits because it asked the firmware to suspend it. */
  #suspended = false;
  #futile = 0;
  #reflectedCause: number = ILLEGAL;
  #passBreakpoint = false;
  /** Instructions executed when the last breakpoint was passed. */
  #passedFrom = -Infinity;

  constructor(options: VcpuOptions<Vm>) {
    this.#options = options;
    const { vm, index, machine } = options;
    this.vm = vm;
    this.index = index;
    const [hart] = machine.harts;
    if (hart === undefined) throw new Error('the machine has no hart');
    this.#hart = hart;
    this.state = new PrivilegedState(machine.memory, options.stateBase, {
      hypervisorExtension: false,
      svadu: options.svadu,
      quirks: machine.quirks,
      interruptFiles: vm.board.interruptFiles(index),
      time: () => vm.board.time(),
      executed: () => this.instructions,
      changed: (consequence) => {
        if (consequence === 'timer' || consequence === 'environment') this.#timer.changed();
        if (consequence === 'protection') this.#world?.protectionChanged?.();
      },
    });
    this.#timer = new VcpuTimer({ vm, state: this.state, watchedByHart: () => this.#watchedByHart });
    this.stealTime = new StealTime({
      memory: () => vm.memory,
      stolen: () => this.schedule.timesAt(machine.elapsed).steal,
    });
    this.virtualHart = new VirtualHart({
      state: this.state,
      fence: (address, space) => this.fence(address, space),
      note: (kind, what, before, after) => this.note(kind, what, before, after),
    });
  }

  /** The physical hart it is on, or was on last. */
  get hart(): Hart {
    return this.#hart;
  }
  get world(): World {
    if (this.#world === undefined) throw new Error('the vCPU has no world: its VM has gone');
    return this.#world;
  }
  get technique(): HostedTechnique {
    return this.vm.technique;
  }
  get board(): Board {
    return this.vm.board;
  }
  get memory(): GuestMemory {
    return this.vm.memory;
  }
  get sbi(): Sbi {
    return this.vm.sbi;
  }
  get ending(): Ending | undefined {
    return this.vm.ending;
  }
  get instructions(): number {
    return this.#executed + (this.#loaded ? this.#hart.executed - this.#executedAtLoad : 0);
  }
  /** It waits for an interrupt, or to be started. */
  get waiting(): boolean {
    return this.state.waiting || this.state.stopped;
  }
  /** Its guest has not started it, or has stopped it (SBI HSM). */
  get stopped(): boolean {
    return this.state.stopped;
  }
  /** It could execute: it does not wait, or what it waits for has come. Looking changes nothing. */
  get ready(): boolean {
    const { state } = this;
    return !state.stopped && (!state.waiting || (state.pending & state.csrs.mie) !== 0);
  }
  /** The hart executes this guest's instructions, or would, as soon as it is run. */
  get inGuest(): boolean {
    return this.#inGuest;
  }
  /** It is on a physical hart, in its own code or in an exit. */
  get onHart(): boolean {
    return this.#loaded;
  }
  /** Its state as the firmware tells it (SBI HSM). */
  get status(): number {
    if (this.state.stopped) return HsmState.stopped;
    return this.state.waiting && this.#suspended ? HsmState.suspended : HsmState.started;
  }

  look(): PrivilegedState {
    if (this.#inGuest) this.world.halt(this.#hart);
    else if (this.#loaded) this.world.save(this.#hart);
    this.#arrive();
    return this.state;
  }

  /** Takes over the breakpoints of its VM. */
  breakpointsChanged(): void {
    if (this.#loaded) this.#hart.setBreakpoints(this.vm.breakpoints);
  }

  /** The next instruction is executed although a breakpoint may stand on it. */
  passBreakpoint(): void {
    this.#passBreakpoint = true;
  }

  note(kind: Effect, what: number, before: number, after: number): void {
    this.#options.trace.effect(kind, what, before, after);
  }

  /** Its tables go: the next world begins with none. */
  disposeWorld(): void {
    this.takeOff();
    this.#world?.dispose();
    this.#world = undefined;
  }

  /** All of it as plain data; where it is on a hart it stays there. */
  save(): DeviceState {
    return {
      hart: saveHart(this.look()),
      instructions: this.instructions,
      exits: this.exits,
      suspended: this.#suspended,
      futile: this.#futile,
      agreement: this.world.agreement?.() ?? [],
      stealTime: this.stealTime.save(),
    };
  }

  /** Goes on as the vCPU that was saved. Its world must be a new one. @throws Error where no vCPU of its VM can be like that */
  restore(saved: DeviceState): void {
    const { index, state } = this;
    const { supervisor } = this.vm.guest;
    const adopted = adoptState<SavedVcpu>(`vCPU ${index}`, SAVED_VCPU_FIELDS, saved);
    restoreHart(state, adopted.hart, { hart: index, supervisor, svadu: state.svadu });
    if (adopted.agreement.length > 0 && this.world.agree === undefined) {
      throw new Error(
        `expected a vCPU without hypercalls for ${this.technique}, found one with: make the VM paravirtual`,
      );
    }
    this.world.agree?.(adopted.agreement);
    this.#executed = adopted.instructions;
    this.exits = adopted.exits;
    this.#suspended = adopted.suspended;
    this.#futile = adopted.futile;
    this.stealTime.restore(adopted.stealTime);
    this.#arriving = 0;
    this.#timer.changed();
    this.#passedFrom = -Infinity;
  }

  /** With a world of its own, which must have been disposed of: as a hart is that the firmware has not started. */
  powerOff(): void {
    this.#world = this.#options.makeWorld(this);
    this.#powerOn(0, 0);
    this.state.stopped = true;
  }

  /**
   * Starts at an address in S-mode — in M-mode, where that is the guest's —, translation and interrupts off, a0 the number
   * of the hart.
   * @param opaque goes into a1
   * @param information goes into a2
   */
  start(address: number, opaque: number, information = 0): void {
    this.#powerOn(address, opaque);
    this.state.setX(12, information | 0);
    this.#options.disturbed();
  }

  #powerOn(address: number, opaque: number): void {
    const { state, index } = this;
    state.reset(index);
    if (!this.#options.ownsMachineMode) this.#setUpFirmware();
    else if (state.svadu) state.csrs.menvcfgh = ADUE; // as QEMU's default CPU leaves reset
    state.pc = address;
    state.setX(10, index);
    state.setX(11, opaque | 0);
    this.stealTime.reset();
    this.#arriving = 0;
    this.#suspended = false;
    this.#futile = 0;
    this.#timer.changed();
  }

  /** As firmware leaves a hart for the kernel: traps delegated, counters and timer granted, S-mode. */
  #setUpFirmware(): void {
    const { state } = this;
    state.csrs.medeleg = GUEST_MEDELEG;
    state.csrs.mideleg = state.csrs.mideleg | SUPERVISOR_INTERRUPTS;
    state.csrs.mcounteren = 0xffff_ffff;
    state.csrs.scounteren = USER_COUNTERS;
    state.csrs.menvcfgh = state.svadu ? STCE | ADUE : STCE;
    state.privilege = Privilege.supervisor;
  }

  /** It executes nothing until it is started. */
  stop(): void {
    this.state.stopped = true;
  }

  /** It waits until an interrupt comes, and goes on behind the call. */
  suspend(): void {
    this.state.waiting = true;
    this.#suspended = true;
  }

  /** Looks at everything that depends on time, where something is due. @returns whether the guest can execute now */
  refresh(): boolean {
    const { state, vm } = this;
    if (!vm.elapse() || state.stopped) return false;
    this.#timer.refresh();
    if (!state.waiting) return true;
    if ((state.pending & state.csrs.mie) === 0) return false;
    state.waiting = false;
    this.#suspended = false;
    return true;
  }

  /** Machine time in ticks at which something of this guest's is due by itself. */
  deadline(): number {
    return Math.min(this.#timer.due + this.vm.timeOrigin, this.vm.deadline());
  }

  /** Time has made a jump for the guest. */
  timeJumped(): void {
    this.#timer.changed();
    if (this.#loaded) this.world.keepTime(this.#hart);
  }

  /** When its timer is due must be worked out anew. */
  timerChanged(): void {
    this.#timer.changed();
  }

  /** With the H extension the hart itself watches the guest's timer while the guest is on it. */
  get #watchedByHart(): boolean {
    return this.#loaded && this.vm.technique === 'hardware-assisted';
  }

  /** Puts the vCPU on a hart and enters it. */
  putOn(hart: Hart): void {
    if (!this.#loaded) {
      if (hart !== this.#hart) {
        // What that hart still knows of this guest may be older than fences made meanwhile on another hart.
        this.#hart = hart;
        hart.access.translations.flush();
      }
      this.stealTime.publish(false);
      this.#loaded = true;
      this.#timer.changed();
      this.#executedAtLoad = hart.executed;
      hart.state.reservation = 0;
      hart.setBreakpoints(this.vm.breakpoints);
      this.world.load(hart);
    }
    if (this.#inGuest) return;
    this.#arrive();
    this.#arriving = 0;
    this.vm.interruptLog.injected(this.state.pending & this.state.csrs.mie);
    this.world.enter(hart);
    this.#inGuest = true;
    if (!this.#passBreakpoint) return;
    hart.passBreakpoint();
    this.#passBreakpoint = false;
    this.#passedFrom = this.instructions;
  }

  /** The instruction executed last will be executed again: it is counted once. */
  takeBack(): void {
    this.#executedAtLoad++;
  }

  /** The exit is over, and the instruction it interrupted is still to come: a breakpoint passed there is passed again. */
  instructionPending(): void {
    // A trapped instruction counts as executed, an interrupt does not.
    if (this.instructions <= this.#passedFrom + 1) this.#passBreakpoint = true;
  }

  /** Takes the vCPU off the hart, from inside its exit or from the middle of its own code. */
  takeOff(): void {
    if (!this.#loaded) return;
    if (this.#inGuest) this.world.halt(this.#hart);
    else this.world.save(this.#hart);
    this.#arrive();
    this.world.unload?.(this.#hart);
    this.#executed = this.instructions;
    this.#loaded = false;
    this.#inGuest = false;
    this.#timer.changed();
    if (!this.waiting) this.stealTime.publish(true);
    this.#hart.state.privilege = Privilege.supervisor; // the hart is the hypervisor's again
    this.#hart.state.virtual = false;
  }

  /** The hart has just trapped out of this guest. @returns the exit, named */
  beginExit(): Exit {
    this.#inGuest = false;
    this.exits++;
    this.world.leave(this.#hart);
    this.#arrive();
    return this.world.exitOf(this.#hart);
  }

  /** Does what the exit asks for. */
  handle(exit: Exit): Verdict {
    const from = this.state.pc;
    this.#reflectedCause = ILLEGAL; // what the virtual hart refuses by itself
    const verdict = handle(this, exit);
    // A trap that leads to the very instruction it came from will come again.
    this.#futile = verdict === 'reflect' && this.state.pc === from ? this.#futile + 1 : 0;
    if (this.#futile > FUTILE_REFLECTIONS) this.vm.endStuck(this.index, from, this.#reflectedCause);
    return this.vm.ending ? 'kill' : verdict;
  }

  /** Delivers an exception to the guest's own handler. */
  reflect(trap: Trap): Verdict {
    const { state } = this;
    const from = state.pc;
    this.world.reflect(this.#hart, trap);
    this.#reflectedCause = trap.cause;
    this.note(Effect.inject, trap.cause, from, state.pc);
    return 'reflect';
  }

  /** WFI: waits unless something is pending already. @returns whether the guest waits now */
  wait(): boolean {
    if (this.technique === 'hardware-assisted') this.world.save(this.#hart);
    this.state.waiting = true;
    this.#timer.drive();
    if ((this.state.pending & this.state.csrs.mie) === 0) return true;
    this.state.waiting = false;
    this.#suspended = false;
    return false;
  }

  deviceInterrupted(): void {
    this.vm.deviceInterrupted();
  }

  guestFileInterrupted(): void {
    this.vm.guestFileInterrupted(this.#hart);
  }

  /** A program of the guest has made a system call: an exit under trap-and-emulate, none with the H extension. */
  userCalled(): void {
    const { userCalls } = this.vm;
    if (userCalls === undefined) return;
    const { state } = this;
    const real = this.#hart.state;
    if (this.technique === 'hardware-assisted') {
      userCalls.called(userCallOf(real, { satp: real.csrs.vsatp, sscratch: real.csrs.vsscratch, pc: real.csrs.vsepc }));
    } else if (state.privilege === Privilege.user) {
      userCalls.called(userCallOf(state, { satp: state.csrs.satp, sscratch: state.csrs.sscratch, pc: state.pc }));
    }
  }

  userReturned(): void {
    const returned = this.vm.userCalls?.returned;
    if (returned === undefined) return;
    const { state } = this;
    const real = this.#hart.state;
    if (this.technique === 'hardware-assisted') {
      returned(userReturnOf(real, { satp: real.csrs.vsatp, sscratch: real.csrs.vsscratch, pc: real.pc }));
    } else returned(userReturnOf(state, { satp: state.csrs.satp, sscratch: state.csrs.sscratch, pc: state.pc }));
  }

  die(message: string): void {
    this.vm.end({ kind: 'dead', exitCode: DEAD_EXIT_CODE, message });
  }

  /** The hart is stuck in the guest's own trap handler (hardware-assisted: no exit happens there). */
  dieStuck(): void {
    const state = this.look();
    this.vm.endStuck(this.index, state.pc, state.csrs.scause);
  }

  acknowledgeHostInterrupt(): void {
    const { state } = this.#hart;
    state.csrs.mipSoftware = state.csrs.mipSoftware & ~SSIP;
    this.#hart.changed('interrupts');
  }

  /** Its translations have changed: of one address or all, of one address space or all. */
  fence(address: number | undefined, addressSpace: number | undefined): void {
    this.world.fence(this.#hart, address, addressSpace);
  }

  /** The firmware sets its timer (SBI TIME). */
  setTimer(low: number, high: number): void {
    const { state } = this;
    state.csrs.stimecmp = low;
    state.csrs.stimecmph = high;
    if (this.#watchedByHart) {
      this.#hart.state.csrs.vstimecmp = low;
      this.#hart.state.csrs.vstimecmph = high;
      this.#hart.changed('timer');
    }
    this.#timer.changed();
    this.#timer.drive();
  }

  /** The firmware makes its software interrupt pending (SBI IPI), also while it executes on another hart. */
  sendIpi(): void {
    const { state, vm } = this;
    state.csrs.mipSoftware = state.csrs.mipSoftware | SSIP;
    vm.interruptLog.raise('software', 'SBI IPI', 'asked of the firmware');
    vm.interruptLog.reach('software', 'pending', 'sip.SSIP');
    if (!this.#loaded) this.#options.disturbed();
    if (!this.#inGuest) return;
    this.#arriving |= SSIP;
    this.#kick();
  }

  clearIpi(): void {
    const { state } = this;
    state.csrs.mipSoftware = state.csrs.mipSoftware & ~SSIP;
  }

  /** A wire of the guest's board into this hart has changed. */
  drive(line: Line, level: boolean): void {
    const { state, vm } = this;
    const before = state.csrs.mipLines;
    state.csrs.mipLines = level ? before | line : before & ~line;
    if (!this.#loaded) this.#options.disturbed();
    if (level === ((before & line) !== 0) || (line !== SEIP && !this.#options.ownsMachineMode)) return;
    if (level && line === SEIP) vm.interruptLog.reach('external', 'pending', 'virtual PLIC');
    if (this.#inGuest) this.#kick();
  }

  /** The guest is in the middle of its code and must hear of something: makes it exit at once. */
  #kick(): void {
    const { state } = this.#hart;
    state.csrs.mipSoftware = state.csrs.mipSoftware | SSIP;
    this.#hart.changed('interrupts');
  }

  /** What came while the hart held the guest's sip must not be lost when that is read back. */
  #arrive(): void {
    if (this.#arriving === 0) return;
    const { csrs } = this.state;
    csrs.mipSoftware = csrs.mipSoftware | this.#arriving;
  }
}
