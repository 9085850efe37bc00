// What bounds translated code: slots, decoded pages, losses. And what a person does to a machine while its code is hot.

import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import { RAM_BASE } from '../layout.ts';
import type { Host, SharedTable } from '../linear-memory.ts';
import { immediateHost, referenceHost, TestMachine } from '../test-machine.test-support.ts';
import { REGION_SLOTS } from '../layout.ts';

/** A host whose tables can be looked into, and whose compiler takes what has come together since it was asked last. */
function observedHost() {
  const tables: { get(slot: number): unknown }[] = [];
  const due: (() => void)[] = [];
  const host: Host = {
    ...nodeHost,
    compileInBackground(module, imports, done) {
      due.push(() => {
        nodeHost.compile(module, imports);
        done();
      });
    },
    table(slots) {
      const made = nodeHost.table(slots) as SharedTable & { get(slot: number): unknown };
      tables.push(made);
      return made;
    },
  };
  return {
    host,
    answer: (): void => {
      for (const each of due.splice(0)) each();
    },
    tables,
    /** Slots of the newest table that hold a function. */
    used: () =>
      Array.from({ length: REGION_SLOTS }, (_, slot) => tables.at(-1)?.get(slot)).filter((each) => each !== null)
        .length,
  };
}

/** Runs a machine on that host to an instruction count; the compiler answers every few thousand. */
function runTo(machine: TestMachine, total: number, answer: () => void): void {
  while (machine.elapsed < total) {
    machine.run(Math.min(5_000, total - machine.elapsed));
    answer();
  }
  for (let round = 0; round < 3; round++) answer(); // what the last answer set off
}

const countsOf = (machine: TestMachine) => {
  const { translator } = machine;
  if (translator === undefined) throw new Error('expected a machine that translates');
  return translator.counts;
};

test('more regions than slots: all go, and another table takes the place of the first', () => {
  const functions = REGION_SLOTS + 300;
  const made = (_: unknown, index: number) =>
    ` li t1, 3\n1: addi t1, t1, -1\n addi a0, a0, ${index & 1023}\n bnez t1, 1b\n ret`;
  const program = assembled(`
_start: la   s0, functions
        li   s1, ${functions}
2:      jalr ra, 0(s0)
        addi s0, s0, 20
        addi s1, s1, -1
        bnez s1, 2b
        addi s2, s2, 1
        j    _start
functions:
${Array.from({ length: functions }, made).join('\n')}
`);
  const end = 35 * functions;
  const reference = new TestMachine({ host: referenceHost });
  reference.load(program);
  reference.run(end);
  const { host, answer, used, tables } = observedHost();
  const machine = new TestMachine({ host, hotAfter: 2 });
  machine.load(program);
  runTo(machine, end, answer);
  expect(machine.image()).toEqual(reference.image());
  const counts = countsOf(machine);
  expect(counts.translated).toBeGreaterThan(REGION_SLOTS + 300);
  expect(counts.dropped).toBeGreaterThanOrEqual(REGION_SLOTS - 300);
  expect(counts.standing).toBeLessThanOrEqual(REGION_SLOTS);
  expect(counts.standing).toBeGreaterThan(0);
  expect(used()).toBe(counts.standing);
  expect(counts.translated - counts.dropped).toBe(counts.standing);
  expect(tables).toHaveLength(1 + Math.floor(counts.translated / REGION_SLOTS));
});

test('more pages with code than there are decoded pages: all goes, and comes again', () => {
  const first = RAM_BASE + 0x10000;
  const pages = 4300;
  const source = `
_start: li   s0, ${first}
        li   s1, ${pages}
        li   s2, 4096
1:      jalr ra, 0(s0)
        add  s0, s0, s2
        addi s1, s1, -1
        bnez s1, 1b
        addi s3, s3, 1
        j    _start
`;
  const end = 75_000;
  const machineOf = (host: Host) => {
    const machine = new TestMachine({ host, hotAfter: 2, ramBytes: 20 << 20 });
    machine.load(source);
    // li t1, 2; 1: addi t1, t1, -1; addi a0, a0, 1; bnez t1, 1b; ret
    for (let page = 0; page < pages; page++) {
      machine.poke(first + 4096 * page, 0x0020_0313, 0xfff3_0313, 0x0015_0513, 0xfe03_1ce3, 0x0000_8067);
    }
    return machine;
  };
  const reference = machineOf(referenceHost);
  reference.run(end);
  const { host, answer, used } = observedHost();
  const machine = machineOf(host);
  runTo(machine, end, answer);
  expect(machine.image()).toEqual(reference.image());
  expect(reference.state.x(19)).toBeGreaterThan(0);
  const counts = countsOf(machine);
  expect(counts.dropped).toBeGreaterThan(REGION_SLOTS);
  expect(used()).toBe(counts.standing);
});

