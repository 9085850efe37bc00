// The platform-level interrupt controller: collects the devices' lines and offers each context the most urgent one, in SiFive's
// layout as on QEMU's `virt` board (RISC-V PLIC specification 1.0.0; hw/intc/sifive_plic.c).
//
//   line → pending ∧ ¬claimed ∧ enabled(context) ∧ priority > threshold(context) → interrupt(context) → claim → complete
//
//   0x000000 + 4 s        priority of source s            0x002000 + 0x80 c      enable bits of context c
//   0x001000              pending bits                    0x200000 + 0x1000 c    threshold; + 4 claim and complete

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, DeviceState, InterruptLine, RegisterRow, RegisterValue } from './device.ts';
import { adoptState, BITS, copyState, count, list, type FieldsOf } from './device-state.ts';
import { nodeName, registerWindow } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';

const PENDING = 0x1000;
const ENABLE = 0x2000;
const ENABLE_STRIDE = 0x80;
const CONTEXT = 0x200000;
const CONTEXT_STRIDE = 0x1000;
/** Three bits of priority. */
const PRIORITY_MASK = 7;

/** Local interrupt numbers in `mip` (privileged architecture, section 3.1.9). */
const MACHINE_EXTERNAL_INTERRUPT = 11;
const SUPERVISOR_EXTERNAL_INTERRUPT = 9;

export interface PlicPorts {
  /** In the order of the `virt` board: hart 0 M, hart 0 S, hart 1 M, … */
  readonly contexts: number;
  /** Sources including number 0, which stands for none: 96 on the `virt` board. */
  readonly sources: number;
  /** A context's external interrupt; called when it changes, on reset and on restore. */
  readonly interrupt: (context: number, level: boolean) => void;
  /** The line of a source made it pending (true), or fell (false). */
  readonly raised?: (source: number, level: boolean) => void;
  readonly claimed?: (context: number, source: number) => void;
  readonly completed?: (context: number, source: number) => void;
}

type PlicState = {
  /** Indexed by source. */
  priority: number[];
  /** The levels last driven. */
  lines: number[];
  pending: number[];
  claimed: number[];
  /** Words of context 0, then of context 1, … */
  enable: number[];
  threshold: number[];
  /** The level last driven at each context's output. */
  output: number[];
};

export class Plic implements DescribedDevice {
  readonly name = 'plic';
  readonly provides = 'interrupt-controller';
  readonly size = 0x600000;
  readonly registers: readonly RegisterRow[];
  readonly #ports: PlicPorts;
  readonly #words: number;
  #state: PlicState;

