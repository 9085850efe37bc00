// The hypervisor's loop: one hart, several VMs in turn. A VM runs until the hart traps out of it; the exit is named,
// handled and recorded here, once, whatever it was; then the same VM goes on, or the next one. Decisions are only ever
// made at exits, so it does not matter to any guest where the host cuts its slices.

import { exceptionRows } from '../isa/causes.ts';
import { ADUE, STCE } from '../isa/csr-bits.ts';
import type { Unsigned64 } from '../devices/unsigned64.ts';
import { Privilege } from '../machine/hart-state.ts';
import type { Hart } from '../machine/hart.ts';
import { HART_BLOCK_BYTES, RAM_BASE } from '../machine/layout.ts';
import type { Host } from '../machine/linear-memory.ts';
import { INSTRUCTIONS_PER_TICK, Machine } from '../machine/machine.ts';
import type { Quirks } from '../machine/quirks.ts';
import { Access } from '../machine/walker.ts';
import { reachable, type Computer, type SliceEnd } from './computer.ts';
import { exitRows, type Exit, type ExitReason, type Verdict } from './exits.ts';
import type { GuestImage } from './guest-boot.ts';
import type { HostFrames } from './host-frames.ts';
import { HostMemory } from './host-memory.ts';
import { HostedVm } from './hosted-vm.ts';
import type { InterruptLog } from './interrupt-log.ts';
import type { ExitRecord, Trace } from './trace.ts';
import type { Vcpu } from './vcpu.ts';
import type { HostedTechnique } from './virtual-machine.ts';
import { VirtualNetwork, withNetworkCard, type NetworkChoice } from './virtual-network.ts';

/** Instructions of one VM's turn, where others could run all the time: long beside what a change of VMs costs the host. */
export const QUANTUM = 1_000_000;
/** Instructions a VM may execute before one that wakes up takes its place. */
const WAKE_UP_DELAY = 100_000;
const MAXIMUM_VMS = 126;
const MAXIMUM_VCPUS = 256;

const ALL_EXCEPTIONS = 0x00f0_b7ff;
const ALL_INTERRUPTS = 0x222;
const HOST_INTERRUPTS = (1 << 1) | (1 << 5); // software (a kick), timer
const NEVER = 0xffff_ffff;
/** No alarm: the host's timer must be set anew whatever comes next. */
const SPENT = -1;

/** Whether the guest's instruction is still to be executed after the exit: a step of one instruction goes on. */
const transparent = (reason: ExitReason): boolean =>
  reason === 'missing-page' || reason === 'protected-page' || reason === 'host-timer' || reason === 'host-interrupt';

/** An exit that has begun and not ended: a person looks at it stage by stage. */
/** A vCPU of the hypervisor's. */
type HostedVcpu = Vcpu<HostedVm>;

export interface OpenExit {
  readonly vm: HostedVm;
  readonly vcpu: HostedVcpu;
  readonly stage: 'trapped' | 'handled';
  readonly exit: Exit;
  readonly record: ExitRecord;
}

export interface HypervisorOptions {
  readonly host: Host;
  readonly memoryBytes: number;
  readonly epochNanoseconds: Unsigned64;
  readonly trace: Trace;
  readonly interrupts: InterruptLog;
  readonly translator: boolean;
  readonly quirks: Readonly<Quirks>;
  /** See `LabOptions`. */
  readonly exactTime: boolean;
}

export class Hypervisor implements Computer {
  readonly machine: Machine;
  /** Its memory, and who has what of it. */
  readonly memory: HostMemory;
  readonly trace: Trace;
  readonly #options: HypervisorOptions;
  readonly #hart: Hart;
  readonly #vms = new Map<number, HostedVm>();
  /** Their vCPUs, in the order of their turns. */
  #order: readonly HostedVcpu[] = [];
  readonly #freeBlocks: number[];
  #current: HostedVcpu | undefined;
  /** Machine ticks at which the current turn ends. */
  #turnEnd = 0;
  /** Machine ticks from which on a VM that wakes up may take the place of the current one. */
  #wakeUpsFrom = 0;
  #alarm = SPENT;
  /** Machine ticks at which some VM that is not on the hart could execute; −Infinity: one can now. */
  #othersDue = Infinity;
  /** Something has happened to a VM that is not on the hart, or another one is on it: `othersDue` is not known. */
  #othersStale = true;
  #open: OpenExit | undefined;
  /** An exit is being handled. */
  #handling = false;
  #network: VirtualNetwork | undefined;

