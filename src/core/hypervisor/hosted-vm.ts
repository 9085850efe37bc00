// A VM of the hypervisor: one vCPU, RAM, a board with device models, and the technique that runs it. It does one thing at
// a time for the hypervisor's loop: enter, name the exit, handle it, leave. It never touches another VM.

import { ADUE, SEIP, SSIP, STCE, STIP } from '../isa/csr-bits.ts';
import type { Unsigned64 } from '../devices/unsigned64.ts';
import { Board, type Line } from '../machine/board.ts';
import type { Hart } from '../machine/hart.ts';
import { Privilege } from '../machine/hart-state.ts';
import { INSTRUCTIONS_PER_TICK, type Machine } from '../machine/machine.ts';
import { ILLEGAL, PrivilegedState, type Trap } from '../machine/privileged-state.ts';
import { asleep, endingOfFinisher, shutdown, stuck } from './endings.ts';
import { VmControl } from './control.ts';
import type { Exit, Verdict } from './exits.ts';
import { prepareGuest, type GuestImage, type PreparedGuest } from './guest-boot.ts';
import { guestDma } from './guest-dma.ts';
import { GuestMemory } from './guest-memory.ts';
import { handle, type HandledVm } from './handlers.ts';
import { HardwareAssisted } from './hardware-assisted.ts';
import type { HostFrames } from './host-frames.ts';
import { HostInterface } from './host-interface.ts';
import type { InterruptLog } from './interrupt-log.ts';
import { HsmState, Sbi } from './sbi.ts';
import { firmwareReach } from './sbi-call.ts';
import { SerialConsole } from './serial-console.ts';
import { ShadowTables } from './shadow-tables.ts';
import { TablePages } from './table-pages.ts';
import { Effect, type Trace } from './trace.ts';
import { TrapAndEmulate } from './trap-and-emulate.ts';
import { DEAD_EXIT_CODE, type Ending, type Technique, type VirtualMachine } from './virtual-machine.ts';
import { VirtualHart } from './virtual-hart.ts';
import { VmInterrupts } from './vm-interrupts.ts';
import type { World } from './world.ts';

const GUEST_MEDELEG = 0xb1ff;
const SUPERVISOR_INTERRUPTS = 0x222;
/** Reflections in a row, each from the handler's first instruction, before the guest counts as stuck. */
const FUTILE_REFLECTIONS = 16;

/**
 * Page tables a VM may have. The second stage is one root and a table for each 4 MiB of RAM, whatever the guest does. Shadows
 * are dropped and made again where the guest would need more; Linux has about 50 at its prompt.
 */
const tablesOf = (technique: Exclude<Technique, 'bare'>, memoryBytes: number): number => {
  const regions = Math.ceil(memoryBytes / 2 ** 22);
  return technique === 'hardware-assisted' ? 4 + regions : 256 + 4 * regions;
};

export interface HostedOptions {
  readonly id: number;
  readonly technique: Exclude<Technique, 'bare'>;
  readonly guest: GuestImage;
  readonly machine: Machine;
  readonly frames: HostFrames;
  readonly interrupts: InterruptLog;
  readonly epochNanoseconds: Unsigned64;
  /** Linear address of the block for the vCPU's state. */
  readonly stateBase: number;
  readonly trace: Trace;
  /** While it is not on the hart, something has happened to it that may change when it can execute. */
  readonly disturbed: () => void;
}

export class HostedVm implements VirtualMachine, HandledVm {
  readonly id: number;
  readonly technique: Exclude<Technique, 'bare'>;
  readonly memoryBytes: number;
  readonly harts = 1;
  readonly guest: PreparedGuest;
  readonly console = new SerialConsole();
  readonly board: Board;
  readonly memory: GuestMemory;
  /** The guest's hart, as the guest sees it. While it is on the physical hart, `look` brings it up to date. */
  readonly state: PrivilegedState;
  readonly virtualHart: VirtualHart;
  readonly hart: Hart;
  readonly sbi: Sbi;
  readonly control = new VmControl();
  readonly interruptLog: VmInterrupts;
  exits = 0;
  breakpoints: ReadonlySet<number> = new Set();
  readonly #options: HostedOptions;
  readonly #machine: Machine;
  readonly #host: HostInterface;
  #world: World;
  #ending: Ending | undefined;
  #rebooting = false;
  #loaded = false;
  #inGuest = false;
  #executed = 0;
  #executedAtLoad = 0;
  /** Board time minus guest time, in ticks. */
  #timeOrigin = 0;
  #heldSince: number | undefined;
  /** Guest time in ticks at which something that depends on time must be looked at, unless it is not known. */
  #due = 0;
  #timersStale = true;
  #futile = 0;
  #reflectedCause: number = ILLEGAL;
  #passBreakpoint = false;
  /** Instructions executed when the last breakpoint was passed. */
  #passedFrom = -Infinity;

