// The lab: every computer and every VM in it. The one thing the hosts (worker, command line) hold of the core.

import type { Unsigned64 } from '../devices/unsigned64.ts';
import type { Host } from '../machine/linear-memory.ts';
import { quirksOf, type QuirkName, type Quirks } from '../machine/quirks.ts';
import { BareMachine } from './techniques/bare-machine.ts';
import type { Computer } from './computer.ts';
import { goalOver, type Goal } from './control.ts';
import type { GuestImage } from './firmware/guest-boot.ts';
import { withScratchDisk } from './guest-devices/scratch-disk.ts';
import type { MemoryOptions } from './memory/host-memory.ts';
import { HostedVm } from './hosted-vm.ts';
import { Hypervisor } from './hypervisor.ts';
import { InterruptLog } from './interrupts/interrupt-log.ts';
import { instructionAt } from './inspection/inspect-memory.ts';
import { Machines, type MachineName } from './machines.ts';
import type { LiveMigration, MigrationOptions } from './migration/live-migration.ts';
import { Trace } from './exits/trace.ts';
import type { Technique, VirtualMachine } from './virtual-machine.ts';
import type { VirtualNetwork } from './guest-devices/virtual-network.ts';

export interface LabOptions {
  readonly host: Host;
  /** RAM of the machine that the hypervisor shares out; it is made when the first VM needs it. */
  readonly memoryBytes: number;
  /** Physical harts of that machine, 1 to 8. Default 1. */
  readonly physicalHarts?: number;
  /** The same of machine B, to which VMs can move; default: as much. */
  readonly secondMemoryBytes?: number;
  /** Physical harts of machine B; default: as many as machine A has. */
  readonly secondPhysicalHarts?: number;
  /** What the real-time clocks show at time 0. */
  readonly epochNanoseconds: Unsigned64;
  /** Exits the trace keeps; a power of two. */
  readonly traceCapacity?: number;
  /** Crossings between levels that each bare machine's record keeps. */
  readonly levelTraceCapacity?: number;
  /** Hot code is translated to WebAssembly (default); nothing but speed depends on it. */
  readonly translator?: boolean;
  /** Where its machines depart from the manual from the start; nowhere where absent. */
  readonly quirks?: Quirks;
  /**
   * An instruction that meets a page its hypervisor has yet to map is counted once, not twice. A guest alone under its
   * hypervisor then lives in the same time as on the bare machine, instruction for instruction. Off where absent.
   */
  readonly exactTime?: boolean;
  /** That machine, and B, have IMSICs and an APLIC in their PLIC's place (RISC-V Advanced Interrupt Architecture). */
  readonly messageInterrupts?: boolean;
  /** How the hypervisor deals out its machine's memory. */
  readonly memory?: MemoryOptions;
}

export interface NewVm {
  readonly technique: Technique;
  readonly guest: GuestImage;
}

/**
 * How far one step goes. `stage` walks through one exit: trapped → handled → resumed; outside an exit it runs to the next one.
 * `over` runs a call, or an instruction that traps, to the instruction behind it; `out` runs to the caller.
 */
export type StepKind = 'instruction' | 'over' | 'out' | 'exit' | 'interrupt' | 'stage' | 'crossing';

export class Lab {
  readonly trace: Trace;
  readonly interrupts = new InterruptLog();
  /** Switches of all its machines, which obey at once: where they depart from the manual. */
  readonly quirks: Quirks;
  readonly #options: LabOptions;
  readonly #bare = new Map<number, BareMachine>();
  readonly #machines: Machines;
  /** What each VM of a hypervisor was made from. */
  readonly #guests = new Map<number, GuestImage>();
  #machineMemory: Parameters<Lab['setMachineMemory']>[0] = {};
  #nextId = 1;
  #physicalHarts: number;
  #messageInterrupts: boolean;