  constructor(options: HypervisorOptions) {
    this.#options = options;
    this.trace = options.trace;
    this.machine = new Machine({
      host: options.host,
      harts: 1,
      ramBytes: options.memoryBytes,
      savedVcpus: MAXIMUM_VCPUS,
      translator: options.translator,
      quirks: options.quirks,
      svadu: true, // a guest gets it if its own board has it
      epochNanoseconds: options.epochNanoseconds,
      transmit: () => undefined,
      observer: {
        trapTaken: (_, trap, target) => {
          if (target !== 'VS') return;
          if (trap.cause === exceptionRows.userCall.code) this.#current?.userCalled();
          if (trap.cause >>> 31 === 0) return;
          // The hart delivers code 10, 6 or 2 as 9, 5 or 1 ("vscause").
          const vm = this.#current?.vm;
          vm?.interruptLog.taken((trap.cause & 0x7fff_ffff) - 1, this.#hart.state.pc);
          if (vm?.control.goal?.kind === 'interrupt') this.machine.interrupt();
        },
      },
    });
    this.memory = new HostMemory({
      ram: this.machine.ram,
      fence: () => this.machine.harts.forEach((each) => each.access.translations.flush()),
    });
    const { hartBase } = this.machine.layout;
    this.#freeBlocks = Array.from({ length: MAXIMUM_VCPUS }, (_, index) => hartBase + (index + 1) * HART_BLOCK_BYTES);
    const [hart] = this.machine.harts;
    if (hart === undefined) throw new Error('the machine has no hart');
    this.#hart = hart;
    this.#bootHost();
  }

  get now(): number {
    return this.machine.now;
  }
  get frozen(): boolean {
    return this.#open !== undefined && !this.#open.vm.control.running;
  }
  get frames(): HostFrames {
    return this.memory.frames;
  }
  get vms(): ReadonlyMap<number, HostedVm> {
    return this.#vms;
  }
  /** The network of its VMs, once one of them has a card. */
  get network(): VirtualNetwork | undefined {
    return this.#network;
  }
  /** The exit under way, if a person holds one open. */
  get openExit(): OpenExit | undefined {
    return this.#open;
  }
  /** The vCPU on the hart. */
  get current(): HostedVcpu | undefined {
    return this.#current;
  }

  /** @throws ImageError, or Error where there is no room */
  addVm(id: number, technique: HostedTechnique, guest: GuestImage): HostedVm {
    if (this.#vms.size === MAXIMUM_VMS) throw new Error(`expected at most ${MAXIMUM_VMS} VMs: remove one first`);
    if (this.#freeBlocks.length < guest.harts) {
      throw new Error(`expected at most ${MAXIMUM_VCPUS} vCPUs in all: remove a VM first`);
    }
    const stateBases = this.#freeBlocks.splice(-guest.harts);
    try {
      const vm: HostedVm = new HostedVm({
        id,
        technique,
        guest: guest.network ? this.#withCard(id, guest, guest.network, () => vm) : guest,
        machine: this.machine,
        memory: this.memory,
        interrupts: this.#options.interrupts,
        epochNanoseconds: this.#options.epochNanoseconds,
        stateBases,
        trace: this.trace,
        disturbed: () => (this.#othersStale = true),
      });
      vm.hold(true);
      this.#vms.set(id, vm);
      this.#order = [...this.#vms.values()].flatMap(({ vcpus }) => vcpus);
      return vm;
    } catch (error) {
      this.#network?.disconnect(id);
      this.memory.remove(id);
      this.#freeBlocks.push(...stateBases);
      throw error;
    }
  }

  removeVm(vm: HostedVm): void {
    this.#release(vm);
    this.#network?.disconnect(vm.id);
    vm.dispose();
    this.#vms.delete(vm.id);
    this.#order = [...this.#vms.values()].flatMap(({ vcpus }) => vcpus);
    for (const { state } of vm.vcpus) this.#freeBlocks.push(state.base);
  }

  resetVm(vm: HostedVm): void {
    this.#release(vm);
    this.#network?.forget(vm.id);
    vm.reset();
  }

  runSlice(budget: number): SliceEnd {
    const { machine } = this;
    const end = machine.elapsed + budget;
    for (;;) {
      if (this.#open) {
        const { vm } = this.#open;
        if (!vm.control.running) return 'stopped';
        this.#finishExit();
        if (vm.ending) this.#end(vm);
        else if (vm.control.goal?.kind === 'instruction') this.#stopAfterInstruction(vm);
        if (!vm.control.running) return 'stopped';
      }
      const left = end - machine.elapsed;
      if (left <= 0) return 'budget';
      const vcpu = this.#choose();
      if (vcpu === undefined) return 'idle';
      const { vm } = vcpu;
      vcpu.putOn(this.#hart);
      this.#setAlarm(vcpu);
      const single = vm.control.goal?.kind === 'instruction';
      let executed = true;
      // Under trap-and-emulate an interrupt is taken by entering the guest.
      if (vm.control.goal?.kind !== 'interrupt' || !vm.interruptLog.lastTaken) {
        const stop = machine.run(single ? 1 : left);
        if (stop.kind === 'trap') executed = !transparent(this.#beginExit(vcpu));
        else if (stop.kind === 'breakpoint') this.#stopAt(vm, () => vm.control.reached(vcpu.look().pc));
        else if (stop.kind === 'stuck') vcpu.dieStuck();
      }
      if (vm.ending) this.#end(vm);
      else if (single && executed && vm.control.running && !this.#open) this.#stopAfterInstruction(vm);
      else if (vm.control.goal?.kind === 'interrupt' && vm.interruptLog.lastTaken) {
        const { lastTaken } = vm.interruptLog;
        this.#stopAt(vm, () =>
          vm.control.hold({ kind: 'interrupt', sentence: `The guest has just taken an interrupt: ${lastTaken}.` }),
        );
      }
      if (!vm.control.running) return 'stopped';
      // Clearing a VM's memory takes the host longer than instructions do: one a slice, or it would not be heard any more.
      if (vm.rebooting) return 'budget';
    }
  }

  idleUntil(): number | undefined {
    if (this.#open) return this.#open.vm.control.running ? undefined : Infinity;
    // A guest in the middle of its code is left alone, and the others are looked at in the order of their turns: where the
    // host cuts its slices must not be seen.
    const current = this.#current;
    if (current?.inGuest === true && this.#mayRun(current.vm)) return undefined;
    this.#network?.elapse();
    this.#othersStale = true;
    if (current !== undefined && this.#mayRun(current.vm) && current.refresh()) return undefined;
    if (this.#nextAfter(current) !== undefined) return undefined;
    let until = this.#network?.deadline() ?? Infinity;
    for (const vcpu of this.#order) if (this.#mayRun(vcpu.vm)) until = Math.min(until, vcpu.deadline());
    return reachable(until);
  }

  /** While a person holds an exit open, the hart is inside the hypervisor and time stands still for everybody. */
  skipTo(until: number): void {
    if (!this.#open) this.machine.skipTo(until);
  }

  /** The person's word about a VM has changed: it runs, or it stands. */
  obey(vm: HostedVm): void {
    const { running } = vm.control;
    this.#othersStale = true;
    if (!running && this.#open?.vm !== vm) this.#release(vm);
    vm.hold(!running);
    vm.setBreakpoints(vm.control.breakpoints);
    if (!running) return;
    vm.passBreakpoint();
    this.#network?.resume(vm.id);
  }

  /** Goes one stage further in the exit that a person holds open. @returns false if there is none of this VM's */
  nextStage(vm: HostedVm): boolean {
    const open = this.#open;
    if (open?.vm !== vm) return false;
    if (open.stage === 'trapped') {
      this.#handle(open.vcpu, open.exit);
      this.#open = { ...open, stage: 'handled', record: this.trace.draft };
      vm.control.hold({ kind: 'stage', sentence: 'The hypervisor has acted. Next, the guest goes on.' });
    } else {
      this.#finishExit();
      this.#release(vm);
      vm.control.hold({ kind: 'stage', sentence: 'The exit is over: the guest goes on at this instruction.' });
      if (vm.ending) this.#end(vm);
    }
    return true;
  }

  /** The hypervisor's own set-up: it lives in HS-mode and takes every trap of its guests. */
  #bootHost(): void {
    const { state, hosted } = this.#hart;
    hosted.M = true;
    hosted.HS = true;
    state.setUp('medeleg', ALL_EXCEPTIONS);
    state.setUp('mideleg', ALL_INTERRUPTS);
    state.setUp('mcounteren', 0xffff_ffff);
    state.csrs.menvcfgh = STCE | ADUE;
    state.setUp('mie', HOST_INTERRUPTS);
    state.setUp('stvec', RAM_BASE); // never fetched from: the hart stops at its trap vector
    state.privilege = Privilege.supervisor;
    state.pc = RAM_BASE;
    this.#hart.changed('translation');
    this.#hart.changed('timer');
  }

  /** The guest, with a card on the network. */
  #withCard(id: number, guest: GuestImage, choice: NetworkChoice, vm: () => HostedVm): GuestImage {
    this.#network ??= new VirtualNetwork({
      now: () => this.machine.now,
      exit: () => (this.#handling ? this.trace.total : undefined),
    });
    return withNetworkCard(
      guest,
      this.#network.connect(id, choice, () => !vm().control.running),
    );
  }

  #mayRun(vm: HostedVm): boolean {
    return vm.control.running && !vm.ending;
  }

  /** Whose turn it is: the current VM's until its turn ends, then the next one's that can execute. */
  #choose(): HostedVcpu | undefined {
    const current = this.#current;
    if (current?.inGuest === true && this.#mayRun(current.vm)) return current;
    this.#network?.elapse();
    if (current !== undefined && this.#mayRun(current.vm)) {
      if (current.refresh()) {
        const { now } = this.machine;
        if (now < this.#endOfTurn(current)) {
          if (now >= this.#turnEnd) this.#beginTurn(); // nobody else could use it
          return current;
        }
      }
    }
    const next = this.#nextAfter(current);
    if (next !== current) current?.takeOff();
    this.#current = next;
    this.#othersStale = true;
    this.#beginTurn();
    return next;
  }

  #beginTurn(): void {
    const { now } = this.machine;
    this.#turnEnd = now + QUANTUM / INSTRUCTIONS_PER_TICK;
    this.#wakeUpsFrom = now + WAKE_UP_DELAY / INSTRUCTIONS_PER_TICK;
  }

  /** Machine ticks at which the current VM must make room: for one that could run all along, or for one that wakes up. */
  #endOfTurn(current: HostedVcpu): number {
    const due = this.#othersDueAt(current);
    return due === -Infinity ? this.#turnEnd : Math.max(this.#wakeUpsFrom, due);
  }

  /** The next VM behind another one that can execute; that one itself comes last. */
  #nextAfter(last: HostedVcpu | undefined): HostedVcpu | undefined {
    const order = this.#order;
    const { length } = order;
    const after = last === undefined ? 0 : order.indexOf(last) + 1;
    for (let step = 0; step < length; step++) {
      const vcpu = order[(after + step) % length];
      if (vcpu !== undefined && this.#mayRun(vcpu.vm) && vcpu.refresh()) return vcpu;
    }
    return undefined;
  }

  /** Machine ticks at which a VM other than the current one could execute; −Infinity: one can now. */
  #othersDueAt(current: HostedVcpu): number {
    if (!this.#othersStale) return this.#othersDue;
    this.#othersStale = false;
    const order = this.#order;
    const { length } = order;
    const after = order.indexOf(current) + 1;
    let due = Infinity;
    for (let step = 0; step < length; step++) {
      const vcpu = order[(after + step) % length];
      if (vcpu === undefined || vcpu === current || !this.#mayRun(vcpu.vm)) continue;
      if (vcpu.ready) {
        due = -Infinity;
        break;
      }
      due = Math.min(due, vcpu.deadline());
    }
    this.#othersDue = due;
    return due;
  }

  /**
   * Sets the host's timer to what comes first: a deadline of the current guest's or of the network, or the end of its turn if
   * another could run then.
   */
  #setAlarm(current: HostedVcpu): void {
    const alarm = Math.min(current.deadline(), this.#endOfTurn(current), this.#network?.deadline() ?? Infinity);
    if (alarm === this.#alarm) return;
    this.#alarm = alarm;
    const { state } = this.#hart;
    const ticks = Math.max(0, alarm);
    state.csrs.stimecmp = ticks === Infinity ? NEVER : ticks % 2 ** 32;
    state.csrs.stimecmph = ticks === Infinity ? NEVER : Math.min(NEVER, Math.floor(ticks / 2 ** 32));
    this.#hart.changed('timer');
  }

  /** The hart has trapped into the hypervisor. @returns why */
  #beginExit(vcpu: HostedVcpu): ExitReason {
    const { vm } = vcpu;
    const { trace } = this;
    const { host } = this.#options;
    const timed = trace.times(vcpu.exits + 1);
    const started = timed ? host.nanoseconds() : NaN;
    const exit = vcpu.beginExit();
    const memoryExit = exit.reason === 'missing-page' || exit.reason === 'protected-page';
    if (memoryExit && this.#options.exactTime) {
      vcpu.takeBack();
      this.machine.takeBack();
    }
    const held = vm.control.goal?.kind === 'exit';
    trace.begin(vm.id, exit, this.machine.elapsed, instructionOf(exit, vcpu), vcpu.state, this.#hart.state, held);
    if (held) {
      vm.control.hold({
        kind: 'exit',
        sentence: `The guest has left for the hypervisor: ${exitRows[exit.reason].meaning}`,
      });
      vm.hold(true);
      this.#open = { vm, vcpu, stage: 'trapped', exit, record: trace.draft };
      return exit.reason;
    }
    this.#handle(vcpu, exit);
    if (transparent(exit.reason)) vcpu.instructionPending();
    this.#endExit(exit, timed ? host.nanoseconds() - started : NaN);
    return exit.reason;
  }

  #handle(vcpu: HostedVcpu, exit: Exit): void {
    this.#handling = true;
    const verdict: Verdict = vcpu.handle(exit);
    this.#handling = false;
    this.trace.handled(verdict, vcpu.state.pc);
  }

  /** Ends an exit that was held open. Its host time would be the person's: it counts as not timed. */
  #finishExit(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    if (open.stage === 'trapped') this.#handle(open.vcpu, open.exit);
    this.#endExit(open.exit, NaN);
  }

  #endExit(exit: Exit, nanoseconds: number): void {
    this.trace.end(nanoseconds);
    if (exit.reason === 'host-timer') this.#alarm = SPENT;
  }

  #stopAfterInstruction(vm: HostedVm): void {
    this.#stopAt(vm, () => vm.control.hold({ kind: 'step', sentence: 'One instruction was executed.' }));
  }

  #stopAt(vm: HostedVm, hold: () => void): void {
    hold();
    this.#release(vm);
    vm.hold(true);
  }

  #end(vm: HostedVm): void {
    this.#release(vm);
    vm.hold(true);
    vm.control.hold({ kind: 'ended', sentence: vm.ending?.message ?? '' });
  }

  /** Takes a VM off the hart; an exit of its own that stands open is brought to its end. */
  #release(vm: HostedVm): void {
    if (this.#open?.vm === vm) this.#finishExit();
    this.#othersStale = true;
    for (const vcpu of vm.vcpus) vcpu.takeOff();
    if (this.#current?.vm === vm) this.#current = undefined;
  }
}

/** The instruction that led to an exit, for its record; 0 where none did, or nobody knows. */
function instructionOf(exit: Exit, vcpu: HostedVcpu): number {
  switch (exit.reason) {
    case 'csr-access':
    case 'supervisor-return':
    case 'machine-return':
    case 'address-fence':
    case 'wait-for-interrupt':
      return exit.decoded.word;
    case 'sbi-call':
    case 'system-call':
    case 'hypercall':
      return 0x0000_0073;
    case 'device-access':
    case 'modified-privilege':
      return vcpu.hart.instruction;
    case 'missing-page':
    case 'protected-page':
      return exit.access === Access.fetch ? (vcpu.world.fetchInstruction(vcpu.hart) ?? 0) : vcpu.hart.instruction;
    default:
      return 0;
  }
}