  /** @throws ImageError where the guest cannot be loaded, Error where the machine has no memory for it */
  constructor(options: HostedOptions) {
    this.#options = options;
    this.#machine = options.machine;
    this.id = options.id;
    this.technique = options.technique;
    this.memoryBytes = options.guest.memoryBytes;
    const { frames, machine, guest } = options;
    this.interruptLog = new VmInterrupts({
      vm: options.id,
      log: options.interrupts,
      now: () => machine.elapsed,
      board: () => this.board,
    });
    const [hart] = machine.harts;
    if (hart === undefined) throw new Error('the machine has no hart');
    this.hart = hart;
    this.board = new Board({
      harts: 1,
      clock: () => this.now,
      drive: (_, line, level) => this.#drive(line, level),
      timeWritten: () => {
        this.#disturb();
        if (this.#loaded) this.#world.keepTime(this.hart);
      },
      transmit: (byte) => this.console.write(byte),
      finish: (outcome) => {
        const ending = endingOfFinisher(outcome);
        if (ending) this.#ending ??= ending;
        else this.#rebooting = true;
      },
      epochNanoseconds: options.epochNanoseconds,
      memory: guestDma(() => this.memory),
      ...(guest.devices && { devices: guest.devices }),
      ...this.interruptLog.controllerObservers,
    });
    this.guest = prepareGuest(guest, this.board.mounts);
    const first = frames.allocate(guest.memoryBytes / 4096, { vm: options.id, use: 'ram' });
    if (first === undefined) {
      const free = machine.ram.size - frames.usedBytes;
      throw new Error(
        `expected ${guest.memoryBytes / 2 ** 20} MiB of free machine memory in one piece, found ${Math.floor(free / 2 ** 20)} MiB in all: remove a VM or give this one less`,
      );
    }
    const tables = tablesOf(options.technique, guest.memoryBytes);
    if (!frames.promise(options.id, tables)) {
      throw new Error(
        `expected ${tables * 4} KiB of free machine memory for this VM’s page tables, found less: remove a VM or give this one less memory`,
      );
    }
    this.memory = new GuestMemory(machine.ram, first, guest.memoryBytes);
    this.state = new PrivilegedState(machine.memory, options.stateBase, {
      hypervisorExtension: false,
      svadu: guest.svadu ?? false,
      quirks: machine.quirks,
      time: () => this.board.time(),
      executed: () => this.instructions,
      changed: (consequence) => {
        if (consequence === 'timer' || consequence === 'environment') this.#timersStale = true;
      },
    });
    this.virtualHart = new VirtualHart({
      state: this.state,
      fence: (address, space) => this.#world.fence(this.hart, address, space),
      note: (kind, what, before, after) => options.trace.effect(kind, what, before, after),
    });
    this.sbi = new Sbi(this.#firmwarePorts());
    this.#host = new HostInterface({
      guest: this.guest,
      memory: this.memory,
      ram: machine.ram,
      reach: firmwareReach(this),
      executed: () => this.instructions,
      commanded: () => machine.interrupt(),
      end: (ending) => (this.#ending ??= ending),
    });
    this.#world = this.#makeWorld();
    this.reset();
  }

  get world(): World {
    return this.#world;
  }
  get ending(): Ending | undefined {
    return this.#ending;
  }
  /** Guest time in ticks: it stands still while a person holds the VM. */
  get now(): number {
    return (this.#heldSince ?? this.#machine.now) - this.#timeOrigin;
  }
  get instructions(): number {
    return this.#executed + (this.#loaded ? this.hart.executed - this.#executedAtLoad : 0);
  }
  /** It will begin anew before its next instruction. */
  get rebooting(): boolean {
    return this.#rebooting;
  }
  get waiting(): boolean {
    return this.state.waiting;
  }
  /** It could execute: it does not wait, or what it waits for has come. Looking changes nothing. */
  get ready(): boolean {
    return !this.state.waiting || (this.state.pending & this.state.csrs.mie) !== 0;
  }
  /** The hart executes this guest's instructions, or would, as soon as it is run. */
  get inGuest(): boolean {
    return this.#inGuest;
  }
  /** It is the VM on the hart, in its own code or in an exit. */
  get onHart(): boolean {
    return this.#loaded;
  }
  /** The computer all VMs of the hypervisor share. */
  get physical(): Machine {
    return this.#machine;
  }
  get interrupts(): Readonly<Record<string, number>> {
    return this.interruptLog.counts;
  }

  look(): PrivilegedState {
    if (this.#inGuest) this.#world.halt(this.hart);
    else if (this.#loaded) this.#world.save(this.hart);
    return this.state;
  }

  receive(bytes: Uint8Array): number {
    const taken = this.board.uart.receive(bytes);
    this.#host.typed();
    this.#disturb();
    return taken;
  }

  setBreakpoints(addresses: ReadonlySet<number>): void {
    this.breakpoints = addresses;
    if (this.#loaded) this.hart.setBreakpoints(addresses);
  }

  /** The next instruction is executed although a breakpoint may stand on it. */
  passBreakpoint(): void {
    this.interruptLog.lastTaken = undefined;
    this.#passBreakpoint = true;
  }

  note(kind: Effect, what: number, before: number, after: number): void {
    this.#options.trace.effect(kind, what, before, after);
  }

  reset(): void {
    if (this.#loaded) this.takeOff();
    const { state, guest, memory } = this;
    this.#ending = undefined;
    this.#rebooting = false;
    this.#host.reset();
    this.interruptLog.abandon();
    this.#world.dispose();
    this.#world = this.#makeWorld();
    if (this.instructions > 0) memory.clear(); // memory fresh from the pool is zero
    for (const { address, bytes } of guest.loads) memory.write(address, bytes);
    this.#timeOrigin = this.#heldSince ?? this.#machine.now;
    state.reset(0);
    state.csrs.medeleg = GUEST_MEDELEG;
    state.csrs.mideleg = state.csrs.mideleg | SUPERVISOR_INTERRUPTS;
    state.csrs.mcounteren = 0xffff_ffff;
    state.csrs.menvcfgh = state.svadu ? STCE | ADUE : STCE;
    state.privilege = Privilege.supervisor;
    state.pc = guest.entry;
    state.setX(11, guest.deviceTree | 0);
    this.board.reset();
    this.#disturb();
    this.#futile = 0;
  }

  /** A person takes the VM's time away, or gives it back. */
  hold(held: boolean): void {
    if (held === (this.#heldSince !== undefined)) return;
    if (held) this.#heldSince = this.#machine.now;
    else if (this.#heldSince !== undefined) {
      this.#timeOrigin += this.#machine.now - this.#heldSince;
      this.#heldSince = undefined;
    }
    this.#disturb();
  }

  /** Looks at everything that depends on time, where something is due. @returns whether the guest can execute now */
  refresh(): boolean {
    if (this.#rebooting) this.reset();
    const { state } = this;
    const command = this.#host.due;
    if (command !== Infinity && (command <= this.instructions || state.waiting)) this.#host.look();
    if (this.#ending) return false;
    if (this.#timersStale || this.#due <= this.now) {
      this.#timersStale = false;
      this.board.elapse();
      if (!this.#watchedByHart) this.#driveTimer();
      this.#due = this.#nextDue();
    }
    if (!state.waiting) return true;
    if ((state.pending & state.csrs.mie) === 0) return false;
    state.waiting = false;
    return true;
  }

  /** Board time in ticks at which something of this guest's is due by itself. */
  deadline(): number {
    const due = this.#timersStale ? this.#nextDue() : this.#due;
    if (this.#host.due === Infinity) return due + this.#timeOrigin;
    const command = this.now + Math.ceil((this.#host.due - this.instructions) / INSTRUCTIONS_PER_TICK);
    return Math.min(due, command) + this.#timeOrigin;
  }

  /** With the H extension the hart itself watches the guest's timer while the guest is on it. */
  get #watchedByHart(): boolean {
    return this.#loaded && this.technique === 'hardware-assisted';
  }

  /** Guest time in ticks at which a device of its board is due, or its timer where the hypervisor watches it. */
  #nextDue(): number {
    const device = this.board.deadline();
    if (this.#watchedByHart || this.#timerPending) return device;
    const { csrs } = this.state;
    const compare = csrs.stimecmph * 2 ** 32 + csrs.stimecmp;
    return Math.min(device, this.now + Math.max(0, compare - this.board.time()));
  }

  /** What `due` was worked out from has changed; where the VM is not on the hart, the hypervisor's loop must hear of it. */
  #disturb(): void {
    this.#timersStale = true;
    if (!this.#loaded) this.#options.disturbed();
  }

  get #timerPending(): boolean {
    return (this.state.csrs.mipLines & STIP) !== 0;
  }

  /** Puts the VM on the hart and enters it. */
  putOn(): void {
    if (!this.#loaded) {
      this.#loaded = true;
      this.#timersStale = true;
      this.#executedAtLoad = this.hart.executed;
      this.hart.state.reservation = 0;
      this.hart.setBreakpoints(this.breakpoints);
      this.#world.load(this.hart);
    }
    if (this.#inGuest) return;
    this.interruptLog.injected(this.state.pending & this.state.csrs.mie);
    this.#world.enter(this.hart);
    this.#inGuest = true;
    if (!this.#passBreakpoint) return;
    this.hart.passBreakpoint();
    this.#passBreakpoint = false;
    this.#passedFrom = this.instructions;
  }

  /** The exit is over, and the instruction it interrupted is still to come: a breakpoint passed there is passed again. */
  instructionPending(): void {
    // A trapped instruction counts as executed, an interrupt does not.
    if (this.instructions <= this.#passedFrom + 1) this.#passBreakpoint = true;
  }

  /** Takes the VM off the hart, from inside its exit or from the middle of its own code. */
  takeOff(): void {
    if (!this.#loaded) return;
    if (this.#inGuest) this.#world.halt(this.hart);
    else this.#world.save(this.hart);
    this.#executed = this.instructions;
    this.#loaded = false;
    this.#inGuest = false;
    this.#timersStale = true;
    this.hart.state.privilege = Privilege.supervisor; // the hart is the hypervisor's again
    this.hart.state.virtual = false;
  }

  /** The hart has just trapped out of this guest. @returns the exit, named */
  beginExit(): Exit {
    this.#inGuest = false;
    this.exits++;
    this.#world.leave(this.hart);
    return this.#world.exitOf(this.hart);
  }

  /** Does what the exit asks for. */
  handle(exit: Exit): Verdict {
    const from = this.state.pc;
    this.#reflectedCause = ILLEGAL; // what the virtual hart refuses by itself
    const verdict = handle(this, exit);
    // A trap that leads to the very instruction it came from will come again.
    this.#futile = verdict === 'reflect' && this.state.pc === from ? this.#futile + 1 : 0;
    if (this.#futile > FUTILE_REFLECTIONS) this.#ending ??= stuck(from, this.#reflectedCause);
    return this.#ending ? 'kill' : verdict;
  }

  /** Delivers an exception to the guest's own handler. */
  reflect(trap: Trap): Verdict {
    const { state } = this;
    const from = state.pc;
    this.#world.reflect(this.hart, trap);
    this.#reflectedCause = trap.cause;
    this.note(Effect.inject, trap.cause, from, state.pc);
    return 'reflect';
  }

  /** WFI: waits unless something is pending already. @returns whether the guest waits now */
  wait(): boolean {
    if (this.technique === 'hardware-assisted') this.#world.save(this.hart);
    this.state.waiting = true;
    this.#driveTimer();
    if ((this.state.pending & this.state.csrs.mie) === 0) return true;
    this.state.waiting = false;
    return false;
  }

  die(message: string): void {
    this.#ending ??= { kind: 'dead', exitCode: DEAD_EXIT_CODE, message };
  }

  /** The hart is stuck in the guest's own trap handler (hardware-assisted: no exit happens there). */
  dieStuck(): void {
    const state = this.look();
    this.#ending ??= stuck(state.pc, state.csrs.scause);
  }

  /** Nothing will ever wake the guest. */
  dieAsleep(): void {
    this.#ending ??= asleep();
  }

  acknowledgeHostInterrupt(): void {
    const { state } = this.hart;
    state.csrs.mipSoftware = state.csrs.mipSoftware & ~SSIP;
    this.hart.changed('interrupts');
  }

  /** The VM goes: memory and tables are given back. */
  dispose(): void {
    this.takeOff();
    this.#world.dispose();
    this.#host.dispose();
    this.#options.frames.freeAll(this.id);
  }

  #drive(line: Line, level: boolean): void {
    const { state } = this;
    const before = state.csrs.mipLines;
    state.csrs.mipLines = level ? before | line : before & ~line;
    if (!this.#loaded) this.#options.disturbed();
    if (line !== SEIP || !level || (before & SEIP) !== 0) return;
    this.interruptLog.reach('external', 'pending', 'virtual PLIC');
    if (this.#inGuest) this.#kick();
  }

  /** The guest is in the middle of its code and must hear of something: makes it exit at once. */
  #kick(): void {
    const { state } = this.hart;
    state.csrs.mipSoftware = state.csrs.mipSoftware | SSIP;
    this.hart.changed('interrupts');
  }

  /** The guest's own timer compare register, where the hypervisor watches it. */
  #driveTimer(): void {
    const { state } = this;
    const due = this.board.time() >= state.csrs.stimecmph * 2 ** 32 + state.csrs.stimecmp;
    const before = state.csrs.mipLines;
    state.csrs.mipLines = due ? before | STIP : before & ~STIP;
    if (due && (before & STIP) === 0) {
      this.interruptLog.raise('timer', 'stimecmp', 'time has reached stimecmp');
      this.interruptLog.reach('timer', 'pending', 'sip.STIP');
    } else if (!due && (before & STIP) !== 0) {
      this.interruptLog.reach('timer', 'acknowledged', 'stimecmp was set again');
    }
  }

  #makeWorld(): World {
    const { frames, machine, id } = this.#options;
    const pages = (use: 'stage-2 tables' | 'shadow tables') => new TablePages(machine.ram, frames, id, use);
    const ports = {
      vm: id,
      state: this.state,
      hostAddress: (gpa: number) => this.memory.hostAddress(gpa),
      isDevice: (gpa: number) => this.board.bus.covers(gpa),
      timeDelta: () => this.board.time() - machine.board.time(),
      fenceHart: () => this.hart.access.translations.flush(),
    };
    if (this.technique === 'hardware-assisted') return new HardwareAssisted(ports, pages('stage-2 tables'));
    return new TrapAndEmulate(
      {
        ...ports,
        memory: this.memory,
        interruptTaken: (cause, handler) => this.interruptLog.taken(cause & 0x7fff_ffff, handler),
      },
      new ShadowTables(pages('shadow tables'), ports.fenceHart),
    );
  }

  #firmwarePorts() {
    const { state } = this;
    return {
      harts: 1,
      setTimer: (_: number, low: number, high: number) => {
        state.csrs.stimecmp = low;
        state.csrs.stimecmph = high;
        if (this.#loaded && this.technique === 'hardware-assisted') {
          this.hart.state.csrs.vstimecmp = low;
          this.hart.state.csrs.vstimecmph = high;
          this.hart.changed('timer');
        }
        this.#timersStale = true;
        this.#driveTimer();
      },
      sendIpi: () => {
        state.csrs.mipSoftware = state.csrs.mipSoftware | SSIP;
        this.interruptLog.raise('software', 'SBI IPI', 'asked of the firmware');
        this.interruptLog.reach('software', 'pending', 'sip.SSIP');
      },
      clearIpi: () => (state.csrs.mipSoftware = state.csrs.mipSoftware & ~SSIP),
      fence: (_: number, address: number | undefined) => this.#world.fence(this.hart, address, undefined),
      hartStatus: () => HsmState.started,
      startHart: () => undefined,
      stopHart: () => this.die('The guest stopped its only hart.'),
      suspendHart: () => (state.waiting = true),
      reset: (kind: 'shutdown' | 'reboot', failed: boolean) => {
        if (kind === 'shutdown') this.#ending ??= shutdown(failed);
        else this.#rebooting = true;
      },
      ...firmwareReach(this),
    };
  }
}
