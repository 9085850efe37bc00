// A guest's cycle and instret count what the guest itself has executed: the hart's own would tell it of its neighbours
// (privileged manual, "Hypervisor Counter-Enable Register").

import { expect, test } from 'vitest';
import { consoleOf, hosted, newLab, sourceGuest } from './guest-rig.test-support.ts';

/** Reads a counter twice, some instructions apart, and says over SBI whether the difference is below 1000. */
const counting = (counter: string) => `
  .globl _start
_start:
  rd${counter} s0
  li t0, 50
1: addi t0, t0, -1
  bnez t0, 1b
  rd${counter} s1
  sub s1, s1, s0
  li a7, 1
  li a0, '+'
  li t0, 1000
  bltu s1, t0, 2f
  li a0, '!'
2: li t0, 90
  bgtu s1, t0, 3f
  li a0, '?'
3: ecall
  li a7, 8
  ecall
`;
const busy = '.globl _start\n_start: j _start\n';

for (const technique of hosted) {
  test.each(['cycle', 'instret'])(
    `${technique}: %s goes on by what the guest executes, whoever ran in between`,
    (counter) => {
      const lab = newLab();
      const neighbour = lab.addVm({ technique, guest: sourceGuest(busy) });
      lab.start(neighbour.id);
      lab.computerOf(neighbour).runSlice(250_000);
      const vm = lab.addVm({ technique, guest: sourceGuest(counting(counter)) });
      lab.start(vm.id);
      for (let slice = 0; slice < 100 && !vm.ending; slice++) lab.computerOf(vm).runSlice(100_000);
      expect(consoleOf(vm)).toBe('+');
    },
  );

  test(`${technique}: instret starts near 0, although the hart has run for long`, () => {
    const lab = newLab();
    const neighbour = lab.addVm({ technique, guest: sourceGuest(busy) });
    lab.start(neighbour.id);
    lab.computerOf(neighbour).runSlice(250_000);
    const vm = lab.addVm({
      technique,
      guest: sourceGuest('.globl _start\n_start: rdinstret s0\n rdcycle s1\n li a7, 8\n ecall\n'),
    });
    lab.start(vm.id);
    for (let slice = 0; slice < 100 && !vm.ending; slice++) lab.computerOf(vm).runSlice(100_000);
    expect(vm.look().x(8)).toBeLessThan(10);
    expect(vm.look().x(9)).toBeLessThan(10);
  });
}
