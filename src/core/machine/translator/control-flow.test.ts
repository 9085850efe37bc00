// Calls, returns, jumps through registers and loops of every shape, translated: control goes where the rows say, also where
// a region did not expect it.

import { describe, expect, test } from 'vitest';
import { CALL_DEPTH } from './region-interface.ts';
import { sideBySide, translatedBy } from './side-by-side.test-support.ts';

const RA = 1;
const [A0, A1] = [10, 11];

/** Runs in every way. @returns registers of the machine held to the rows */
function run(source: string, at: readonly number[] = [333, 8_000]): (register: number) => number {
  const runners = sideBySide(source, { at });
  expect(translatedBy(runners)).toBeGreaterThan(0);
  return (register) => (runners[0]?.machine.state.x(register) ?? 0) >>> 0;
}

const STACK = ' .data\n .balign 16\n .space 16384\nstack: .space 16\n';
/** Counts traps in s11 and goes on behind the instruction. */
const HANDLER = `
        .balign 4
handler:
        addi s11, s11, 1
        csrr t6, mepc
        addi t6, t6, 4
        csrw mepc, t6
        mret
`;
const SET_HANDLER = '        la t6, handler\n        csrw mtvec, t6\n';

describe('calls', () => {
  test('leaf functions in nested loops', () => {
    const x = run(`
_start: li   s0, 0
1:      li   s1, 5
2:      li   s2, 3
3:      mv   a0, s2
        call square
        add  s0, s0, a0
        addi s2, s2, -1
        bnez s2, 3b
        addi s1, s1, -1
        bnez s1, 2b
        addi s3, s3, 1
        j    1b
square: mul  a0, a0, a0
        ret
`);
    expect(x(19)).toBeGreaterThan(20);
  });

  test.each([CALL_DEPTH - 1, CALL_DEPTH, CALL_DEPTH + 1, 3 * CALL_DEPTH])('recursion %i deep comes back', (depth) => {
    const x = run(
      `
_start: la   sp, stack
1:      li   a0, ${depth}
        call sum
        mv   a1, a0
        addi s0, s0, 1
        j    1b
sum:    addi sp, sp, -8
        sw   ra, 4(sp)
        sw   a0, 0(sp)
        beqz a0, 2f
        addi a0, a0, -1
        call sum
        lw   t1, 0(sp)
        add  a0, a0, t1
2:      lw   ra, 4(sp)
        addi sp, sp, 8
        ret
${STACK}`,
      [5_000, 17 * depth + 10_000],
    );
    expect(x(A1)).toBe((depth * (depth + 1)) / 2);
  });

  test('two functions that call each other, with both link registers', () => {
    const x = run(`
_start: la   sp, stack
1:      li   a0, 40
        call even
        add  a1, a1, a0
        li   a0, 31
        call even
        add  a1, a1, a0
        addi s0, s0, 1
        j    1b
even:   addi sp, sp, -4
        sw   ra, 0(sp)
        seqz t1, a0
        bnez t1, 2f
        addi a0, a0, -1
        jal  t0, odd
        j    3f
2:      li   a0, 1
3:      lw   ra, 0(sp)
        addi sp, sp, 4
        ret
odd:    addi sp, sp, -4
        sw   t0, 0(sp)
        seqz t1, a0
        bnez t1, 2f
        addi a0, a0, -1
        call even
        j    3f
2:      li   a0, 0
3:      lw   t0, 0(sp)
        addi sp, sp, 4
        jr   t0
${STACK}`);
    expect(x(A1)).toBeGreaterThan(0);
  });

  test('a function that returns behind the next instruction, to another caller, or to itself', () => {
    const x = run(`
_start: la   s0, other
1:      call skips
        li   a0, -1                     # never executed
        addi a1, a1, 1
        call elsewhere
        li   a0, -1
        j    1b
other:  addi a1, a1, 1
        la   s3, 1b
        call again
        j    1b
skips:  addi ra, ra, 4
        ret
elsewhere:
        mv   ra, s0
        ret
again:  addi s2, s2, 1
        andi t1, s2, 3
        beqz t1, 2f
        la   ra, again
2:      bnez t1, 3f
        mv   ra, s3
3:      ret
`);
    expect(x(A0)).toBe(0);
    expect(x(A1)).toBeGreaterThan(100);
  });

  test('a jump out of all calls at once', () => {
    const x = run(`
_start: la   s10, env
1:      la   sp, stack
        la   t1, back
        sw   t1, 0(s10)
        sw   sp, 4(s10)
        li   a0, 30
        call down
        li   a1, -1                     # never comes back this way
back:   addi a1, a1, 1
        j    1b
down:   addi sp, sp, -8
        sw   ra, 4(sp)
        bnez a0, 2f
        lw   t1, 0(s10)
        lw   sp, 4(s10)
        jr   t1
2:      addi a0, a0, -1
        call down
        lw   ra, 4(sp)
        addi sp, sp, 8
        ret
env:    .word 0, 0
${STACK}`);
    expect(x(A1)).toBeGreaterThan(20);
  });

  test('through registers: to many functions, to none that is translated, back through ra itself', () => {
    const x = run(`
_start: la   s0, table
1:      andi t1, s1, 28
        add  t1, t1, s0
        lw   t1, 0(t1)
        jalr ra, 0(t1)
        addi s1, s1, 4
        la   ra, swap
        jalr ra, 0(ra)
        addi s2, s2, 1
        j    1b
swap:   mv   t2, ra
        jalr ra, 0(t2)                  # returns, and links again: comes back here never
        nop
f0:     addi a0, a0, 1
        ret
f1:     addi a0, a0, 2
        ret
f2:     addi a0, a0, 3
        jr   ra
f3:     j    f1
table:  .word f0, f1, f2, f3, f0, f2, f1, f3
`);
    expect(x(RA)).not.toBe(0);
  });

  test('of a function far away, and of one in the pages before', () => {
    run(`
before: addi a0, a0, 1
        ret
        .space 40000
        .globl _start
_start: call before
        call far
        j    _start
        .space 40000
far:    addi a1, a1, 1
        addi sp, sp, -16
        addi sp, sp, 16
        ret
`);
  });
});