  constructor(ports: PlicPorts) {
    this.#ports = ports;
    this.#words = Math.ceil(ports.sources / 32);
    this.#state = this.#afterReset();
    this.registers = registerRows(ports, this.#words);
  }

  /**
   * The wire of a source, 1 to sources - 1. A high level makes the source pending; pending stays when the level falls, as the
   * specification says of a request that was accepted (chapter 4). As on QEMU, each drive of a high level counts, also while the
   * source is claimed, and completion alone does not look at the wire again: a device that still asks drives its line again.
   */
  line(source: number): InterruptLine {
    if (!Number.isInteger(source) || source < 1 || source >= this.#ports.sources) {
      throw new Error(
        `The interrupt controller has sources 1 to ${this.#ports.sources - 1}; there is no source ${source}.`,
      );
    }
    return (level) => {
      const { lines, pending } = this.#state;
      const falls = hasBit(lines, source) && !level;
      setBit(lines, source, level);
      if (falls) this.#ports.raised?.(source, false);
      if (!level || hasBit(pending, source)) return;
      setBit(pending, source, true);
      this.#ports.raised?.(source, true);
      this.#update();
    };
  }

  read(offset: number, width: AccessWidth): number {
    if (width !== 4 || offset < 0 || offset >= this.size || offset % 4 !== 0) return BUS_ERROR;
    const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
    if (offset === CONTEXT + context * CONTEXT_STRIDE + 4 && context >= 0 && context < this.#ports.contexts) {
      return this.#claim(context);
    }
    return this.#look(offset);
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset < 0 || offset >= this.size || offset % 4 !== 0) return false;
    const state = this.#state;
    if (offset < PENDING) {
      const source = offset / 4;
      if (source >= 1 && source <= this.#ports.sources) state.priority[source] = value & PRIORITY_MASK;
    } else if (offset >= ENABLE && offset < ENABLE + this.#ports.contexts * ENABLE_STRIDE) {
      const word = ((offset - ENABLE) % ENABLE_STRIDE) / 4;
      const context = Math.floor((offset - ENABLE) / ENABLE_STRIDE);
      if (word < this.#words) state.enable[context * this.#words + word] = value >>> 0;
    } else if (offset >= CONTEXT && offset < CONTEXT + this.#ports.contexts * CONTEXT_STRIDE) {
      const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
      const register = (offset - CONTEXT) % CONTEXT_STRIDE;
      if (register === 0) state.threshold[context] = value & PRIORITY_MASK;
      if (register === 4) this.#complete(context, value >>> 0);
    }
    this.#update();
    return true;
  }

  reset(): void {
    this.#state = this.#afterReset();
    this.#driveOutputs();
  }

  inspect(): readonly RegisterValue[] {
    return this.registers.map((row) => ({ row, value: this.#look(row.offset) }));
  }

  snapshot(): DeviceState {
    return copyState(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = adoptState(this.name, this.#fields, state);
    this.#driveOutputs();
  }

  describe(mount: DeviceMount): DeviceDescription {
    return {
      node: {
        name: nodeName(this.name, mount.base),
        properties: {
          ...(mount.phandle === undefined ? {} : { phandle: [mount.phandle] }),
          'riscv,ndev': [this.#ports.sources],
          reg: registerWindow(mount.base, this.size),
          'interrupts-extended': mount.hartInterruptControllers.flatMap((phandle) => [
            phandle,
            MACHINE_EXTERNAL_INTERRUPT,
            phandle,
            SUPERVISOR_EXTERNAL_INTERRUPT,
          ]),
          'interrupt-controller': true,
          compatible: ['sifive,plic-1.0.0', 'riscv,plic0'],
          '#address-cells': [0],
          '#interrupt-cells': [1],
        },
        children: [],
      },
    };
  }

  get #fields(): FieldsOf<PlicState> {
    const { contexts, sources } = this.#ports;
    const bits = list(BITS, this.#words);
    return {
      priority: list(count(PRIORITY_MASK), sources + 1),
      lines: bits,
      pending: bits,
      claimed: bits,
      enable: list(BITS, contexts * this.#words),
      threshold: list(count(PRIORITY_MASK), contexts),
      output: list(count(1), contexts),
    };
  }

  #afterReset(): PlicState {
    const { contexts, sources } = this.#ports;
    const zeros = (length: number): number[] => new Array<number>(length).fill(0);
    return {
      priority: zeros(sources + 1),
      lines: zeros(this.#words),
      pending: zeros(this.#words),
      claimed: zeros(this.#words),
      enable: zeros(contexts * this.#words),
      threshold: zeros(contexts),
      output: zeros(contexts),
    };
  }

  /** Every register without side effect; the claim register shows what a claim would return. Unused offsets are zero. */
  #look(offset: number): number {
    const state = this.#state;
    if (offset < PENDING) return state.priority[offset / 4] ?? 0;
    if (offset < ENABLE) return (state.pending[(offset - PENDING) / 4] ?? 0) >>> 0;
    if (offset < CONTEXT) {
      const word = ((offset - ENABLE) % ENABLE_STRIDE) / 4;
      const context = Math.floor((offset - ENABLE) / ENABLE_STRIDE);
      return word < this.#words ? (state.enable[context * this.#words + word] ?? 0) >>> 0 : 0;
    }
    const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
    const register = (offset - CONTEXT) % CONTEXT_STRIDE;
    if (register === 0) return state.threshold[context] ?? 0;
    return register === 4 && context < this.#ports.contexts ? this.#best(context) : 0;
  }

  /** The highest priority above the threshold; among equals the lowest number wins (PLIC specification, chapter 5). 0 if none. */
  #best(context: number): number {
    const state = this.#state;
    let best = 0;
    let bestPriority = state.threshold[context] ?? 0;
    for (let word = 0; word < this.#words; word += 1) {
      const unclaimed = (state.pending[word] ?? 0) & ~(state.claimed[word] ?? 0);
      let candidates = unclaimed & (state.enable[context * this.#words + word] ?? 0);
      while (candidates !== 0) {
        const bit = 31 - Math.clz32(candidates & -candidates);
        candidates &= candidates - 1;
        const source = 32 * word + bit;
        const priority = state.priority[source] ?? 0;
        if (priority > bestPriority) {
          best = source;
          bestPriority = priority;
        }
      }
    }
    return best;
  }

  #claim(context: number): number {
    const source = this.#best(context);
    if (source === 0) return 0;
    setBit(this.#state.pending, source, false);
    setBit(this.#state.claimed, source, true);
    this.#ports.claimed?.(context, source);
    this.#update();
    return source;
  }

  /** As on QEMU, any context may complete any claimed source; of a source that nobody claimed nothing happens. */
  #complete(context: number, source: number): void {
    if (source >= this.#ports.sources || !hasBit(this.#state.claimed, source)) return;
    setBit(this.#state.claimed, source, false);
    this.#ports.completed?.(context, source);
  }

  #update(): void {
    const { output } = this.#state;
    for (let context = 0; context < this.#ports.contexts; context += 1) {
      const level = this.#best(context) !== 0 ? 1 : 0;
      if (output[context] === level) continue;
      output[context] = level;
      this.#ports.interrupt(context, level === 1);
    }
  }

  #driveOutputs(): void {
    this.#state.output.forEach((level, context) => this.#ports.interrupt(context, level === 1));
  }
}

function hasBit(words: readonly number[], bit: number): boolean {
  return (((words[bit >> 5] ?? 0) >> (bit & 31)) & 1) !== 0;
}

function setBit(words: number[], bit: number, level: boolean): void {
  const word = words[bit >> 5] ?? 0;
  words[bit >> 5] = level ? word | (1 << (bit & 31)) : word & ~(1 << (bit & 31));
}

function registerRows(ports: PlicPorts, words: number): readonly RegisterRow[] {
  const rows: RegisterRow[] = [];
  const row = (name: string, offset: number, access: RegisterRow['access'], meaning: string): void => {
    rows.push({ name, offset, width: 4, access, meaning });
  };
  for (let source = 1; source < ports.sources; source += 1) {
    row(
      `PRIORITY${source}`,
      4 * source,
      'read-write',
      `Urgency of source ${source}: 0 never interrupts, 7 is highest.`,
    );
  }
  for (let word = 0; word < words; word += 1) {
    const range = `sources ${32 * word} to ${32 * word + 31}`;
    row(`PENDING${word}`, PENDING + 4 * word, 'read-only', `Which of ${range} are asking.`);
  }
  for (let context = 0; context < ports.contexts; context += 1) {
    const owner = `hart ${context >> 1} in ${context % 2 === 0 ? 'machine' : 'supervisor'} mode`;
    for (let word = 0; word < words; word += 1) {
      const offset = ENABLE + ENABLE_STRIDE * context + 4 * word;
      const range = `sources ${32 * word} to ${32 * word + 31}`;
      row(`ENABLE${context}.${word}`, offset, 'read-write', `Which of ${range} may interrupt ${owner}.`);
    }
    const base = CONTEXT + CONTEXT_STRIDE * context;
    row(`THRESHOLD${context}`, base, 'read-write', `Only sources above this priority interrupt ${owner}.`);
    row(
      `CLAIM${context}`,
      base + 4,
      'read-write',
      `Reading takes the most urgent source for ${owner}; writing it back completes it.`,
    );
  }
  return rows;
}
