// A VM of the hypervisor: its vCPUs, and what they share — RAM, a board with device models, the firmware, the tables of the
// second stage, a clock that a person can hold. It never touches another VM.

import type { DeviceState } from '../devices/device.ts';
import { adoptState, FLAG, group, TICKS, upTo, WORD, type FieldsOf } from '../devices/device-state.ts';
import type { Unsigned64 } from '../devices/unsigned64.ts';
import { Board, Line, type BoardPorts, type MessageInterrupts } from '../machine/board.ts';
import type { Hart } from '../machine/hart.ts';
import { INSTRUCTIONS_PER_TICK, type Machine } from '../machine/machine.ts';
import type { PrivilegedState } from '../machine/privileged-state.ts';
import { asleep, endingOfFinisher } from './endings.ts';
import { VmControl } from './control.ts';
import { prepareGuest, type GuestImage, type PreparedGuest } from './firmware/guest-boot.ts';
import { guestDma } from './memory/guest-dma.ts';
import type { GuestMemory } from './memory/guest-memory.ts';
import { HOST_INTERFACE_FIELDS, HostInterface } from './firmware/host-interface.ts';
import type { HostMemory } from './memory/host-memory.ts';
import { HYPERCALL_EXTENSION } from './techniques/hypercalls.ts';
import type { InterruptLog } from './interrupts/interrupt-log.ts';
import { restoreBoard, saveBoard } from './migration/board-state.ts';
import { CodePatches } from './techniques/patching/code-patches.ts';
import { PatchedKernel } from './techniques/patching/patched-kernel.ts';
import type { SensitiveInstructions } from './techniques/patching/sensitive-instructions.ts';
import { Sbi } from './firmware/sbi.ts';
import { firmwareReach } from './firmware/sbi-call.ts';
import { SerialConsole } from './guest-devices/serial-console.ts';
import { TablePages } from './memory/table-pages.ts';
import type { Trace } from './exits/trace.ts';
import { stuckGuest } from './inspection/stuck-guest.ts';
import type { GuestFiles } from './interrupts/guest-files.ts';
import type { AssignedDevices } from './guest-devices/passthrough.ts';
import type { VirtualInterruptFile } from './interrupts/virtual-interrupt-file.ts';
import type { UserCallObserver } from './inspection/user-call.ts';
import { Vcpu } from './vcpu.ts';
import type { VcpuVm } from './vcpu-ports.ts';
import { DEAD_EXIT_CODE, type Ending, type HostedTechnique, type VirtualMachine } from './virtual-machine.ts';
import { vmFirmware } from './firmware/vm-firmware.ts';
import { balloonOf, type VmBalloon } from './memory/vm-balloon.ts';
import { interruptFilesOf } from './interrupts/vm-interrupt-files.ts';
import { VmInterrupts } from './interrupts/vm-interrupts.ts';
import { patchCopiesOf, tablesOf, VmWorlds } from './techniques/vm-worlds.ts';

/** A VM without its memory, as plain data. */
export interface SavedVm {
  readonly machine: DeviceState;
  readonly vcpus: readonly DeviceState[];
  readonly devices: DeviceState;
}

type MachineState = {
  now: number;
  rebooting: boolean;
  hostInterface: DeviceState;
  /** See `GuestPages.ballooned`. */
  ballooned: readonly number[];
};

/** Numbers that the pages of a balloon may take: every second page of 2 GiB in it. */
const MOST_BALLOONED = 1 << 19;

const MACHINE_FIELDS: FieldsOf<MachineState> = {
  now: TICKS,
  rebooting: FLAG,
  hostInterface: group(HOST_INTERFACE_FIELDS),
  ballooned: upTo(MOST_BALLOONED, WORD),
};

