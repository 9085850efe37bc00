// A guest's cycle and instret count what the guest itself has executed: the hart's own would tell it of its neighbours
// (privileged manual, "Hypervisor Counter-Enable Register").

import { expect, test } from 'vitest';
import { consoleOf, hosted, newLab, sourceGuest } from '../guest-rig.test-support.ts';
import { techniques } from '../virtual-machine.ts';

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

/** A kernel that leaves scounteren as it finds it; its program reads every counter, and then calls. */
const TRUSTING = `
  .globl _start
_start:
  la t0, handler
  csrw stvec, t0
  la t0, program
  csrw sepc, t0
  li t0, 0x100
  csrc sstatus, t0
  sret
program:
  rdcycle s0
  rdtime s0
  rdinstret s0
  rdcycleh s0
  rdtimeh s0
  rdinstreth s0
  ecall
  .balign 4
handler:
  csrr a0, scause
  addi a0, a0, '0'
  li a7, 1
  ecall
  li a7, 8
  ecall
`;

test.each(techniques)(
  '%s: programs may read the counters unless the kernel forbids it, as under OpenSBI',
  (technique) => {
    const lab = newLab();
    const vm = lab.addVm({ technique, guest: sourceGuest(TRUSTING) });
    lab.start(vm.id);
    for (let slice = 0; slice < 100 && !vm.ending; slice++) lab.computerOf(vm).runSlice(10_000);
    expect(consoleOf(vm), 'scause: 8 is the call, 2 a refused counter').toBe('8');
  },
);
