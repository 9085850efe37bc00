// What a person has asked of one VM: to run, to stand still, to go one step. The computers obey it between instructions;
// no guest can tell.

import { decode } from '../isa/instructions.ts';

/** How far a step goes. */
export type Goal =
  | { readonly kind: 'instruction' }
  /** Until pc stands at a guest virtual address. */
  | { readonly kind: 'address'; readonly address: number }
  /** Until the next exit; the VM then stands inside the hypervisor. */
  | { readonly kind: 'exit' }
  /** Until the guest takes an interrupt. */
  | { readonly kind: 'interrupt' }
  /** Until a trap or a return from one takes the hart to another level of privilege; on the bare machine. */
  | { readonly kind: 'crossing' };

/** Why a VM stands, as data and in plain words. */
export interface StopReason {
  readonly kind: 'initial' | 'pause' | 'step' | 'breakpoint' | 'exit' | 'interrupt' | 'stage' | 'ended';
  readonly sentence: string;
  /** The vCPU that came to where the VM was to stop. */
  readonly vcpu?: number;
}

const hex = (value: number) => `0x${value.toString(16).padStart(8, '0')}`;

export class VmControl {
  #running = false;
  #goal: Goal | undefined;
  #vcpu = 0;
  #stop: StopReason | undefined = { kind: 'initial', sentence: 'The guest stands at its first instruction.' };
  #breakpoints: ReadonlySet<number> = new Set();

  /** The VM may execute. */
  get running(): boolean {
    return this.#running;
  }
  get goal(): Goal | undefined {
    return this.#goal;
  }
  /** The vCPU that the goal is about. */
  get vcpu(): number {
    return this.#vcpu;
  }
  /** Why it stands; undefined while it runs. */
  get stop(): StopReason | undefined {
    return this.#stop;
  }
  /** The person's breakpoints, and the address a step is to reach. */
  get breakpoints(): ReadonlySet<number> {
    return this.#goal?.kind === 'address' ? new Set([...this.#breakpoints, this.#goal.address]) : this.#breakpoints;
  }
  set breakpoints(addresses: ReadonlySet<number>) {
    this.#breakpoints = addresses;
  }

  /** Goes on as another one: its VM has moved here. */
  adopt(other: VmControl): void {
    this.#running = other.#running;
    this.#goal = other.#goal;
    this.#stop = other.#stop;
    this.#breakpoints = other.#breakpoints;
    this.#vcpu = other.#vcpu;
  }

  /** @param vcpu the one that the goal is about */
  run(goal?: Goal, vcpu = 0): void {
    this.#vcpu = vcpu;
    this.#running = true;
    this.#goal = goal;
    this.#stop = undefined;
  }

  hold(reason: StopReason): void {
    this.#running = false;
    this.#goal = undefined;
    this.#stop = reason;
  }

  pause(): void {
    this.hold({ kind: 'pause', sentence: 'You paused it between two instructions.' });
  }

  /** Whether a vCPU whose pc stands at a breakpoint must go on: it is there only for another one's step. */
  passes(pc: number, vcpu: number): boolean {
    return this.#goal?.kind === 'address' && this.#vcpu !== vcpu && !this.#breakpoints.has(pc);
  }

  /** pc stands at a breakpoint: the person's own, or where the step was to end. */
  reached(pc: number, vcpu = 0): void {
    const step = this.#goal?.kind === 'address' && this.#goal.address === pc && !this.#breakpoints.has(pc);
    this.hold(
      step
        ? { kind: 'step', vcpu, sentence: 'The step is done.' }
        : {
            kind: 'breakpoint',
            vcpu,
            sentence: `It stands at your breakpoint at ${hex(pc)}, which has not been executed yet.`,
          },
    );
  }
}

/**
 * Where a step over the instruction `word` at `pc` ends: behind it, if it calls something that comes back; otherwise after
 * one instruction.
 */
export function goalOver(word: number, pc: number): Goal {
  const row = decode(word)?.row;
  const links = row?.effect.kind === 'jump' && ((word >>> 7) & 31) !== 0;
  const comesBack = links || row?.mnemonic === 'ecall' || row?.mnemonic === 'wfi';
  return comesBack ? { kind: 'address', address: (pc + 4) >>> 0 } : { kind: 'instruction' };
}
