// The simulated physical computer: harts, RAM, a board, one clock. It runs until a stop and knows no hypervisor.
// Its time is the number of instructions executed, plus what was skipped while every hart waited: nothing else.

import { STCE, STIP, VSTIP } from '../isa/csr-bits.ts';
import type { FinisherOutcome } from '../devices/test-finisher.ts';
import type { Unsigned64 } from '../devices/unsigned64.ts';
import { Board, type Line, type BoardDevices, type MessageInterrupts } from './board.ts';
import { Hart, type HartObserver } from './hart.ts';
import { interpreterModule } from './interpreter.ts';
import { HART_BLOCK_BYTES, layoutOf, REGION_SLOTS, TRANSLATION_SET_BYTES, type Layout } from './layout.ts';
import { LinearMemory, type Host } from './linear-memory.ts';
import { PhysicalMemory } from './physical-memory.ts';
import { NO_QUIRKS, type Quirks } from './quirks.ts';
import { ramDma, secondStageWalk } from './ram-dma.ts';
import { Table, Translations } from './translations.ts';
import { HOT } from './translator/region-interface.ts';
import { Translator } from './translator/translator.ts';

/** The 10 MHz clock ticks once in this many instructions: the machine counts as one of 100 MHz, an instruction a cycle. */
export const INSTRUCTIONS_PER_TICK = 10;
/** Instructions a hart runs before the next one's turn, where there are several: all that a lock-holder is waited for. */
const HART_QUANTUM = 200;

const WORD = 2 ** 32;

export type MachineStop =
  | { readonly kind: 'budget' }
  /** A hart took a trap into a mode whose software is hosted outside. */
  | { readonly kind: 'trap'; readonly hart: Hart }
  | { readonly kind: 'breakpoint'; readonly hart: Hart }
  /** The hart takes the same trap for ever. */
  | { readonly kind: 'stuck'; readonly hart: Hart }
  /** All harts wait. `until`: the board time at which something happens by itself; Infinity: nothing will. */
  | { readonly kind: 'idle'; readonly until: number }
  | { readonly kind: 'finished'; readonly outcome: FinisherOutcome }
  /** `interrupt` was called. */
  | { readonly kind: 'interrupted' };

export interface MachineOptions {
  readonly host: Host;
  readonly harts: number;
  readonly ramBytes: number;
  /** Room for saved vCPUs behind the harts' blocks. */
  readonly savedVcpus?: number;
  /** The walker may set A and D bits itself. */
  readonly svadu?: boolean;
  /** Where it departs from the manual; whoever holds the object may change that at any time. Nowhere where absent. */
  readonly quirks?: Readonly<Quirks>;
  /** The harts have the H extension (default). */
  readonly hypervisorExtension?: boolean;
  /** A hart that is stuck stops the machine although others could go on. Default: only where there is no other. */
  readonly stopsWhenStuck?: boolean;
  /** Hot code is translated to WebAssembly (default). Nothing but speed depends on it. */
  readonly translator?: boolean;
  /** Arrivals after which an instruction is translated from (default: HOT). */
  readonly hotAfter?: number;
  readonly epochNanoseconds: Unsigned64;
  readonly transmit: (byte: number) => void;
  /** What is on its board besides the usual. */
  readonly devices?: BoardDevices;
  /** Its board has an IOMMU, behind which devices can be plugged in. */
  readonly iommu?: boolean;
  /** Its harts have IMSICs with so many guest interrupt files, and its wires end at an APLIC; otherwise it has a PLIC. */
  readonly messageInterrupts?: Pick<MessageInterrupts, 'guestFiles' | 'machineLevel'> | undefined;
  readonly observer?: HartObserver;
  readonly boardObserver?: {
    readonly interruptRaised?: (source: number, level: boolean) => void;
    readonly interruptClaimed?: (context: number, source: number) => void;
    readonly interruptCompleted?: (context: number, source: number) => void;
  };
}

export class Machine {
  readonly layout: Layout;
  readonly memory: LinearMemory;
  readonly ram: PhysicalMemory;
  readonly board: Board;
  /** Empty only while the board, whose clock they are, is being built. */
  readonly harts: readonly Hart[] = [];
  readonly svadu: boolean;
  readonly #stopsWhenStuck: boolean;
  readonly quirks: Readonly<Quirks>;
  /** Undefined where hot code is not translated. */
  readonly translator: Translator | undefined;
  /** Instructions of virtual time when the hart that runs now began to, and how many that one had executed then. */
  #settled = 0;
  #executedBefore = 0;
  /** The hart whose turn it is (−1: nobody's yet), and the instructions left of its turn. */
  #turn = -1;
  #turnLeft = 0;
  #running: Hart | undefined;
  #finished: FinisherOutcome | undefined;
  #interrupted = false;
  /** Board time at which a wire changes by itself. */
  #deadline = 0;

