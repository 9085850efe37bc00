// A Linux guest looked at from outside: processes, namespaces, control groups and system calls, held against what the guest says
// of itself; and kernels whose memory is corrupt on purpose.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { consoleOf, drive, hashOf, newLab, shippedGuest } from '../hypervisor/guest-rig.test-support.ts';
import type { Technique, VirtualMachine } from '../hypervisor/virtual-machine.ts';
import { kernelLayouts } from '../../guests/manifest.ts';
import { parseKernelLayout } from './kernel-layout.ts';
import { KernelMemory } from './kernel-memory.ts';
import { findLayout, lookAtLinux, type LinuxPicture } from './processes.ts';
import { SystemCallLog } from './system-call-log.ts';

const layouts = kernelLayouts.map((path) =>
  parseKernelLayout(readFileSync(new URL(`../../../public/${path}`, import.meta.url), 'utf8')),
);
const PROMPT = /# $/;

function boot(technique: Technique) {
  const lab = newLab({ memoryMiB: 80, traceCapacity: 1024 });
  const vm = lab.addVm({ technique, guest: shippedGuest('linux') });
  const computer = lab.computerOf(vm);
  const atPrompt = () => PROMPT.test(consoleOf(vm)) || vm.ending !== undefined;
  lab.start(vm.id);
  expect(drive(computer, { limit: 1e10, slice: 5_000_000, until: atPrompt })).toBe('until');
  const say = (line: string): string => {
    const before = consoleOf(vm).length;
    vm.receive(new TextEncoder().encode(`${line}\n`));
    drive(computer, { limit: 20_000_000, slice: 100_000, until: () => !atPrompt() });
    expect(drive(computer, { limit: 1e10, slice: 1_000_000, until: atPrompt })).toBe('until');
    return consoleOf(vm).slice(before).split('\r\n').slice(1, -1).join('\n');
  };
  say('stty cols 1000');
  return { lab, vm, say };
}

const memoryOf = (vm: VirtualMachine) => new KernelMemory(vm.memory, vm.look().get('satp'));

function look(vm: VirtualMachine): LinuxPicture {
  const memory = memoryOf(vm);
  const layout = findLayout(memory, layouts);
  if (layout === undefined) throw new Error('the kernel is not one of those that were built');
  return lookAtLinux(memory, layout);
}

