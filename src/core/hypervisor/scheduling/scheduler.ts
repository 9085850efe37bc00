// Which vCPU runs on which physical hart. Fair by virtual run time: who has had least for its weight is next. Decisions are
// only made where a hart is in the hypervisor anyway, and depend on nothing but virtual time.
//
//   a turn lasts QUANTUM while others could run all the time; one that wakes up, lags far behind, or is of the same VM,
//   waits at most URGENT_DELAY from the beginning of the turn; a cap ends a turn at once

import { INSTRUCTIONS_PER_TICK } from '../../machine/machine.ts';
import type { HostHart } from './host-hart.ts';
import { RunIntervals } from './run-intervals.ts';
import type { VcpuSchedule } from './vcpu-schedule.ts';

/**
 * Instructions of one vCPU's turn, where other VMs could run all the time: long beside what it costs the host to fill its
 * caches with another VM's memory. 40 milliseconds of the board; Xen's credit scheduler has 30.
 */
export const QUANTUM = 4_000_000;
/**
 * Instructions a vCPU may execute before one that is in a hurry takes its place: one that wakes up, or a sibling, for kernels
 * wait for each other's harts in loops, and while the sibling is on no hart they wait in vain.
 */
const URGENT_DELAY = 100_000;

/** A vCPU as the scheduler sees it. */
export interface Schedulable {
  readonly index: number;
  readonly vm: { readonly id: number };
  readonly schedule: VcpuSchedule;
  /** It is on a hart. */
  readonly onHart: boolean;
  /** It waits for an interrupt, or to be started. */
  readonly waiting: boolean;
  readonly stopped: boolean;
  /** It could execute; looking changes nothing. */
  readonly ready: boolean;
  /** What is due for it happens. @returns whether it can execute now */
  refresh(): boolean;
  /** Machine ticks at which something of it is due by itself. */
  deadline(): number;
  takeOff(): void;
}

export interface SchedulerPorts<V> {
  /** Virtual time in instructions. */
  readonly elapsed: () => number;
  /** Whether anybody lets it run: the person, and its own VM. */
  readonly mayRun: (vcpu: V) => boolean;
  readonly harts: number;
}

export class Scheduler<V extends Schedulable> {
  readonly intervals: RunIntervals;
  readonly #ports: SchedulerPorts<V>;
  #order: readonly V[] = [];
  /** Rises when something has happened to a vCPU that is on no hart: what was worked out before may be wrong. */
  #changes = 0;

  constructor(ports: SchedulerPorts<V>) {
    this.#ports = ports;
    this.intervals = new RunIntervals(ports.harts);
  }

  get changes(): number {
    return this.#changes;
  }
  /** All vCPUs, in the order in which equals have their turns. */
  get order(): readonly V[] {
    return this.#order;
  }
  set order(vcpus: readonly V[]) {
    this.#order = vcpus;
    this.#changes++;
  }

  changed(): void {
    this.#changes++;
  }