  constructor(options: MachineOptions) {
    const { host } = options;
    this.svadu = options.svadu ?? false;
    this.#stopsWhenStuck = options.stopsWhenStuck ?? options.harts === 1;
    this.quirks = options.quirks ?? NO_QUIRKS;
    this.layout = layoutOf(options.harts, options.ramBytes, options.savedVcpus);
    this.memory = new LinearMemory(host.allocate(this.layout.totalBytes));
    const translations = Array.from(
      { length: options.harts },
      (_, hart) =>
        new Translations(
          this.memory,
          this.layout.translationBase + hart * this.layout.setsPerHart * TRANSLATION_SET_BYTES,
          this.layout.setsPerHart,
        ),
    );
    this.ram = new PhysicalMemory(this.memory, this.layout, {
      purgeWrites: () => translations.forEach((each) => each.forgetTable(Table.write)),
      purgeCode: () => {
        this.translator?.dropAll();
        translations.forEach((each) => each.forgetTable(Table.fetch));
      },
      codeStored: (page, offset, length) => this.translator?.forget(page, offset, length),
      purgeFetches: () => translations.forEach((each) => each.forgetTable(Table.fetch)),
      codeRetired: (page) => this.translator?.retire(page),
    });
    const translator = options.translator ?? true;
    const modules = translations.map((_, id) =>
      interpreterModule({
        hartBase: this.layout.hartBase + id * HART_BLOCK_BYTES,
        jumpBase: this.layout.jumpBase,
        hotAfter: translator ? (options.hotAfter ?? HOT) : 0,
      }),
    );
    let interpreters: readonly (() => number)[] = [];
    const renewTable = () => {
      const imports = { memory: this.memory.handle, regions: host.table(REGION_SLOTS) };
      interpreters = modules.map((module) => {
        const { run } = host.compile(module, imports);
        if (run === undefined) throw new Error('the host compiled the interpreter but exports no run');
        return run;
      });
      interpreters.forEach((run, id) => this.harts[id]?.replaceInterpreter(run));
      return imports;
    };
    if (translator) {
      this.translator = new Translator({
        host,
        memory: this.memory,
        layout: this.layout,
        code: this.ram.code,
        renewTable,
      });
    } else renewTable();
    this.board = new Board({
      harts: options.harts,
      clock: () => this.now,
      drive: (hart, line, level) => this.#drive(hart, line, level),
      timeWritten: () => this.#timersChanged(),
      transmit: options.transmit,
      finish: (outcome) => this.#finish(outcome),
      epochNanoseconds: options.epochNanoseconds,
      memory: ramDma(this.ram),
      ...(options.devices && { devices: options.devices }),
      ...(options.iommu === true && { walkSecondStage: secondStageWalk(this.ram) }),
      ...(options.messageInterrupts && {
        messageInterrupts: {
          ...options.messageInterrupts,
          guestExternal: (hart) => this.harts[hart]?.guestExternalChanged(),
        },
      }),
      ...options.boardObserver,
    });
    this.harts = translations.map((each, id) => {
      const base = this.layout.hartBase + id * HART_BLOCK_BYTES;
      const runFast = interpreters[id];
      if (runFast === undefined) throw new Error('expected an interpreter for each hart');
      return new Hart(
        {
          id,
          ram: this.ram,
          devices: this.board.bus,
          translations: each,
          svadu: this.svadu,
          quirks: this.quirks,
          hypervisorExtension: options.hypervisorExtension ?? true,
          interruptFiles: this.board.interruptFiles(id),
          time: () => this.board.time(),
          timersChanged: () => this.#timersChanged(),
          runFast,
          hot: (pc) => this.translator?.request(each, pc),
          observer: options.observer ?? {},
        },
        this.memory,
        base,
      );
    });
    this.reset();
  }

  /** Power-on: harts and devices; RAM keeps its contents, as on QEMU. Time goes on. */
  reset(): void {
    this.#finished = undefined;
    this.#turn = -1;
    this.#turnLeft = 0;
    for (const hart of this.harts) {
      const { executed } = hart;
      hart.reset();
      hart.state.executed = executed;
    }
    this.board.reset();
    this.#timersChanged();
  }

  /** Instructions of virtual time: executed by all harts, and skipped while all waited. */
  get elapsed(): number {
    const running = this.#running;
    return running === undefined ? this.#settled : this.#settled + running.executed - this.#executedBefore;
  }

  /** Board clock in ticks. */
  get now(): number {
    return Math.floor(this.elapsed / INSTRUCTIONS_PER_TICK);
  }

