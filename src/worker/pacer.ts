// Keeps the lab's computers running in slices of a few milliseconds, so that messages get their turn, and lets idle time
// pass at the pace of the wall clock, because a person is watching. Neither is visible to any guest.

import type { Computer } from '../core/hypervisor/computer.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import { TICKS_PER_MILLISECOND } from '../protocol/virtual-time.ts';
import type { Speed } from './frame-builder.ts';

const SLICE_MILLISECONDS = 6;
const FIRST_BUDGET = 100_000;
const LARGEST_BUDGET = 50_000_000;
/** The longest nap while everything waits: input wakes the pacer at once. */
const NAP_MILLISECONDS = 50;

export interface PacerPorts {
  readonly lab: Lab;
  /** Milliseconds of the wall clock. */
  readonly now: () => number;
  /** Calls back after pending messages have been served. */
  readonly soon: (callback: () => void) => void;
  /** Calls back after some milliseconds. @returns how to cancel it */
  readonly later: (callback: () => void, milliseconds: number) => () => void;
}

export class Pacer {
  /** Called before each turn, also while every guest waits. */
  beforeTurn: (() => void) | undefined;
  readonly #ports: PacerPorts;
  #budget = FIRST_BUDGET;
  #scheduled = false;
  #cancelNap: (() => void) | undefined;
  #lastTurn: number;
  #speed: Speed = { mips: 0, exitsPerSecond: 0 };
  #measured: { at: number; instructions: number; exits: number };

  constructor(ports: PacerPorts) {
    this.#ports = ports;
    this.#lastTurn = ports.now();
    this.#measured = { at: this.#lastTurn, instructions: 0, exits: 0 };
  }

  /** Speed over the last second. */
  get speed(): Speed {
    this.#measure();
    return this.#speed;
  }

  /** Something has changed: have a look soon. */
  wake(): void {
    this.#cancelNap?.();
    this.#cancelNap = undefined;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#ports.soon(() => {
      this.#scheduled = false;
      this.#turn();
    });
  }

  #turn(): void {
    const { lab, later, now } = this.#ports;
    this.beforeTurn?.();
    const started = now();
    const passed = Math.min(NAP_MILLISECONDS, started - this.#lastTurn);
    this.#lastTurn = started;
    let busy = false;
    let nap = Infinity;
    for (const computer of lab.computers) {
      if (computer.frozen) continue;
      const until = computer.idleUntil();
      if (until === undefined) {
        this.#run(computer);
        busy = true;
      } else nap = Math.min(nap, this.#idle(computer, until, passed));
    }
    if (busy) this.#schedule();
    else if (nap < Infinity) {
      this.#cancelNap = later(() => this.#schedule(), Math.min(nap, NAP_MILLISECONDS));
    }
  }

  /** Runs one slice, and learns from it how long the next one should be. */
  #run(computer: Computer): void {
    const { now } = this.#ports;
    const started = now();
    const end = computer.runSlice(this.#budget);
    const took = now() - started;
    if (end === 'budget') {
      const factor = Math.min(2, Math.max(0.25, SLICE_MILLISECONDS / Math.max(took, 0.1)));
      this.#budget = Math.min(LARGEST_BUDGET, Math.max(FIRST_BUDGET / 10, Math.round(this.#budget * factor)));
    }
  }

  /** Lets as much board time pass as the wall clock has. @returns milliseconds until the computer goes on */
  #idle(computer: Computer, until: number, passed: number): number {
    if (until === Infinity) {
      computer.skipTo(computer.now + Math.round(passed * TICKS_PER_MILLISECOND));
      return Infinity;
    }
    const target = computer.now + Math.round(passed * TICKS_PER_MILLISECOND);
    computer.skipTo(Math.min(until, target));
    return Math.max(0, (until - computer.now) / TICKS_PER_MILLISECOND);
  }

  #measure(): void {
    const { lab, now } = this.#ports;
    const at = now();
    const seconds = (at - this.#measured.at) / 1000;
    if (seconds < 0.5) return;
    const instructions = lab.vms.reduce((sum, vm) => sum + vm.instructions, 0);
    const exits = lab.trace.total;
    this.#speed = {
      mips: Math.max(0, (instructions - this.#measured.instructions) / seconds / 1e6),
      exitsPerSecond: Math.max(0, (exits - this.#measured.exits) / seconds),
    };
    this.#measured = { at, instructions, exits };
  }
}
