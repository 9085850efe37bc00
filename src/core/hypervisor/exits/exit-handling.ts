// One exit from its beginning to its end, whatever it was: named, handled, recorded, here and nowhere else. Where a person
// asked for it, it stays open between its stages: trapped ─▶ handled ─▶ over.

import type { Host } from '../../machine/linear-memory.ts';
import { INSTRUCTIONS_PER_TICK, type Machine } from '../../machine/machine.ts';
import { instructionOf, transparent } from './exit-instruction.ts';
import { exitRows, type Exit, type ExitReason, type Verdict } from './exits.ts';
import type { HostHart } from '../scheduling/host-hart.ts';
import type { HostMemory } from '../memory/host-memory.ts';
import type { HostedVcpu, HostedVm } from '../hosted-vm.ts';
import type { Scheduler } from '../scheduling/scheduler.ts';
import type { ExitRecord, Trace } from './trace.ts';

/** An exit that has begun and not ended: a person looks at it stage by stage. */
export interface OpenExit {
  readonly vm: HostedVm;
  readonly vcpu: HostedVcpu;
  readonly stage: 'trapped' | 'handled';
  readonly exit: Exit;
  readonly record: ExitRecord;
}

export interface ExitHandlingPorts {
  readonly machine: Machine;
  readonly memory: HostMemory;
  readonly scheduler: Scheduler<HostedVcpu>;
  readonly trace: Trace;
  readonly clock: Pick<Host, 'nanoseconds'>;
  /** See `LabOptions`. */
  readonly exactTime: boolean;
}

export class ExitHandling {
  /** The exit that a person holds open, if one does. */
  open: OpenExit | undefined;
  /** An exit is being handled. */
  handling = false;
  /** Pages fetched from the swap store since the exit began. */
  fetched = 0;
  readonly #ports: ExitHandlingPorts;

  constructor(ports: ExitHandlingPorts) {
    this.#ports = ports;
  }

  /** The hart has trapped into the hypervisor. @returns why */
  begin(host: HostHart<HostedVcpu>, vcpu: HostedVcpu): ExitReason {
    const { vm } = vcpu;
    const { machine, trace, clock, exactTime } = this.#ports;
    const timed = trace.times(vcpu.exits + 1);
    const started = timed ? clock.nanoseconds() : NaN;
    this.fetched = 0;
    const exit = vcpu.beginExit();
    const memoryExit = exit.reason === 'missing-page' || exit.reason === 'protected-page';
    if (memoryExit && exactTime) {
      vcpu.takeBack();
      machine.takeBack();
    }
    const held = vm.control.goal?.kind === 'exit' && vm.control.vcpu === vcpu.index;
    const { state, id } = host.hart;
    trace.begin(vm.id, exit, machine.elapsed, instructionOf(exit, vcpu), vcpu.state, state, held, vcpu.index, id);
    if (exit.reason === 'host-timer') host.alarmSpent();
    if (held) {
      vm.control.hold({
        kind: 'exit',
        vcpu: vcpu.index,
        sentence: `The guest has left for the hypervisor: ${exitRows[exit.reason].meaning}`,
      });
      vm.hold(true);
      this.open = { vm, vcpu, stage: 'trapped', exit, record: trace.draft };
      return exit.reason;
    }
    this.#handle(vcpu, exit);
    if (transparent(exit.reason)) vcpu.instructionPending();
    trace.end(timed ? clock.nanoseconds() - started : NaN);
    return exit.reason;
  }

  /** The hypervisor does what the exit that is held open asks for. */
  handleOpen(): void {
    const { open } = this;
    if (open?.stage !== 'trapped') return;
    this.#handle(open.vcpu, open.exit);
    this.open = { ...open, stage: 'handled', record: this.#ports.trace.draft };
  }

  /** Ends an exit that was held open. Its host time would be the person's: it counts as not timed. */
  finish(): void {
    const { open } = this;
    if (open === undefined) return;
    this.open = undefined;
    if (open.stage === 'trapped') this.#handle(open.vcpu, open.exit);
    this.#ports.trace.end(NaN);
  }

  #handle(vcpu: HostedVcpu, exit: Exit): void {
    this.handling = true;
    const verdict: Verdict = vcpu.handle(exit);
    this.handling = false;
    if (this.fetched > 0) this.#awaitPages(vcpu);
    this.#ports.trace.handled(verdict, vcpu.state.pc);
  }

  /** The exit needed pages that were swapped out: the vCPU leaves its hart to others until they have come. */
  #awaitPages(vcpu: HostedVcpu): void {
    const { machine, memory, scheduler } = this.#ports;
    const ticks = this.fetched * memory.swapLatency;
    this.fetched = 0;
    if (ticks === 0) return;
    // From the next tick on: timers know nothing finer, and it could not have run before.
    const from = Math.ceil(machine.elapsed / INSTRUCTIONS_PER_TICK);
    vcpu.schedule.waitForPage(ticks * INSTRUCTIONS_PER_TICK, from * INSTRUCTIONS_PER_TICK);
    scheduler.changed();
  }
}
