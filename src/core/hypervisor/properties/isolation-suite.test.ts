// Every attempt is stopped by a check that can be named, under every technique, and no neighbour can tell that it was made
// (Popek and Goldberg 1974, "resource control"; privileged manual, "Two-Stage Address Translation"; virtio 1.2, section 2.7).

import { expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { isolationAttempts } from '../../../guests/hostile/attempts.ts';
import { SUPERVISOR_TEXT_ADDRESS } from '../../../guests/manifest.ts';
import { hosted, shippedGuest } from '../guest-rig.test-support.ts';
import { attemptOf, ISOLATION_MEMORY } from './isolation-attempts.ts';
import { IsolationSuite, type AttemptResult } from './isolation-suite.ts';

const attempts = isolationAttempts.map((row) => attemptOf(row, SUPERVISOR_TEXT_ADDRESS));
const results = new IsolationSuite({
  host: nodeHost,
  attempts,
  techniques: hosted,
  neighbour: () => ({ ...shippedGuest('paging'), memoryBytes: ISOLATION_MEMORY }),
}).run();

test.each(results.map((result) => [`${result.technique}: ${result.name}`, result] as const))('%s', (_, result) => {
  expect(result).toMatchObject({ neighboursUnchanged: true, foreignEntries: 0, held: true });
  expect(result.entries).toBeGreaterThan(0);
  expect(result.denial?.check).toMatch(/\d/);
});

const by = (name: string): Partial<Record<AttemptResult['technique'], string>> =>
  Object.fromEntries(
    results.filter((each) => each.name === name).map(({ technique, denial }) => [technique, denial?.by]),
  );

test('who says no is who the architecture says does', () => {
  for (const name of ['load-outside', 'store-outside', 'run-outside', 'map-outside']) {
    expect(by(name), name).toEqual({ 'trap-and-emulate': 'shadow table', 'hardware-assisted': 'second stage' });
  }
  for (const name of ['dma-outside', 'dma-wrap', 'ring-outside', 'descriptor-loop', 'descriptor-beyond']) {
    expect(by(name), name).toEqual({ 'trap-and-emulate': 'device', 'hardware-assisted': 'device' });
  }
  expect(by('machine-return')).toEqual({ 'trap-and-emulate': 'hart', 'hardware-assisted': 'hart' });
  expect(by('second-stage')).toEqual({ 'trap-and-emulate': 'virtual hart', 'hardware-assisted': 'hart' });
  for (const name of ['foreign-hart', 'start-hart', 'firmware-prints', 'firmware-fills']) {
    expect(by(name), name).toEqual({ 'trap-and-emulate': 'firmware', 'hardware-assisted': 'firmware' });
  }
  expect(by('spin')).toEqual({ 'trap-and-emulate': 'timer', 'hardware-assisted': 'timer' });
  for (const decided of Object.values(by('exit-storm'))) expect(['timer', 'scheduler']).toContain(decided);
});

test('the values of a check are those of the machine', () => {
  const check = (name: string, technique: AttemptResult['technique']) =>
    results.find((each) => each.name === name && each.technique === technique)?.denial?.check;
  expect(check('load-outside', 'hardware-assisted')).toBe(
    'load guest-page fault (21) at GPA 0x90000000: entry 576 of the second-stage root is 0x0, and the guest’s RAM is 0x80000000 to 0x807fffff.',
  );
  expect(check('map-outside', 'trap-and-emulate')).toMatch(
    /^store page fault \(15\) at GVA 0xc0000000: .* the guest’s own tables lead to GPA 0x90000000, and its RAM is 0x80000000 to 0x807fffff\.$/,
  );
  // SBI 2.0, "Standard SBI Errors": −3 is an invalid parameter; the device status has DEVICE_NEEDS_RESET, 64, set.
  expect(check('firmware-prints', 'hardware-assisted')).toMatch(
    /SBI call 0x4442434e, .* error -3 \(invalid parameter\)/,
  );
  expect(check('descriptor-loop', 'trap-and-emulate')).toMatch(/Its status register then read 0x4f\.$/);
});
