// Binary patching together with everything else that happens to a guest's memory: several vCPUs, devices that write to code,
// swapping, merging, dirty logs, clones, a move to another machine, a switch thrown half-way, and more code than copies.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeHost } from '../../../../cli/node-host.ts';
import { quirkNames } from '../../../machine/quirks.ts';
import { guestDma } from '../../memory/guest-dma.ts';
import { drive, hashOf, newLab, runAlone, shippedGuest, SHUTDOWN, sourceGuest } from '../../guest-rig.test-support.ts';
import { HostedVm } from '../../hosted-vm.ts';
import type { Lab } from '../../lab.ts';
import { Comparison } from '../../properties/equivalence.ts';
import type { Technique, VirtualMachine } from '../../virtual-machine.ts';
import { actions, comeTo, patched, programOf } from './changing-programs.test-support.ts';

const HARTS = readFileSync(new URL('../../whole-guests/harts.test-support.s', import.meta.url), 'utf8');
const small = { quirks: quirkNames, memoryMiB: 48, traceCapacity: 256 } as const;

function patchesOf(vm: VirtualMachine) {
  if (!(vm instanceof HostedVm) || vm.patches === undefined) throw new Error('expected a VM with patches');
  return vm.patches;
}

test('Linux on a machine broken in every way: the same registers, time, output and memory as bare, up to its prompt', () => {
  const comparison = new Comparison({
    host: nodeHost,
    guest: () => shippedGuest('linux'),
    techniques: ['trap-and-emulate'],
    every: 500_000,
    memoryEvery: 1000,
    limit: 60_000_000,
    until: '/ #',
    quirks: quirkNames,
    binaryPatching: true,
  });
  expect(comparison.run()).toEqual({ kind: 'printed', difference: undefined, ending: undefined });
}, 120_000);

test('four harts that start, stop and interrupt each other, on one physical hart and on three', () => {
  const guest = sourceGuest(HARTS, { harts: 4 });
  const bare = runAlone('bare', guest);
  for (const physicalHarts of [1, 3]) {
    const hosted = runAlone('trap-and-emulate', patched(guest), { physicalHarts, quirks: quirkNames });
    expect([hosted.console, hosted.hash]).toEqual([bare.console, bare.hash]);
    expect(patchesOf(hosted.vm).report.pages.length).toBeGreaterThan(0);
  }
});

/** Hart 1 executes what hart 0 changes, again and again: each word that hart 0 stores must arrive before it stores the next. */
const TALKERS = `
        .globl  _start
_start: la      s0, code
        la      s1, seen
        bnez    a0, listen
        li      a7, 0x48534d            # SBI HSM: start hart 1 here
        li      a6, 0
        li      a0, 1
        la      a1, _start
        li      a2, 0
        ecall
        li      s2, 24                  # words to send: addi a0, zero, n; between two of them, one to patch
        li      s3, 0x00000513
        li      s4, 0x10002573          # csrr a0, sstatus
1:      lw      t2, 4(s1)
        sw      s4, 0(s0)
3:      lw      t0, 4(s1)
        beq     t0, t2, 3b
        li      t0, 0x100000
        add     s3, s3, t0
        sw      s3, 0(s0)
        srli    t1, s3, 20
2:      lw      t0, 0(s1)
        bne     t0, t1, 2b
        addi    s2, s2, -1
        bnez    s2, 1b
        li      t0, 0
        li      t1, 0
        li      a1, 0
        li      a2, 0
${SHUTDOWN}
listen: jalr    ra, (s0)
        addi    t1, a0, -1
        li      t0, 24
        bgeu    t1, t0, 1f
        sw      a0, 0(s1)
        j       listen
1:      lw      t0, 4(s1)               # it was the status
        addi    t0, t0, 1
        sw      t0, 4(s1)
        j       listen
        .balign 4096
code:   csrr    a0, sstatus
        ret
        .balign 4096
seen:   .word   0, 0            # the last word, and how often it was the status
`;

