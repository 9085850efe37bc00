// The way of interrupts, kept as chains: a device raised its line → it is pending in the guest's controller → the
// hypervisor injected it → the guest's handler was entered → the guest acknowledged it. For drawings and counts only.

import { findCause } from '../../isa/causes.ts';

export const chainStages = ['raised', 'pending', 'injected', 'taken', 'acknowledged'] as const;
export type ChainStage = (typeof chainStages)[number];

export interface InterruptChain {
  readonly sequence: number;
  readonly vm: number;
  /** Device or timer that raised it. */
  readonly source: string;
  readonly cause: string;
  /** When each stage happened, in instructions of virtual time; absent stages have not happened (yet). */
  readonly stages: readonly { readonly stage: ChainStage; readonly at: number; readonly detail: string }[];
}

interface OpenChain extends InterruptChain {
  readonly stages: { stage: ChainStage; at: number; detail: string }[];
}

const KEPT = 512;

/** The kinds of interrupt a guest's supervisor can get. */
export const interruptKinds = { external: 9, timer: 5, software: 1 } as const;
export type InterruptKind = keyof typeof interruptKinds;

export class InterruptLog {
  readonly #chains: OpenChain[] = [];
  readonly #open = new Map<string, OpenChain>();
  readonly #counts = new Map<number, Map<string, number>>();
  #next = 0;

  /** Begins a chain, unless one of the same source is still on its way. */
  raise(vm: number, kind: InterruptKind, source: string, at: number, detail: string): void {
    const key = `${vm}/${kind}/${source}`;
    if (this.#open.has(key)) return;
    const chain: OpenChain = {
      sequence: this.#next++,
      vm,
      source,
      cause: findCause(0x8000_0000 + interruptKinds[kind])?.name ?? kind,
      stages: [{ stage: 'raised', at, detail }],
    };
    this.#open.set(key, chain);
    this.#chains.push(chain);
    if (this.#chains.length > KEPT) this.#chains.shift();
  }

  /** Whether an interrupt of a kind is on its way to a VM. */
  isOpen(vm: number, kind: InterruptKind): boolean {
    const prefix = `${vm}/${kind}/`;
    return [...this.#open.keys()].some((key) => key.startsWith(prefix));
  }

  /** Adds a stage to the open chains of a kind: to one source's, or to all that have not reached it. */
  reach(vm: number, kind: InterruptKind, stage: ChainStage, at: number, detail: string, source?: string): void {
    const prefix = `${vm}/${kind}/`;
    for (const [key, chain] of this.#open) {
      if (!key.startsWith(prefix) || (source !== undefined && chain.source !== source)) continue;
      if (chain.stages.some((reached) => reached.stage === stage)) continue;
      chain.stages.push({ stage, at, detail });
      if (stage === 'acknowledged') this.#open.delete(key);
    }
  }

  /** Counts an interrupt that a guest has taken. */
  count(vm: number, cause: string): void {
    const counts = this.#counts.get(vm) ?? new Map<string, number>();
    counts.set(cause, (counts.get(cause) ?? 0) + 1);
    this.#counts.set(vm, counts);
  }

  /** Interrupts a VM has taken, by the cause's name. */
  counts(vm: number): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts.get(vm) ?? []);
  }

  /** The last chains of all VMs, newest first. */
  recent(count: number): readonly InterruptChain[] {
    return this.#chains.slice(-count).reverse();
  }

  /** Forgets what is still on its way to a VM that was reset or removed. */
  abandon(vm: number): void {
    for (const key of this.#open.keys()) if (key.startsWith(`${vm}/`)) this.#open.delete(key);
  }
}
