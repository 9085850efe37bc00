// The table of the four ways, measured: what must hold whatever the numbers are.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { newLab, shippedGuest } from '../hypervisor/guest-rig.test-support.ts';
import { kernelLayouts } from '../../guests/manifest.ts';
import { parseKernelLayout } from './kernel-layout.ts';
import { measureContainers, measuredCases, type Measured } from './measure.ts';

const layouts = kernelLayouts.map((path) =>
  parseKernelLayout(readFileSync(new URL(`../../../public/${path}`, import.meta.url), 'utf8')),
);

function measure(technique: 'trap-and-emulate' | 'hardware-assisted'): readonly Measured[] {
  let clock = 0;
  const run = measureContainers({
    makeLab: () => newLab({ memoryMiB: 96, traceCapacity: 1024 }),
    guest: shippedGuest('linux'),
    technique,
    layouts,
    now: () => clock++,
  });
  for (;;) {
    const { done, value } = run.next();
    if (done === true) return value;
    expect(value.sentence).not.toBe('');
  }
}

test.each(['hardware-assisted', 'trap-and-emulate'] as const)(
  'a process, a container, a VM and a container in a VM, measured: %s',
  (technique) => {
    const rows = measure(technique);
    expect(rows.map(({ name }) => name)).toEqual(measuredCases);
    const [process, container, vm, both] = rows;
    if (!process || !container || !vm || !both) throw new Error('a case is missing');
    // The same program makes the same calls, but for a few that depend on what it sees.
    for (const row of rows) {
      expect(Math.abs(row.work.systemCalls - process.work.systemCalls), row.name).toBeLessThan(50);
      expect(row.memoryBytes, row.name).toBeGreaterThan(0);
      expect(row.sees['user'], row.name).toBe('0');
    }
    // A container costs system calls to start, and no exit; a VM costs a kernel.
    expect(container.start.systemCalls).toBeGreaterThan(10 * process.start.systemCalls);
    expect(container.start.exits + container.work.exits + process.start.exits + process.work.exits).toBe(0);
    expect(vm.start.instructions).toBeGreaterThan(50 * process.start.instructions);
    expect(both.start.instructions).toBeGreaterThan(vm.start.instructions);
    expect(vm.memoryBytes).toBeGreaterThan(20 * container.memoryBytes);
    for (const { work } of [vm, both]) {
      if (technique === 'trap-and-emulate') expect(work.exits).toBeGreaterThan(work.systemCalls);
      else expect(work.exits).toBeLessThan(work.systemCalls);
    }
    // What each sees: a container only its own processes and name; a VM all of its own kernel's, and none of the machine's.
    expect(container.sees).toMatchObject({ processes: '2', host: 'c1', interfaces: '2' });
    expect(both.sees).toMatchObject({ processes: '2', host: 'c1', interfaces: '2' });
    expect(process.sees['host']).toBe('ringside');
    expect(Number(process.sees['processes'])).toBe(Number(vm.sees['processes']) + 1); // the neighbour
  },
  240_000,
);

test('a kernel that nobody knows ends the measurement with a sentence', () => {
  const run = measureContainers({
    makeLab: () => newLab({ memoryMiB: 96, traceCapacity: 1024 }),
    guest: shippedGuest('linux'),
    technique: 'hardware-assisted',
    layouts: [],
    now: () => 0,
  });
  expect(() => {
    while (run.next().done !== true);
  }).toThrow('expected a Linux kernel that was built with the lab, found another');
}, 60_000);