describe.each(['bare', 'trap-and-emulate', 'hardware-assisted'] as const)('a Linux guest, %s', (technique) => {
  let linux: ReturnType<typeof boot>;
  beforeAll(() => {
    linux = boot(technique);
    linux.say('container run -d --name web --memory 4M --pids 8 --cpus 0.25 sleep 1000');
    linux.say('sleep 2');
  }, 240_000);

  test('its processes are those that ps shows, with their parents', () => {
    const { say, vm } = linux;
    const shown = say('for p in /proc/[0-9]*; do cut -d" " -f1,2,4 $p/stat; done').split('\n');
    const picture = look(vm);
    expect(picture.problem).toBeUndefined();
    const seen = picture.processes.map(({ pid, name, parent }) => `${pid} (${name}) ${parent}`);
    // cut itself is over when we look; of a worker, /proc also tells what it is at.
    const said = shown.filter((line) => !line.startsWith('cut')).map((line) => line.replace(/[-+][^)]*\)/, ')'));
    expect(seen.slice(1).sort()).toEqual(said.sort());
    expect(seen[0]).toBe('0 (swapper) 0');
  });

  test('a container’s process has its own namespace of each kind, and a PID of its own in it', () => {
    const { say, vm } = linux;
    const picture = look(vm);
    const inside = picture.processes.find(({ name, pids }) => name === 'sleep' && pids.length === 2);
    const shell = picture.processes.find(({ name }) => name === 'sh');
    if (inside?.namespaces === undefined || shell?.namespaces === undefined) throw new Error('no container');
    expect(inside.pids).toEqual([inside.pid, 1]);
    expect(inside.user).toBe(100_000);
    expect(inside.rootFileSystem).toBe('overlay');
    expect(inside.cgroup).toBe('/web');
    expect(shell.cgroup).toBe('/');
    for (const kind of ['pid', 'mnt', 'uts', 'net', 'ipc', 'user'] as const) {
      expect(inside.namespaces[kind], kind).not.toBe(shell.namespaces[kind]);
      const said = (pid: number) => Number(/\[(\d+)\]/.exec(say(`readlink /proc/${pid}/ns/${kind}`))?.[1]);
      expect(said(inside.pid), kind).toBe(inside.namespaces[kind]);
      expect(said(shell.pid), kind).toBe(shell.namespaces[kind]);
    }
    const contents = Object.fromEntries(
      picture.namespaces.filter(({ initial }) => !initial).map((each) => [each.kind, each.contents]),
    );
    expect(contents).toMatchObject({ uts: 'web', net: 'lo eth0', user: 'user 0 is 100000 outside', pid: 'level 1' });
    expect(picture.cgroups.find(({ path }) => path === '/web')).toMatchObject({
      tasks: 2,
      tasksLimit: 8,
      memoryLimitPages: 1024,
      cpuLimit: 0.25,
    });
    expect(picture.cgroups.find(({ path }) => path === '/')).toMatchObject({
      tasksLimit: undefined,
      memoryLimitPages: undefined,
      cpuLimit: undefined,
    });
  });

  test('what it has free is what /proc/meminfo says', () => {
    const { say, vm } = linux;
    const kibibytes = Number(/\d+/.exec(say('grep MemFree /proc/meminfo'))?.[0]);
    // grep itself had some, and has given it back.
    expect(Math.abs(look(vm).freePages * 4 - kibibytes)).toBeLessThan(512);
  });

  test('looking changes nothing', () => {
    const { vm } = linux;
    const before = hashOf(vm);
    look(vm);
    expect(hashOf(vm)).toBe(before);
  });

  test('each system call is told with who made it, and costs an exit under trap-and-emulate only', () => {
    const { say, vm, lab } = linux;
    const log = new SystemCallLog(vm, layouts);
    const exitsBefore = lab.trace.statistics(vm.id)['system-call'].count;
    vm.userCalls = log;
    say('cat /etc/hostname /etc/passwd; mkdir /tmp/seen');
    vm.userCalls = undefined;
    const { total } = log;
    say('true');
    expect(log.total).toBe(total);
    const told = log.recent(256);
    expect(told.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^openat\(AT_FDCWD, "\/etc\/passwd", /));
    expect(told.find(({ name }) => name === 'mkdirat')).toMatchObject({
      text: expect.stringMatching(/^mkdirat\(AT_FDCWD, "\/tmp\/seen", 511\)$/) as string,
      process: 'mkdir',
    });
    expect(log.counts.reduce((sum, { count }) => sum + count, 0)).toBe(total);
    for (const { name, result } of told) if (name === 'mkdirat') expect(result?.text).toBe('0');
    const exits = lab.trace.statistics(vm.id)['system-call'].count - exitsBefore;
    if (technique === 'trap-and-emulate') expect(exits).toBeGreaterThanOrEqual(total);
    else expect(exits).toBe(0);
  });

  test('each call has the result that its program gets, once it has returned', () => {
    const { say, vm } = linux;
    const log = new SystemCallLog(vm, layouts);
    vm.userCalls = log;
    const said = say(
      'cat /no/such/file; echo 12345 > /tmp/five; (echo $$ > /tmp/pid; exec cat /tmp/pid) ; sleep 1; mkdir /tmp',
    );
    vm.userCalls = undefined;
    const told = log.recent(256).toReversed();
    const resultOf = (pattern: RegExp) => told.find(({ text }) => pattern.test(text))?.result;
    // Held against what the programs say of it, and the numbers in asm-generic/errno-base.h.
    expect(said).toMatch(/No such file or directory[^]*File exists/);
    expect(resultOf(/^openat\(AT_FDCWD, "\/no\/such\/file"/)).toEqual({
      value: -2,
      failed: true,
      text: '-2 ENOENT',
      meaning: 'No such file or directory',
    });
    expect(resultOf(/^mkdirat\(AT_FDCWD, "\/tmp", /)).toMatchObject({ value: -17, text: '-17 EEXIST' });
    expect(resultOf(/^write\(1, 0x[0-9a-f]+, 6\)/)).toMatchObject({ value: 6, failed: false, text: '6' });
    // A new program begins somewhere else; a parent is told the number of the child that then makes calls of its own.
    const execve = told.filter(({ name, text }) => name === 'execve' && text.includes('cat'));
    for (const { result } of execve) expect(result?.text).toMatch(/^goes on at 0x[0-9a-f]+$/);
    expect(execve.length).toBeGreaterThan(0);
    const children = told
      .filter(({ name }) => name === 'clone' || name === 'clone3')
      .map(({ result }) => result?.value);
    expect(children.length).toBeGreaterThan(1);
    for (const child of children) expect(told.map(({ pid }) => pid)).toContain(child);
    // Nobody hears of those that are gone.
    for (const { name, result } of told) if (name === 'exit_group') expect(result).toBeUndefined();
  });

  test('a list that runs in a circle and an address that leads nowhere are told, and what was read before stands', () => {
    const { vm } = linux;
    const memory = memoryOf(vm);
    const layout = findLayout(memory, layouts);
    if (layout === undefined) throw new Error('no layout');
    const whole = look(vm);
    const [, , third] = whole.processes;
    const second = whole.processes[1];
    if (second === undefined || third === undefined) throw new Error('too few processes');
    const next = third.task + layout.offsets['task_struct.tasks'];
    const corrupt = (value: number): LinuxPicture => {
      const changed = new KernelMemory(vm.memory, vm.look().get('satp'));
      const read = changed.wordIfMapped.bind(changed);
      changed.wordIfMapped = (gva) => (gva >>> 0 === next ? value : read(gva));
      return lookAtLinux(changed, layout);
    };
    const circle = corrupt(second.task + layout.offsets['task_struct.tasks']);
    expect(circle.problem).toContain('runs in a circle after 3');
    expect(circle.processes).toHaveLength(3);
    // Whatever lies anywhere in the kernel's memory: a picture or a sentence, and an end.
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(0xffff_ffff)), fc.integer({ min: 2, max: 4000 }), (words, every) => {
        const changed = new KernelMemory(vm.memory, vm.look().get('satp'));
        const read = changed.wordIfMapped.bind(changed);
        let reads = 0;
        changed.wordIfMapped = (gva) => {
          const word = read(gva);
          return ++reads % every === 0 ? (words.next().value as number) : word;
        };
        const picture = lookAtLinux(changed, layout);
        expect(picture.processes.length).toBeLessThanOrEqual(4096);
      }),
      { numRuns: 60 },
    );
    for (const wild of [0, 4, 0xdead_beef, 0xffff_fffc, 0x1000_0000]) {
      const picture = corrupt(wild);
      expect(picture.problem, wild.toString(16)).toBeDefined();
      expect(picture.processes).toHaveLength(3);
    }
  });
});

