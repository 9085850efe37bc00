// Shares of physical harts: weights, caps, pinning, and where each vCPU's time has gone (SBI 2.0, "Steal-time Accounting
// Extension", for what the guest is told of it).

import { describe, expect, test } from 'vitest';
import type { HostedVm } from '../hosted-vm.ts';
import { drive, hosted, newLab, sourceGuest, wordAt } from '../guest-rig.test-support.ts';
import { QUANTUM } from './scheduler.ts';
import type { Lab } from '../lab.ts';
import type { Entitlement } from './vcpu-schedule.ts';

const COUNTS = sourceGuest(`
        .globl  _start
_start: addi    s0, s0, 1
        j       _start`);
const SLEEPS = sourceGuest(`
        .globl  _start
_start: csrw    sie, zero
1:      wfi
        j       1b`);

/** Two harts that answer each other; the first counts the answers. */
const TALKS = sourceGuest(
  `
        .globl  _start
_start: li      a7, 0x48534d            # SBI HSM: hart 1 starts, too
        li      a6, 0
        li      a0, 1
        la      a1, second
        li      a2, 0
        ecall
        la      s0, asked
        la      s1, said
1:      addi    s2, s2, 1
        sw      s2, 0(s0)
2:      lw      t1, 0(s1)
        bne     s2, t1, 2b
        j       1b
second: la      s0, asked
        la      s1, said
3:      lw      t0, 0(s0)
        sw      t0, 0(s1)
        j       3b
        .data
asked:  .word   0
said:   .word   0`,
  { harts: 2 },
);

/** Gives the memory at `page` for its steal time, keeps the answers of the firmware, and counts. */
const STEAL = sourceGuest(`
        .globl  _start
_start: la      s1, answers
        li      a7, 0x10                # is there STA?
        li      a6, 3
        li      a0, 0x535441
        ecall
        sw      a1, 0(s1)
        la      a0, page
        addi    a0, a0, 32              # not aligned to 64 bytes
        li      a1, 0
        li      a2, 0
        li      a7, 0x535441
        li      a6, 0
        ecall
        sw      a0, 4(s1)
        la      a0, page
        li      a1, 0
        li      a2, 1                   # flags must be 0
        ecall
        sw      a0, 8(s1)
        li      a0, 0x10000000          # no memory
        li      a2, 0
        ecall
        sw      a0, 12(s1)
        la      a0, page
        li      a1, 0
        ecall
        sw      a0, 16(s1)
        li      a6, 1                   # no such function
        ecall
        sw      a0, 20(s1)
1:      addi    s0, s0, 1
        j       1b
        .data
        .balign 4096
page:   .fill   64, 1, 0xff
answers: .space 24`);

const running = (lab: Lab, entitlements: readonly Partial<Entitlement>[], guest = COUNTS): readonly HostedVm[] => {
  const vms = entitlements.map((entitlement) => {
    const vm = lab.addVm({ technique: 'hardware-assisted', guest }) as HostedVm;
    lab.hypervisor?.entitle(vm.vcpu(0), entitlement);
    return vm;
  });
  for (const { id } of vms) lab.start(id);
  return vms;
};
const slice = (lab: Lab, instructions: number) => lab.hypervisor?.runSlice(instructions);
const timesOf = (lab: Lab, { vcpus }: HostedVm) => vcpus[0]?.schedule.timesAt(lab.hypervisor?.machine.elapsed ?? 0);

