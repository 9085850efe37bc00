// The same work on each path: what each way costs is in the order that every textbook claims, and every count is of this run.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import type { Technique } from '../virtual-machine.ts';
import { ioPaths, measureIoPaths, type IoPathRow } from './io-paths.ts';

const image = new Uint8Array(readFileSync('public/guests/io-paths.elf'));
const REQUESTS = 16;

const bytes = { disk: 2 * REQUESTS * 4096, card: 2 * REQUESTS * 1024 };

function rowsOf(technique: Technique): (device: IoPathRow['device'], path: IoPathRow['path']) => IoPathRow {
  const rows = measureIoPaths({ host: nodeHost, image, technique });
  return (device, path) => {
    const row = rows.find((each) => each.device === device && each.path === path);
    if (row === undefined) throw new Error(`no row for ${device}, ${path}`);
    return row;
  };
}

describe.each(['trap-and-emulate', 'hardware-assisted'] as const)('%s', (technique) => {
  const row = rowsOf(technique);
  test.each(['disk', 'card'] as const)('the %s does the same work on each path, and the guest is content', (device) => {
    for (const path of ioPaths) {
      const { refused, said, bytes: moved } = row(device, path);
      if (refused !== undefined) continue;
      expect(moved).toBe(bytes[device]);
      expect(said).toMatch(device === 'disk' ? /written, read, the same$/ : /16 frames sent, 16 taken$/);
    }
  });

  test('programmed I/O exits once a word and more; virtio a few times a request', () => {
    for (const device of ['disk', 'card'] as const) {
      const words = bytes[device] / 4;
      const programmed = row(device, 'programmed-io');
      expect(programmed.exitsByReason['device-access']).toBeGreaterThan(words);
      expect(programmed.exits).toBeLessThan(2 * words);
      const virtio = row(device, 'virtio');
      expect(virtio.exits).toBeLessThan(programmed.exits / 10);
      expect(virtio.interrupts).toBe(device === 'disk' ? 2 * REQUESTS : REQUESTS);
    }
  });
});

test('passthrough: no exit but for the set-up of the PLIC and three an interrupt', () => {
  const row = rowsOf('hardware-assisted');
  for (const device of ['disk', 'card'] as const) {
    const { exits, exitsByReason, interrupts } = row(device, 'passthrough');
    expect(exitsByReason['device-interrupt']).toBe(interrupts);
    // A claim and a completion; the device's own registers are not among them: not even the three that tell an empty slot.
    expect(exitsByReason['device-access']).toBe(2 * interrupts - 3);
    expect(exits - 3 * interrupts).toBeLessThan(4);
    expect(exits).toBeLessThan(row(device, 'virtio').exits);
  }
});

test('passthrough with interrupts by IMSIC: none to deliver an interrupt, none to claim or complete it', () => {
  const row = rowsOf('hardware-assisted');
  for (const device of ['disk', 'card'] as const) {
    const { atWork, exitsByReason, interrupts, bytes: moved } = row(device, 'passthrough-imsic');
    expect(moved).toBe(bytes[device]);
    expect(atWork.interrupts).toBeGreaterThan(interrupts - 3);
    expect(atWork.exits).toBe(0);
    expect(exitsByReason['device-interrupt']).toBeUndefined();
    const wired = row(device, 'passthrough');
    expect(interrupts).toBe(wired.interrupts);
    expect(wired.atWork).toEqual({ exits: 3 * atWork.interrupts, interrupts: atWork.interrupts });
  }
});

test('trap-and-emulate has no way to pass a device through, and says so', () => {
  const row = rowsOf('trap-and-emulate');
  expect(row('disk', 'passthrough').refused).toMatch(
    /expected the technique hardware-assisted.*found trap-and-emulate/,
  );
});

test('on the bare machine nothing exits, and all virtio devices are the guest’s own', () => {
  const row = rowsOf('bare');
  for (const device of ['disk', 'card'] as const) {
    for (const path of ioPaths) expect(row(device, path).exits).toBe(0);
    expect(row(device, 'passthrough-imsic').atWork.interrupts).toBeGreaterThan(10);
    expect(row(device, 'passthrough').instructions).toBe(row(device, 'virtio').instructions);
  }
});
