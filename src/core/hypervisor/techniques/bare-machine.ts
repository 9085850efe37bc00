// Technique `bare`: no hypervisor. The guest owns a machine of its own; for a kernel in supervisor mode the firmware is
// ours and stands in for machine mode, exactly as OpenSBI would lie beneath it. The baseline for everything else.

import { ADUE, SSIP, STCE } from '../../isa/csr-bits.ts';
import type { Unsigned64 } from '../../devices/unsigned64.ts';
import type { FinisherOutcome } from '../../devices/test-finisher.ts';
import { exceptionRows, findCause } from '../../isa/causes.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import { INSTRUCTIONS_PER_TICK, Machine, type MachineOptions } from '../../machine/machine.ts';
import { Privilege } from '../../machine/hart-state.ts';
import type { Hart } from '../../machine/hart.ts';
import { Level, levelName, levelOf } from '../../machine/level.ts';
import type { Trap, TrapTarget } from '../../machine/privileged-state.ts';
import type { Quirks } from '../../machine/quirks.ts';
import { asleep, endingOfFinisher, shutdown } from '../endings.ts';
import { prepareGuest, type GuestImage, type PreparedGuest } from '../firmware/guest-boot.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { HsmState, Sbi } from '../firmware/sbi.ts';
import { firmwareReach, serveSbiCall, USER_COUNTERS } from '../firmware/sbi-call.ts';
import { SerialConsole } from '../guest-devices/serial-console.ts';
import { HostInterface } from '../firmware/host-interface.ts';
import { VmControl } from '../control.ts';
import { reachable, type Computer, type SliceEnd } from '../computer.ts';
import { interruptKinds, type InterruptLog } from '../interrupts/interrupt-log.ts';
import { LevelTrace } from '../inspection/level-trace.ts';
import { userCallOf, userReturnOf, type UserCallObserver } from '../inspection/user-call.ts';
import { balloonOf, type VmBalloon } from '../memory/vm-balloon.ts';
import { StealTime } from '../scheduling/steal-time.ts';
import { stuckGuest } from '../inspection/stuck-guest.ts';
import { VmInterrupts } from '../interrupts/vm-interrupts.ts';
import type { Ending, VirtualMachine } from '../virtual-machine.ts';
import { withNetworkCard } from '../guest-devices/network-card.ts';
import type { VirtualNetwork } from '../guest-devices/virtual-network.ts';

/** Everything a kernel may handle itself: all exceptions but the calls from S-mode and M-mode. */
const FIRMWARE_MEDELEG = 0x00f0_b5ff;
const SUPERVISOR_INTERRUPTS = 0x222;

export interface BareOptions {
  readonly id: number;
  readonly guest: GuestImage;
  readonly host: MachineOptions['host'];
  readonly epochNanoseconds: Unsigned64;
  readonly interrupts: InterruptLog;
  readonly translator: boolean;
  /** Crossings between levels that are kept. */
  readonly levelTraceCapacity?: number | undefined;
  readonly quirks: Readonly<Quirks>;
}

export class BareMachine implements VirtualMachine, Computer {
  readonly id: number;
  readonly technique = 'bare';
  readonly machine: Machine;
  readonly memoryBytes: number;
  readonly harts: number;
  readonly guest: PreparedGuest;
  readonly console = new SerialConsole();
  readonly memory: GuestMemory;
  /** Nobody else can use what the guest gives up: it is the guest's machine. */
  readonly balloon: VmBalloon | undefined;
  readonly exits = 0;
  readonly control = new VmControl();
  userCalls: UserCallObserver | undefined;
  readonly interruptLog: VmInterrupts;
  /** Which level each trap was taken to, and each return from one. */
  readonly levels: LevelTrace;
  /** A network of its own, if it has a card. */
  readonly network: VirtualNetwork | undefined;
  readonly #supervisor: boolean;
  readonly #sbi: Sbi;
  readonly #host: HostInterface;
  /** Where each hart that suspended itself waits: behind its call. */
  readonly #suspendedAt = new Map<number, number>();
  #ending: Ending | undefined;
  #reboot = false;
  /** Since the person asked for a crossing: the one there was. */
  #crossed: string | undefined;

