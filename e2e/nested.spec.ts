// Story: a student runs a hypervisor as a guest of the bare machine, sees each of its exits go from level to level, picks out
// one kind, opens one crossing, and then steps from crossing to crossing.
import { test } from '@playwright/test';
import { complaints, consoleText, expect, openAddVm, openLab, runFromPalette, status, vmChip } from './lab-page.ts';

test('a hypervisor in a guest: its exits, level by level', async ({ page }) => {
  test.setTimeout(120_000);
  await openLab(page, '#guest=hello');
  const dialog = await openAddVm(page);
  await dialog.getByRole('radio', { name: /^A hypervisor in a guest/ }).check();
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'A hypervisor in a guest')).toBeChecked();
  await expect(consoleText(page)).toContainText('the guest is done', { timeout: 30_000 });
  await expect(consoleText(page)).toContainText('L2  VU: a user');

  // It has ended, and what happened is there: four levels.
  await runFromPalette(page, 'Show Levels');
  const levels = page.locator('[data-panel="levels"]');
  await expect(levels).toContainText('M: L0 firmware · HS: L1 hypervisor · VS: L2 kernel · VU: L2 user');
  await levels.getByRole('radio', { name: 'Counts' }).check();
  const counts = levels.getByRole('table');
  const calls = counts.getByRole('row').filter({ hasText: 'environment call from U-mode or VU-mode' });
  await expect(calls).toContainText('VU → VS');

  // Only the page faults of the second stage.
  await counts.getByRole('button', { name: 'store/AMO guest-page fault' }).first().click();
  const list = levels.getByRole('list', { name: /Crossings between levels/ });
  await expect(list.getByText('store/AMO guest-page fault').first()).toBeVisible();
  await expect(list.getByText('environment call')).toHaveCount(0);
  await list.getByText('store/AMO guest-page fault').first().click();
  await expect(list).toContainText('htval');
  await expect(list).toContainText('hstatus');
  await expect(list).toContainText('SPVP');
  expect(await complaints(page, 'levels')).toEqual([]);
  await levels.getByRole('button', { name: /show all crossings/ }).click();
  await expect(list.getByText('environment call from VS-mode').first()).toBeVisible();

  // From crossing to crossing.
  await runFromPalette(page, 'Reset: begin');
  await expect(levels).toContainText('No crossing yet.');
  await levels.getByRole('button', { name: 'Next crossing' }).click();
  await expect(status(page)).toContainText('It has returned to S-mode.');
  await levels.getByRole('button', { name: 'Next crossing' }).click();
  await expect(status(page)).toContainText('It has returned to VS-mode.');
  await levels.getByRole('button', { name: 'Next crossing' }).click();
  await expect(status(page)).toContainText('It has trapped (instruction guest-page fault) and is in HS-mode.');
  await expect(list.getByRole('listitem')).toHaveCount(3);
});

test('an ordinary guest: user, kernel, firmware; and under a hypervisor there are exits instead', async ({ page }) => {
  await openLab(page, '#guest=trap&technique=bare');
  await runFromPalette(page, 'Show Levels');
  const levels = page.locator('[data-panel="levels"]');
  await expect(levels).toContainText('M: L0 firmware · S: L1 kernel · U: L1 user', { timeout: 30_000 });
  await runFromPalette(page, 'Add A system call, hardware-assisted');
  await expect(levels).toContainText('crossings are exits');
});
