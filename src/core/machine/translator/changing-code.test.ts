// Code that changes while it is hot: by itself, by others, under other addresses, and between the moment it is translated and the
// moment the compiler is ready. What is executed is always what stands in memory.

import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import type { Assembled } from '../../isa/assembly/assemble.ts';
import { immediateHost, TestMachine } from '../test-machine.test-support.ts';
import { sideBySide, translatedBy } from './side-by-side.test-support.ts';

const addressOf = ({ symbols }: Assembled, name: string): number => {
  const found = symbols.find((each) => each.name === name);
  if (found === undefined) throw new Error(`expected a symbol ${name}`);
  return found.address;
};

const dropped = (machine: TestMachine) => machine.translator?.counts.dropped ?? 0;

test('a frame with a hot function in it is filled with data, over and over; then the function is another one', () => {
  const runners = sideBySide(
    `
_start: la   s0, page
        li   s1, 0x00050513             # addi a0, a0, 0
1:      li   s3, 12
2:      jalr ra, 0(s0)
        addi s3, s3, -1
        bnez s3, 2b
        li   s3, 3000
        li   s4, 1024
        add  s4, s4, s0
3:      sw   s3, 0(s4)
        lw   t1, 0(s4)
        add  a1, a1, t1
        addi s4, s4, 4
        slli t1, s4, 20
        bnez t1, 4f
        li   s4, 1024
        add  s4, s4, s0
4:      addi s3, s3, -1
        bnez s3, 3b
        addi s2, s2, 1
        andi t2, s2, 63
        slli t2, t2, 20
        or   t2, t2, s1
        sw   t2, 4(s0)                  # the function adds another number from now on
        fence.i
        j    1b
        .balign 4096
page:   li   t1, 9
        addi a0, a0, 0
        addi t1, t1, -1
        bnez t1, page + 4
        ret
        .balign 4096
`,
    { at: [5_000, 40_000, 150_000] },
  );
  expect(runners.some(({ machine }) => dropped(machine) > 3)).toBe(true);
  expect(runners[0]?.machine.state.x(10)).toBeGreaterThan(9 * 12);
});

/** A loop around `addi a0, a0, N`, whose N is stored anew every few rounds. */
const rewriting = (store: string, fence: string) => `
_start: la   s0, patched
        li   s1, 0x00050513             # addi a0, a0, 0
        li   s3, 0
1:      addi s2, s2, 1
        andi t1, s2, 7
        bnez t1, 2f
        addi s3, s3, 1
        andi t2, s3, 63
        slli t2, t2, 20
        or   t2, t2, s1
        ${store}
        ${fence}
2:      addi a1, a1, 1
patched: addi a0, a0, 0
        addi a2, a2, 1
        xor  a3, a3, a0
        j    1b
`;

