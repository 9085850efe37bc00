// The hypervisor takes frames away from a guest whose other harts are in the middle of their code: what they know of the second
// stage, or of their shadow tables, must be forgotten before the frame is anybody else's (privileged manual, "Hypervisor
// Memory-Management Fence Instructions"; issue, section 2).

import { describe, expect, test, vi } from 'vitest';
import { MIB, consoleOf, drive, hosted, newLab, SHUTDOWN, sourceGuest } from '../guest-rig.test-support.ts';
import type { HostedVm } from '../hosted-vm.ts';
import type { Lab } from '../lab.ts';
import type { HostedTechnique } from '../virtual-machine.ts';

vi.setConfig({ testTimeout: 60_000 });

const ROUNDS = 500;
/** Instructions from one disturbance to the next. */
const EVERY = 1777;
/**
 * Three harts, each with four pages of its own that it stores to, loads from and compares, a routine in a page of its own that it
 * calls, and one word that all count in with LR/SC. A word that is not what was stored there ends the guest badly.
 */
const CHECKS = sourceGuest(
  `
        .globl  _start
_start: mv      s0, a0
        bnez    s0, 2f
        li      s1, 1
1:      mv      a0, s1
        la      a1, _start
        li      a7, 0x48534d
        li      a6, 0
        ecall
        addi    s1, s1, 1
        li      t0, 3
        bltu    s1, t0, 1b
2:      la      s2, pages
        slli    t0, s0, 14
        add     s2, s2, t0              # its own four pages
        la      s3, routines
        slli    t0, s0, 12
        add     s3, s3, t0
        li      s4, ${ROUNDS}
        la      s5, count
3:      li      s6, 0
4:      slli    t0, s6, 12
        add     t0, t0, s2
        slli    t1, s0, 24
        add     t1, t1, s4
        sw      t1, 0(t0)
        jalr    s3
        slli    t0, s6, 12
        add     t0, t0, s2
        lw      t2, 0(t0)
        bne     t1, t2, bad
        addi    s6, s6, 1
        li      t0, 4
        bltu    s6, t0, 4b
5:      lr.w    t0, (s5)
        addi    t0, t0, 1
        sc.w    t2, t0, (s5)
        bnez    t2, 5b
        addi    s4, s4, -1
        bnez    s4, 3b
        la      t0, done
        li      t1, 1
        amoadd.w zero, t1, (t0)
        bnez    s0, 7f
6:      lw      t1, 0(t0)
        li      t2, 3
        bne     t1, t2, 6b
        lw      s7, 0(s5)
${SHUTDOWN}
7:      li      a7, 0x48534d
        li      a6, 1
        ecall
bad:    li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 1
        ecall
        .balign 4096
routines:
${'        nop\n        jr      ra\n        .balign 4096\n'.repeat(3)}
        .data
        .balign 4096
pages:  .space  3 * 4 * 4096
count:  .word   0
done:   .word   0`,
  { harts: 3 },
);

/** Dirties ten pages after the other, for ever: whatever frame comes free is written full at once. */
const CHURNS = sourceGuest(`
        .globl  _start
_start: li      s1, 0x80800000
        li      s2, 0x80900000
1:      mv      t0, s1
2:      not     t1, t0
        sw      t1, 0(t0)
        sw      t1, 4(t0)
        sw      t1, 2044(t0)
        li      t2, 4096
        add     t0, t0, t2
        bltu    t0, s2, 2b
        j       1b`);

type Disturbance = (lab: Lab, vm: HostedVm, turn: number) => void;

const byTurns: Disturbance = (lab, { memory }, turn) => {
  const { memory: host } = lab.hypervisor ?? {};
  if (turn % 5 === 0) host?.reclaim(10_000);
  if (turn % 3 === 0) host?.merging.scan(10_000);
  if (turn % 7 === 0) memory.dirtyLog.start();
  if (turn % 7 === 3) memory.dirtyLog.collect();
  if (turn % 7 === 5) memory.dirtyLog.stop();
};

const disturbances: readonly (readonly [string, Disturbance])[] = [
  ['swapped out', (lab) => void lab.hypervisor?.memory.reclaim(10_000)],
  ['merged', (lab) => lab.hypervisor?.memory.merging.scan(10_000)],
  ['logged', (_, { memory }) => (memory.dirtyLog.active ? memory.dirtyLog.collect() : memory.dirtyLog.start())],
  [
    'logged, and let be again',
    (_, { memory }) => (memory.dirtyLog.active ? memory.dirtyLog.stop() : memory.dirtyLog.start()),
  ],
  ['swapped out, merged and logged by turns', byTurns],
];

function disturbed(technique: HostedTechnique, physicalHarts: number, hugePages: boolean, act: Disturbance) {
  const lab = newLab({
    memoryMiB: hugePages ? 52 : 24,
    physicalHarts,
    traceCapacity: 2,
    memory: { hugePages, swapLatency: 2 },
  });
  const vm = lab.addVm({ technique, guest: CHECKS }) as HostedVm;
  const churn = lab.addVm({ technique, guest: CHURNS });
  for (const { id } of [vm, churn]) lab.start(id);
  let turn = 0;
  let next = 0;
  const end = drive(lab.computerOf(vm), {
    slice: EVERY,
    limit: 30_000_000,
    until: () => {
      const { elapsed } = vm.physical;
      if (elapsed >= next) {
        next = elapsed + EVERY; // and not each time that somebody waits for a page
        act(lab, vm, ++turn);
      }
      return vm.ending !== undefined;
    },
  });
  expect(end).toBe('until');
  expect(consoleOf(vm)).toBe('');
  expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
  return vm.look().x(23);
}