  /** Runs until a stop, for at most `budget` instructions of all harts together. */
  run(budget: number): MachineStop {
    const end = this.elapsed + budget;
    for (;;) {
      const { elapsed } = this;
      if (elapsed >= this.#deadline * INSTRUCTIONS_PER_TICK) this.#updateTimers();
      if (this.#finished) return { kind: 'finished', outcome: this.#takeFinished() };
      if (this.#interrupted) {
        this.#interrupted = false;
        return { kind: 'interrupted' };
      }
      const left = end - elapsed;
      if (left <= 0) return { kind: 'budget' };
      const hart = this.#nextHart();
      if (hart === undefined) return { kind: 'idle', until: this.#deadline };
      this.#giveTurn(hart);
      const untilDeadline = this.#deadline * INSTRUCTIONS_PER_TICK - elapsed;
      this.#executedBefore = hart.executed;
      this.#running = hart;
      const stop = hart.run(Math.max(1, Math.min(left, this.#turnLeft, untilDeadline, 0x7fff_ffff)));
      this.#running = undefined;
      const executed = hart.executed - this.#executedBefore;
      this.#settled += executed;
      this.#turnLeft -= executed;
      if (stop === 'trap') return { kind: 'trap', hart };
      if (stop === 'breakpoint') return { kind: 'breakpoint', hart };
      if (stop === 'waiting' || stop === 'stuck') this.#turnLeft = 0;
      if (stop === 'stuck' && this.#stopsWhenStuck) return { kind: 'stuck', hart };
    }
  }

  /** While all harts wait: the board time in ticks at which something happens by itself (Infinity: nothing will). Otherwise undefined. */
  idleUntil(): number | undefined {
    if (this.now >= this.#deadline) this.#updateTimers();
    return this.#nextHart() === undefined ? this.#deadline : undefined;
  }

  /** Moves time forward while all harts wait, to `until` (ticks) at most: what is due by then happens. */
  skipTo(until: number): void {
    this.#settled += Math.max(0, until * INSTRUCTIONS_PER_TICK - this.elapsed);
    this.#updateTimers();
  }

  /**
   * The instruction executed last has only trapped to whoever stands outside, and will be executed again: it takes no time
   * this time. Between two runs only.
   */
  takeBack(): void {
    this.#settled--;
  }

  /** Makes `run` return soon, between two instructions. */
  interrupt(): void {
    this.#interrupted = true;
    this.#running?.requestYield();
  }

  /** The next hart that can execute. Looking may be repeated: it changes nothing. */
  #nextHart(): Hart | undefined {
    const { length } = this.harts;
    const first = this.#turnLeft > 0 ? this.#turn : this.#turn + 1;
    for (let step = 0; step < length; step++) {
      const hart = this.harts[(first + step) % length];
      if (hart === undefined || hart.state.stopped) continue;
      if (!hart.state.waiting || (hart.state.pending & hart.state.csrs.mie) !== 0) return hart;
    }
    return undefined;
  }

  /**
   * Gives a hart its turn. Turns are counted in instructions of the hart alone, so that how the harts take turns does not
   * depend on how the caller cuts time into budgets.
   */
  #giveTurn(hart: Hart): void {
    if (hart.id === this.#turn && this.#turnLeft > 0) return;
    const last = this.harts[this.#turn];
    // Others may store meanwhile: what the last hart had reserved is lost.
    if (last !== undefined && last !== hart) last.state.reservation = 0;
    this.#turn = hart.id;
    this.#turnLeft = this.harts.length === 1 ? Infinity : HART_QUANTUM;
  }

  #drive(hart: number, line: Line, level: boolean): void {
    this.harts[hart]?.setLines(line, level ? line : 0);
  }

  #finish(outcome: FinisherOutcome): void {
    this.#finished = outcome;
    this.#running?.requestYield();
  }

  #takeFinished(): FinisherOutcome {
    const outcome = this.#finished ?? { kind: 'pass' };
    this.#finished = undefined;
    return outcome;
  }

  /** A compare register changed: look at the wires now, and let the running hart's grant be measured anew. */
  #timersChanged(): void {
    this.#updateTimers();
    this.#running?.requestYield();
  }

  /** Drives every wire that depends on time, and finds out when the next one will change. */
  #updateTimers(): void {
    this.board.elapse();
    let next = this.board.deadline();
    const clock = this.now;
    const time = this.board.time();
    const timeHigh = Math.floor(time / WORD) >>> 0;
    const timeLow = time >>> 0;
    for (const hart of this.harts) {
      const { csrs } = hart.state;
      let lines = 0;
      if ((csrs.menvcfgh & STCE) !== 0) {
        const compare = csrs.stimecmph * WORD + csrs.stimecmp;
        if (time >= compare) lines |= STIP;
        else next = Math.min(next, clock + compare - time);
        if ((csrs.henvcfghWritten & STCE) !== 0) {
          // Guest time is a sum modulo 2^64, in two words.
          const low = timeLow + csrs.htimedelta;
          const guestLow = low >>> 0;
          const guestHigh = (timeHigh + csrs.htimedeltah + (low >= WORD ? 1 : 0)) >>> 0;
          const compareHigh = csrs.vstimecmph;
          const compareLow = csrs.vstimecmp;
          const due = guestHigh === compareHigh ? guestLow >= compareLow : guestHigh > compareHigh;
          if (due) lines |= VSTIP;
          // What comes next: the compare value is reached, or guest time wraps around and is below it again.
          const wait = due
            ? (WORD - guestHigh) * WORD - guestLow
            : (compareHigh - guestHigh) * WORD + (compareLow - guestLow);
          next = Math.min(next, clock + wait);
        }
      }
      hart.setLines(STIP | VSTIP, lines);
    }
    this.#deadline = next;
  }
}