  constructor(options: LabOptions) {
    this.#options = options;
    this.#physicalHarts = options.physicalHarts ?? 1;
    this.#messageInterrupts = options.messageInterrupts ?? false;
    this.trace = new Trace(options.traceCapacity);
    this.quirks = options.quirks ?? quirksOf();
    this.#machines = new Machines((name) => this.#makeMachine(name));
  }

  /** The hypervisor, once a VM has needed it. */
  get hypervisor(): Hypervisor | undefined {
    return this.#machines.first;
  }

  /** The hypervisors of machines A and B, as far as there are any. */
  get hypervisors(): readonly Hypervisor[] {
    return this.#machines.all;
  }

  /** Harts of the machine that the hypervisor shares out. */
  get physicalHarts(): number {
    return this.#physicalHarts;
  }
  /** @throws Error while VMs run on that machine, or where it cannot have so many */
  set physicalHarts(harts: number) {
    if (!Number.isInteger(harts) || harts < 1 || harts > 8) {
      throw new Error(`expected 1 to 8 physical harts, found ${harts}: choose another number`);
    }
    if (harts === this.#physicalHarts) return;
    if (this.#machines.all.some(({ vms }) => vms.size > 0)) {
      throw new Error(
        'expected no VM under the hypervisor, found some: remove them first, a machine cannot change its harts while it runs',
      );
    }
    this.#physicalHarts = harts;
    this.#machines.switchOff();
  }

  /** That machine has IMSICs and an APLIC in its PLIC's place; guests with a PLIC lose nothing by it. */
  get messageInterrupts(): boolean {
    return this.#messageInterrupts;
  }
  /** @throws Error while VMs run on that machine */
  set messageInterrupts(on: boolean) {
    if (on === this.#messageInterrupts) return;
    if (this.#machines.all.some(({ vms }) => vms.size > 0)) {
      throw new Error(
        'expected no VM under the hypervisor, found some: remove them first, a machine cannot change its interrupt controllers while it runs; or run this guest under trap-and-emulate, which needs none of its own',
      );
    }
    this.#messageInterrupts = on;
    this.#machines.switchOff();
  }

  /**
   * RAM of the machine that the hypervisor shares out, and what can be swapped out of it.
   * @param options.memoryBytes as it was made with where absent, and so for the rest
   * @throws Error while VMs run on that machine
   */
  setMachineMemory(options: { readonly memoryBytes?: number; readonly memory?: MemoryOptions }): void {
    if (this.#machines.all.some(({ vms }) => vms.size > 0)) {
      throw new Error(
        'expected no VM under the hypervisor, found some: remove them first, a machine cannot change its memory while it runs',
      );
    }
    this.#machineMemory = options;
    this.#machines.switchOff();
  }

  /** All VMs in the order in which they were made. */
  get vms(): readonly VirtualMachine[] {
    return [...this.#bare.values(), ...this.#machines.all.flatMap(({ vms }) => [...vms.values()])].sort(
      (a, b) => a.id - b.id,
    );
  }

  /** Every computer that has a VM. */
  get computers(): readonly Computer[] {
    return [...this.#bare.values(), ...(this.#machines.computer ? [this.#machines.computer] : [])];
  }

  /** Makes a VM, held at its first instruction. @throws ImageError or Error, one line for a person */
  addVm({ technique, guest: wanted }: NewVm): VirtualMachine {
    const guest = withScratchDisk(wanted);
    const id = this.#nextId;
    let vm: VirtualMachine;
    if (guest.binaryPatching !== undefined && technique !== 'trap-and-emulate') {
      throw new Error(
        `expected trap-and-emulate for binary patching, found ${technique}: only there does the guest’s kernel run in user mode, unchanged`,
      );
    }
    if (technique === 'bare') {
      const bare = new BareMachine({
        levelTraceCapacity: this.#options.levelTraceCapacity,
        id,
        guest,
        host: this.#options.host,
        epochNanoseconds: this.#options.epochNanoseconds,
        interrupts: this.interrupts,
        translator: this.#options.translator ?? true,
        quirks: this.quirks,
      });
      this.#bare.set(id, bare);
      vm = bare;
    } else {
      if (guest.boot === 'machine' && technique === 'hardware-assisted') {
        throw new Error(
          'expected a guest in supervisor boot for hardware-assisted, found one in machine boot: the H extension gives a guest no machine mode; run it under trap-and-emulate, or bare',
        );
      }
      if (guest.boot === 'machine' && technique === 'paravirtual') {
        throw new Error(
          'expected a guest in supervisor boot for paravirtual, found one in machine boot: a kernel that makes hypercalls has its hypervisor below it; run this one under trap-and-emulate, or bare',
        );
      }
      if (guest.harts !== 1 && technique === 'paravirtual') {
        throw new Error(
          `expected 1 hart for paravirtual, found ${guest.harts}: what the kernel agrees on by hypercalls is one virtual CPU’s; run it under another technique`,
        );
      }
      vm = this.#machines.switchOn().addVm(id, technique, guest);
      this.#guests.set(id, guest);
    }
    this.#nextId++;
    return vm;
  }

  /** Throws a switch of all machines; they obey at once. */
  setQuirk(quirk: QuirkName, on: boolean): void {
    this.quirks[quirk] = on;
    for (const hypervisor of this.#machines.all) hypervisor.quirksChanged();
  }

  /** The VM with a number. @throws Error where there is none */
  vm(id: number): VirtualMachine {
    const vm = this.#bare.get(id) ?? this.#machines.vm(id);
    if (vm === undefined) throw new Error(`expected the number of a VM, found ${id}: it was removed`);
    return vm;
  }

  /** The computer a VM runs on. */
  computerOf(vm: VirtualMachine): Computer {
    if (vm instanceof BareMachine) return vm;
    if (this.#machines.computer) return this.#machines.computer;
    throw new Error('the VM has no computer');
  }

  /** The network a VM has a card on, if it has one. */
  networkOf(vm: VirtualMachine): VirtualNetwork | undefined {
    if (vm instanceof BareMachine) return vm.network;
    const { network } = this.#machines;
    return network?.stations.some((station) => station.vm === vm.id) === true ? network : undefined;
  }

  /** The hypervisor a VM is under now; undefined on the bare machine. */
  hypervisorOf(vm: VirtualMachine): Hypervisor | undefined {
    return vm instanceof HostedVm ? this.#machines.of(vm) : undefined;
  }

  /** The machine a VM is on now; undefined for one that has a machine of its own. */
  machineOf(vm: VirtualMachine): MachineName | undefined {
    return vm instanceof HostedVm ? this.#machines.nameOf(vm) : undefined;
  }

  /** The live migration under way, or the last one. */
  get migration(): LiveMigration | undefined {
    return this.#machines.migration;
  }

  /** Begins to move a VM to the other machine while it runs. @throws Error, one line for a person */
  migrate(id: number, options: MigrationOptions): LiveMigration {
    const { vm, guest } = this.#hosted(id);
    return this.#machines.migrate(vm, guest, options);
  }

  /** Makes a copy of a VM that goes on from here beside it. @throws Error, one line for a person */
  cloneVm(id: number): VirtualMachine {
    const { vm, guest } = this.#hosted(id);
    const { clone, guest: forked } = this.#machines.clone(vm, this.#nextId, guest);
    this.#guests.set(clone.id, forked);
    this.#nextId++;
    return clone;
  }

  /** A VM of a hypervisor, and what it was made from. */
  #hosted(id: number): { readonly vm: HostedVm; readonly guest: GuestImage } {
    const vm = this.vm(id);
    const guest = this.#guests.get(id);
    if (vm instanceof HostedVm && guest !== undefined) return { vm, guest };
    throw new Error(
      'expected a VM of the hypervisor, found one on the bare machine: nobody is below it who could move or copy it',
    );
  }

  removeVm(id: number): void {
    const vm = this.vm(id);
    if (vm instanceof HostedVm) this.#machines.remove(vm);
    else this.#bare.delete(id);
    this.#guests.delete(id);
    this.interrupts.abandon(id);
  }

  /** Lets a VM run, until `goal` if there is one. @param vcpu the one that the goal is about */
  start(id: number, goal?: Goal, vcpu = 0): void {
    const vm = this.vm(id);
    if (vm.ending) throw new Error(`the guest has ended (${vm.ending.message}): reset it to run it again`);
    vm.control.run(goal, vcpu);
    this.#obey(vm);
  }

  pause(id: number): void {
    const vm = this.vm(id);
    if (vm.ending || !vm.control.running) return;
    vm.control.pause();
    this.#obey(vm);
  }

  /** Back to the first instruction; it keeps running or standing as it did. */
  reset(id: number): void {
    const vm = this.vm(id);
    const { running } = vm.control;
    if (vm instanceof HostedVm) this.#machines.reset(vm);
    else vm.reset();
    if (running) vm.control.run();
    else vm.control.hold({ kind: 'initial', sentence: 'The guest stands at its first instruction.' });
    this.#obey(vm);
  }

  setBreakpoints(id: number, addresses: readonly number[]): void {
    const vm = this.vm(id);
    vm.control.breakpoints = new Set(addresses.map((address) => address >>> 0));
    vm.setBreakpoints(vm.control.breakpoints);
  }

  /** Begins a step of one vCPU; `control.stop` says when and why it ended. */
  step(id: number, kind: StepKind, vcpu = 0): void {
    const vm = this.vm(id);
    if (kind === 'stage' && vm instanceof HostedVm && this.#machines.of(vm).nextStage(vm)) return;
    if ((kind === 'stage' || kind === 'exit') && vm.technique === 'bare') {
      throw new Error('expected a guest of the hypervisor, found one on the bare machine: it has no exits to stop at');
    }
    if (kind === 'crossing' && vm.technique !== 'bare') {
      throw new Error(
        'expected a guest on the bare machine, found one of the hypervisor: step to its next exit instead',
      );
    }
    this.start(id, this.#goalOf(vm, kind, vcpu), vcpu);
  }

  #goalOf(vm: VirtualMachine, kind: StepKind, vcpu: number): Goal {
    const state = vm.look(vcpu);
    if (state.stopped) {
      throw new Error(`expected a hart that its guest has started, found hart ${vcpu} stopped: look at another one`);
    }
    switch (kind) {
      case 'instruction':
        return { kind: 'instruction' };
      case 'over':
        return goalOver(instructionAt(vm, state.pc, vcpu) ?? 0, state.pc);
      case 'out':
        return { kind: 'address', address: state.x(1) >>> 0 };
      case 'exit':
      case 'stage':
        return { kind: 'exit' };
      case 'interrupt':
        return { kind: 'interrupt' };
      case 'crossing':
        return { kind: 'crossing' };
    }
  }

  #makeMachine(name: MachineName): Hypervisor {
    const { host, secondMemoryBytes, secondPhysicalHarts, epochNanoseconds } = this.#options;
    const { memoryBytes = this.#options.memoryBytes, memory = this.#options.memory } = this.#machineMemory;
    return new Hypervisor({
      host,
      memoryBytes: name === 'A' ? memoryBytes : (secondMemoryBytes ?? memoryBytes),
      harts: name === 'A' ? this.#physicalHarts : (secondPhysicalHarts ?? this.#physicalHarts),
      epochNanoseconds,
      trace: this.trace,
      interrupts: this.interrupts,
      translator: this.#options.translator ?? true,
      quirks: this.quirks,
      exactTime: this.#options.exactTime ?? false,
      messageInterrupts: this.#messageInterrupts,
      ...(memory && { memory }),
    });
  }

  #obey(vm: VirtualMachine): void {
    if (vm instanceof HostedVm) this.#machines.of(vm).obey(vm);
    else if (vm instanceof BareMachine) vm.obey();
  }
}
