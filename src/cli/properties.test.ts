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

test('what cannot be asked for', async () => {
  expect(await command(['virtualizable', 'x'])).toMatchObject({
    status: 2,
    complaints: ['expected nothing after "virtualizable", found "x": leave it out'],
  });
  expect((await command(['virtualizable', '--break', 'mret'])).complaints[0]).toMatch(
    /expected .*sret.* after --break/,
  );
});
