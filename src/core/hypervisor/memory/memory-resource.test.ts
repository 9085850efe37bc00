// Memory as a resource must not be seen by a guest: whatever the hypervisor does with its frames — huge blocks, swapping on a
// machine that is too small, write protection round by round, merging — it ends in the same state after as many instructions.

import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
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
  SHUTDOWN,
} from '../guest-rig.test-support.ts';
import type { MemoryOptions } from './host-memory.ts';
import type { HostedVm } from '../hosted-vm.ts';
import { Lab } from '../lab.ts';
import { walkerSource } from './walker.test-support.ts';
import type { Technique } from '../virtual-machine.ts';

/** All over 4 MiB, with a stride that is no page, four times over. */
const WALKER = walkerSource({ rounds: 4, mebibytes: 4, stride: 2052 });

/** Stores the number of the round into each of 64 pages, round by round, and then nothing but adds up for a while. */
const TWINS = `
        .globl  _start
_start: li      s0, 4
1:      li      s1, 0x80800000
        li      s2, 0x80840000
2:      sw      s0, 0(s1)
        li      t1, 4096
        add     s1, s1, t1
        bltu    s1, s2, 2b
        li      t0, 40000
3:      add     s3, s3, t0
        addi    t0, t0, -1
        bnez    t0, 3b
        addi    s0, s0, -1
        bnez    s0, 1b
${SHUTDOWN}
`;

interface Outcome {
  readonly vm: HostedVm;
  readonly lab: Lab;
  readonly hash: string;
  readonly console: string;
  readonly instructions: number;
}

function runWith(
  technique: Technique,
  guest: ReturnType<typeof sourceGuest>,
  options: {
    memoryMiB?: number;
    memory?: MemoryOptions;
    prepare?: (lab: Lab, vm: HostedVm) => void;
    each?: (running: { lab: Lab; vm: HostedVm }) => void;
  } = {},
): Outcome {
  const lab = new Lab({
    host: nodeHost,
    memoryBytes: (options.memoryMiB ?? 64) * MIB,
    epochNanoseconds: { high: 0, low: 0 },
    exactTime: true,
    ...(options.memory && { memory: options.memory }),
  });
  const vm = lab.addVm({ technique, guest }) as HostedVm;
  options.prepare?.(lab, vm);
  lab.start(vm.id);
  drive(lab.computerOf(vm), {
    slice: 10_000,
    until: () => {
      options.each?.({ lab, vm });
      return vm.ending !== undefined;
    },
  });
  expect(vm.ending).toMatchObject({ exitCode: 0 });
  return { vm, lab, hash: hashOf(vm), console: consoleOf(vm), instructions: vm.instructions };
}

const seen = ({ hash, console, instructions }: Outcome) => ({ hash, console, instructions });

