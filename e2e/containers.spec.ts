// Story: a student starts a container in Linux and looks at it from outside: the same process has two numbers, namespaces and limits
// of its own, and every system call it makes ends in the one kernel of the VM.
import { test } from '@playwright/test';
import { addLinux, complaints, expect, openLab, runFromPalette, type } from './lab-page.ts';

test('a container is seen from outside: its processes, namespaces, limits and system calls', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show Processes and containers');
  const panel = page.locator('[data-panel="processes"]');
  await expect(panel).toContainText('Nobody knows this kernel', { timeout: 20_000 });

  await addLinux(page);

  const guest = panel.getByRole('region', { name: 'The guest itself, ringside' });
  await expect(guest.getByRole('row').filter({ hasText: 'init' }).first()).toContainText('sleeping');
  await type(page, 'container run -d --name web --memory 4M --pids 8 --cpus 0.25 sleep 1000');

  const container = panel.getByRole('region', { name: 'Container web' });
  const sleeping = container.getByRole('row').filter({ hasText: 'sleep' }).filter({ hasText: 'overlay' });
  await expect(sleeping.first()).toBeVisible({ timeout: 60_000 });
  await expect(container.getByRole('list', { name: 'Namespaces' })).toContainText('lo eth0');
  await expect(container.getByRole('list', { name: 'Namespaces' })).toContainText('user 0 is 100000 outside');
  await expect(container).toContainText('2 of 8 tasks');
  await expect(container).toContainText('of 4 MiB, 25 % of a CPU');

  await panel.getByRole('button', { name: 'Watch system calls' }).click();
  await panel.getByRole('radio', { name: 'System calls' }).check({ force: true });
  await type(page, 'cat /etc/passwd');
  const calls = panel.getByRole('list', { name: /The last system calls/ });
  await expect(calls).toContainText('openat(AT_FDCWD, "/etc/passwd"', { timeout: 60_000 });
  await expect(panel).toContainText('no exit');
  // What it returned, and what a call that failed says.
  const opened = calls.getByRole('listitem').filter({ hasText: '"/etc/passwd"' }).first();
  await expect(opened).toContainText(/= \d+/);
  await type(page, 'cat /no/such');
  await expect(calls.getByRole('listitem').filter({ hasText: '"/no/such"' }).first()).toContainText('= -2 ENOENT');

  expect(await complaints(page, 'processes')).toEqual([]);

  await panel.getByRole('radio', { name: 'Processes' }).check({ force: true });
  await type(page, 'clear; container stop web; container ps');
  await expect(container).toHaveCount(0, { timeout: 60_000 });
});

test('a process, a container and a VM are measured and stand side by side', async ({ page }) => {
  test.setTimeout(300_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show Processes and containers');
  const panel = page.locator('[data-panel="processes"]');
  await panel.getByRole('radio', { name: 'VM or container' }).check({ force: true });
  await panel.getByRole('button', { name: 'Measure' }).click();
  await expect(panel.getByRole('status')).toContainText('of 4 are done');
  await expect(panel.getByRole('button', { name: 'Measure' })).toBeVisible({ timeout: 240_000 });
  const table = panel.getByRole('table', { name: 'A process, a container, a VM' });
  await expect(table.getByRole('columnheader')).toHaveText([
    'Measured',
    'process',
    'container',
    'VM',
    'container in a VM',
  ]);
  await expect(table.getByRole('row', { name: /^Sees the name/ })).toContainText('c1');
  await expect(table.getByRole('row', { name: /^Work, exits 0 0/ })).toBeVisible();

  expect(await complaints(page, 'processes')).toEqual([]);
});
