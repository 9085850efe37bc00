// Interrupts while translated code runs: they are taken before exactly the instruction at which the rows take them.

import { describe, expect, test } from 'vitest';
import { SSIP } from '../../isa/csr-bits.ts';
import { assembledFor, frameAddress, PROGRAM, settleIn } from './environment.test-support.ts';
import { byRows, sideBySide, translatedBy, type Way } from './side-by-side.test-support.ts';
import { immediateHost } from '../test-machine.test-support.ts';

/** Loops within loops, a call, memory and a product: somewhere for every interrupt to come between. */
const BODY = `
1:      li   t1, 3
2:      add  a0, a0, t1
        sw   a0, 0(s0)
        lw   a1, 4(s0)
        sw   a2, 8(s0)
        li   t2, 2
3:      addi t2, t2, -1
        mul  a2, a2, a0
        bnez t2, 3b
        call leaf
        addi t1, t1, -1
        bnez t1, 2b
        addi s1, s1, 1
        j    1b
leaf:   xor  a3, a3, a2
        beqz a3, 4f
        addi a4, a4, 1
4:      ret
`;

/** Every trap is written down: where it came, and when. \`x\` is the mode's letter, \`arm\` sets the next one. */
const handler = (x: string, arm: string) => `
        .balign 4096
kernel:
handler:
        csrrw tp, ${x}scratch, tp
        sw   t5, 0(tp)
        sw   t6, 4(tp)
        lw   t5, 8(tp)                  # place in the log
        addi t5, t5, 8
        andi t5, t5, 1016
        sw   t5, 8(tp)
        add  t5, t5, tp
        csrr t6, ${x}epc
        sw   t6, 64(t5)
        csrr t6, instret
        sw   t6, 68(t5)
        ${arm}
        lw   t5, 0(tp)
        lw   t6, 4(tp)
        csrrw tp, ${x}scratch, tp
        ${x}ret
        .balign 64
scratch: .space 2048
        .data
        .balign 4096
data:   .space 4096
`;

const armMachine = (period: number) =>
  `li t5, 0x200bff8\n lw t6, 0(t5)\n addi t6, t6, ${period}\n li t5, 0x2004000\n sw t6, 0(t5)\n sw zero, 4(t5)`;
const armSupervisor = (period: number) =>
  `csrr t6, time\n addi t6, t6, ${period}\n csrw stimecmp, t6\n csrw stimecmph, zero`;

const few: readonly Way[] = [
  byRows,
  { name: 'translated after 7', options: { host: immediateHost, hotAfter: 7 }, pieces: [1_000_000] },
  { name: 'translated after 30', options: { hotAfter: 30 }, pieces: [211, 1, 1777], answersAfter: 4 },
];

describe('the timer, again and again', () => {
  test.each([3, 5, 11, 40])('of the board, every %i ticks', (period) => {
    const program = assembledFor(
      'machine',
      `_start: la s0, data\n li t3, 0x2004000\n sw zero, 4(t3)\n li t4, ${period}\n sw t4, 0(t3)\n${BODY}${handler('m', armMachine(period))}`,
    );
    const runners = sideBySide(program, {
      ways: few,
      at: [1_000, 12_000],
      setUp: (machine) => settleIn('machine', machine, program),
    });
    expect(translatedBy(runners)).toBeGreaterThan(0);
    expect(runners[0]?.machine.state.x(9)).toBeGreaterThan(20);
  });

  test.each([
    ['supervisor', 7],
    ['guest', 7],
    ['supervisor', 29],
    ['guest', 29],
  ] as const)('of Sstc, in %s, every %i ticks', (environment, period) => {
    const program = assembledFor(
      environment,
      `_start: la s0, data\n li t4, ${period}\n csrw stimecmp, t4\n csrw stimecmph, zero\n${BODY}${handler('s', armSupervisor(period))}`,
    );
    const runners = sideBySide(program, {
      ways: few,
      at: [1_000, 12_000],
      setUp: (machine) => settleIn(environment, machine, program),
    });
    expect(translatedBy(runners)).toBeGreaterThan(0);
    expect(runners[0]?.machine.state.x(9)).toBeGreaterThan(20);
  });
});

test('an interrupt from outside before every instruction in turn', () => {
  const program = assembledFor('supervisor', `_start: la s0, data\n${BODY}${handler('s', 'csrci sip, 2')}`);
  const length = 300;
  const runners = sideBySide(program, {
    ways: few,
    // Steps of ever another length, so that every instruction has its turn.
    at: Array.from({ length }, (_, index) => 5_000 + 61 * index + ((index * index) % 29)),
    setUp: (machine) => settleIn('supervisor', machine, program),
    between(machine) {
      machine.state.set('mipSoftware', machine.state.get('mipSoftware') | SSIP);
      machine.hart.changed('interrupts');
    },
  });
  // The log, 128 places long, tells of most of the loop's instructions.
  const scratch = program.symbols.find(({ name }) => name === 'scratch')?.address ?? 0;
  const log = frameAddress((scratch - PROGRAM) >>> 12) + (scratch & 0xfff) + 64;
  const places = new Set(Array.from({ length: 128 }, (_, index) => runners[0]?.machine.peek(log + 8 * index)));
  expect(places.size).toBeGreaterThan(12);
  expect(translatedBy(runners)).toBeGreaterThan(0);
});

test('WFI in a hot loop: time is skipped to the timer, and no further', () => {
  const program = assembledFor(
    'machine',
    `
_start: la   s0, data
        li   t3, 0x2004000
        sw   zero, 4(t3)
        li   t4, 50
        sw   t4, 0(t3)
5:      li   t1, 6
6:      addi t1, t1, -1
        add  a0, a0, t1
        bnez t1, 6b
        wfi
        addi s1, s1, 1
        j    5b
${handler('m', armMachine(37))}`,
  );
  const runners = sideBySide(program, {
    at: [1_000, 7_777, 40_000],
    setUp: (machine) => settleIn('machine', machine, program),
  });
  expect(translatedBy(runners)).toBeGreaterThan(0);
  expect(runners[0]?.machine.state.x(9)).toBeGreaterThan(50);
});
