// Guests that try to break out, or break down: each comes to the end that a hart would give it, and an innocent neighbour
// on the same machine never notices (issue, section 2 "No VM can read or change another's memory, registers, devices …").

import { describe, expect, test } from 'vitest';
import { hostileGuests, type HostileGuest } from '../../../guests/hostile/hostile-guests.test-support.ts';
import {
  consoleOf,
  drive,
  hashOf,
  hosted,
  hostileGuest,
  MIB,
  newLab,
  runAlone,
  shippedGuest,
} from '../guest-rig.test-support.ts';
import { asleep } from '../endings.ts';
import type { Lab } from '../lab.ts';
import { techniques, type Technique, type VirtualMachine } from '../virtual-machine.ts';

const LIMIT = 3_000_000;
/** Instructions for a guest that never ends. */
const BUSY_LIMIT = 100_000;
const limitOf = ({ ends }: HostileGuest) => (ends === 'busy' ? BUSY_LIMIT : LIMIT);

function expectEnd(vm: VirtualMachine, lab: Lab, row: HostileGuest): void {
  const text = consoleOf(vm);
  const expected = vm.technique === 'bare' ? (row.consoleOnBare ?? row.console) : row.console;
  if (expected !== undefined) expect(text).toBe(expected);
  switch (row.ends) {
    case 'shutdown':
      return expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
    case 'trap-loop':
      expect(vm.ending).toMatchObject({ kind: 'dead', exitCode: 125 });
      return expect(vm.ending?.message).toMatch(/trap handler at 0x[0-9a-f]{8} cannot run.*Check stvec/);
    case 'asleep':
      expect(vm.ending).toBeUndefined();
      expect(vm.waiting).toBe(true);
      expect(lab.computerOf(vm).idleUntil()).toBe(Infinity);
      return expect(asleep().message).toMatch(/waits for an interrupt/);
    case 'busy':
      expect(vm.ending).toBeUndefined();
      return expect(vm.instructions).toBeGreaterThan(10_000);
  }
}

describe.each(hostileGuests)('$name', (row) => {
  test.each(techniques)('%s: alone', (technique) => {
    const { vm, lab } = runAlone(technique, hostileGuest(row.name), { limit: limitOf(row), slice: 10_000 });
    expectEnd(vm, lab, row);
  });

  test.each(hosted)('%s: beside an innocent neighbour on each side', (technique) => {
    beside(technique, row);
  });
});

/** A guest that minds its own business, in little memory, so that all of it is quickly compared. */
const innocent = (technique: Technique) => ({
  ...shippedGuest(technique === 'hardware-assisted' ? 'timer' : 'paging'),
  memoryBytes: 8 * MIB,
});

/** What becomes of it when nobody else is there. */
const alone = Object.fromEntries(
  hosted.map((technique) => {
    const { vm, console, hash } = runAlone(technique, innocent(technique));
    return [technique, { ending: vm.ending, console, hash }];
  }),
);

/** Runs the hostile guest between two that must not notice, and holds every byte outside its own frames against its like. */
function beside(technique: Technique, row: HostileGuest): void {
  const lab = newLab({ memoryMiB: 48 });
  const [left, hostile, right] = [
    lab.addVm({ technique, guest: innocent(technique) }),
    lab.addVm({ technique, guest: hostileGuest(row.name) }),
    lab.addVm({ technique, guest: innocent(technique) }),
  ];
  const { hypervisor } = lab;
  if (hypervisor === undefined) throw new Error('a hosted VM needs the hypervisor');
  for (const { id } of lab.vms) lab.start(id);
  const done = () => left.ending !== undefined && right.ending !== undefined;
  drive(hypervisor, { limit: 20 * LIMIT, until: done, slice: 100_000 });
  drive(hypervisor, { limit: limitOf(row), until: () => hostile.ending !== undefined, slice: 10_000 });
  expectEnd(hostile, lab, row);
  for (const vm of [left, right]) {
    expect({ ending: vm.ending, console: consoleOf(vm), hash: hashOf(vm) }).toEqual(alone[technique]);
    expect(vm.ending).toMatchObject({ exitCode: 0 });
  }
  // Page tables are taken from the low end; the free memory above them was never anybody's.
  const free = hypervisor.frames.runs().filter(({ owner, frames }) => owner === undefined && frames > 1024);
  for (const { hpa, frames } of free) {
    const bytes = hypervisor.machine.ram.view(hpa + 1024 * 4096, (frames - 1024) * 4096);
    expect(new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4).every((word) => word === 0)).toBe(true);
  }
  expect(free.length).toBeGreaterThan(0);
}
