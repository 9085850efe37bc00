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

test('several rules are broken by one option with commas, or by several', async () => {
  const broken = await command(['virtualizable', '--break', 'sret,sstatus', '--break', 'sfence', '--break', 'sret']);
  expect(broken.status).toBe(1);
  expect(broken.stdout).toMatch(/^violates \(3\): /m);
  for (const name of ['sret', 'sfence.vma', 'sstatus, read']) expect(broken.stdout).toContain(`${name} is sensitive`);
  const options = ['--guest', 'trap', '--break=sret,sfence', '--break=sstatus', '--repair', 'patching'];
  expect(await command(['run', ...options])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/ended with 0000002a/) as string,
  });
  const compared = await command(['compare', ...options, '--every', '1000']);
  expect(compared).toMatchObject({ status: 0, stdout: expect.stringMatching(/^No difference/) as string });
});

test('paravirtualization repairs it: a kernel that asks its hypervisor needs no sret', async () => {
  const run = (guest: string, technique: string, ...more: readonly string[]) =>
    command(['run', '--guest', guest, '--technique', technique, '--max-instructions', '3000000', ...more]);
  const right = await run('paravirtual', 'paravirtual');
  expect(right.stdout).toMatch(/round 7: .* disk ok/);
  expect(await run('paravirtual', 'paravirtual', '--break', 'sret')).toEqual(right);
  expect((await run('unmodified', 'trap-and-emulate', '--break', 'sret')).stdout).not.toMatch(/round 7/);
});

test('binary patching repairs it: the guest as it is, its state that of the bare machine, each replaced instruction told', async () => {
  const tried = (...more: readonly string[]) =>
    command(['virtualizable', '--break', 'sret', '--guest', 'trap', ...more]);
  const unrepaired = await tried();
  expect(unrepaired.status).toBe(1);
  expect(unrepaired.stdout).toMatch(/it prints: at the end.*\n {2}it should: before sret/);
  const repaired = await tried('--repair', 'patching');
  expect(repaired.status).toBe(0);
  expect(repaired.stdout).toMatch(/ended in the same state \([0-9a-f]{16}\)/);
  expect(repaired.stdout).toMatch(/0x804000ac {2}10200073 sret +→ 00100073 ebreak {2}trapped 2 times$/m);
  const twin = ['virtualizable', '--break', 'sret', '--guest', 'unmodified', '--repair', 'paravirtualization'];
  expect(await command(twin)).toMatchObject({ status: 0 });

  const run = ['run', '--guest', 'trap', '--break', 'sret', '--repair', 'patching'];
  const ran = await command(run);
  expect(ran.status).toBe(0);
  expect(ran.stdout).toMatch(/ended with 0000002a/);
  expect(await command([...run, '--technique', 'hardware-assisted'])).toMatchObject({
    status: 2,
    complaints: [
      'expected --technique trap-and-emulate with --repair patching, found --technique hardware-assisted: leave --technique out',
    ],
  });
  expect((await command(['run', '--guest', 'trap', '--repair', 'paravirtualization'])).complaints[0]).toMatch(
    /expected a guest that has a paravirtual twin .* found trap: add --guest unmodified/,
  );
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
  expect((await command(['compare', '--guest', 'timer', '--every', '0'])).complaints[0]).toMatch(
    /expected a whole number above 0 after --every, found "0"/,
  );
  for (const names of ['mret', 'sret,', 'sret,mret', '']) {
    expect((await command(['virtualizable', '--break', names])).complaints[0]).toMatch(
      /expected sret or sstatus or sfence, or several of them with commas between after --break, found /,
    );
  }
});
