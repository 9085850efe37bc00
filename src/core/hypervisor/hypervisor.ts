// The hypervisor's loop: physical harts and the vCPUs that take turns on them. A vCPU runs until its hart traps out of it; the
// exit is handled (exit-handling.ts), whatever it was; then the same vCPU goes on, or another one (scheduler.ts).
// While one hart is in the hypervisor the others do not advance. Decisions are only ever made at exits, so it does not
// matter to any guest where the host cuts its slices.

import { exceptionRows } from '../isa/causes.ts';
import type { Unsigned64 } from '../devices/unsigned64.ts';
import { Privilege } from '../machine/hart-state.ts';
import type { Hart } from '../machine/hart.ts';
import { HART_BLOCK_BYTES } from '../machine/layout.ts';
import { Level } from '../machine/level.ts';
import type { Host } from '../machine/linear-memory.ts';
import { Machine } from '../machine/machine.ts';
import type { Quirks } from '../machine/quirks.ts';
import { reachable, type Computer, type SliceEnd } from './computer.ts';
import { ExitHandling, type OpenExit } from './exits/exit-handling.ts';
import { transparent } from './exits/exit-instruction.ts';
import type { GuestImage } from './firmware/guest-boot.ts';
import { GuestFiles } from './interrupts/guest-files.ts';
import type { HostFrames } from './memory/host-frames.ts';
import { HostHart } from './scheduling/host-hart.ts';
import { HostMemory, type MemoryOptions } from './memory/host-memory.ts';
import { HostedVm, type HostedVcpu } from './hosted-vm.ts';
import type { InterruptLog } from './interrupts/interrupt-log.ts';
import type { Passthrough } from './guest-devices/passthrough.ts';
import type { FindSensitive, SensitiveInstructions } from './techniques/patching/sensitive-instructions.ts';
import { isStepOf, mayRun, PersonStops } from './person-stops.ts';
import { Scheduler } from './scheduling/scheduler.ts';
import { SharedDevices } from './guest-devices/shared-devices.ts';
import type { Trace } from './exits/trace.ts';
import { ANY_HART, type Entitlement } from './scheduling/vcpu-schedule.ts';
import type { HostedTechnique } from './virtual-machine.ts';
import type { SerialConsole } from './guest-devices/serial-console.ts';
import type { VirtualNetwork } from './guest-devices/virtual-network.ts';

const MAXIMUM_VMS = 126;
/** Guest interrupt files of each hart: the most that QEMU's `virt` board can have (aia-guests). */
const GUEST_FILES = 7;
const MAXIMUM_VCPUS = 256;

export interface HypervisorOptions {
  readonly host: Host;
  readonly memoryBytes: number;
  /** Physical harts, 1 to 8. Default 1. */
  readonly harts?: number;
  readonly epochNanoseconds: Unsigned64;
  readonly trace: Trace;
  readonly interrupts: InterruptLog;
  readonly translator: boolean;
  readonly quirks: Readonly<Quirks>;
  /** See `LabOptions`. */
  readonly exactTime: boolean;
  readonly memory?: MemoryOptions;
  /** Its machine has IMSICs with guest interrupt files, and an APLIC in its PLIC's place. */
  readonly messageInterrupts?: boolean;
}

export class Hypervisor implements Computer {
  readonly machine: Machine;
  /** Its memory, and who has what of it. */
  readonly memory: HostMemory;
  readonly trace: Trace;
  readonly scheduler: Scheduler<HostedVcpu>;
  readonly #options: HypervisorOptions;
  readonly #devices: SharedDevices;
  readonly #exits: ExitHandling;
  readonly #hosts: readonly HostHart<HostedVcpu>[];
  readonly #stops: PersonStops;
  readonly #vms = new Map<number, HostedVm>();
  readonly #freeBlocks: number[];
  /** VMs that have come to their end and are still to be taken off their harts. */
  #ended: HostedVm[] = [];
  /** VMs whose guests have asked to begin anew. */
  readonly #reboots = new Set<HostedVm>();
  /** What guests' code must be patched for, once it has been found out, by the machine's switches then. */
  readonly #sensitive = new Map<string, SensitiveInstructions>();
  readonly #guestFiles: GuestFiles | undefined;