describe('code that changes itself', () => {
  test.each([
    ['a word', 'sw t2, 0(s0)'],
    ['a half', 'srli t2, t2, 16\n sh t2, 2(s0)'],
    ['a byte', 'srli t2, t2, 24\n sb t2, 3(s0)'],
    ['an AMO', 'amoswap.w zero, t2, (s0)'],
    ['LR and SC', 'lr.w zero, (s0)\n sc.w a7, t2, (s0)'],
    ['a misaligned word', 'srli t2, t2, 8\n lw t1, 4(s0)\n slli t1, t1, 24\n or t2, t2, t1\n sw t2, 1(s0)'],
  ])('by %s, with and without fence.i', (_, store) => {
    for (const fence of ['fence.i', '']) {
      const runners = sideBySide(rewriting(store, fence), { at: [777, 6_000] });
      expect(runners.some(({ machine }) => dropped(machine) > 3)).toBe(true);
      expect(runners[0]?.machine.state.x(10)).not.toBe(0);
    }
  });

  test('the very next instruction, in the region that executes', () => {
    const runners = sideBySide(`
_start: la   s0, next
        li   s1, 0x00150513             # addi a0, a0, 1
        li   s2, 0x06450513             # addi a0, a0, 100
        li   s3, 50
1:      addi s3, s3, -1
        bnez s3, 2f
        li   s3, 50
        xor  s1, s1, s2
        xor  s2, s2, s1
        xor  s1, s1, s2
2:      sw   s1, 0(s0)
next:   nop
        addi a1, a1, 1
        j    1b
`);
    expect(translatedBy(runners)).toBeGreaterThan(0);
    expect(runners[0]?.machine.state.x(10)).toBeGreaterThan(100);
  });

  test('into a branch, a jump, a call, an illegal instruction and back', () => {
    const runners = sideBySide(
      `
_start: la   t6, handler
        csrw mtvec, t6
        la   s0, patched
        la   s1, words
1:      addi s2, s2, 1
        andi t1, s2, 15
        bnez t1, 2f
        srli t2, s2, 4
        andi t2, t2, 7
        slli t2, t2, 2
        add  t2, t2, s1
        lw   t2, 0(t2)
        sw   t2, 0(s0)
2:      addi a0, a0, 1
patched: nop
        addi a1, a1, 1
        addi a2, a2, 1
        j    1b
function:
        addi a3, a3, 1
        ret
        .balign 4
handler:
        addi s11, s11, 1
        csrr t6, mepc
        addi t6, t6, 4
        csrw mepc, t6
        mret
        .balign 64
words:  .word 0x00000013                # nop
        .word 0x0080006f                # j +8
        .word 0x00050463                # beqz a0, +8
        .word 0x00000000
        .word 0x010000ef                # jal ra, +16: function
        .word 0xc0202573                # csrr a0, instret
        .word 0x0005a023                # sw zero, 0(a1): nothing is there
        .word 0xfe0518e3                # bnez a0, −16
`,
      { at: [2_000, 12_000] },
    );
    expect(translatedBy(runners)).toBeGreaterThan(0);
  });

  test('data words beside hot code cost their stores only: no region goes', () => {
    const machine = new TestMachine({ host: immediateHost, hotAfter: 3 });
    machine.load(`
_start: la   s0, counter
1:      lw   t1, 0(s0)
        addi t1, t1, 1
        sw   t1, 0(s0)
        li   t2, 5
2:      addi t2, t2, -1
        bnez t2, 2b
        j    1b
counter: .word 0
`);
    machine.run(20_000);
    expect(machine.translator?.counts.translated).toBeGreaterThan(0);
    expect(dropped(machine)).toBe(0);
  });

  test('the second page of a region that spans two', () => {
    const runners = sideBySide(`
_start: la   s0, behind
        li   s1, 0x00050513
        j    1f
        .balign 4096
        .space 4096 - 20
1:      addi s2, s2, 1
        andi t1, s2, 31
        slli t2, s2, 20
        bnez t1, behind
        j    change
behind: addi a0, a0, 0                  # the first word of the next page
        addi a1, a1, 1
        j    1b
change: li   t1, 0x3ff00000
        and  t2, t2, t1
        or   t2, t2, s1
        sw   t2, 0(s0)
        j    behind
`);
    expect(runners.some(({ machine }) => dropped(machine) > 0)).toBe(true);
  });
});

describe('code that others change', () => {
  const LOOP = `
_start: li   t1, 6
1:      addi t1, t1, -1
        bnez t1, 1b
patched: addi a0, a0, 1
        addi a1, a1, 1
        j    _start
`;

  test('by DMA, at any moment', () => {
    let round = 0;
    let told = 0;
    const runners = sideBySide(LOOP, {
      at: Array.from({ length: 120 }, (_, index) => 200 + 61 * index),
      between(machine, program) {
        // All machines of one round are given the same word.
        machine.poke(addressOf(program, 'patched'), 0x0005_0513 | ((1 + (Math.floor(round / 6) % 1000)) << 20));
        round++;
        told = Math.max(told, dropped(machine));
      },
    });
    expect(runners).toHaveLength(6);
    expect(told).toBeGreaterThan(5);
  });

  test('between translation and compilation: what comes from the compiler is not used', () => {
    const due: (() => void)[] = [];
    const machine = new TestMachine({
      hotAfter: 4,
      host: {
        ...nodeHost,
        compileInBackground(module, imports, done) {
          due.push(() => {
            nodeHost.compile(module, imports);
            done();
          });
        },
      },
    });
    const program = machine.load(LOOP);
    machine.run(400);
    expect(due).toHaveLength(1);
    machine.poke(addressOf(program, 'patched'), 0x0645_0513);
    const { state } = machine;
    const before = [state.x(10), state.x(11)];
    due.shift()?.();
    machine.run(1_600);
    const rounds = state.x(11) - (before[1] ?? 0);
    expect(rounds).toBeGreaterThan(50);
    expect(Math.abs(state.x(10) - (before[0] ?? 0) - 100 * rounds)).toBeLessThanOrEqual(100);
    expect(dropped(machine)).toBeGreaterThan(0);
  });

  test('another hart', () => {
    const runners = sideBySide(
      `
_start: csrr t1, mhartid
        la   s0, patched
        beqz t1, 1f
        li   s1, 0x00050513
2:      li   t1, 700                    # longer than three turns
3:      addi t1, t1, -1
        bnez t1, 3b
        addi s2, s2, 1
        slli t2, s2, 20
        or   t2, t2, s1
        andi t1, s2, 1
        li   t3, 0x7fffffff
        and  t2, t2, t3
        sw   t2, 0(s0)
        j    2b
1:      li   t1, 4
4:      addi t1, t1, -1
        bnez t1, 4b
patched: addi a0, a0, 0
        addi a1, a1, 1
        j    1b
`,
      { machine: { harts: 2 }, at: [3_000, 20_000] },
    );
    expect(runners.some(({ machine }) => dropped(machine) > 3)).toBe(true);
  });
});
