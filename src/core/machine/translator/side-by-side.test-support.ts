// One program on several machines side by side: by the rows, on the fast interpreter alone, and translated in several ways —
// at once, late, on a compiler that answers when the test lets it. Time is cut into budgets differently on each, and at
// common instruction counts all must be in the same state: every hart's whole block, and RAM.

import { expect } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import type { Assembled } from '../../isa/assembly/assemble.ts';
import { RAM_BASE } from '../layout.ts';
import type { Host } from '../linear-memory.ts';
import { INSTRUCTIONS_PER_TICK, type MachineOptions, type MachineStop } from '../machine.ts';
import { immediateHost, referenceHost, TestMachine } from '../test-machine.test-support.ts';

/** A compiler that answers when it is asked to: what was translated may have changed meanwhile. */
interface LateCompiler {
  readonly host: Host;
  /** Lets it finish what it has; what that sets off is left for the next time. */
  readonly answer: () => void;
}

function lateCompiler(): LateCompiler {
  const due: (() => void)[] = [];
  return {
    host: {
      ...nodeHost,
      compileInBackground(module, imports, done) {
        due.push(() => {
          nodeHost.compile(module, imports);
          done();
        });
      },
    },
    answer() {
      for (const each of due.splice(0)) each();
    },
  };
}

/** One way to run a program. */
export interface Way {
  readonly name: string;
  readonly options: Partial<MachineOptions>;
  /** Budgets that its time is cut into, one after the other and again. */
  readonly pieces: readonly number[];
  /** The compiler answers after this many runs of the machine; absent: at once. */
  readonly answersAfter?: number;
}

export const byRows: Way = { name: 'rows', options: { host: referenceHost }, pieces: [1_000_000] };
export const interpreted: Way = { name: 'interpreter', options: { translator: false }, pieces: [1_000_000] };

/**
 * The ways that programs are compared in, unless a test says otherwise. What is translated at the first arrival consists of
 * little more than was executed by then; later, regions are large.
 */
export const ways: readonly Way[] = [
  byRows,
  interpreted,
  { name: 'translated after 1', options: { host: immediateHost, hotAfter: 1 }, pieces: [97, 1009, 13, 401] },
  { name: 'translated after 2', options: { hotAfter: 2 }, pieces: [31, 2, 499, 61], answersAfter: 3 },
  { name: 'translated after 7', options: { host: immediateHost, hotAfter: 7 }, pieces: [1_000_000] },
  { name: 'translated after 30', options: { hotAfter: 30 }, pieces: [211, 1, 1777], answersAfter: 4 },
];

/** One machine of those that stand side by side. */
export class Runner {
  readonly way: Way;
  readonly machine: TestMachine;
  readonly #compiler: LateCompiler | undefined;
  #runs = 0;
  #piece = 0;

  constructor(way: Way, options: Partial<MachineOptions>) {
    this.way = way;
    this.#compiler = way.answersAfter === undefined ? undefined : lateCompiler();
    this.machine = new TestMachine({
      ...options,
      ...way.options,
      ...(this.#compiler && { host: this.#compiler.host }),
    });
  }

  /** Runs up to an instruction count, skipping time in which everything waits. @returns what it came back with last */
  runTo(total: number): MachineStop {
    const { machine, way } = this;
    for (;;) {
      const left = total - machine.elapsed;
      if (left <= 0) return { kind: 'budget' };
      const piece = way.pieces[this.#piece++ % way.pieces.length] ?? 1;
      const stop = machine.run(Math.min(piece, left));
      if (++this.#runs % (way.answersAfter ?? 1) === 0) this.#compiler?.answer();
      if (stop.kind === 'budget') continue;
      if (stop.kind !== 'idle') return stop;
      if (stop.until * INSTRUCTIONS_PER_TICK > total) return stop;
      machine.skipTo(stop.until);
    }
  }
}

export interface SideBySide {
  readonly machine?: Partial<MachineOptions>;
  /** Instruction counts at which the machines must agree; the last is the end. */
  readonly at?: readonly number[];
  readonly ways?: readonly Way[];
  /** Loads the program and puts the harts in their places; absent: in M-mode, at the entry. */
  readonly setUp?: (machine: TestMachine, program: Assembled) => void;
  /** Something done to every machine where they agree, from outside. */
  readonly between?: (machine: TestMachine, program: Assembled) => void;
}

/** Runs a program in every way and compares. @returns the machines, that of the rows first */
export function sideBySide(source: string | Assembled, options: SideBySide = {}): readonly Runner[] {
  const program = typeof source === 'string' ? assembled(source) : source;
  const runners = (options.ways ?? ways).map((way) => new Runner(way, options.machine ?? {}));
  for (const { machine } of runners) {
    if (options.setUp) options.setUp(machine, program);
    else machine.load(program);
  }
  for (const total of options.at ?? [10_000]) {
    const stops = runners.map((runner) => runner.runTo(total));
    stops.forEach((stop, index) =>
      expect(stop.kind, `${runners[index]?.way.name} until ${total}`).toBe(stops[0]?.kind),
    );
    expectAgreement(runners, `at ${total}`);
    if (options.between) for (const { machine } of runners) options.between(machine, program);
  }
  return runners;
}

/** Compares every machine with the first. @param when for the message of a failure */
export function expectAgreement(runners: readonly Runner[], when: string): void {
  const [first, ...others] = runners;
  if (first === undefined) throw new Error('expected machines to compare');
  for (const { machine, way } of others) {
    const name = `${way.name}, ${when}`;
    expect(machine.elapsed, `${name}: instructions`).toBe(first.machine.elapsed);
    machine.harts.forEach((_, hart) => {
      expect(machine.image(hart), `${name}: hart ${hart}`).toEqual(first.machine.image(hart));
    });
    const difference = firstDifference(first.machine, machine);
    expect(difference, `${name}: first word of RAM that differs`).toBeUndefined();
  }
}

function firstDifference(expected: TestMachine, found: TestMachine): string | undefined {
  const a = expected.ram.view(RAM_BASE, expected.ram.size);
  const b = found.ram.view(RAM_BASE, found.ram.size);
  if (Buffer.compare(a, b) === 0) return undefined;
  const at = RAM_BASE + (a.findIndex((byte, index) => byte !== b[index]) & ~3);
  return `0x${at.toString(16)}: expected 0x${expected.peek(at).toString(16)}, found 0x${found.peek(at).toString(16)}`;
}

/** Regions that the translating machines among them have made. */
export const translatedBy = (runners: readonly Runner[]): number =>
  runners.reduce((sum, { machine }) => sum + (machine.translator?.counts.translated ?? 0), 0);
