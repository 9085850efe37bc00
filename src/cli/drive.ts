// Runs one guest to its end: slices of instructions, and between them input, output, the trace and whatever the host has
// to say. Slices are counted in instructions, so input is offered at the same instructions in every run.
//
//   offer input → run a slice → drain the trace → waiting? skip ahead, sleep, or find that it sleeps for ever → flush

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SliceEnd } from '../core/hypervisor/computer.ts';
import { asleep } from '../core/hypervisor/endings.ts';
import type { Ending, VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import type { ConsoleInput } from './console-input.ts';
import type { ConsoleOutput } from './console-output.ts';
import { OUTPUT_CLOSED, type Interruption, type Interruptions } from './interruption.ts';
import { Pace, TICKS_PER_MILLISECOND } from './pace.ts';
import type { Plan } from './plan.ts';
import type { Session } from './session.ts';

/** Instructions between two offers of input: two milliseconds or so of host time. */
const SLICE = 1 << 18;
/** Instructions between two looks at the trace, whose ring must not go round meanwhile: an exit costs at least one. */
const TRACE_SLICE = 1 << 15;
/** Milliseconds for which the guest's output may be held back. */
const LATENCY = 4;
const MILLISECONDS_LIMIT = 0x7fff_ffff;
/**
 * Ticks of virtual time that may be skipped at once while a pipe is open and nothing comes through it; from then on the guest
 * keeps to the wall clock, or an idle one would race through the years and keep the host busy.
 */
const SILENT_LIMIT = 60 * 1000 * TICKS_PER_MILLISECOND;

/** A VM that goes on beside the first one. */
export interface Companion {
  /** It may be another object once it has moved. */
  readonly vm: VirtualMachine;
  /** What is typed into it, if anything is. */
  readonly input: Pick<ConsoleInput, 'offer'> | undefined;
}

export interface Drive {
  readonly session: Pick<Session, 'vm' | 'computer'>;
  readonly input: ConsoleInput;
  readonly output: ConsoleOutput;
  readonly interruptions: Interruptions;
  /** Instructions of the guest; of each, where there are several. */
  readonly limit: number;
  /** Called at least every `TRACE_SLICE` instructions where exits are traced. */
  readonly drainTrace: (() => void) | undefined;
  readonly plans: readonly Pick<Plan, 'due' | 'look'>[];
  /** More of them may come while it runs. */
  readonly companions: readonly Companion[];
}

export type Outcome =
  | { readonly kind: 'ended'; readonly ending: Ending }
  | { readonly kind: 'limit' }
  | { readonly kind: 'saved'; readonly message: string }
  | { readonly kind: 'interrupted'; readonly by: Interruption };

/** Runs the guest, and those beside it, until all have ended, one reaches the limit, or the run is interrupted. Everything it printed has then been handed on. */
export async function drive(setup: Drive): Promise<Outcome> {
  const outcome = await new Driver(setup).run();
  setup.drainTrace?.();
  await setup.output.flush();
  return outcome;
}

class Driver {
  readonly #setup: Drive;
  readonly #pace = new Pace();
  readonly #receive: (bytes: Uint8Array) => number;
  /** Board time of the last input or output. */
  #lastNews = 0;
  #printed = 0;

  constructor(setup: Drive) {
    this.#setup = setup;
    this.#receive = (bytes) => setup.session.vm.receive(bytes);
  }

  async run(): Promise<Outcome> {
    const { session, output, interruptions, limit } = this.#setup;
    let flushed = performance.now();
    for (;;) {
      const saved = this.#look();
      if (saved !== undefined) return { kind: 'saved', message: saved };
      const running = this.#running();
      if (running.length === 0) return this.#over({ kind: 'limit' });
      if (interruptions.first) return { kind: 'interrupted', by: interruptions.first };
      if (output.closed) return { kind: 'interrupted', by: OUTPUT_CLOSED };
      const left = limit - Math.max(...running.map(({ instructions }) => instructions));
      if (left <= 0) return this.#over({ kind: 'limit' });
      if (this.#offer() > 0) this.#lastNews = session.computer.now;
      const end = this.#runSlice(Math.min(SLICE, left, this.#untilDue()));
      if (this.#running().length < running.length) continue;
      if (end === 'stopped') throw new Error('the guest stands still, and nobody has asked it to');
      if (end === 'idle') {
        const ending = await this.#wait();
        if (ending) return this.#over({ kind: 'ended', ending });
      }
      if (performance.now() - flushed < LATENCY) continue;
      await output.flush();
      await nextTurn();
      flushed = performance.now();
    }
  }

  /** Those that have not ended. */
  #running(): readonly VirtualMachine[] {
    const { session, companions } = this.#setup;
    const all = companions.length === 0 ? [session.vm] : [session.vm, ...companions.map(({ vm }) => vm)];
    return all.filter(({ ending }) => ending === undefined);
  }

  /** How the first VM ended counts, whatever became of those beside it. */
  #over(otherwise: Outcome): Outcome {
    const { ending } = this.#setup.session.vm;
    return ending ? { kind: 'ended', ending } : otherwise;
  }

  #look(): string | undefined {
    for (const plan of this.#setup.plans) {
      const saved = plan.look();
      if (saved !== undefined) return saved;
    }
    return undefined;
  }

  /** Instructions of the first VM until a plan wants to be looked at. */
  #untilDue(): number {
    const { session, plans } = this.#setup;
    if (session.vm.ending) return Infinity;
    return Math.min(...plans.map(({ due }) => due)) - session.vm.instructions;
  }

  /** Types what is there into each VM. @returns bytes they took */
  #offer(): number {
    const { input, session, companions } = this.#setup;
    let taken = session.vm.ending ? 0 : input.offer(this.#receive);
    for (const { vm, input: own } of companions) {
      if (own !== undefined && vm.ending === undefined) taken += own.offer((bytes) => vm.receive(bytes));
    }
    return taken;
  }

  #runSlice(budget: number): SliceEnd {
    const { drainTrace, session } = this.#setup;
    const { computer, vm } = session;
    if (drainTrace === undefined) return computer.runSlice(budget);
    for (let left = budget; left > 0; left -= TRACE_SLICE) {
      const end = computer.runSlice(Math.min(left, TRACE_SLICE));
      drainTrace();
      if (end !== 'budget' || session.vm !== vm) return end;
    }
    return 'budget';
  }

  /** All guests wait. @returns the ending of one that can never go on */
  async #wait(): Promise<Ending | undefined> {
    const { input, session } = this.#setup;
    const { computer } = session;
    if (this.#offer() > 0) return undefined;
    const until = computer.idleUntil();
    if (until === undefined) return undefined;
    const listening = session.vm.ending === undefined && !input.ended;
    // Bytes that the guest has left lying will not wake it either.
    if (until === Infinity && (!listening || (!input.interactive && input.pending > 0))) return asleep();
    if (input.interactive) await this.#waitInStep(until);
    else if (until === Infinity) await this.#sleep(MILLISECONDS_LIMIT);
    else if (!listening || until - this.#silentSince() < SILENT_LIMIT) computer.skipTo(until);
    else await this.#waitInStep(until);
    return undefined;
  }

  #silentSince(): number {
    const { computer, vm } = this.#setup.session;
    if (vm.console.count !== this.#printed) {
      this.#printed = vm.console.count;
      this.#lastNews = computer.now;
    }
    return this.#lastNews;
  }

  /** Lets time pass as it passes for the person who watches. */
  async #waitInStep(until: number): Promise<void> {
    const { computer } = this.#setup.session;
    const started = performance.now();
    const from = computer.now;
    const sleep = until === Infinity ? MILLISECONDS_LIMIT : this.#pace.sleep(started, from, until);
    const due = await this.#sleep(Math.min(sleep, MILLISECONDS_LIMIT));
    const passed = Math.floor((performance.now() - started) * TICKS_PER_MILLISECOND);
    computer.skipTo(due && sleep < MILLISECONDS_LIMIT ? until : Math.min(until, from + passed));
  }

  /**
   * Sleeps until there is input or an interruption.
   * @param milliseconds at most
   * @returns whether all of the time has passed
   */
  async #sleep(milliseconds: number): Promise<boolean> {
    const { input, output, interruptions } = this.#setup;
    await output.flush();
    if (interruptions.first || output.closed) return false;
    if (milliseconds <= 0) return true;
    return new Promise((resolve) => {
      const timer = setTimeout(() => wake(true), milliseconds);
      const wake = (due: boolean) => {
        clearTimeout(timer);
        interruptions.onArrival(undefined);
        resolve(due);
      };
      interruptions.onArrival(() => wake(false));
      if (input.ended) return;
      input.onNews(() => wake(false));
    });
  }
}
