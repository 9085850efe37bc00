// A machine to test on, fast or held on the reference path, and short ways to load programs and look at the result.

import fc from 'fast-check';
import { nodeHost } from '../../cli/node-host.ts';
import { assembled } from '../isa/assembly/assembled.test-support.ts';
import type { Assembled } from '../isa/assembly/assemble.ts';
import type { StoredCsrName } from '../isa/csr-stored.ts';
import type { Hart } from './hart.ts';
import type { Privilege } from './hart-state.ts';
import { Leave } from './interpreter.ts';
import { HART_BLOCK_WORDS, PAGE_SIZE, RAM_BASE, Word } from './layout.ts';
import type { Host } from './linear-memory.ts';
import { Machine, type MachineOptions } from './machine.ts';

/** A fast interpreter that leaves every instruction to the rows: the same machine, held on the reference path. */
export const referenceHost: Host = { ...nodeHost, compile: () => ({ run: () => Leave.slow }) };

/** A host that compiles at once what others compile in the background. */
export const immediateHost: Host = {
  ...nodeHost,
  compileInBackground(module, imports, done) {
    nodeHost.compile(module, imports);
    done();
  },
};

/** Everything is translated at the first arrival. */
export const translating = { host: immediateHost, hotAfter: 1 };

export class TestMachine extends Machine {
  readonly #transmitted: readonly number[];

  constructor(options: Partial<MachineOptions> = {}) {
    const transmitted: number[] = [];
    super({
      host: nodeHost,
      harts: 1,
      ramBytes: 1 << 20,
      epochNanoseconds: { high: 0, low: 0 },
      transmit: (byte) => transmitted.push(byte),
      ...options,
    });
    this.#transmitted = transmitted;
  }

  /** What the guest wrote to the serial port. */
  get console(): string {
    return this.#transmitted.map((byte) => String.fromCharCode(byte)).join('');
  }

  get hart(): Hart {
    const [first] = this.harts;
    if (first === undefined) throw new Error('expected a machine with a hart');
    return first;
  }

  get state() {
    return this.hart.state;
  }

  /** Stores words at a physical address. */
  poke(physical: number, ...words: readonly number[]): void {
    const bytes = new Uint8Array(words.length * 4);
    const view = new DataView(bytes.buffer);
    words.forEach((word, index) => view.setUint32(4 * index, word >>> 0, true));
    this.ram.write(physical, bytes);
  }

  /** The word at a physical address, unsigned. */
  peek(physical: number): number {
    return new DataView(this.ram.view(physical, 4).slice().buffer).getUint32(0, true);
  }

  /** Loads an assembled program and points every hart at its entry, in M-mode. */
  load(source: string | Assembled): Assembled {
    const program = typeof source === 'string' ? assembled(source) : source;
    for (const { address, bytes, memorySize } of program.segments) {
      if (memorySize > 0) this.ram.zero(address, memorySize);
      this.ram.write(address, bytes);
    }
    for (const { state } of this.harts) state.pc = program.entry;
    return program;
  }

  /** Puts the first hart into a mode. */
  enter(privilege: Privilege, virtual: boolean, pc: number): void {
    this.state.privilege = privilege;
    this.state.virtual = virtual;
    this.state.pc = pc;
    this.state.waiting = false;
    this.hart.changed('translation');
  }

  /** Sets CSRs as their owner would, and lets everything that depends on them follow. */
  setCsrs(values: Partial<Readonly<Record<StoredCsrName, number>>>): void {
    for (const [name, value] of Object.entries(values)) this.state.set(name as StoredCsrName, value >>> 0);
    this.hart.changed('translation');
    this.hart.changed('timer');
    this.hart.access.translations.flush();
  }

  /** Power-on with RAM cleared. */
  clear(): void {
    this.reset();
    this.ram.zero(RAM_BASE, this.ram.size);
  }

  /** Everything a program can tell apart: the words of a hart's block and RAM. */
  image(hart = 0): readonly number[] {
    const first = (this.layout.hartBase + hart * PAGE_SIZE) >> 2;
    const words = [...this.memory.words.subarray(first, first + HART_BLOCK_WORDS)];
    for (const index of [Word.sink, Word.budget, Word.translations, Word.executed, Word.executed + 1]) words[index] = 0;
    return words;
  }
}

/** Values at which arithmetic changes its behaviour, and values in between. */
export const cornerWord: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(
    0,
    1,
    -1,
    2,
    -2,
    31,
    32,
    33,
    0x7fff_ffff,
    -0x8000_0000,
    -0x7fff_ffff,
    0x7ff,
    -0x800,
    0xff,
    0x8000,
    0xffff,
  ),
  fc.integer(),
);
