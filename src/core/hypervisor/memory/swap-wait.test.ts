// A page that was swapped out is not there at once: the vCPU that needs it waits in virtual time while others run, as KVM's vCPU
// thread does in its page fault (virt/kvm/kvm_main.c, hva_to_pfn). How long is settable, and told apart from steal time.

import { describe, expect, test } from 'vitest';
import { DEFAULT_SWAP_LATENCY } from './host-memory.ts';
import { MemoryStore } from '../../devices/block-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import {
  consoleOf,
  drive,
  hashOf,
  hosted,
  MIB,
  newLab,
  shippedGuest,
  sourceGuest,
  wordAt,
} from '../guest-rig.test-support.ts';
import type { HostedVm } from '../hosted-vm.ts';
import type { HostedTechnique } from '../virtual-machine.ts';
import { walkerSource } from './walker.test-support.ts';

/** All over 4 MiB, each page with words of its own, three times over. */
const WALKER = sourceGuest(walkerSource({ rounds: 3, mebibytes: 4, stride: 1024 }));
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

const PAGE = 4096;
const pageOf = (gpa: number): number => (gpa - RAM_BASE) / PAGE;

describe.each(hosted)('%s: a call of the firmware that reads memory', (technique) => {
  // DBCN writes 4 bytes that lie in two pages; legacy SEND_IPI loads the mask of harts, through the guest's page tables or not.
  const CALLS = sourceGuest(`
        .globl  _start
_start: li      t0, 0x80800ffe
        li      t1, 0x6261
        sh      t1, 0(t0)
        li      t1, 0x6463
        sh      t1, 2(t0)
        li      a7, 0x4442434e
        li      a6, 0
        li      a0, 4
        li      a1, 0x80800ffe
        li      a2, 0
write:  ecall
        li      t0, 0x80900000
        li      t1, 1
        sw      t1, 0(t0)
        sw      t0, 4(t0)
        li      a7, 4
        li      a0, 0x80900000
ipi:    ecall
        csrr    s0, sip
1:      j       1b
`);

  test('waits as long as the vCPU would by itself, for each page', () => {
    const ecall = (vm: HostedVm, from: number): number => {
      for (let at = from; ; at += 4) if (wordAt(vm, at) === 0x73) return at;
    };
    const lab = newLab({ memoryMiB: 32, exactTime: true, memory: { swapLatency: 250 } });
    const vm = lab.addVm({ technique, guest: CALLS }) as HostedVm;
    const computer = lab.computerOf(vm);
    const swapTime = () => vm.vcpu(0).schedule.timesAt(lab.hypervisor?.machine.elapsed ?? 0).swap;
    let waited = 0;
    let at = 0x8040_0000 - 4;
    for (const pages of [[0x8080_0000, 0x8080_1000], [0x8090_0000]]) {
      at = ecall(vm, at + 4);
      lab.setBreakpoints(vm.id, [at]);
      lab.start(vm.id);
      drive(computer, { until: () => !vm.control.running });
      expect(vm.look().pc).toBe(at);
      for (const page of pages) expect(vm.memory.pages.swapOut(pageOf(page))).toBe(true);
      lab.setBreakpoints(vm.id, [at + 4]);
      lab.start(vm.id);
      drive(computer, { until: () => !vm.control.running });
      expect(vm.look().pc).toBe(at + 4);
      for (const page of pages) expect(vm.memory.isSwapped(page)).toBe(false);
      waited += pages.length * 2500;
      expect(swapTime()).toBeGreaterThanOrEqual(waited);
      expect(swapTime()).toBeLessThan(waited + 20);
    }
    expect(consoleOf(vm)).toBe('abcd');
    lab.setBreakpoints(vm.id, []);
    lab.start(vm.id);
    drive(computer, { limit: 100 });
    expect(vm.look().x(8) & 2).toBe(2);
  });
});

describe('a device that needs pages which were swapped out', () => {
  /** A disk's requests, each after all that can be was swapped out. */
  function disk(swapLatency: number, latency: number, slice = 3000) {
    const times: { readonly taken: number; readonly used: number }[] = [];
    const guest = shippedGuest('io-paths');
    const lab = newLab({ memoryMiB: 2 * (guest.memoryBytes / MIB), exactTime: true, memory: { swapLatency } });
    const vm = lab.addVm({
      technique: 'hardware-assisted',
      guest: {
        ...guest,
        devices: {
          virtio: [
            {
              device: virtioBlock({ store: new MemoryStore(new Uint8Array(2 ** 20)) }),
              latency,
              observer: { served: ({ takenAt, usedAt }) => void times.push({ taken: takenAt, used: usedAt }) },
            },
          ],
        },
      },
    }) as HostedVm;
    lab.start(vm.id);
    const { transport } = vm.board.virtio.find(({ occupied }) => occupied) ?? {};
    let inFlight = 0;
    drive(lab.computerOf(vm), {
      slice,
      until: () => {
        // Once for each request that is under way.
        if ((transport?.requestsInFlight ?? 0) > inFlight) lab.hypervisor?.memory.reclaim(100_000);
        inFlight = transport?.requestsInFlight ?? 0;
        return vm.ending !== undefined;
      },
    });
    expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
    expect(consoleOf(vm)).toMatch(/^disk, virtio: 64 KiB written, read, the same$/m);
    const elapsed = lab.hypervisor?.machine.elapsed ?? 0;
    return {
      took: times.map(({ taken, used }) => used - taken),
      swap: vm.vcpu(0).schedule.timesAt(elapsed).swap,
      elapsed,
    };
  }

  test('is later with what it does, by the time of each of them', () => {
    const free = disk(0, 2000);
    expect(free.took.length).toBe(32);
    const slow = disk(250, 2000);
    expect(slow.took.length).toBe(32);
    // One page after the other: of the rings and of what is read or written.
    for (const [index, took] of slow.took.entries()) {
      const more = took - (free.took[index] ?? 0);
      expect(more % 250).toBeLessThan(2);
      expect(more).toBeGreaterThanOrEqual(250);
      expect(more).toBeLessThanOrEqual(5 * 250 + 1);
    }
    expect(disk(250, 2000)).toEqual(slow);
  });
});