describe.each(hosted)('%s: pages of a guest with three harts', (technique) => {
  test.each(disturbances)('%s while they are in use on three physical harts: no store is lost', (_, act) => {
    expect(disturbed(technique, 3, false, act)).toBe(3 * ROUNDS);
  });

  test.each([
    ['on one physical hart', 1, false],
    ['in huge blocks', 3, true],
  ] as const)('%s: all that by turns', (_, physicalHarts, hugePages) => {
    expect(disturbed(technique, physicalHarts, hugePages, byTurns)).toBe(3 * ROUNDS);
  });
});

describe('blocks that were split', () => {
  const touched = (physicalHarts: number) => {
    const lab = newLab({ memoryMiB: 64, physicalHarts, memory: { hugePages: true } });
    const vm = lab.addVm({ technique: 'hardware-assisted', guest: CHECKS }) as HostedVm;
    const churn = lab.addVm({ technique: 'hardware-assisted', guest: CHURNS }) as HostedVm;
    for (const { id } of [vm, churn]) lab.start(id);
    drive(lab.computerOf(vm), { limit: 20_000, slice: 1000 });
    return {
      lab,
      vm,
      churn,
      run: (instructions: number) => drive(lab.computerOf(vm), { limit: instructions, slice: 1000 }),
    };
  };
  const hugeEntries = (vm: HostedVm) => vm.hugeEntries;

  test('for the dirty log are joined when it stops, and their tables are given back', () => {
    for (const physicalHarts of [1, 3]) {
      const { lab, vm, churn, run } = touched(physicalHarts);
      lab.pause(churn.id); // or it could have the only hart all the time
      const before = { entries: hugeEntries(vm), huge: vm.memory.use.huge, used: lab.hypervisor?.frames.usedBytes };
      expect(before.entries).toBeGreaterThan(0);
      expect(before.huge).toBeGreaterThanOrEqual(before.entries * 1024); // a block may lie there and not be mapped
      vm.memory.dirtyLog.start();
      run(20_000);
      expect(hugeEntries(vm)).toBe(0);
      expect(vm.memory.use.huge).toBe(0);
      expect(lab.hypervisor?.frames.usedBytes).toBeGreaterThan(before.used ?? Infinity);
      vm.memory.dirtyLog.stop();
      expect({ entries: hugeEntries(vm), huge: vm.memory.use.huge, used: lab.hypervisor?.frames.usedBytes }).toEqual(
        before,
      );
      const { exits } = vm;
      run(200_000);
      expect(lab.trace.statistics(vm.id)['protected-page'].count).toBeGreaterThan(0);
      expect(vm.exits - exits).toBeLessThan(60); // hardly a page of it is asked for again
      drive(lab.computerOf(vm), { until: () => vm.ending !== undefined });
      expect(vm.ending).toMatchObject({ exitCode: 0 });
    }
  });

  test('for a clone are joined when the clone goes, but for those of which a page was copied', () => {
    const { lab, vm, churn, run } = touched(4);
    const before = [vm, churn].map(hugeEntries);
    lab.pause(vm.id);
    const clones = [lab.cloneVm(vm.id), lab.cloneVm(churn.id)];
    expect([vm, churn].map(hugeEntries)).toEqual([0, 0]);
    for (const { id } of clones) lab.pause(id);
    run(20_000); // churn stores to its pages while they are shared: it has copies now
    expect(churn.memory.use.copies).toBeGreaterThan(0);
    for (const { id } of clones) lab.removeVm(id);
    expect(hugeEntries(vm)).toBe(before[0]);
    expect(vm.memory.use.shared).toBe(0);
    expect(hugeEntries(churn)).toBeLessThan(before[1] ?? 0);
    lab.start(vm.id);
    drive(lab.computerOf(vm), { until: () => vm.ending !== undefined });
    expect(vm.ending).toMatchObject({ exitCode: 0 });
  });

  test('stay split where a page of them is swapped out, merged or given up', () => {
    const { lab, vm, run } = touched(1);
    const host = lab.hypervisor?.memory;
    const region = 0x8040_0000; // where its image lies
    const last = region + 4 * MIB - 4096;
    expect(vm.memory.hugeBlock(region)).toBeDefined();
    vm.memory.dirtyLog.start();
    expect(vm.memory.giveUp(last)).toBe(true);
    vm.memory.dirtyLog.stop();
    expect(vm.memory.hugeBlock(region)).toBeUndefined();
    expect(vm.memory.takeBack(last)).toBe(true);
    run(5000);
    host?.merging.scan(20_000);
    host?.merging.scan(20_000);
    expect(vm.memory.use.shared).toBeGreaterThan(0);
    const entries = hugeEntries(vm);
    vm.memory.dirtyLog.start();
    vm.memory.dirtyLog.stop();
    expect(hugeEntries(vm)).toBe(0);
    expect(entries).toBe(0);
    expect(vm.memory.use.huge).toBe(0);
    drive(lab.computerOf(vm), { until: () => vm.ending !== undefined });
    expect(vm.ending).toMatchObject({ exitCode: 0 });
  });
});