test('one hart changes the code that another one executes, on one physical hart and on two', () => {
  const guest = sourceGuest(TALKERS, { harts: 2 });
  for (const physicalHarts of [1, 2]) {
    const { vm, lab } = runAlone('trap-and-emulate', patched(guest), {
      physicalHarts,
      quirks: quirkNames,
      limit: 30_000_000,
    });
    expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
    expect(vm.memory.readEntry(0x8040_2000)).toBe(24);
    expect(lab.trace.statistics(vm.id)['patched-instruction'].count).toBeGreaterThan(0);
    expect(patchesOf(vm).report.withdrawn).toBeGreaterThan(0);
  }
});

/** Calls the same two instructions again and again; somebody else changes them. */
const CALLER = sourceGuest(`
        .globl  _start
_start: li      s0, 20000
        li      s1, 0
        la      s2, code
1:      jalr    ra, (s2)
        slli    t0, s1, 1
        add     s1, t0, a0
        lw      t1, 0(s2)
        add     s1, s1, t1
        addi    s0, s0, -1
        bnez    s0, 1b
${SHUTDOWN}
        .balign 4096
code:   csrr    a0, sstatus
        ret
`);

test('a device writes to code that is patched, and to code that is about to be', () => {
  const CODE = 0x8040_1000;
  const words = [0x0070_0513, 0x1000_2573, 0x0000_0513, 0x1000_2573]; // li a0, 7; csrr a0, sstatus; li a0, 0; csrr …
  const account = (technique: Technique) => {
    const lab = newLab(small);
    const vm = lab.addVm({ technique, guest: technique === 'bare' ? CALLER : patched(CALLER) });
    const dma = guestDma(() => vm.memory);
    const loop = vm.guest.entry + 20;
    for (const word of words) {
      lab.setBreakpoints(vm.id, [loop]);
      // Some rounds of the loop, each to the same place.
      for (let round = 0; round < 5; round++) {
        lab.start(vm.id);
        drive(lab.computerOf(vm), { until: () => !vm.control.running, limit: 1_000_000 });
        expect(vm.look().pc).toBe(loop);
      }
      dma.store(CODE, 4, word);
    }
    lab.setBreakpoints(vm.id, []);
    lab.start(vm.id);
    drive(lab.computerOf(vm), { until: () => vm.ending !== undefined, limit: 3_000_000 });
    return { hash: hashOf(vm), ending: vm.ending, vm };
  };
  const bare = account('bare');
  const hosted = account('trap-and-emulate');
  expect([hosted.hash, hosted.ending]).toEqual([bare.hash, bare.ending]);
  expect(patchesOf(hosted.vm).report.withdrawn).toBeGreaterThan(0);
});

/** What a hypervisor may do to a VM's memory between two instructions. */
const disturbances: readonly ((vm: HostedVm, lab: Lab) => void)[] = [
  (_, lab) => void lab.hypervisor?.memory.reclaim(10_000),
  (_, lab) => {
    lab.hypervisor?.memory.merging.scan(10_000);
    lab.hypervisor?.memory.merging.scan(10_000);
  },
  ({ memory }) => {
    if (memory.dirtyLog.active) memory.dirtyLog.collect();
    else memory.dirtyLog.start();
  },
  ({ memory }) => {
    if (memory.dirtyLog.active) memory.dirtyLog.stop();
  },
];

test('made kernels whose pages are swapped out, merged and logged at any moment', () => {
  const lab = newLab(small);
  fc.assert(
    fc.property(
      actions,
      fc.array(fc.nat(disturbances.length - 1), { minLength: 3, maxLength: 9 }),
      fc.integer({ min: 20, max: 300 }),
      (list, what, slice) => {
        const guest = sourceGuest(programOf(list));
        let turn = 0;
        const disturbed = comeTo(
          'trap-and-emulate',
          patched(guest),
          lab,
          (vm) => {
            if (vm instanceof HostedVm && turn < 40) disturbances[what[turn++ % what.length] ?? 0]?.(vm, lab);
          },
          slice,
        );
        expect(disturbed).toEqual(comeTo('bare', guest, lab));
      },
    ),
    { numRuns: 8 },
  );
});

