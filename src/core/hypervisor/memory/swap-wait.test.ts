// A page that was swapped out is not there at once: the vCPU that needs it waits in virtual time while others run, as KVM's vCPU
// thread does in its page fault (virt/kvm/kvm_main.c, hva_to_pfn). How long is settable, and told apart from steal time.

import { describe, expect, test } from 'vitest';
import { DEFAULT_SWAP_LATENCY } from './host-memory.ts';
import { drive, hashOf, hosted, newLab, SHUTDOWN, sourceGuest } from '../guest-rig.test-support.ts';
import type { HostedVm } from '../hosted-vm.ts';
import type { HostedTechnique } from '../virtual-machine.ts';

/** Writes and adds up words all over 4 MiB, each page with words of its own, three times over. */
const WALKER = sourceGuest(`
        .globl  _start
_start: li      s0, 3
        li      s3, 0
1:      li      s1, 0x80800000
        li      s2, 0x80c00000
2:      lw      t0, 0(s1)
        add     t0, t0, s1
        sw      t0, 0(s1)
        add     s3, s3, t0
        li      t1, 1024
        add     s1, s1, t1
        bltu    s1, s2, 2b
        addi    s0, s0, -1
        bnez    s0, 1b
${SHUTDOWN}
`);
const COUNTS = sourceGuest('.globl _start\n_start: addi s0, s0, 1\n j _start');

interface Options {
  readonly latency?: number;
  readonly slice?: number;
  readonly neighbour?: boolean;
  readonly physicalHarts?: number;
}

function walk(
  technique: HostedTechnique,
  { latency, slice = 1_000_000, neighbour = false, physicalHarts = 1 }: Options = {},
) {
  const lab = newLab({
    memoryMiB: technique === 'hardware-assisted' ? 3 : 5,
    physicalHarts,
    exactTime: true,
    memory: { swapBytes: 2 ** 25, ...(latency !== undefined && { swapLatency: latency }) },
  });
  const vm = lab.addVm({ technique, guest: WALKER }) as HostedVm;
  const other = neighbour ? (lab.addVm({ technique, guest: COUNTS }) as HostedVm) : undefined;
  for (const { id } of lab.vms) lab.start(id);
  drive(lab.computerOf(vm), { slice, limit: 1e9, until: () => vm.ending !== undefined });
  expect(vm.ending).toMatchObject({ exitCode: 0 });
  const elapsed = lab.hypervisor?.machine.elapsed ?? 0;
  return {
    hash: hashOf(vm),
    instructions: vm.instructions,
    exits: vm.exits,
    swapIns: vm.memory.use.swapIns,
    elapsed,
    times: vm.vcpu(0).schedule.timesAt(elapsed),
    neighbour: other?.instructions ?? 0,
  };
}

describe.each(hosted)('%s', (technique) => {
  test('alone, the guest loses exactly the time of its pages, and nothing else is different', () => {
    const free = walk(technique, { latency: 0 });
    const slow = walk(technique, { latency: 250 });
    expect(free.swapIns).toBeGreaterThan(50);
    expect(free.times.swap).toBe(0);
    expect({ ...slow, elapsed: 0, times: 0 }).toEqual({ ...free, elapsed: 0, times: 0 });
    // Each from the next tick on, which is up to nine instructions away.
    expect(slow.times.swap).toBeGreaterThanOrEqual(slow.swapIns * 2500);
    expect(slow.times.swap).toBeLessThan(slow.swapIns * 2510);
    expect(slow.times.run).toBe(free.times.run);
    expect(slow.times.steal).toBe(0);
    expect(slow.elapsed).toBe(free.elapsed + slow.times.swap);
  });

  test('as long as a read from a solid-state disk where nothing is said', () => {
    expect(DEFAULT_SWAP_LATENCY).toBe(1000); // 100 µs at 10 MHz
    expect(walk(technique)).toEqual(walk(technique, { latency: 1000 }));
  });

  test('where the host cuts its slices is not seen', () => {
    const whole = walk(technique, { latency: 333, neighbour: true });
    expect(walk(technique, { latency: 333, neighbour: true, slice: 977 })).toEqual(whole);
    expect(walk(technique, { latency: 333, neighbour: true, slice: 20_011 })).toEqual(whole);
  });

  test.each([1, 2])(
    'a neighbour has the hart meanwhile, and what is waited for a page is no steal time (%i harts)',
    (physicalHarts) => {
      const shared = walk(technique, { latency: 1000, neighbour: true, physicalHarts });
      const alone = walk(technique, { latency: 1000 });
      expect(shared.hash).toBe(alone.hash);
      const { run, wait, steal, swap } = shared.times;
      expect(run + wait + steal + swap).toBe(shared.elapsed);
      expect(swap).toBeGreaterThanOrEqual(shared.swapIns * 10_000);
      expect(shared.swapIns).toBeGreaterThan(50);
      expect(shared.neighbour).toBeGreaterThan(0.9 * swap);
      // Harts of one clock take turns: a timer is seen when its hart has its turn.
      if (physicalHarts === 2) expect(steal).toBeLessThan(0.1 * swap);
    },
  );
});

test('a page of one repeated word lies nowhere: it costs nothing to make it anew', () => {
  const lab = newLab({ memoryMiB: 32, memory: { swapLatency: 1000 } });
  const vm = lab.addVm({ technique: 'hardware-assisted', guest: WALKER }) as HostedVm;
  lab.start(vm.id);
  drive(lab.computerOf(vm), { limit: 3000 });
  const zero = 0x8100_0000 - 8192;
  expect(vm.memory.touch(zero, true)).toBeDefined();
  lab.hypervisor?.memory.reclaim(10_000);
  expect(vm.memory.isSwapped(zero)).toBe(true);
  let fetched = 0;
  const { memory } = lab.hypervisor ?? {};
  expect(memory?.swap.pages).toBeGreaterThan(1);
  if (memory) for (let slot = 1; slot <= memory.swap.pages; slot++) if (memory.swap.takesRoom(slot)) fetched++;
  expect(fetched).toBeLessThan(memory?.swap.pages ?? 0);
});