export interface HostedOptions {
  readonly id: number;
  readonly technique: HostedTechnique;
  readonly guest: GuestImage;
  readonly machine: Machine;
  /** The machine's memory, of which it gets its own. */
  readonly memory: HostMemory;
  readonly interrupts: InterruptLog;
  readonly epochNanoseconds: Unsigned64;
  /** Linear addresses of the blocks for its vCPUs' states, one for each hart of the guest. */
  readonly stateBases: readonly number[];
  readonly trace: Trace;
  /** The console it goes on writing to; default: one of its own. */
  readonly console?: SerialConsole;
  /** Something has happened to a vCPU that is not on a hart, or to all: when it can execute must be worked out anew. */
  readonly disturbed: (vcpu: HostedVcpu | undefined) => void;
  /** It has come to its end. */
  readonly ended: (vm: HostedVm) => void;
  /** Its guest has asked to begin anew: it must be reset before anything of it executes. */
  readonly rebooting: (vm: HostedVm) => void;
  /** What must be patched in its code; absent where nothing ever is. */
  readonly sensitive?: () => SensitiveInstructions;
  /** Gives it physical devices of its own: takes their places on its board. @throws Error where that cannot be */
  readonly assign?: (board: Board) => AssignedDevices | undefined;
  /** A physical device has interrupted a hart that one of its vCPUs is on. */
  readonly deviceInterrupted: () => void;
  /** The guest interrupt files of the machine's harts, where they have any. */
  readonly guestFiles: GuestFiles | undefined;
}

/** A vCPU of the hypervisor's. */
export type HostedVcpu = Vcpu<HostedVm>;

export class HostedVm implements VirtualMachine, VcpuVm {
  readonly id: number;
  readonly technique: HostedTechnique;
  readonly memoryBytes: number;
  readonly harts: number;
  readonly guest: PreparedGuest;
  readonly console: SerialConsole;
  readonly board: Board;
  readonly memory: GuestMemory;
  readonly balloon: VmBalloon | undefined;
  /** Its patched code; undefined where its code is executed as it stands. */
  readonly patches: CodePatches | undefined;
  readonly vcpus: readonly HostedVcpu[];
  readonly sbi: Sbi;
  readonly control = new VmControl();
  readonly interruptLog: VmInterrupts;
  breakpoints: ReadonlySet<number> = new Set();
  userCalls: UserCallObserver | undefined;
  /** Its migration makes it slower, or has stopped it for the switch: it may not run, whatever the person says. */
  throttled = false;
  moving = false;
  readonly #options: HostedOptions;
  readonly #machine: Machine;
  readonly #host: HostInterface;
  readonly #assigned: AssignedDevices | undefined;
  /** Of each hart of the guest, where the machine's own interrupt files serve it. */
  readonly #interruptFiles: readonly VirtualInterruptFile[];
  readonly #worlds: VmWorlds;
  #ending: Ending | undefined;
  #rebooting = false;
  /** Machine time minus guest time, in ticks. */
  #timeOrigin = 0;
  #heldSince: number | undefined;