describe('entitlements', () => {
  test('shares follow the weights', () => {
    const lab = newLab({ memoryMiB: 64 });
    const vms = running(lab, [{ weight: 100 }, { weight: 200 }, { weight: 300 }]);
    slice(lab, 60_000_000);
    const shares = vms.map(({ instructions }) => instructions / 10_000_000);
    [1, 2, 3].forEach((expected, index) => expect(shares[index]).toBeCloseTo(expected, 0));
  });

  test('a cap holds although nobody else wants the hart, and lets nobody down who does', () => {
    const lab = newLab({ memoryMiB: 64 });
    const [capped] = running(lab, [{ cap: 25 }]);
    if (!capped) throw new Error('no VM');
    for (let round = 0; round < 10; round++) {
      const idle = lab.hypervisor?.idleUntil();
      if (idle !== undefined) lab.hypervisor?.skipTo(idle);
      slice(lab, 1_000_000);
    }
    const { machine } = lab.hypervisor ?? {};
    expect(capped.instructions / (machine?.elapsed ?? 1)).toBeGreaterThan(0.2);
    expect(capped.instructions / (machine?.elapsed ?? 1)).toBeLessThan(0.31);
    const [other] = running(lab, [{}]);
    const [before, from] = [capped.instructions, machine?.elapsed ?? 0];
    slice(lab, 20_000_000);
    const passed = (machine?.elapsed ?? 0) - from;
    expect((capped.instructions - before) / passed).toBeCloseTo(0.25, 1);
    expect((other?.instructions ?? 0) / passed).toBeCloseTo(0.75, 1);
  });

  test('pinned vCPUs stay where they may run; the others share what is left', () => {
    const lab = newLab({ memoryMiB: 80, physicalHarts: 2 });
    const vms = running(lab, [{ pin: 1 }, { pin: 1 }, { pin: 2 }]);
    slice(lab, 20 * QUANTUM);
    const run = vms.map((vm) => timesOf(lab, vm)?.run ?? 0);
    [0.5, 0.5, 1].forEach((share, index) => expect((run[index] ?? 0) / (20 * QUANTUM)).toBeCloseTo(share, 1));
    const intervals = lab.hypervisor?.scheduler.intervals.from(0) ?? [];
    for (const { vm, hart } of intervals) expect(hart).toBe(vm === 3 ? 1 : 0);
    // One that is moved leaves its hart.
    const moved = vms[2];
    if (moved) lab.hypervisor?.entitle(moved.vcpu(0), { pin: 1 });
    slice(lab, 3_000_000);
    expect(lab.hypervisor?.hosts[1]?.vcpu).toBeUndefined();
    expect(lab.hypervisor?.hosts[0]?.vcpu).toBeDefined();
  });

  test('kernels that wait for another of their harts in a loop lose little by it, beside other VMs too', () => {
    const passed = 4 * QUANTUM;
    for (const others of [0, 1]) {
      const lab = newLab({ memoryMiB: 80 });
      const vm = lab.addVm({ technique: 'hardware-assisted', guest: TALKS });
      lab.start(vm.id);
      running(
        lab,
        Array.from({ length: others }, () => ({})),
      );
      slice(lab, passed);
      // A word there and back is two turns of its harts; theirs is the whole machine, or half of it and more.
      const words = vm.look().x(18);
      const most = passed / 100_000 / 2;
      expect(words).toBeLessThanOrEqual(most);
      expect(words).toBeGreaterThan((others === 0 ? 0.9 : 0.45) * most);
    }
  });

  test.each([
    [{ weight: 0 }, /expected a weight from 1 to 10000, found 0/],
    [{ weight: 1.5 }, /expected a weight/],
    [{ cap: 101 }, /expected a cap from 1 to 100 percent of a hart, found 101/],
    [{ pin: 0 }, /expected a physical hart/],
    [{ pin: 2 }, /expected a physical hart from 0 to 0/],
  ])('%j is refused, and changes nothing', (change, message) => {
    const lab = newLab({ memoryMiB: 64 });
    const vm = lab.addVm({ technique: 'hardware-assisted', guest: COUNTS }) as HostedVm;
    const before = vm.vcpu(0).schedule.entitlement;
    expect(() => lab.hypervisor?.entitle(vm.vcpu(0), change)).toThrow(message);
    expect(vm.vcpu(0).schedule.entitlement).toEqual(before);
  });
});

describe('times', () => {
  test('run, wait and steal are all of the time that a VM runs, and none while a person holds it', () => {
    const lab = newLab({ memoryMiB: 80 });
    const [busy, second] = running(lab, [{}, {}]);
    const [asleep] = running(lab, [{}], SLEEPS);
    if (!busy || !second || !asleep) throw new Error('no VM');
    slice(lab, 10_000_000);
    for (const vm of [busy, second, asleep]) {
      const { run = 0, wait = 0, steal = 0 } = timesOf(lab, vm) ?? {};
      expect(run + wait + steal).toBe(10_000_000);
      expect(run).toBe(vm.instructions);
    }
    expect(timesOf(lab, busy)?.steal).toBeGreaterThan(4_000_000);
    expect(timesOf(lab, busy)?.wait).toBe(0);
    expect(timesOf(lab, asleep)?.wait).toBeGreaterThan(7_900_000); // it had to wait for its first turn
    const held = timesOf(lab, second);
    lab.pause(second.id);
    slice(lab, 5_000_000);
    expect(timesOf(lab, second)).toEqual(held);
    expect(timesOf(lab, busy)?.run).toBe(busy.instructions);
  });

  test('who ran where is kept without gaps or overlaps', () => {
    const lab = newLab({ memoryMiB: 80, physicalHarts: 2 });
    running(lab, [{}, {}, {}]);
    slice(lab, 20_000_000);
    const intervals = lab.hypervisor?.scheduler.intervals.from(0) ?? [];
    for (const hart of [0, 1]) {
      const own = intervals.filter((each) => each.hart === hart);
      expect(own.length).toBeGreaterThan(5);
      own.forEach(({ to }, index) => expect(to).toBe(own[index + 1]?.from));
    }
    expect(lab.hypervisor?.scheduler.intervals.from(19_000_000).length).toBeLessThan(intervals.length);
  });

  test.each(hosted)('%s: the guest reads its steal time, and what cannot be its memory is refused', (technique) => {
    const lab = newLab({ memoryMiB: 80 });
    const vm = lab.addVm({ technique, guest: STEAL }) as HostedVm;
    const page = 0x8040_0000 + 4096;
    lab.start(vm.id);
    slice(lab, 100_000);
    expect(Array.from({ length: 6 }, (_, index) => wordAt(vm, page + 64 + 4 * index) | 0)).toEqual([
      1, -3, -3, -5, 0, -2,
    ]);
    expect(wordAt(vm, page + 8)).toBe(0);
    running(lab, [{}]);
    slice(lab, 7_000_000);
    drive(lab.computerOf(vm), { limit: 1, slice: 1 });
    const { steal = 0 } = timesOf(lab, vm) ?? {};
    const told = wordAt(vm, page + 8) + wordAt(vm, page + 12) * 2 ** 32;
    expect(wordAt(vm, page) % 2).toBe(0);
    expect(wordAt(vm, page)).toBeGreaterThan(2);
    expect(told).toBeGreaterThan(10 * 1_900_000);
    expect(told).toBeLessThanOrEqual(10 * steal);
    expect(wordAt(vm, page + 16) & 0xff).toBe(vm.vcpu(0).onHart ? 0 : 1);
  });
});
