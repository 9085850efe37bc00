// The measurement of twins: the counts are those of a run by itself, and what cannot be measured is said.

import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { MIB, runAlone, shippedGuest, sourceGuest } from '../guest-rig.test-support.ts';
import { didTheSame, runTwin } from './twins.ts';

describe('a run', () => {
  const guest = shippedGuest('paravirtual');
  const run = runTwin({ host: nodeHost, name: 'paravirtual', technique: 'paravirtual', guest });

  test('has the counts and the output of the guest run by itself', () => {
    const alone = runAlone('paravirtual', guest);
    expect(run.instructions).toBe(alone.vm.instructions);
    expect(run.output).toBe(alone.console);
    expect(run.exits.reduce((sum, { count }) => sum + count, 0)).toBe(alone.vm.exits);
    expect(run.exits.every(({ count, nanoseconds }) => count > 0 && nanoseconds > 0)).toBe(true);
    expect(run).toMatchObject({ guest: 'paravirtual', technique: 'paravirtual', exitCode: 0 });
  });

  test('counts virtual time in ticks: ten instructions of a guest that never waits', () => {
    const source = '_start: li t0, 30000\n1: addi t0, t0, -1\n bnez t0, 1b\n li a7, 8\n ecall\n';
    const spent = runTwin({ host: nodeHost, name: 'loop', technique: 'bare', guest: sourceGuest(source) });
    expect(spent.ticks).toBe(Math.floor(spent.instructions / 10));
  });

  test('of a guest that never ends is given up, in words', () => {
    const sleeper = { ...sourceGuest('_start: csrw sie, zero\n1: wfi\n j 1b\n'), memoryBytes: 8 * MIB };
    expect(() => runTwin({ host: nodeHost, name: 'sleeper', technique: 'bare', guest: sleeper })).toThrow(
      /expected sleeper to end, found it still at work under bare/,
    );
  });

  test('did the same as another only with the same output and a good end', () => {
    expect(didTheSame([run, { ...run, technique: 'bare' }])).toBe(true);
    expect(didTheSame([run, { ...run, output: '' }])).toBe(false);
    expect(didTheSame([{ ...run, exitCode: 1 }])).toBe(false);
  });
});