test('made kernels that move to another machine, or are copied, in the middle', () => {
  fc.assert(
    fc.property(actions, fc.integer({ min: 50, max: 900 }), (list, slice) => {
      const lab = newLab({ ...small, secondMemoryMiB: 48 });
      const guest = sourceGuest(programOf(list));
      const bare = comeTo('bare', guest, lab);
      let turn = 0;
      let copy: VirtualMachine | undefined;
      const moved = comeTo(
        'trap-and-emulate',
        patched(guest),
        lab,
        ({ id }) => {
          turn++;
          if (turn === 2) copy = lab.cloneVm(id);
          if (turn !== 3) return;
          lab.migrate(id, {
            link: { bytesPerSecond: 1_000_000_000, latencyTicks: 10 },
            downtimeLimitTicks: 1e9,
            divergence: 'force',
          });
        },
        slice,
      );
      expect(moved).toEqual(bare);
      if (copy === undefined) return;
      const { id } = copy;
      drive(lab.computerOf(copy), { until: () => lab.vm(id).ending !== undefined, limit: 5_000_000 });
      expect(hashOf(copy)).toBe(bare.hash);
    }),
    { numRuns: 3 },
  );
});

test('a switch is thrown while the guest runs: what it executes is patched from then on', () => {
  const lab = newLab({ ...small, quirks: [] });
  const inKernel = actions.map((list) => list.filter(({ kind }) => kind !== 'user'));
  fc.assert(
    fc.property(inKernel, fc.integer({ min: 20, max: 400 }), (list, slice) => {
      const guest = sourceGuest(programOf(list));
      const bare = comeTo('bare', guest, lab);
      let turn = 0;
      const switched = comeTo(
        'trap-and-emulate',
        patched(guest),
        lab,
        () => {
          const quirk = quirkNames[turn % quirkNames.length];
          if (quirk !== undefined && turn++ < 6) lab.setQuirk(quirk, !lab.quirks[quirk]);
        },
        slice,
      );
      expect(switched).toEqual(bare);
    }),
    { numRuns: 2 },
  );
});

test('more pages of sensitive code than there is room for copies: the oldest go, and the guest does not notice', () => {
  // Fills 300 pages with a routine, and calls each of them three times.
  const guest = sourceGuest(`
        .globl  _start
_start: li      s0, 0x80800000
        li      s1, 0x8092c000
        li      s3, 0
        li      t0, 0x10002573          # csrr a0, sstatus
        li      t1, 0x00008067          # ret
        mv      s2, s0
        li      s4, 4096
1:      sw      t0, 0(s2)
        sw      t1, 4(s2)
        add     s2, s2, s4
        bltu    s2, s1, 1b
        li      s5, 3
2:      mv      s2, s0
3:      xori    t2, s3, 0
        csrci   sstatus, 0
        jalr    ra, (s2)
        slli    t2, s3, 1
        add     s3, t2, a0
        addi    s3, s3, 1
        add     s2, s2, s4
        bltu    s2, s1, 3b
        addi    s5, s5, -1
        bnez    s5, 2b
${SHUTDOWN}
`);
  const lab = newLab(small);
  const vm = lab.addVm({ technique: 'trap-and-emulate', guest: patched(guest) });
  lab.start(vm.id);
  const patches = patchesOf(vm);
  drive(lab.computerOf(vm), { until: () => vm.ending !== undefined, limit: 3_000_000 });
  expect(hashOf(vm)).toBe(runAlone('bare', guest).hash);
  const { room, copies, evicted, pages } = patches.report;
  expect(pages.length).toBeGreaterThanOrEqual(300);
  expect(evicted).toBeGreaterThan(300 - room);
  expect(copies).toBe(room);
});
