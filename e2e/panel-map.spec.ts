// Story: someone who wants to know what there is to see.
import { test } from '@playwright/test';
import { command, expect, openLab } from './lab-page.ts';

test('the map names every panel with what it shows, and opens one that is closed', async ({ page }) => {
  await openLab(page, '#guest=linux&technique=hardware-assisted');
  await expect(page.getByRole('tab', { name: 'Network' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Panels' }).click();
  const map = page.getByRole('dialog', { name: 'All panels' });
  for (const topic of ['Execution', 'Memory', 'I/O'])
    await expect(map.getByRole('region', { name: topic })).toBeVisible();
  await map.getByRole('button', { name: /^Network/ }).click();
  await expect(map).toHaveCount(0);
  await expect(page.getByRole('tab', { name: 'Network' })).toHaveAttribute('aria-selected', 'true');
});

test('the map opens by its key, and the keyboard gets through it and out again', async ({ page }) => {
  await openLab(page, '#guest=linux&technique=hardware-assisted');
  await page.keyboard.press('p');
  const map = page.getByRole('dialog', { name: 'All panels' });
  await expect(map.getByRole('button', { name: /^Registers/ })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(map).toHaveCount(0);
});

test('the map needs no network once the page is there, and says what is missing without a VM', async ({
  page,
  context,
}) => {
  const arrived = page.waitForResponse(/PanelMap.*\.js$/);
  await openLab(page, '#guest=hello');
  await (await arrived).finished();
  await context.setOffline(true);
  await page.getByRole('button', { name: 'Panels' }).click();
  const map = page.getByRole('dialog', { name: 'All panels' });
  await map.getByRole('button', { name: /^Disks/ }).click();
  await expect(page.getByRole('tab', { name: 'Disks' })).toHaveAttribute('aria-selected', 'true');

  await command(page, 'vm.remove').click();
  await expect(page.getByRole('button', { name: 'Add a VM' })).toBeVisible();
  await page.getByRole('button', { name: 'Panels' }).click();
  await expect(map).toContainText('The panels come with a VM: add one first.');
  await expect(map.getByRole('button', { name: /^Disks/ })).toBeDisabled();
});
