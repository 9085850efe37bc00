// The machines of the lab that a hypervisor shares out, as one computer with one virtual time. As long as only machine A has
// VMs it runs alone. Once a VM moves, or has moved, to machine B, both run in step: each executes one quantum of virtual time,
// then the other; what passes between them passes at the ends of quanta. So a run does not depend on how the host cuts it.
//
//   time      |----- quantum -----|----- quantum -----|
//   machine A  ==================  then waits
//   machine B  then ==============                      then: migration, next quantum

import { INSTRUCTIONS_PER_TICK } from '../machine/machine.ts';
import type { Computer, SliceEnd } from './computer.ts';
import type { Hypervisor } from './hypervisor.ts';

/** Ticks that machines in step may be apart: 100 µs. */
const CLUSTER_QUANTUM = 1000;
const QUANTUM_INSTRUCTIONS = CLUSTER_QUANTUM * INSTRUCTIONS_PER_TICK;

/** Something between the machines that is due at a time of theirs. */
export interface Passage {
  /** Ticks; Infinity: nothing is due. */
  deadline(): number;
  elapse(): void;
}

export class Cluster implements Computer {
  readonly first: Hypervisor;
  readonly #passage: Passage;
  #second: Hypervisor | undefined;
  /** Instructions of virtual time at which the quantum ends that is under way. */
  #end = 0;
  #begun = false;

  /** @param passage what goes on between the machines: looked at when both have come to the end of a quantum */
  constructor(first: Hypervisor, passage: Passage) {
    this.first = first;
    this.#passage = passage;
  }

  /** A second machine joins: its clock begins where the first one's is. */
  join(second: Hypervisor): void {
    this.#second = second;
  }

  get second(): Hypervisor | undefined {
    return this.#second;
  }
  get machines(): readonly Hypervisor[] {
    return this.#second === undefined ? [this.first] : [this.first, this.#second];
  }
  get now(): number {
    return this.first.now;
  }
  get frozen(): boolean {
    return this.machines.some(({ frozen }) => frozen);
  }

  runSlice(budget: number): SliceEnd {
    const second = this.#inStep();
    if (second === undefined) return this.first.runSlice(budget);
    const machines = [this.first, second];
    let left = budget;
    for (;;) {
      if (!this.#begun && this.#begin(machines) === 'idle') return 'idle';
      for (const each of machines) {
        while (each.machine.elapsed < this.#end) {
          if (left <= 0) return 'budget';
          const from = each.machine.elapsed;
          const end = each.runSlice(Math.min(left, this.#end - from));
          left -= each.machine.elapsed - from;
          if (end === 'stopped') return end;
          if (end === 'idle') this.#skip(each, this.#end / INSTRUCTIONS_PER_TICK);
        }
      }
      this.#begun = false;
      if (this.#passage.deadline() <= this.now) {
        this.#passage.elapse();
        return 'budget'; // the host looks at who is where
      }
    }
  }

  idleUntil(): number | undefined {
    const second = this.#inStep();
    if (second === undefined) return this.first.idleUntil();
    return this.#begun ? undefined : this.#idleUntil([this.first, second]);
  }

  skipTo(until: number): void {
    const second = this.#inStep();
    this.first.skipTo(until);
    second?.skipTo(until);
  }

  /** The second machine, where it has to keep step with the first. */
  #inStep(): Hypervisor | undefined {
    const second = this.#second;
    if (second === undefined) return undefined;
    if (second.vms.size > 0 || this.#passage.deadline() < Infinity) return second;
    this.#begun = false;
    return undefined;
  }

  /** The next quantum, unless nothing can run in it. Quanta lie on one grid, whenever the machines came to be in step. */
  #begin(machines: readonly Hypervisor[]): 'begun' | 'idle' {
    for (const each of machines) {
      // A machine that nobody was on has stood still while the other ran alone.
      if (each.vms.size === 0 && each.now < this.now) each.skipTo(this.now);
    }
    const until = this.#idleUntil(machines);
    if (until !== undefined) return 'idle';
    const latest = Math.max(...machines.map(({ machine }) => machine.elapsed));
    this.#end = (Math.floor(latest / QUANTUM_INSTRUCTIONS) + 1) * QUANTUM_INSTRUCTIONS;
    this.#begun = true;
    return 'begun';
  }

  #idleUntil(machines: readonly Hypervisor[]): number | undefined {
    let until = this.#passage.deadline();
    if (until <= this.now) return undefined;
    for (const each of machines) {
      const idle = each.idleUntil();
      if (idle === undefined) return undefined;
      until = Math.min(until, idle);
    }
    return until;
  }

  /** Lets time pass on a machine on which nothing can run, up to what happens there next. */
  #skip(machine: Hypervisor, until: number): void {
    const idle = machine.idleUntil();
    if (idle !== undefined) machine.skipTo(Math.min(idle, until));
  }
}
