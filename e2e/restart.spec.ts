// Story: the simulated machine dies or hangs under someone's hands; the page says so and brings it back.
import { test } from '@playwright/test';
import { breakWorker, command, expect, keepWorkers, openLab, silenceWorker, vmChip } from './lab-page.ts';

test('a machine that does not answer is started anew, with its VMs, and the page says what happened', async ({
  page,
}) => {
  await keepWorkers(page);
  await openLab(page, '#guest=linux');
  await silenceWorker(page);

  const notice = page.locator('#root').getByRole('alert').filter({ hasText: 'did not answer for three seconds' });
  await expect(notice).toContainText('begins from its first instruction', { timeout: 10_000 });
  await expect(vmChip(page, 'Linux')).toBeChecked();
  await expect(command(page, 'run.pause')).toBeVisible();

  await notice.getByRole('button', { name: 'Dismiss' }).click();
  await expect(notice).toHaveCount(0);
});

test('a machine that fails again and again is given up, and can be started without its VMs', async ({ page }) => {
  await keepWorkers(page);
  await openLab(page, '#guest=linux');
  for (let deaths = 0; deaths < 3; deaths += 1) {
    await breakWorker(page);
    if (deaths < 2) await expect(command(page, 'run.pause')).toBeVisible();
  }

  await expect(page.locator('#root').getByRole('alert')).toContainText('broken on purpose');
  await page.getByRole('button', { name: 'Start without the VMs' }).click();
  await expect(page.getByRole('button', { name: 'Add a VM' })).toBeVisible();
});