describe('jumps through registers', () => {
  test('a jump table, to targets in order, seldom ones and one never seen before', () => {
    const x = run(
      `
_start: la   s0, table
        li   s1, 0
next:   srli t1, s1, 3
        xor  t1, t1, s1
        andi t1, t1, 7
        slti t2, s1, 1500
        beqz t2, 1f
        andi t1, t1, 6                  # until then only even ones
1:      slli t1, t1, 2
        add  t1, t1, s0
        lw   t1, 0(t1)
        addi s1, s1, 1
        jr   t1
c0:     addi a0, a0, 1
        j    next
c1:     addi a1, a1, 1
        j    next
c2:     addi a2, a2, 1
        j    next
c3:     addi a3, a3, 1
        j    c5
c4:     addi a4, a4, 1
        j    next
c5:     addi a5, a5, 1
        j    next
c6:     addi a6, a6, 1
        j    c0
        .space 50000
c7:     addi a7, a7, 1
        j    next
table:  .word c0, c1, c2, c3, c4, c5, c6, c7
`,
      [9_000, 40_000],
    );
    expect(x(17)).toBeGreaterThan(0);
  });

  test('a bytecode interpreter whose every operation ends in its own jump', () => {
    const x = run(`
_start: la   s0, operations
        la   s1, code
        mv   s2, s1
        .macro NEXT
        lbu  t1, 0(s2)
        addi s2, s2, 1
        slli t1, t1, 2
        add  t1, t1, s0
        lw   t1, 0(t1)
        jr   t1
        .endm
        NEXT
push:   addi a0, a0, 3
        NEXT
twice:  slli a0, a0, 1
        NEXT
drop:   srli a0, a0, 2
        NEXT
back:   addi a1, a1, 1
        mv   s2, s1
        NEXT
operations: .word push, twice, drop, back
code:   .byte 0, 1, 0, 2, 0, 1, 1, 2, 3
`);
    expect(x(A1)).toBeGreaterThan(100);
  });

  test('to a halfword: refused at the jump, with nothing changed', () => {
    const x = run(`
_start: ${SET_HANDLER}
        la   s0, table
next:   andi t1, s1, 12
        add  t1, t1, s0
        lw   t1, 0(t1)
        addi s1, s1, 4
        jr   t1
        addi a0, a0, 1                  # behind the jump that was refused
        jalr a2, 4(t1)
        j    next
c0:     addi a1, a1, 1
        j    next
table:  .word c0, c0 + 2, c0, c0 + 1
${HANDLER}`);
    expect(x(A0)).toBeGreaterThan(100);
    expect(x(12)).toBe(0);
  });

  test('into the middle of loops, of functions, and to themselves', () => {
    const x = run(`
_start: la   s0, inside
        la   s1, third
1:      li   t1, 4
        jr   s0
loop:   addi a0, a0, 1
inside: addi a1, a1, 1
        addi t1, t1, -1
        bnez t1, loop
        la   ra, 1b
        jr   s1
function:
        addi a2, a2, 1
        addi a2, a2, 1
third:  addi a3, a3, 1
        ret
`);
    expect(x(A1)).toBeGreaterThan(100);
  });
});