  /** A vCPU may have become ready by what somebody else did. */
  disturbed(vcpu: V): void {
    this.#changes++;
    const { schedule } = vcpu;
    if (schedule.doing === 'wait' && !vcpu.onHart && vcpu.ready) schedule.begin('steal', this.#ports.elapsed());
    else if (schedule.doing === 'off' || (schedule.doing === 'steal' && vcpu.stopped)) this.account(vcpu);
  }

  /** The time of a vCPU that is on no hart goes from now on where its state says. */
  account(vcpu: V): void {
    if (vcpu.onHart) return;
    const { schedule } = vcpu;
    const now = this.#ports.elapsed();
    const able = !vcpu.stopped && this.#ports.mayRun(vcpu);
    const doing = !able ? 'off' : !vcpu.ready ? 'wait' : schedule.fetching(now) ? 'swap' : 'steal';
    if (doing !== schedule.doing) schedule.begin(doing, now);
  }

  /** The vCPU that is to be on a hart now; undefined: none can. The one on it stays while its turn lasts. */
  choose(host: HostHart<V>): V | undefined {
    const { vcpu } = host;
    const now = this.#ports.elapsed() / INSTRUCTIONS_PER_TICK;
    if (vcpu !== undefined && this.#ports.mayRun(vcpu) && vcpu.refresh()) {
      const due = this.dueAt(host);
      if (now < due) {
        if (now >= host.turnEnd) this.#beginTurn(host, vcpu); // nobody else could use it
        return vcpu;
      }
    }
    const next = this.#next(host);
    if (next !== vcpu) {
      this.leave(host);
      if (next !== undefined) this.#enter(host, next);
    }
    if (next !== undefined) this.#beginTurn(host, next);
    else host.turnEnd = host.wakeUpsFrom = 0;
    return next;
  }

  /** Takes the vCPU off its hart. */
  leave(host: HostHart<V>): void {
    const { vcpu } = host;
    host.seen = -1;
    if (vcpu === undefined) return;
    host.vcpu = undefined;
    vcpu.takeOff();
    this.intervals.end(host.hart.id, this.#ports.elapsed());
    this.account(vcpu);
  }

  /** Machine ticks at which a hart must be given to another vCPU; where it waits, at which a vCPU may be ready for it. */
  dueAt(host: HostHart<V>): number {
    if (host.seen === this.#changes) return host.due;
    const { vcpu } = host;
    const now = this.#ports.elapsed();
    let due = Infinity;
    for (const other of this.#order) {
      if (other === vcpu || other.onHart || !this.#mayUse(host, other)) continue;
      const { schedule } = other;
      const allowed = schedule.allowedFrom(now);
      if (!other.ready) {
        due = Math.min(due, Math.max(host.wakeUpsFrom, other.deadline()));
      } else if (allowed > now) {
        due = Math.min(due, Math.max(host.wakeUpsFrom, ticks(allowed)));
      } else {
        const lags = schedule.virtualRuntime + URGENT_DELAY < host.floor;
        const urgent = schedule.slept || lags || other.vm === vcpu?.vm;
        due = Math.min(due, urgent ? host.wakeUpsFrom : host.turnEnd);
      }
    }
    if (vcpu !== undefined) {
      due = Math.min(due, ticks(vcpu.schedule.capReachedAt(now)));
      if (!this.#mayUse(host, vcpu) || vcpu.schedule.fetching(now)) due = 0;
    }
    host.seen = this.#changes;
    host.due = due;
    host.alarmStale = true;
    return due;
  }

  /** Whether any vCPU that is on no hart can execute now. */
  anyReady(): boolean {
    const now = this.#ports.elapsed();
    return this.#order.some(
      (vcpu) =>
        !vcpu.onHart &&
        this.#ports.mayRun(vcpu) &&
        vcpu.schedule.allowedFrom(now) <= now &&
        this.#refresh(vcpu) &&
        vcpu.schedule.entitlement.pin % 2 ** this.#ports.harts !== 0,
    );
  }

  /** Machine ticks at which a vCPU that is on no hart may be ready, while none is. */
  deadline(): number {
    const now = this.#ports.elapsed();
    let until = Infinity;
    for (const vcpu of this.#order) {
      if (!this.#ports.mayRun(vcpu)) continue;
      const allowed = vcpu.schedule.allowedFrom(now);
      until = Math.min(until, vcpu.ready && allowed > now ? ticks(allowed) : vcpu.deadline());
    }
    return until;
  }

  #mayUse(host: HostHart<V>, vcpu: V): boolean {
    return ((vcpu.schedule.entitlement.pin >>> host.hart.id) & 1) !== 0 && this.#ports.mayRun(vcpu);
  }

  #enter(host: HostHart<V>, vcpu: V): void {
    const now = this.#ports.elapsed();
    host.vcpu = vcpu;
    host.last = vcpu;
    vcpu.schedule.begin('run', now);
    this.intervals.begin(host.hart.id, vcpu.vm.id, vcpu.index, now);
  }

  #beginTurn(host: HostHart<V>, vcpu: V): void {
    const now = this.#ports.elapsed();
    host.turnEnd = Math.floor(now / INSTRUCTIONS_PER_TICK) + QUANTUM / INSTRUCTIONS_PER_TICK;
    host.wakeUpsFrom = Math.floor(now / INSTRUCTIONS_PER_TICK) + URGENT_DELAY / INSTRUCTIONS_PER_TICK;
    host.floor = Math.max(host.floor, vcpu.schedule.virtualRuntimeAt(now));
    host.seen = -1;
  }

  /** Of the vCPUs that can execute and may use the hart, the one that has had least; among equals, the next behind the last. */
  #next(host: HostHart<V>): V | undefined {
    const order = this.#order;
    const { length } = order;
    const now = this.#ports.elapsed();
    const after = host.last === undefined ? 0 : order.indexOf(host.last) + 1;
    let best: V | undefined;
    let least = Infinity;
    for (let step = 0; step < length; step++) {
      const vcpu = order[(after + step) % length];
      if (vcpu === undefined || (vcpu.onHart && vcpu !== host.vcpu) || !this.#mayUse(host, vcpu)) continue;
      const { schedule } = vcpu;
      if (!this.#refresh(vcpu) || schedule.allowedFrom(now) > now) continue;
      if (schedule.slept && vcpu !== host.vcpu) {
        schedule.virtualRuntime = Math.max(schedule.virtualRuntime, host.floor - URGENT_DELAY);
      }
      const had = schedule.virtualRuntimeAt(now);
      if (had >= least) continue;
      least = had;
      best = vcpu;
    }
    return best;
  }

  /** As the vCPU's own; one that has woken up did so when what it waited for was due. */
  #refresh(vcpu: V): boolean {
    const { schedule } = vcpu;
    const waited = schedule.doing === 'wait' && !vcpu.onHart;
    const due = waited ? vcpu.deadline() * INSTRUCTIONS_PER_TICK : 0;
    if (!vcpu.refresh()) return false;
    if (waited && schedule.doing === 'wait') {
      schedule.begin('steal', Math.max(schedule.since, Math.min(due, this.#ports.elapsed())));
    }
    return true;
  }
}

/** Board time in ticks, rounded up, of a time in instructions. */
const ticks = (instructions: number): number => Math.ceil(instructions / INSTRUCTIONS_PER_TICK);
