// Several harts: turns, interrupts between them, reservations; and that nothing depends on how time is cut into budgets.

import { describe, expect, test } from 'vitest';
import { RAM_BASE } from './layout.ts';
import { referenceHost, TestMachine } from './test-machine.test-support.ts';

/** Each hart adds to one counter with LR/SC and to another with an AMO, then counts itself done. */
const COUNTING = `
_start: la   a0, shared
        li   a1, 1000
1:      lr.w t0, (a0)
        addi t0, t0, 1
        sc.w t1, t0, (a0)
        bnez t1, 1b
        addi a2, a0, 4
        li   t2, 1
        amoadd.w zero, t2, (a2)
        addi a1, a1, -1
        bnez a1, 1b
        addi a2, a0, 8
        amoadd.w zero, t2, (a2)
2:      wfi
        j 2b
        .data
shared: .word 0, 0, 0
`;

const RELAY = `
        .equ CLINT, 0x2000000
_start: la   t0, handler
        csrw mtvec, t0
        li   t0, 8
        csrw mie, t0                    # MSIE
        csrr s0, mhartid
        li   s1, 0
        bnez s0, sleep
        li   t0, CLINT                  # hart 0 begins: MSIP of hart 1
        li   t1, 1
        sw   t1, 4(t0)
sleep:  csrsi mstatus, 8
1:      wfi
        j 1b
        .balign 4
handler:
        li   t0, CLINT
        slli t1, s0, 2
        add  t0, t0, t1
        sw   zero, 0(t0)                # my own MSIP is done
        addi s1, s1, 1
        addi t2, s0, 1                  # the next hart's is set
        andi t2, t2, 3
        slli t2, t2, 2
        li   t0, CLINT
        add  t0, t0, t2
        li   t1, 1
        sw   t1, 0(t0)
        mret
`;

function stateOf(machine: TestMachine): unknown {
  const ram = Buffer.from(machine.ram.view(RAM_BASE, 0x4000)).toString('latin1');
  return { images: machine.harts.map((_, hart) => machine.image(hart)), elapsed: machine.elapsed, ram };
}

/** Runs to a number of instructions, in pieces of the given sizes. */
function runInPieces(machine: TestMachine, total: number, pieces: readonly number[]): void {
  for (let index = 0; machine.elapsed < total; index++) {
    const stop = machine.run(Math.min(pieces[index % pieces.length] ?? 1, total - machine.elapsed));
    if (stop.kind === 'idle') return;
  }
}

describe('four harts', () => {
  test('count without losing an increment: LR/SC and AMOs are atomic', () => {
    const machine = new TestMachine({ harts: 4 });
    const { symbols } = machine.load(COUNTING);
    const shared = symbols.find(({ name }) => name === 'shared')?.address ?? 0;
    expect(machine.run(1_000_000).kind).toBe('idle');
    expect([0, 4, 8].map((offset) => machine.peek(shared + offset))).toEqual([4000, 4000, 4]);
  });

  test('pass an interrupt round, each waking the next from WFI', () => {
    const machine = new TestMachine({ harts: 4 });
    machine.load(RELAY);
    machine.run(100_000);
    const rounds = machine.harts.map(({ state }) => state.x(9));
    expect(Math.min(...rounds)).toBeGreaterThan(50);
    expect(Math.max(...rounds) - Math.min(...rounds)).toBeLessThanOrEqual(1);
  });

  test.each([
    ['counting', COUNTING],
    ['relay', RELAY],
  ])('do the same however time is cut into budgets, fast or by the rows: %s', (_, source) => {
    const total = 30_011;
    const whole = new TestMachine({ harts: 3 });
    whole.load(source);
    whole.run(total);
    const expected = stateOf(whole);
    for (const pieces of [[1], [7, 1, 1999], [2000], [2001, 3]]) {
      const machine = new TestMachine({ harts: 3 });
      machine.load(source);
      runInPieces(machine, total, pieces);
      expect(stateOf(machine)).toEqual(expected);
    }
    const reference = new TestMachine({ harts: 3, host: referenceHost });
    reference.load(source);
    reference.run(total);
    expect(stateOf(reference)).toEqual(expected);
  });
});

test('an SC fails after another hart has had its turn ("must fail if a store … from another hart can be observed")', () => {
  const machine = new TestMachine({ harts: 2 });
  const { symbols } = machine.load(`
_start: la   a0, word
        csrr t0, mhartid
        bnez t0, other
        lr.w t1, (a0)
        li   t2, 3000                   # longer than a turn
1:      addi t2, t2, -1
        bnez t2, 1b
        li   t3, 7
        sc.w a1, t3, (a0)
2:      j 2b
other:  li   t3, 9
        sw   t3, 0(a0)
3:      j 3b
        .data
word:   .word 0
`);
  machine.run(20_000);
  expect(machine.hart.state.x(11)).toBe(1);
  expect(machine.peek(symbols.find(({ name }) => name === 'word')?.address ?? 0)).toBe(9);
});

test('a stopped hart does nothing until it is started', () => {
  const machine = new TestMachine({ harts: 2 });
  machine.load('_start: addi a0, a0, 1\n j _start');
  const [, second] = machine.harts;
  if (second === undefined) throw new Error('no second hart');
  second.state.stopped = true;
  machine.run(10_000);
  expect(second.state.x(10)).toBe(0);
  second.state.stopped = false;
  machine.run(10_000);
  expect(second.state.x(10)).toBeGreaterThan(0);
});
