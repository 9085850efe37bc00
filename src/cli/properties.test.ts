// The properties of a hypervisor, measured from the command line: what each instrument says, and with which status.

import { expect, test } from 'vitest';
import { command } from './streams.test-support.ts';

test('virtualizable: the machine is; without the trap of sret it is not, and which theorem still holds is said', async () => {
  const real = await command(['virtualizable']);
  expect(real).toMatchObject({ status: 0, complaints: [] });
  expect(real.stdout).toMatch(/^violates \(0\): none$/m);
  expect(real.stdout).toMatch(/^innocuous .* lui auipc .* amomaxu\.w$/m);
  expect(real.stdout).toMatch(/Every sensitive instruction is privileged/);
  const broken = await command(['virtualizable', '--break', 'sret', '--rows', 'sensitive']);
  expect(broken.status).toBe(1);
  expect(broken.stdout).toMatch(/^violates \(1\): sret$/m);
  expect(broken.stdout).toMatch(/^sret +violates +U runs +S runs +M runs .*mode was 0x1, is 0x0/m);
  expect(broken.stdout).toMatch(/one that interprets or patches the guest’s kernel can be \(theorem 3\)/);
});

test('a guest on the machine without that trap: right on its own, wrong under trap-and-emulate, right with the H extension', async () => {
  const run = (technique: string) =>
    command(['run', '--guest', 'trap', '--break', 'sret', '--technique', technique, '--max-instructions', '1000000']);
  const bare = await run('bare');
  expect(bare.stdout).toMatch(/ended with 0000002a/);
  expect((await run('hardware-assisted')).stdout).toBe(bare.stdout);
  expect((await run('trap-and-emulate')).stdout).not.toBe(bare.stdout);
});

test('paravirtualization repairs it: a kernel that asks its hypervisor needs no sret', async () => {
  const run = (guest: string, technique: string, ...more: readonly string[]) =>
    command(['run', '--guest', guest, '--technique', technique, '--max-instructions', '3000000', ...more]);
  const right = await run('paravirtual', 'paravirtual');
  expect(right.stdout).toMatch(/round 7: .* disk ok/);
  expect(await run('paravirtual', 'paravirtual', '--break', 'sret')).toEqual(right);
  expect((await run('unmodified', 'trap-and-emulate', '--break', 'sret')).stdout).not.toMatch(/round 7/);
});

test('compare: no difference where there is none, and the instruction where there is one', async () => {
  const same = await command(['compare', '--guest', 'timer', '--every', '20000']);
  expect(same).toMatchObject({ status: 0, complaints: [] });
  expect(same.stdout).toMatch(/^No difference between bare and .*: 61 points in 1201789 instructions/);
  const broken = await command(['compare', '--guest', 'trap', '--break', 'sret', '--every', '1000']);
  expect(broken.status).toBe(1);
  expect(broken.stdout).toMatch(
    /^trap-and-emulate differs from bare after 778 equal instructions, in: 0x804000ac {2}sret$/m,
  );
  expect(broken.stdout).toMatch(/^ {2}pc +0x80400020 +0x804000b0$/m);
  const injected = await command([
    'compare',
    '--guest',
    'timer',
    '--technique',
    'hardware-assisted',
    '--inject',
    '5000:10',
  ]);
  expect(injected.status).toBe(1);
  expect(injected.stdout).toMatch(/after 4999 equal instructions/);
});

test('what cannot be asked for', async () => {
  expect(await command(['virtualizable', 'x'])).toMatchObject({
    status: 2,
    complaints: ['expected nothing after "virtualizable", found "x": leave it out'],
  });
  expect((await command(['compare', '--guest', 'timer', '--inject', '5:40'])).complaints[0]).toMatch(
    /expected a number of instructions, or N:REGISTER after --inject, found "5:40"/,
  );
  expect((await command(['virtualizable', '--break', 'mret'])).complaints[0]).toMatch(
    /expected .*sret.* after --break/,
  );
});