test('what was compiled for a table that is gone does not come into the next', () => {
  const source = '_start: li t1, 9\n1: addi t1, t1, -1\n addi a0, a0, 1\n bnez t1, 1b\n j _start';
  const { host, answer, used, tables } = observedHost();
  const machine = new TestMachine({ host, hotAfter: 4 });
  machine.load(source);
  machine.run(200); // hot, and in the compiler's hands
  machine.translator?.dropAll();
  expect(tables).toHaveLength(2);
  answer();
  expect(used()).toBe(0);
  expect(countsOf(machine).standing).toBe(0);
  machine.run(200);
  answer();
  machine.run(200);
  expect(used()).toBe(countsOf(machine).standing);
  expect(used()).toBeGreaterThan(0);
  const reference = new TestMachine({ host: referenceHost });
  reference.load(source);
  reference.run(600);
  expect(machine.image()).toEqual(reference.image());
});

test('code that keeps changing is left to the interpreter in the end', () => {
  const source = `
_start: la   s0, patched
        li   s1, 0x00050513
1:      addi s2, s2, 1
        slli t2, s2, 21
        srli t2, t2, 1
        or   t2, t2, s1
        sw   t2, 0(s0)
        li   t1, 4
2:      addi t1, t1, -1
patched: addi a0, a0, 0
        bnez t1, 2b
        j    1b
`;
  const { host, answer, used } = observedHost();
  const machine = new TestMachine({ host, hotAfter: 2 });
  machine.load(source);
  for (let piece = 0; piece < 1_500; piece++) {
    machine.run(23);
    answer();
  }
  const counts = countsOf(machine);
  expect(counts.translated).toBeGreaterThan(100);
  expect(counts.translated).toBeLessThan(600);
  expect(used()).toBe(counts.standing);
  const reference = new TestMachine({ host: referenceHost });
  reference.load(source);
  reference.run(machine.elapsed);
  expect(machine.image()).toEqual(reference.image());
});

describe('a person at the machine', () => {
  const SOURCE = `
_start: la   s0, data
1:      li   t1, 5
2:      lw   t2, 0(s0)
        add  t2, t2, t1
        sw   t2, 0(s0)
        call leaf
        addi t1, t1, -1
        bnez t1, 2b
        j    1b
leaf:   addi a0, a0, 1
        ret
        .data
        .balign 4096
data:   .word 0
`;
  const hotMachine = () => {
    const machine = new TestMachine({ host: immediateHost, hotAfter: 2 });
    const program = machine.load(SOURCE);
    machine.run(1_000);
    expect(countsOf(machine).standing).toBeGreaterThan(0);
    const leaf = program.symbols.find(({ name }) => name === 'leaf')?.address ?? 0;
    return { machine, leaf };
  };

  test('sets a breakpoint in hot code, meets it each time, removes it', () => {
    const { machine, leaf } = hotMachine();
    const { hart } = machine;
    hart.setBreakpoints(new Set([leaf]));
    let calls = machine.state.x(10);
    for (let round = 0; round < 20; round++) {
      hart.passBreakpoint();
      expect(machine.run(10_000)).toMatchObject({ kind: 'breakpoint' });
      expect(machine.state.pc).toBe(leaf);
      if (round > 0) expect(machine.state.x(10)).toBe(++calls);
      calls = machine.state.x(10);
    }
    hart.setBreakpoints(new Set());
    const before = machine.state.x(10);
    expect(machine.run(10_000).kind).toBe('budget');
    expect(machine.state.x(10)).toBeGreaterThan(before + 900);
    const reference = new TestMachine({ host: referenceHost });
    reference.load(SOURCE);
    reference.run(machine.elapsed);
    expect(machine.image()).toEqual(reference.image());
  });

  test('steps through hot code one instruction at a time', () => {
    const { machine } = hotMachine();
    const reference = new TestMachine({ host: referenceHost });
    reference.load(SOURCE);
    reference.run(machine.elapsed);
    for (let step = 0; step < 300; step++) {
      machine.run(1);
      reference.run(1);
      expect(machine.state.pc).toBe(reference.state.pc);
    }
    expect(machine.image()).toEqual(reference.image());
    expect(machine.elapsed).toBe(reference.elapsed);
  });

  test('watches a word that hot code stores to', () => {
    const { machine } = hotMachine();
    const told: number[] = [];
    const data = RAM_BASE + 0x1000;
    machine.ram.watch(data, (physical) => told.push(physical));
    const before = machine.state.x(10);
    machine.run(900);
    machine.ram.unwatch(data);
    expect(Math.abs(told.length - (machine.state.x(10) - before))).toBeLessThanOrEqual(1);
    expect(told.every((physical) => physical === data)).toBe(true);
  });

  test('switches it off and on again', () => {
    const { machine } = hotMachine();
    machine.reset();
    const program = machine.load(SOURCE.replace('addi a0, a0, 1', 'addi a0, a0, 3'));
    expect(machine.state.pc).toBe(program.entry);
    const started = machine.elapsed;
    machine.run(3_000);
    const reference = new TestMachine({ host: referenceHost });
    reference.load(SOURCE);
    reference.run(started);
    reference.reset();
    reference.load(SOURCE.replace('addi a0, a0, 1', 'addi a0, a0, 3'));
    reference.run(3_000);
    expect(machine.image()).toEqual(reference.image());
  });
});