describe.each(hosted)('%s', (technique) => {
  const walker = sourceGuest(WALKER, { memoryBytes: 16 * MIB });

  test.each([
    ['a program that walks through memory', walker],
    ['a kernel with page tables of its own', shippedGuest('paging')],
  ])('%s: the same with every means of the hypervisor', (_, guest) => {
    const plain = runWith(technique, guest);
    const huge = runWith(technique, guest, { memory: { hugePages: true } });
    expect(seen(huge)).toEqual(seen(plain));
    const collected: number[] = [];
    const logged = runWith(technique, guest, {
      prepare: (__, { memory }) => memory.dirtyLog.start(),
      each: ({ vm: { memory } }) => collected.push(memory.dirtyLog.collect().length),
    });
    expect(seen(logged)).toEqual(seen(plain));
    if (guest === walker) expect(Math.max(...collected)).toBeGreaterThan(0);
    const loggedHuge = runWith(technique, guest, {
      memory: { hugePages: true },
      prepare: (__, { memory }) => memory.dirtyLog.start(),
      each: ({ vm: { memory } }) => memory.dirtyLog.collect(),
    });
    expect(seen(loggedHuge)).toEqual(seen(plain));
  });

  test('pages that become equal share a frame and part again when they are stored to', () => {
    const twins = sourceGuest(TWINS, { memoryBytes: 16 * MIB });
    const plain = runWith(technique, twins);
    const merged = runWith(technique, twins, {
      each: ({ lab }) => lab.hypervisor?.memory.merging.scan(500),
    });
    expect(seen(merged)).toEqual(seen(plain));
    expect(merged.lab.hypervisor?.memory.merging.use.merged).toBeGreaterThan(100);
    expect(merged.vm.memory.use.copies).toBeGreaterThan(10);
    expect(merged.lab.trace.statistics(merged.vm.id)['protected-page'].count).toBeGreaterThan(10);
  });

  test('on a machine that is too small, pages come and go, and the guest is none the wiser', () => {
    const plain = runWith(technique, walker);
    // 4 MiB are walked through; shadow tables are promised more frames than the second stage.
    const small = runWith(technique, walker, {
      memoryMiB: technique === 'hardware-assisted' ? 2 : 3,
      memory: { swapBytes: 16 * MIB },
    });
    expect(seen(small)).toEqual(seen(plain));
    expect(small.vm.memory.use.swapIns).toBeGreaterThan(100);
    expect(small.vm.memory.use.resident).toBeLessThan(768);
  });

  test('4 MiB that were touched first are one entry and one exit; the log splits it', () => {
    const plain = runWith(technique, walker);
    const huge = runWith(technique, walker, { memory: { hugePages: true } });
    expect(huge.vm.memory.use.huge).toBeGreaterThanOrEqual(2048);
    if (technique === 'hardware-assisted') expect(huge.vm.exits).toBeLessThan(plain.vm.exits / 20);
    huge.vm.memory.dirtyLog.start();
    expect(huge.vm.memory.hugeBlock(RAM_BASE + 8 * MIB)).toBeUndefined();
    expect(huge.vm.memory.write(RAM_BASE + 8 * MIB, Uint8Array.of(1))).toBe(true);
    expect(huge.vm.memory.dirtyLog.collect()).toEqual([RAM_BASE + 8 * MIB]);
  });

  test('a clone shares every frame until one of the two stores, and both end as one would alone', () => {
    const plain = runWith(technique, walker);
    const lab = newLab();
    const first = lab.addVm({ technique, guest: walker }) as HostedVm;
    const second = lab.addVm({ technique, guest: walker }) as HostedVm;
    lab.start(first.id);
    drive(lab.computerOf(first), { limit: 8000, slice: 1000 });
    lab.pause(first.id);
    const before = hashOf(first);
    second.restoreState(first.saveState());
    expect(second.memory.pages.shareFrom(first.memory.pages)).toBe(true);
    expect(second.memory.use.shared).toBe(second.memory.use.resident);
    expect(hashOf(second)).toBe(before);
    lab.start(second.id);
    drive(lab.computerOf(second));
    expect(hashOf(second)).toBe(plain.hash);
    expect(hashOf(first)).toBe(before);
    lab.start(first.id);
    drive(lab.computerOf(first));
    expect(hashOf(first)).toBe(plain.hash);
    expect(first.memory.use.copies + second.memory.use.copies).toBeGreaterThan(0);
  });

  test('the VM that needs more than there is ends with a sentence; its neighbour does not notice', () => {
    const lab = new Lab({
      host: nodeHost,
      memoryBytes: 4 * MIB,
      epochNanoseconds: { high: 0, low: 0 },
      memory: { swapBytes: 8 * 4096 },
    });
    const neighbour = lab.addVm({ technique, guest: shippedGuest('hello') });
    const greedy = lab.addVm({ technique, guest: walker });
    for (const { id } of [greedy, neighbour]) lab.start(id);
    drive(lab.computerOf(greedy), { slice: 5000 });
    expect(greedy.ending?.kind).toBe('dead');
    expect(greedy.ending?.message).toMatch(/^The machine has no memory left for this guest.*Remove a VM/);
    expect(neighbour.ending).toMatchObject({ exitCode: 0 });
  });
});
