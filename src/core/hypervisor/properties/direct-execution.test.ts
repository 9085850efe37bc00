// The share of instructions that run directly, on guests whose exits can be counted by hand (Popek and Goldberg 1974, "efficiency").

import { expect, test } from 'vitest';
import { runAlone, sourceGuest } from '../guest-rig.test-support.ts';
import { directExecution } from './direct-execution.ts';

const guest = sourceGuest(`
.globl _start
_start:
  li    t0, 1000
1: addi  t0, t0, -1
  bnez  t0, 1b
  csrr  t1, sscratch
  li    a7, 0x53525354
  li    a6, 0
  li    a0, 0
  li    a1, 0
  ecall
`);

test.each([
  ['bare', 0],
  // The page with the code, CSRR, ECALL; with the H extension CSRR runs directly.
  ['trap-and-emulate', 3],
  ['hardware-assisted', 2],
] as const)('%s: %i instructions led to an exit', (technique, exited) => {
  const { vm, lab } = runAlone(technique, guest);
  const direct = directExecution(vm.instructions, lab.trace.statistics(vm.id));
  expect(direct.exited).toBe(exited);
  expect(direct.share).toBe(1 - exited / vm.instructions);
  expect(direct.share).toBeGreaterThan(0.99);
});

test('a guest that has not run has lost nothing, and interrupts take no instruction', () => {
  const none = { count: 0, timed: 0, minimum: 0, maximum: 0, sum: 0 };
  const { lab, vm } = runAlone('bare', guest);
  const statistics = { ...lab.trace.statistics(vm.id), 'host-timer': { ...none, count: 5, timed: 1, sum: 70 } };
  expect(directExecution(0, statistics)).toEqual({ exited: 0, share: 1, exitNanoseconds: 350 });
});
