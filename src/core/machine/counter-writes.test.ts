// What a program reads from a counter it has just written. Source: unprivileged manual, "Zicsr", CSR Instructions: "the
// value written to instret by one instruction will be the value read by the following instruction".

import { describe, expect, it } from 'vitest';
import { TestMachine } from './test-machine.test-support.ts';

/** The words a program leaves at its label `result`. */
function resultsOf(program: string, count: number): readonly number[] {
  const machine = new TestMachine();
  const { symbols } = machine.load(`
_start:
        la s0, result
${program}
        ebreak
        .balign 4
result: .zero ${4 * count}
`);
  machine.setCsrs({ mtvec: 0 });
  machine.hart.setBreakpoints(new Set([0]));
  machine.run(100);
  const result = symbols.find(({ name }) => name === 'result')?.address ?? 0;
  return Array.from({ length: count }, (_, index) => machine.peek(result + 4 * index));
}

describe.each(['minstret', 'mcycle'])('%s', (counter) => {
  it('is read by the next instruction as it was written', () => {
    const program = `
        li t0, 100
        csrw ${counter}, t0
        csrr t1, ${counter}
        csrr t2, ${counter}
        sw t1, 0(s0)
        sw t2, 4(s0)`;
    expect(resultsOf(program, 2)).toEqual([100, 101]);
  });

  it('carries into the upper half one instruction after both were written as all ones', () => {
    const program = `
        li t0, -1
        csrw ${counter}, t0
        csrw ${counter}h, t0
        nop
        csrr t1, ${counter}
        csrr t2, ${counter}h
        sw t1, 0(s0)
        sw t2, 4(s0)`;
    expect(resultsOf(program, 2)).toEqual([0, 0]);
  });

  it('keeps what was written to it while it stands still', () => {
    const program = `
        li t0, 5
        csrw mcountinhibit, t0
        li t0, 7
        csrw ${counter}, t0
        csrr t1, ${counter}
        csrwi mcountinhibit, 0
        csrr t2, ${counter}
        sw t1, 0(s0)
        sw t2, 4(s0)`;
    const [still, running] = resultsOf(program, 2);
    expect(still).toBe(7);
    expect(running).toBeLessThanOrEqual(8);
  });
});