  constructor(options: HypervisorOptions) {
    this.#options = options;
    this.trace = options.trace;
    const harts = options.harts ?? 1;
    this.machine = new Machine({
      host: options.host,
      harts,
      ramBytes: options.memoryBytes,
      savedVcpus: MAXIMUM_VCPUS,
      translator: options.translator,
      quirks: options.quirks,
      svadu: true, // a guest gets it if its own board has it
      stopsWhenStuck: true,
      iommu: true,
      ...(options.messageInterrupts === true && {
        messageInterrupts: { guestFiles: GUEST_FILES, machineLevel: false },
      }),
      epochNanoseconds: options.epochNanoseconds,
      transmit: () => undefined,
      observer: {
        // The hypervisor hears of neither: it is the lab that looks at the hart.
        returned: (hart, from) => {
          if (from === Level.VS && hart.state.privilege === Privilege.user) this.#hosts[hart.id]?.vcpu?.userReturned();
        },
        trapTaken: (hart, trap, target) => {
          if (target !== 'VS') return;
          const vcpu = this.#hosts[hart.id]?.vcpu;
          if (trap.cause === exceptionRows.userCall.code) vcpu?.userCalled();
          if (vcpu === undefined || trap.cause >>> 31 === 0) return;
          // The hart delivers code 10, 6 or 2 as 9, 5 or 1 ("vscause").
          vcpu.vm.interruptLog.taken((trap.cause & 0x7fff_ffff) - 1, hart.state.pc, vcpu.index);
          if (vcpu.vm.control.goal?.kind === 'interrupt') this.machine.interrupt();
        },
      },
    });
    this.memory = new HostMemory({
      ram: this.machine.ram,
      fence: () => this.machine.harts.forEach((each) => each.access.translations.flush()),
      fetched: () => this.#exits.fetched++,
      ...options.memory,
    });
    this.#devices = new SharedDevices({
      machine: this.machine,
      memory: this.memory,
      exit: () => (this.#exits.handling ? this.trace.total : undefined),
    });
    this.scheduler = new Scheduler({ elapsed: () => this.machine.elapsed, mayRun, harts });
    this.#exits = new ExitHandling({
      machine: this.machine,
      memory: this.memory,
      scheduler: this.scheduler,
      trace: options.trace,
      clock: options.host,
      exactTime: options.exactTime,
    });
    const { hartBase } = this.machine.layout;
    this.#freeBlocks = Array.from(
      { length: MAXIMUM_VCPUS },
      (_, index) => hartBase + (index + harts) * HART_BLOCK_BYTES,
    );
    this.#hosts = this.machine.harts.map((hart) => new HostHart(hart));
    for (const host of this.#hosts) host.boot();
    this.#guestFiles = this.machine.board.imsics && new GuestFiles(this.machine);
    this.#stops = new PersonStops(this.#hosts, (vm) => this.#release(vm));
  }

  get now(): number {
    return this.machine.now;
  }
  get frozen(): boolean {
    const { open } = this.#exits;
    return open !== undefined && !open.vm.control.running;
  }
  get frames(): HostFrames {
    return this.memory.frames;
  }
  get vms(): ReadonlyMap<number, HostedVm> {
    return this.#vms;
  }
  /** The network of its VMs, once one of them has a card. */
  get network(): VirtualNetwork | undefined {
    return this.#devices.network;
  }
  /** The physical devices of its guests, once one of them has any. */
  get passthrough(): Passthrough | undefined {
    return this.#devices.passthrough;
  }
  /** The exit under way, if a person holds one open. */
  get openExit(): OpenExit | undefined {
    return this.#exits.open;
  }
  /** The physical harts, each with the vCPU on it. */
  get hosts(): readonly HostHart<HostedVcpu>[] {
    return this.#hosts;
  }

  /** @throws ImageError, or Error where there is no room */
  addVm(id: number, technique: HostedTechnique, guest: GuestImage): HostedVm {
    const vm = this.prepare(id, technique, guest);
    this.admit(vm);
    return vm;
  }

  /**
   * Makes a VM that has no turn yet: one that is to come from elsewhere.
   * @param console where it goes on writing
   * @throws ImageError, or Error where there is no room
   */
  prepare(id: number, technique: HostedTechnique, guest: GuestImage, console?: SerialConsole): HostedVm {
    if (this.#vms.size === MAXIMUM_VMS) throw new Error(`expected at most ${MAXIMUM_VMS} VMs: remove one first`);
    if (this.#freeBlocks.length < guest.harts) {
      throw new Error(`expected at most ${MAXIMUM_VCPUS} vCPUs in all: remove a VM first`);
    }
    const stateBases = this.#freeBlocks.splice(-guest.harts);
    try {
      const whole = this.#devices.withCard(id, guest, () => !vm.control.running || vm.moving);
      const vm: HostedVm = new HostedVm({
        id,
        technique,
        guest: whole,
        ...(whole.assigned !== undefined &&
          whole.assigned.length > 0 && { assign: (board) => this.#devices.assign(id, technique, whole, board) }),
        deviceInterrupted: () => this.#devices.passthrough?.serve(),
        ...(guest.binaryPatching && { sensitive: this.#sensitiveBy(guest.binaryPatching) }),
        guestFiles: this.#guestFiles,
        machine: this.machine,
        memory: this.memory,
        interrupts: this.#options.interrupts,
        epochNanoseconds: this.#options.epochNanoseconds,
        stateBases,
        trace: this.trace,
        ...(console && { console }),
        disturbed: (vcpu) => (vcpu === undefined ? this.scheduler.changed() : this.scheduler.disturbed(vcpu)),
        ended: (ended) => this.#ended.push(ended),
        rebooting: (rebooting) => this.#reboots.add(rebooting),
      });
      vm.hold(true);
      return vm;
    } catch (error) {
      if (guest.network) this.#devices.network?.disconnect(id);
      this.#devices.passthrough?.unplug(id);
      this.#guestFiles?.withdraw(id);
      this.memory.remove(id);
      this.#freeBlocks.push(...stateBases);
      throw error;
    }
  }

  /** A VM that was prepared takes its turns from now on, as its control says. */
  admit(vm: HostedVm): void {
    this.#vms.set(vm.id, vm);
    this.#reorder();
    if (vm.control.running) this.obey(vm);
  }

  /** The VM goes, and its memory and tables with it; its network card stays plugged in for the VM that takes its place. */
  handOver(vm: HostedVm): void {
    this.#release(vm);
    vm.dispose();
    this.#devices.passthrough?.unplug(vm.id);
    if (this.#vms.get(vm.id) === vm) this.#vms.delete(vm.id);
    this.#reboots.delete(vm);
    this.#reorder();
    for (const { state } of vm.vcpus) this.#freeBlocks.push(state.base);
  }

  removeVm(vm: HostedVm): void {
    this.handOver(vm);
    this.#devices.cards?.disconnect(vm.id);
  }

  /** Its VMs' cards are on the network of another machine, in whose time that network lives. */
  joinNetwork(network: VirtualNetwork): void {
    this.#devices.join(network);
  }

  /** The VM executes nothing, and its time stands still, until `resume`: it is about to move. */
  suspend(vm: HostedVm): void {
    this.#release(vm);
    vm.moving = true;
    vm.hold(true);
  }

  /** The VM goes on as the person has asked. */
  resume(vm: HostedVm): void {
    vm.moving = false;
    vm.hold(!vm.control.running);
    this.scheduler.changed();
    for (const vcpu of vm.vcpus) this.scheduler.account(vcpu);
    if (vm.control.running) this.#devices.cards?.resume(vm.id);
  }

  /** The VM executes nothing for a while; its time passes. */
  throttle(vm: HostedVm, throttled: boolean): void {
    if (throttled && this.#exits.open?.vm !== vm) this.#release(vm);
    vm.throttled = throttled;
    this.scheduler.changed();
    for (const vcpu of vm.vcpus) this.scheduler.account(vcpu);
  }

  resetVm(vm: HostedVm): void {
    this.#release(vm);
    this.#devices.cards?.forget(vm.id);
    this.#reboots.delete(vm);
    vm.reset();
  }

  /** The machine's switches have been thrown: what traps and what does not is found out anew, where anybody cares. */
  quirksChanged(): void {
    for (const vm of this.#vms.values()) vm.patchAnew();
  }

  /** Changes what a vCPU is entitled to. @throws Error in one line where a value is out of range */
  entitle(vcpu: HostedVcpu, change: Partial<Entitlement>): void {
    const { pin } = change;
    if (pin !== undefined && pin % 2 ** this.#hosts.length === 0) {
      throw new Error(`expected a physical hart from 0 to ${this.#hosts.length - 1} to pin to, found none of them`);
    }
    vcpu.schedule.entitle(change, this.machine.elapsed);
    this.scheduler.changed();
  }

  /** What a vCPU of another machine was entitled to, as it can be here: pinned to harts that there are not, it may use all. */
  fitting(entitlement: Entitlement): Entitlement {
    return entitlement.pin % 2 ** this.#hosts.length === 0 ? { ...entitlement, pin: ANY_HART } : entitlement;
  }

  runSlice(budget: number): SliceEnd {
    const { machine } = this;
    const end = machine.elapsed + budget;
    for (const host of this.#hosts) host.alarmStale = true; // somebody outside may have set a deadline
    this.#reboot();
    this.#stops.stopped = false;
    for (;;) {
      const { open } = this.#exits;
      if (open) {
        const { vm, vcpu } = open;
        if (!vm.control.running) return 'stopped';
        this.#exits.finish();
        if (!vm.ending && isStepOf(vcpu)) this.#stops.afterInstruction(vcpu);
      }
      this.#bury();
      if (this.#stops.stopped) return 'stopped';
      const left = end - machine.elapsed;
      // Clearing a VM's memory takes the host longer than instructions do: one a slice, or it would not be heard any more.
      if (left <= 0 || this.#reboots.size > 0) return 'budget';
      this.#occupyHarts();
      // Under trap-and-emulate an interrupt is taken by entering the guest.
      if (this.#stops.atInterrupt()) continue;
      const stepping = this.#stops.stepping();
      const before = stepping?.instructions ?? 0;
      const stop = machine.run(stepping ? 1 : left);
      let executed = stepping !== undefined && stepping.instructions > before;
      if (stop.kind === 'idle') return 'idle';
      if (stop.kind === 'trap') {
        const host = this.#hostOf(stop.hart);
        const { vcpu } = host;
        if (vcpu === undefined) {
          host.woken();
          this.#devices.passthrough?.poll();
          this.#guestFiles?.serve(host.hart);
        } else {
          const reason = this.#exits.begin(host, vcpu);
          if (vcpu === stepping) executed = !transparent(reason);
        }
      } else if (stop.kind === 'breakpoint') this.#stops.atBreakpoint(this.#hostOf(stop.hart));
      else if (stop.kind === 'stuck') this.#stuck(this.#hostOf(stop.hart));
      if (stepping && executed && !stepping.vm.ending && stepping.vm.control.running && !this.#exits.open) {
        this.#stops.afterInstruction(stepping);
      }
    }
  }

  idleUntil(): number | undefined {
    const { open } = this.#exits;
    if (open) return open.vm.control.running ? undefined : Infinity;
    // A guest in the middle of its code is left alone, and the others are looked at in the order of their turns: where the
    // host cuts its slices must not be seen.
    for (const { vcpu } of this.#hosts) if (vcpu?.inGuest === true) return undefined;
    if (this.#reboots.size > 0) return undefined;
    this.#devices.elapse();
    this.#serveGuestFiles();
    this.#mergePages();
    // What is due for a VM may end in a message to one of its interrupt files: then its vCPU hears, and they are asked again.
    do {
      this.scheduler.changed();
      for (const { vcpu } of this.#hosts) if (vcpu !== undefined && mayRun(vcpu) && vcpu.refresh()) return undefined;
      if (this.scheduler.anyReady()) return undefined;
    } while (this.#serveGuestFiles());
    const until = reachable(Math.min(this.#devices.deadline(), this.scheduler.deadline()));
    // Where nothing else will ever happen, there is nothing to merge for.
    return until === Infinity ? until : Math.min(until, this.memory.merging.deadline);
  }

  /** While a person holds an exit open, the hart is inside the hypervisor and time stands still for everybody. */
  skipTo(until: number): void {
    if (!this.#exits.open) this.machine.skipTo(until);
  }

  /** The person's word about a VM has changed: it runs, or it stands. */
  obey(vm: HostedVm): void {
    const { running } = vm.control;
    if (!running && this.#exits.open?.vm !== vm) this.#release(vm);
    vm.hold(!running || vm.moving);
    vm.setBreakpoints(vm.control.breakpoints);
    this.scheduler.changed();
    for (const vcpu of vm.vcpus) this.scheduler.account(vcpu);
    if (!running) return;
    // While one vCPU goes a single step, the others of its VM stand.
    for (const host of this.#hosts) if (host.vcpu?.vm === vm && !mayRun(host.vcpu)) this.#vacate(host);
    vm.passBreakpoint();
    this.#devices.cards?.resume(vm.id);
  }

  /** Goes one stage further in the exit that a person holds open. @returns false if there is none of this VM's */
  nextStage(vm: HostedVm): boolean {
    const { open } = this.#exits;
    if (open?.vm !== vm) return false;
    const vcpu = open.vcpu.index;
    if (open.stage === 'trapped') {
      this.#exits.handleOpen();
      vm.control.hold({ kind: 'stage', vcpu, sentence: 'The hypervisor has acted. Next, the guest goes on.' });
    } else {
      this.#release(vm);
      const sentence = 'The exit is over: the guest goes on at this instruction.';
      vm.control.hold({ kind: 'stage', vcpu, sentence });
      this.#bury();
    }
    return true;
  }

  /** @returns whether a vCPU that is on no hart was sent a message */
  #serveGuestFiles(): boolean {
    let served = false;
    if (this.#guestFiles) for (const { hart } of this.#hosts) served = this.#guestFiles.serve(hart) || served;
    return served;
  }

  #mergePages(): void {
    const { merging } = this.memory;
    if (merging.deadline !== Infinity) merging.elapse(this.machine.now);
  }

  /** Asks once for each set of switches. */
  #sensitiveBy(find: FindSensitive): () => SensitiveInstructions {
    const { host, quirks } = this.#options;
    return () => {
      const key = JSON.stringify(quirks);
      const found = this.#sensitive.get(key) ?? find(host, quirks);
      this.#sensitive.set(key, found);
      return found;
    };
  }

  #hostOf(hart: Hart): HostHart<HostedVcpu> {
    const host = this.#hosts[hart.id];
    if (host === undefined) throw new RangeError(`hart ${hart.id} of ${this.#hosts.length}`);
    return host;
  }

  #reorder(): void {
    this.scheduler.order = [...this.#vms.values()].flatMap(({ vcpus }) => vcpus);
  }

  /** Every hart that is in the hypervisor gets a vCPU, or waits for one; every hart gets its alarm. */
  #occupyHarts(): void {
    for (let again = true; again;) {
      for (const host of this.#hosts) {
        if (host.vcpu?.inGuest !== true) {
          if (host.vcpu === undefined && host.seen === this.scheduler.changes) continue;
          this.#devices.elapse();
          this.#guestFiles?.serve(host.hart);
          this.#mergePages();
          const vcpu = this.scheduler.choose(host);
          if (vcpu === undefined) host.park();
          else {
            host.unpark();
            vcpu.putOn(host.hart);
          }
          host.alarmStale = true;
        }
        if (host.alarmStale || host.seen !== this.scheduler.changes) this.#setAlarm(host);
      }
      // What one hart has done may have made a vCPU ready that another one waits for.
      again = false;
      for (const { vcpu, seen } of this.#hosts) again ||= vcpu === undefined && seen !== this.scheduler.changes;
    }
  }

  /**
   * Sets the timer of a hart to what comes first: a deadline of its vCPU's, or the time at which another one must or may have
   * the hart. What belongs to no guest alone, the network and merging, is hart 0's.
   */
  #setAlarm(host: HostHart<HostedVcpu>): void {
    const due = this.scheduler.dueAt(host);
    const network = this.#devices.network?.deadline() ?? Infinity;
    const shared = host.hart.id === 0 ? Math.min(network, this.memory.merging.deadline) : Infinity;
    host.setAlarm(Math.min(due, shared, host.vcpu?.deadline() ?? Infinity));
  }

  /** Guests that have asked for it begin anew. */
  #reboot(): void {
    for (const vm of this.#reboots) {
      this.#release(vm);
      if (vm.rebooting) vm.reset();
    }
    this.#reboots.clear();
  }

  /** With several vCPUs, another one may still mend what this one is stuck in. */
  #stuck({ vcpu }: HostHart<HostedVcpu>): void {
    if (vcpu?.vm.harts === 1) vcpu.dieStuck();
  }

  /** VMs that have ended leave their harts. */
  #bury(): void {
    if (this.#ended.length === 0) return;
    const ended = this.#ended;
    this.#ended = [];
    for (const vm of ended) {
      if (!vm.ending || this.#vms.get(vm.id) !== vm) continue; // it was reset meanwhile, or never came to be
      this.#release(vm);
      vm.hold(true);
      vm.control.hold({ kind: 'ended', sentence: vm.ending.message });
      this.#stops.stopped = true;
    }
  }

  /** Takes a VM off its harts; an exit of its own that stands open is brought to its end. */
  #release(vm: HostedVm): void {
    if (this.#exits.open?.vm === vm) this.#exits.finish();
    this.scheduler.changed();
    for (const host of this.#hosts) if (host.vcpu?.vm === vm) this.#vacate(host);
  }

  #vacate(host: HostHart<HostedVcpu>): void {
    this.scheduler.leave(host);
    host.park();
  }
}