  /** @throws ImageError where the guest cannot be loaded */
  constructor(options: BareOptions) {
    this.network = options.guest.network?.makeNetwork({
      now: () => this.machine.now,
      rescheduled: () => this.machine.interrupt(),
    });
    this.balloon = balloonOf(options.guest, () => this.memory);
    const carded = this.#withCard(options);
    const guest = this.balloon?.attachTo(carded) ?? carded;
    this.interruptLog = new VmInterrupts({
      vm: options.id,
      log: options.interrupts,
      now: () => this.machine.elapsed,
      board: () => this.board,
    });
    this.levels = new LevelTrace(() => this.machine.elapsed, options.levelTraceCapacity);
    this.id = options.id;
    this.memoryBytes = guest.memoryBytes;
    this.harts = guest.harts;
    this.#supervisor = guest.boot === 'supervisor';
    this.machine = new Machine({
      host: options.host,
      harts: guest.harts,
      ramBytes: guest.memoryBytes,
      epochNanoseconds: options.epochNanoseconds,
      transmit: (byte) => this.console.write(byte),
      svadu: guest.svadu ?? false,
      hypervisorExtension: guest.boot === 'supervisor' || guest.hypervisorExtension !== false,
      ...(guest.devices && { devices: guest.devices }),
      ...(guest.messageInterrupts === true && {
        messageInterrupts: { guestFiles: 0, machineLevel: guest.boot === 'machine' },
      }),
      translator: options.translator,
      quirks: options.quirks,
      observer: {
        trapTaken: (hart, trap, target) => this.#trapTaken(hart, trap, target),
        returned: (hart, from, pc) => this.#returned(hart, from, pc),
      },
      boardObserver: this.interruptLog.controllerObservers,
    });
    this.memory = new GuestMemory(this.machine.ram, guest.memoryBytes);
    this.guest = prepareGuest(guest, this.machine.board.mounts);
    this.#sbi = new Sbi(this.#firmwarePorts());
    this.#host = new HostInterface({
      guest: this.guest,
      memory: this.memory,
      ram: this.machine.ram,
      reach: firmwareReach(this),
      executed: () => this.instructions,
      commanded: () => this.machine.interrupt(),
      end: (ending) => (this.#ending ??= ending),
    });
    this.reset();
  }

  get board() {
    return this.machine.board;
  }
  get ending(): Ending | undefined {
    return this.#ending;
  }
  get instructions(): number {
    return this.machine.harts.reduce((sum, hart) => sum + hart.executed, 0);
  }
  get interrupts(): Readonly<Record<string, number>> {
    return this.interruptLog.counts;
  }
  get waiting(): boolean {
    return this.machine.harts.every(
      ({ state }) => state.stopped || (state.waiting && (state.pending & state.csrs.mie) === 0),
    );
  }

  look(hart = 0) {
    return this.#hart(hart).state;
  }

  receive(bytes: Uint8Array): number {
    const taken = this.board.uart.receive(bytes);
    this.#host.typed();
    return taken;
  }

  setBreakpoints(addresses: ReadonlySet<number>): void {
    for (const hart of this.machine.harts) hart.setBreakpoints(addresses);
  }

  /** The next instruction is executed even if a breakpoint stands on it. */
  passBreakpoint(): void {
    for (const hart of this.machine.harts) hart.passBreakpoint();
  }

  reset(): void {
    this.levels.clear();
    this.#powerOn();
  }

  #powerOn(): void {
    const { machine, guest } = this;
    this.#ending = undefined;
    this.#host.reset();
    machine.reset();
    if (machine.elapsed > 0) machine.ram.zero(RAM_BASE, this.memoryBytes); // fresh memory is zero
    for (const { address, bytes } of guest.loads) machine.ram.write(address, bytes);
    for (const hart of machine.harts) {
      if (this.#supervisor) this.#setUpFirmware(hart);
      else if (machine.svadu) hart.state.csrs.menvcfgh = ADUE; // as QEMU's default CPU leaves reset
      const { state } = hart;
      state.pc = guest.entry;
      state.setX(10, hart.id);
      state.setX(11, guest.deviceTree | 0);
      state.setX(12, guest.firmwareInformation | 0);
      state.stopped = this.#supervisor && hart.id !== 0;
      hart.changed('translation');
      hart.changed('timer');
    }
  }

  get now(): number {
    return this.machine.now;
  }

  get frozen(): boolean {
    return !this.control.running || this.#ending !== undefined;
  }

  runSlice(budget: number): SliceEnd {
    const { machine, control } = this;
    const end = machine.elapsed + budget;
    while (control.running && !this.#ending) {
      this.network?.elapse();
      if (this.#reboot) {
        // Clearing memory takes the host longer than instructions do: one a slice, or it would not be heard any more.
        this.#reboot = false;
        this.#powerOn();
        return 'budget';
      }
      if (this.#host.due <= this.instructions) this.#host.look();
      const left = end - machine.elapsed;
      if (left <= 0) return 'budget';
      const single = control.goal?.kind === 'instruction';
      const { executed } = this.#hart(0);
      const frame = (this.network?.deadline() ?? Infinity) * INSTRUCTIONS_PER_TICK - machine.elapsed;
      const stop = machine.run(single ? 1 : Math.min(left, frame, this.#host.due - this.instructions));
      if (stop.kind === 'idle' && this.#host.due !== Infinity) this.#host.look();
      else if (stop.kind === 'idle') return 'idle';
      else if (stop.kind === 'breakpoint') control.reached(stop.hart.state.pc);
      else if (stop.kind === 'trap') this.#serveFirmware(stop.hart);
      else if (stop.kind === 'stuck') this.#ending = this.#stuck(stop.hart);
      else if (stop.kind === 'finished') this.#finish(stop.outcome);
      if (single && control.running && this.#hart(0).executed !== executed) {
        control.hold({ kind: 'step', sentence: 'One instruction was executed.' });
      } else if (control.goal?.kind === 'crossing' && this.#crossed !== undefined) {
        control.hold({ kind: 'step', sentence: this.#crossed });
      } else if (control.goal?.kind === 'interrupt' && this.interruptLog.lastTaken) {
        control.hold({
          kind: 'interrupt',
          sentence: `The guest has just taken an interrupt: ${this.interruptLog.lastTaken}.`,
        });
      }
    }
    if (this.#ending) control.hold({ kind: 'ended', sentence: this.#ending.message });
    return 'stopped';
  }

  /** The person's word about the VM has changed. */
  obey(): void {
    this.interruptLog.lastTaken = undefined;
    this.#crossed = undefined;
    this.setBreakpoints(this.control.breakpoints);
    this.passBreakpoint();
  }

  /** Board time in ticks at which a waiting machine goes on by itself; undefined while it need not wait. */
  idleUntil(): number | undefined {
    if (!this.control.running || this.#ending) return Infinity;
    this.network?.elapse();
    const until = this.machine.idleUntil();
    return until === undefined ? undefined : reachable(Math.min(until, this.network?.deadline() ?? Infinity));
  }

  /** While all harts wait: lets time pass, up to `until` (ticks). It stands still while a person holds the machine. */
  skipTo(until: number): void {
    if (this.control.running && !this.#ending) this.machine.skipTo(until);
  }

  /** Nothing will ever wake the guest. */
  dieAsleep(): void {
    this.#ending ??= asleep();
  }

  #withCard({ id, guest }: BareOptions): GuestImage {
    // While a person holds it, or when it has ended, its time stands still: no frame arrives.
    const card = guest.network && this.network?.connect(id, guest.network, () => false);
    const whole = card ? withNetworkCard(guest, card) : guest;
    const { assigned = [] } = whole;
    // Here every device is a physical one of the guest's own.
    if (assigned.length === 0) return whole;
    return { ...whole, devices: { ...whole.devices, virtio: [...(whole.devices?.virtio ?? []), ...assigned] } };
  }

  #finish(outcome: FinisherOutcome): void {
    this.#ending = endingOfFinisher(outcome);
    if (!this.#ending) this.#reboot = true;
  }

  #stuck({ id, state, lastTrap }: Hart): Ending {
    return stuckGuest(this, id, state.pc, lastTrap?.trap.cause ?? 0);
  }

  #returned(hart: Hart, from: Level, pc: number, instruction = hart.instruction): void {
    this.levels.returned(hart, from, pc, instruction);
    if (this.userCalls?.returned !== undefined && hart.state.privilege === Privilege.user && !hart.state.virtual) {
      const { csrs, pc: at } = hart.state;
      this.userCalls.returned(userReturnOf(hart.state, { satp: csrs.satp, sscratch: csrs.sscratch, pc: at }));
    }
    if (this.control.goal?.kind === 'crossing') this.#cross(hart, 'It has returned to');
  }

  /** The hart stops at its new level, if the person asked for that. */
  #cross({ state }: Hart, what: string): void {
    const level = levelName(levelOf(state.privilege, state.virtual));
    const name = level === 'S' && state.csrs.hgatp >>> 31 === 1 ? 'HS' : level;
    this.#crossed = `${what} ${name}-mode.`;
    this.machine.interrupt();
  }

  #trapTaken(hart: Hart, trap: Trap, target: TrapTarget): void {
    const { cause } = trap;
    this.levels.trapped(hart, trap, target);
    if (this.userCalls !== undefined && cause === exceptionRows.userCall.code) {
      const { csrs } = hart.state;
      this.userCalls.called(userCallOf(hart.state, { satp: csrs.satp, sscratch: csrs.sscratch, pc: csrs.sepc }));
    }
    if (this.control.goal?.kind === 'crossing') {
      this.#cross(hart, `It has trapped (${findCause(cause)?.name ?? `cause ${cause}`}) and is in`);
    }
    if (cause >>> 31 === 0) return;
    const code = cause & 0x7fff_ffff;
    const { interruptLog } = this;
    if (code === interruptKinds.external) interruptLog.reach('external', 'pending', 'mip.SEIP');
    interruptLog.taken(code, hart.state.pc, hart.id);
    if (this.control.goal?.kind === 'interrupt') this.machine.interrupt();
  }

  #hart(index: number): Hart {
    const hart = this.machine.harts[index];
    if (hart === undefined) throw new RangeError(`hart ${index} of ${this.harts}`);
    return hart;
  }

  /** As OpenSBI leaves a hart for the kernel: traps delegated, counters and timer granted, S-mode. */
  #setUpFirmware(hart: Hart): void {
    const { state } = hart;
    hart.hosted.M = true;
    state.setUp('medeleg', FIRMWARE_MEDELEG);
    state.setUp('mideleg', SUPERVISOR_INTERRUPTS);
    state.setUp('mcounteren', 0xffff_ffff);
    state.setUp('scounteren', USER_COUNTERS);
    state.csrs.menvcfgh = STCE | (this.machine.svadu ? ADUE : 0);
    state.privilege = Privilege.supervisor;
  }

  /** A hart has trapped into machine mode, where the firmware is. */
  #serveFirmware(hart: Hart): void {
    const { state } = hart;
    if (state.csrs.mcause !== exceptionRows.supervisorCall.code) {
      this.#ending = stuckGuest(this, hart.id, state.csrs.mepc, state.csrs.mcause);
      return;
    }
    // A call that ends the run leaves the kernel standing at its ECALL.
    if (serveSbiCall(this.#sbi, hart.id, state)) state.setUp('mepc', state.csrs.mepc + 4);
    const { pc } = state;
    state.returnFromMachine();
    this.#returned(hart, Level.M, pc, 0);
  }

  #firmwarePorts() {
    const hartOf = (index: number) => this.#hart(index);
    return {
      harts: this.harts,
      setTimer: (index: number, low: number, high: number) => {
        const hart = hartOf(index);
        hart.state.csrs.stimecmp = low;
        hart.state.csrs.stimecmph = high;
        hart.changed('timer');
      },
      sendIpi: (index: number) => {
        const { state } = hartOf(index);
        state.csrs.mipSoftware = state.csrs.mipSoftware | SSIP;
        hartOf(index).changed('interrupts');
      },
      clearIpi: (index: number) => {
        const { state } = hartOf(index);
        state.csrs.mipSoftware = state.csrs.mipSoftware & ~SSIP;
      },
      fence: (index: number, address: number | undefined) => hartOf(index).access.translations.flush(address),
      hartStatus: (index: number) => {
        const { state } = hartOf(index);
        if (state.stopped) return HsmState.stopped;
        return state.waiting && state.pc === this.#suspendedAt.get(index) ? HsmState.suspended : HsmState.started;
      },
      startHart: (index: number, address: number, opaque: number) => {
        const hart = hartOf(index);
        const { state } = hart;
        const { executed } = hart;
        state.reset(index);
        state.executed = executed;
        this.#setUpFirmware(hart);
        state.pc = address;
        state.setX(10, index);
        state.setX(11, opaque | 0);
        hart.changed('translation');
        hart.changed('timer');
      },
      stopHart: (index: number) => {
        hartOf(index).state.stopped = true;
      },
      // Nobody takes time from a bare machine: what is shared says 0, and stays so.
      shareStealTime: (_: number, low: number, high: number) =>
        new StealTime({ memory: () => this.memory, stolen: () => 0 }).share(low, high),
      suspendHart: (index: number) => {
        const { state } = hartOf(index);
        state.waiting = true;
        this.#suspendedAt.set(index, (state.csrs.mepc + 4) >>> 0);
      },
      reset: (kind: 'shutdown' | 'reboot', failed: boolean) => {
        if (kind === 'shutdown') this.#ending = shutdown(failed);
        else this.#reboot = true;
      },
      ...firmwareReach(this),
    };
  }
}
