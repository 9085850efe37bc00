// Several harts on the same translated code: their turns, their shared memory, their interrupts to each other, and code that one
// changes while another has it hot.

import { describe, expect, test } from 'vitest';
import { byRows, sideBySide, translatedBy, type Way } from './side-by-side.test-support.ts';
import { immediateHost } from '../test-machine.test-support.ts';

const several: readonly Way[] = [
  byRows,
  { name: 'translated after 2', options: { host: immediateHost, hotAfter: 2 }, pieces: [97, 1009, 13, 401] },
  { name: 'translated after 20', options: { hotAfter: 20 }, pieces: [1777, 2, 311], answersAfter: 2 },
];

const LOCKED = `
_start: csrr s0, mhartid
        la   s1, lock
        li   s2, 1
1:      lr.w t1, (s1)                   # a spinlock
        bnez t1, 1b
        sc.w t1, s2, (s1)
        bnez t1, 1b
        lw   t2, 4(s1)
        addi t2, t2, 1
        mul  t3, t2, t2
        sw   t2, 4(s1)
        sw   t3, 8(s1)
        amoswap.w zero, zero, (s1)
        addi t4, s1, 12
        amoadd.w a0, s2, (t4)
        addi a1, a1, 1
        j    1b
        .data
lock:   .word 0, 0, 0, 0
`;

/** Each hart wakes the next by MSIP, works in a loop between, and waits. */
const RELAY = `
_start: la   t0, handler
        csrw mtvec, t0
        li   t0, 8
        csrw mie, t0
        csrr s0, mhartid
        bnez s0, sleep
        li   t0, 0x2000000
        li   t1, 1
        sw   t1, 4(t0)
sleep:  csrsi mstatus, 8
1:      li   t1, 37
2:      addi t1, t1, -1
        add  a0, a0, t1
        bnez t1, 2b
        andi t1, a0, 1
        beqz t1, 1b
        wfi
        j    1b
        .balign 4
handler:
        li   t5, 0x2000000
        slli t6, s0, 2
        add  t5, t5, t6
        sw   zero, 0(t5)
        addi s3, s3, 1
        addi t6, s0, 1
        li   t5, HARTS
        bne  t6, t5, 3f
        li   t6, 0
3:      slli t6, t6, 2
        li   t5, 0x2000000
        add  t5, t5, t6
        li   t6, 1
        sw   t6, 0(t5)
        mret
`;

/** All harts call one function, whose constant each stores anew now and then. */
const CHANGING = `
_start: csrr s0, mhartid
        addi s0, s0, 3
        la   s1, patched
        li   s2, 0x00050513
1:      li   t1, 9
2:      jal  t0, shared
        addi t1, t1, -1
        bnez t1, 2b
        addi s3, s3, 1
        rem  t2, s3, s0
        bnez t2, 1b
        slli t2, s3, 20
        li   t3, 0x1ff00000
        and  t2, t2, t3
        or   t2, t2, s2
        sw   t2, 0(s1)
        j    1b
shared: addi a1, a1, 1
patched: addi a0, a0, 0
        jr   t0
`;

describe.each([2, 3, 4])('%i harts', (harts) => {
  test.each([
    ['a lock and counters', LOCKED],
    ['interrupts in a ring', RELAY.replaceAll('HARTS', String(harts))],
    ['code that all of them change', CHANGING],
  ])('%s', (_, source) => {
    const runners = sideBySide(source, { machine: { harts }, ways: several, at: [1_003, 15_000] });
    expect(translatedBy(runners)).toBeGreaterThan(0);
  });
});