test('the kernel for several harts is recognized as well, and each hart’s system calls have their process', () => {
  const lab = newLab();
  const image = new Uint8Array(
    gunzipSync(readFileSync(new URL('../../../public/guests/linux/Image-smp.gz', import.meta.url))),
  );
  const vm = lab.addVm({ technique: 'bare', guest: { ...shippedGuest('linux'), image, harts: 4 } });
  const log = new SystemCallLog(vm, layouts);
  vm.userCalls = log;
  lab.start(vm.id);
  const computer = lab.computerOf(vm);
  expect(drive(computer, { limit: 1e10, slice: 5_000_000, until: () => PROMPT.test(consoleOf(vm)) })).toBe('until');
  const picture = look(vm);
  expect(picture).toMatchObject({ release: '6.1.192-rv32smp', problem: undefined });
  expect(picture.processes.map(({ name }) => name)).toEqual(expect.arrayContaining(['init', 'sh', 'ksoftirqd/3']));
  const mounts = log.recent(256).filter(({ process, name }) => process === 'mount' && name === 'mount');
  expect(mounts.length).toBeGreaterThan(1);
  for (const { text } of mounts) expect(text).toMatch(/^mount\("\w+", "\/[a-z/]+", "\w+", /);
}, 120_000);

test('a guest that is no Linux of ours, or has not turned paging on, has no layout', () => {
  const lab = newLab();
  const vm = lab.addVm({ technique: 'hardware-assisted', guest: shippedGuest('hello') });
  expect(findLayout(memoryOf(vm), layouts)).toBeUndefined();
  const linux = lab.addVm({ technique: 'bare', guest: shippedGuest('linux') });
  expect(memoryOf(linux).paging).toBe(false);
  expect(findLayout(memoryOf(linux), layouts)).toBeUndefined();
});
