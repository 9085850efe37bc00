// What it costs when harts wait for each other: while one spins, the one it waits for stands still, so turns must be short.

import { expect, it } from 'vitest';
import { addressOfSymbol } from '../isa/assembly/assembled.test-support.ts';
import { TestMachine } from './test-machine.test-support.ts';

const HARTS = 4;
const ROUNDS = 1000;

// A ticket lock, the fairest and so the dearest: it goes round, and everybody spins until it is their turn.
const TICKETS = `
_start:
        li s0, ${ROUNDS}
        la s1, ticket
        la s2, serving
        la s3, counter
1:      li t0, 1
        amoadd.w t1, t0, (s1)
2:      lw t2, 0(s2)
        bne t2, t1, 2b
        lw t3, 0(s3)
        addi t3, t3, 1
        sw t3, 0(s3)
        fence rw, w
        addi t1, t1, 1
        sw t1, 0(s2)
        addi s0, s0, -1
        bnez s0, 1b
3:      wfi
        j 3b
        .balign 64
ticket: .word 0
serving: .word 0
counter: .word 0
`;

it('a ticket lock goes round among four harts within two hundred instructions each time it changes hands', () => {
  const machine = new TestMachine({ harts: HARTS });
  const counter = addressOfSymbol(machine.load(TICKETS), 'counter') ?? 0;
  machine.run(10_000_000);
  expect(machine.peek(counter)).toBe(HARTS * ROUNDS);
  expect(machine.elapsed).toBeLessThan(HARTS * ROUNDS * 250);
});