describe('loops', () => {
  test('with two entries, crossing each other, of one instruction', () => {
    const x = run(`
_start: li   s0, 0
1:      addi s0, s0, 1
        andi t1, s0, 1
        li   a0, 6
        beqz t1, middle
head:   addi a1, a1, 1
middle: addi a2, a2, 3
        addi a0, a0, -1
        andi t2, a0, 1
        beqz t2, head
        bgtz a0, middle
        li   a0, 5
2:      addi a0, a0, -1
        beq  a0, t1, 3f
        bgtz a0, 2b
3:      blez a0, 4f
        addi a0, a0, -1
        andi t2, a0, 2
        beqz t2, 2b
        j    3b
4:      li   a0, 3
5:      addi a0, a0, -1
        bnez a0, 5b
        j    1b
`);
    expect(x(A1)).toBeGreaterThan(100);
  });

  test('a branch whose two targets are one, and one that is never taken', () => {
    run(`
_start: addi a0, a0, 1
        beq  a0, a1, 1f
1:      bne  a0, a0, 2f
        addi a1, a1, 2
        beq  zero, zero, 1f
2:      li   a2, 1
1:      blt  a0, a1, _start
        addi a1, zero, 1
        j    _start
`);
  });

  test('an instruction that branches to itself', () => {
    const x = run('_start: li a0, 1\n li a1, 2\n1: addi a0, a0, 1\n bltu a0, a1, 1b\n2: beq a1, a1, 2b');
    expect(x(A0)).toBe(2);
  });

  test('of more instructions than a region has, with more ways than fit into one', () => {
    const bodies = Array.from(
      { length: 300 },
      (_, index) => ` andi t1, a0, ${1 << (index % 10)}\n beqz t1, 1f\n addi a1, a1, ${index}\n xor a2, a2, a1\n1:`,
    );
    run(`_start: addi a0, a0, 1\n${bodies.join('\n')}\n j _start`, [2_000, 30_000]);
  });
});

describe('a trap sees every register', () => {
  /** A handler that writes down the registers of a trap, for the last 64 of them. */
  const WITNESS = `
        .balign 4
handler:
        addi s11, s11, 1
        la   t5, witness
        andi t6, s11, 63
        slli t6, t6, 5
        add  t5, t5, t6
${['a0', 'a1', 'a2', 'a3', 't1', 't2', 'ra', 's1'].map((name, index) => `        sw   ${name}, ${4 * index}(t5)`).join('\n')}
        csrr t6, mepc
        addi t6, t6, 4
        csrw mepc, t6
        mret
        .data
        .balign 4
witness: .space 2048
`;

  test('those that only one way to it has written, and that are written anew behind it', () => {
    const x = run(`
_start: ${SET_HANDLER}
        li   s0, 1
1:      addi s1, s1, 1
        andi t1, s1, 3
        beqz t1, 2f
        li   a1, 5
        bgt  t1, s0, 2f
        mul  a2, s1, s1
2:      lw   a0, 64(zero)               # nothing is there
        li   a1, 7
        xori a2, s1, 85
        sw   a1, 68(zero)
        mv   a2, t1
        call 3f
        j    1b
3:      beqz t1, 4f
        add  a3, s1, s1
4:      amoadd.w a0, a3, (zero)
        li   a3, 9
        ret
${WITNESS}`);
    expect(x(27)).toBeGreaterThan(100);
  });

  test('in nested loops whose registers are not the same', () => {
    const x = run(`
_start: ${SET_HANDLER}
1:      li   t1, 4
        addi s1, s1, 1
        mv   a0, s1
2:      li   t2, 3
        andi a3, t1, 1
        beqz a3, 3f
        add  a1, a0, t1
3:      addi t2, t2, -1
        lw   a2, 64(zero)               # the inner loop knows nothing of a0 and a1
        bnez t2, 3b
        addi t1, t1, -1
        addi a0, a0, 16
        bnez t1, 2b
        li   a1, 0
        j    1b
${WITNESS}`);
    expect(x(27)).toBeGreaterThan(100);
  });
});

describe('counters read in hot code are exact', () => {
  test.each(['instret', 'cycle', 'time', 'minstret', 'mcycle'])('%s', (name) => {
    const runners = sideBySide(`
_start: la   s0, log
1:      csrr a0, ${name}
        addi a1, a1, 1
        andi t1, a1, 255
        slli t1, t1, 2
        add  t1, t1, s0
        sw   a0, 0(t1)
        andi t2, a1, 3
2:      beqz t2, 1b
        addi t2, t2, -1
        j    2b
        .data
log:    .space 1024
`);
    expect(translatedBy(runners)).toBeGreaterThan(0);
  });
});