  /** @throws ImageError where the guest cannot be loaded, Error where the machine has no memory for it */
  constructor(options: HostedOptions) {
    this.#options = options;
    this.#machine = options.machine;
    this.id = options.id;
    this.console = options.console ?? new SerialConsole();
    this.technique = options.technique;
    this.memoryBytes = options.guest.memoryBytes;
    this.harts = options.guest.harts;
    const { machine } = options;
    this.balloon = balloonOf(options.guest, () => this.memory);
    const guest = this.balloon?.attachTo(options.guest) ?? options.guest;
    this.interruptLog = new VmInterrupts({
      vm: options.id,
      log: options.interrupts,
      now: () => machine.elapsed,
      board: () => this.board,
    });
    this.board = new Board({
      harts: guest.harts,
      clock: () => this.now,
      drive: (hart, line, level) => this.vcpus[hart]?.drive(line, level),
      timeWritten: () => {
        for (const vcpu of this.vcpus) vcpu.timeJumped();
        this.#disturb();
      },
      transmit: (byte) => this.console.write(byte),
      finish: (outcome) => {
        const ending = endingOfFinisher(outcome);
        if (ending) this.end(ending);
        else this.#reboot();
      },
      epochNanoseconds: options.epochNanoseconds,
      memory: guestDma(() => this.memory, options.memory.swapLatency),
      ...(guest.devices && { devices: guest.devices }),
      ...this.interruptLog.controllerObservers,
      ...this.#assignedObservers(),
      ...(guest.messageInterrupts === true && { messageInterrupts: this.#messageInterrupts(guest) }),
    });
    this.#interruptFiles = interruptFilesOf(guest, {
      id: options.id,
      technique: options.technique,
      files: options.guestFiles,
      board: this.board,
      signalled: (hart) => this.vcpu(hart).drive(Line.supervisorExternal, true),
    });
    this.#assigned = options.assign?.(this.board);
    this.guest = prepareGuest({ ...guest, hypervisorExtension: false }, this.board.mounts);
    const copies = options.sensitive === undefined ? 0 : patchCopiesOf(guest);
    const tables = tablesOf(options.technique, guest) + copies;
    if (!options.memory.promise(options.id, tables)) {
      throw new Error(
        `expected ${tables * 4} KiB of free machine memory for this VM’s page tables, found less: remove a VM, give this one less memory, or the machine more`,
      );
    }
    this.memory = options.memory.guest(options.id, guest.memoryBytes, (message) =>
      this.end({ kind: 'dead', exitCode: DEAD_EXIT_CODE, message }),
    );
    this.patches =
      options.sensitive &&
      new CodePatches(
        {
          ram: machine.ram,
          memory: this.memory,
          frames: new TablePages(machine.ram, options.memory.frames, options.id, 'patched code', copies),
          room: copies,
        },
        options.sensitive(),
      );
    this.sbi = new Sbi(
      vmFirmware(this, {
        extensions: options.technique === 'paravirtual' ? [HYPERCALL_EXTENSION] : [],
        reboot: () => this.#reboot(),
        reach: firmwareReach(this),
      }),
    );
    this.#host = new HostInterface({
      guest: this.guest,
      memory: this.memory,
      ram: machine.ram,
      reach: firmwareReach(this),
      executed: () => this.instructions,
      commanded: () => {
        options.disturbed(undefined);
        machine.interrupt();
      },
      end: (ending) => this.end(ending),
    });
    this.#worlds = new VmWorlds({
      vm: this,
      machine,
      frames: options.memory.frames,
      tables: tables - copies,
      patches: this.patches,
      assigned: this.#assigned,
      interruptFile: (hart) => this.#interruptFiles[hart],
      disk: options.guest.devices?.programmedIo?.disk?.store,
    });
    this.vcpus = options.stateBases.map(
      (stateBase, index) =>
        new Vcpu({
          vm: this,
          index,
          machine,
          stateBase,
          svadu: guest.svadu ?? false,
          ownsMachineMode: !this.guest.supervisor,
          trace: options.trace,
          makeWorld: (vcpu) => this.#worlds.make(vcpu),
          disturbed: () => options.disturbed(this.vcpu(index)),
        }),
    );
    this.reset();
    const { ending } = this;
    if (ending !== undefined)
      throw new Error(`expected free machine memory for the guest’s image, found none. ${ending.message}`);
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }
  /** Guest time in ticks: it stands still while a person holds the VM. */
  get now(): number {
    return (this.#heldSince ?? this.#machine.now) - this.#timeOrigin;
  }
  get timeOrigin(): number {
    return this.#timeOrigin;
  }
  get instructions(): number {
    let sum = 0;
    for (const vcpu of this.vcpus) sum += vcpu.instructions;
    return sum;
  }
  get exits(): number {
    let sum = 0;
    for (const vcpu of this.vcpus) sum += vcpu.exits;
    return sum;
  }
  /** It must be reset before its next instruction: its guest has asked for it. */
  get rebooting(): boolean {
    return this.#rebooting;
  }
  get waiting(): boolean {
    return this.vcpus.every(({ waiting }) => waiting);
  }
  /** Entries of its second stage that map 4 MiB each; none where it has no second stage. */
  get hugeEntries(): number {
    return this.#worlds.hugeEntries;
  }
  /** Some vCPU of it is on a hart, in its own code or in an exit. */
  get onHart(): boolean {
    for (const vcpu of this.vcpus) if (vcpu.onHart) return true;
    return false;
  }
  /** The computer all VMs of the hypervisor share. */
  get physical(): Machine {
    return this.#machine;
  }
  get interrupts(): Readonly<Record<string, number>> {
    return this.interruptLog.counts;
  }

  /** @throws RangeError where the guest has no such hart */
  vcpu(index: number): HostedVcpu {
    const vcpu = this.vcpus[index];
    if (vcpu === undefined) throw new RangeError(`expected a vCPU from 0 to ${this.harts - 1}, found ${index}`);
    return vcpu;
  }

  look(hart = 0): PrivilegedState {
    return this.vcpu(hart).look();
  }

  receive(bytes: Uint8Array): number {
    if (this.moving) return 0; // its serial port has left already: whoever types keeps it for the one that arrives
    const taken = this.board.uart.receive(bytes);
    this.#host.typed();
    this.#disturb();
    return taken;
  }

  setBreakpoints(addresses: ReadonlySet<number>): void {
    this.breakpoints = addresses;
    for (const vcpu of this.vcpus) vcpu.breakpointsChanged();
  }

  /** The next instruction of each vCPU is executed although a breakpoint may stand on it. */
  passBreakpoint(): void {
    this.interruptLog.lastTaken = undefined;
    for (const vcpu of this.vcpus) vcpu.passBreakpoint();
  }

  /** Other instructions of the machine may be sensitive now and not trap: its code is patched anew, where it is patched at all. */
  patchAnew(): void {
    const { sensitive } = this.#options;
    if (sensitive === undefined) return;
    this.patches?.renew(sensitive());
    for (const { world } of this.vcpus) if (world instanceof PatchedKernel) world.shadows.empty();
  }

  /** Everything but memory as plain data. Looking changes nothing. */
  saveState(): SavedVm {
    if (this.#assigned !== undefined) {
      throw new Error(
        'expected a VM without physical devices, found one that has some: their state stays with this machine',
      );
    }
    const machine = {
      now: this.now,
      rebooting: this.#rebooting,
      hostInterface: this.#host.snapshot(),
      ballooned: this.memory.pages.ballooned,
    };
    return { machine, vcpus: this.vcpus.map((vcpu) => vcpu.save()), devices: saveBoard(this.board) };
  }

  /**
   * Goes on as the VM that was saved, under this one's number, with what its memory holds by now. Its translations are new,
   * and so is its own time: it stands where the other one's stood.
   * @throws Error, one line for a person, where the state is of another kind of VM; then it must be reset before it runs
   */
  restoreState(saved: SavedVm): void {
    if (this.#ending) throw new Error(`expected a guest that runs, found one that has ended: ${this.#ending.message}`);
    const { now, rebooting, hostInterface, ballooned } = adoptState<MachineState>('VM', MACHINE_FIELDS, saved.machine);
    if (saved.vcpus.length !== this.harts) {
      throw new Error(`expected the state of ${this.harts} vCPUs, found ${saved.vcpus.length}: give the VM as many`);
    }
    this.#renewWorlds();
    this.memory.pages.giveUpAgain(ballooned);
    this.#host.restore(hostInterface);
    this.#timeOrigin = (this.#heldSince ?? this.#machine.now) - now;
    this.#rebooting = false;
    if (rebooting) this.#reboot();
    // The board's wires lead into the vCPUs, which come after it: what they remember is their own.
    restoreBoard(this.board, saved.devices);
    for (const [index, state] of saved.vcpus.entries()) this.vcpu(index).restore(state);
    const { imsics } = this.board;
    // An interrupt file that hardware kept may have had a message of which its vCPU had not heard.
    if (imsics)
      for (const { index } of this.vcpus) this.vcpu(index).drive(Line.supervisorExternal, imsics.file(index).signals);
    this.interruptLog.abandon();
    this.#disturb();
  }

  reset(): void {
    const { guest, memory } = this;
    this.#renewWorlds();
    this.#ending = undefined;
    this.#rebooting = false;
    this.#host.reset();
    this.interruptLog.abandon();
    if (this.instructions > 0) memory.pages.clear(); // memory fresh from the pool is zero
    for (const { address, bytes } of guest.loads) if (!memory.write(address, bytes)) break; // it has ended for lack of memory
    this.#timeOrigin = this.#heldSince ?? this.#machine.now;
    // Firmware starts one hart and leaves the others to the kernel; without it all begin at the first instruction.
    const first = guest.supervisor ? [this.vcpu(0)] : this.vcpus;
    for (const vcpu of first) vcpu.start(guest.entry, guest.deviceTree, guest.firmwareInformation);
    this.board.reset();
    this.#disturb();
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

  #reboot(): void {
    this.#rebooting = true;
    this.#options.rebooting(this);
  }

  /** All vCPUs off their harts, as harts that the firmware has not started, with translations that begin anew. */
  #renewWorlds(): void {
    for (const vcpu of this.vcpus) vcpu.disposeWorld();
    this.#assigned?.detach();
    for (const file of this.#interruptFiles) file.forget();
    this.#worlds.dispose();
    this.patches?.reset();
    this.memory.mappings.clear();
    for (const vcpu of this.vcpus) vcpu.powerOff();
    if (this.patches) this.memory.mappings.add(this.patches);
  }

  elapse(): boolean {
    const command = this.#host.due;
    if (command !== Infinity && (command <= this.instructions || this.waiting)) this.#host.look();
    if (this.#ending !== undefined || this.#rebooting) return false;
    this.board.elapse();
    return true;
  }

  deadline(): number {
    const due = this.board.deadline();
    if (this.#host.due === Infinity) return due + this.#timeOrigin;
    const command = this.now + Math.ceil((this.#host.due - this.instructions) / INSTRUCTIONS_PER_TICK);
    return Math.min(due, command) + this.#timeOrigin;
  }

  end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#options.ended(this);
  }

  endStuck(hart: number, pc: number, cause: number): void {
    this.end(stuckGuest(this, hart, pc, cause));
  }

  deviceInterrupted(): void {
    this.#options.deviceInterrupted();
  }

  guestFileInterrupted(hart: Hart): void {
    this.#options.guestFiles?.serve(hart);
  }

  /** Nothing will ever wake the guest. */
  dieAsleep(): void {
    this.end(asleep());
  }

  /** The VM goes: memory and tables are given back. */
  dispose(): void {
    for (const vcpu of this.vcpus) vcpu.disposeWorld();
    this.#assigned?.detach();
    for (const file of this.#interruptFiles) file.forget();
    this.#options.guestFiles?.withdraw(this.id);
    this.#worlds.dispose();
    this.memory.mappings.clear();
    this.#host.dispose();
    this.#options.memory.remove(this.id);
  }

  /** When its vCPUs' timers are due is not known; where none is on a hart, the hypervisor's loop must hear of it. */
  #disturb(): void {
    for (const vcpu of this.vcpus) vcpu.timerChanged();
    if (!this.onHart) this.#options.disturbed(undefined);
  }

  #messageInterrupts({ boot }: GuestImage): MessageInterrupts {
    return {
      guestFiles: 0,
      machineLevel: boot === 'machine',
      elsewhere: (hart) => {
        const place = this.#interruptFiles[hart]?.place;
        return place && this.#machine.board.imsics?.file(place.hart.id, place.number);
      },
      physical: (source) => this.#assigned?.physicalSource(source, (hart) => this.#interruptFiles[hart]),
    };
  }

  /** The guest's own claims and completions, as its physical devices must hear of them. */
  #assignedObservers(): Pick<BoardPorts, 'interruptClaimed' | 'interruptCompleted'> {
    if (this.#options.assign === undefined) return {};
    const { interruptClaimed } = this.interruptLog.controllerObservers;
    return {
      interruptClaimed: (context, source) => {
        interruptClaimed(context, source);
        this.#assigned?.claimed(source);
      },
      interruptCompleted: (_, source) => this.#assigned?.completed(source),
    };
  }
}
