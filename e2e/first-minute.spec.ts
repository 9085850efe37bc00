// Story: someone who has never seen a VM exit opens the page, and within a minute has walked through one.
import { test } from '@playwright/test';
import { command, consoleText, expect, openLab, primary, status, vmChip } from './lab-page.ts';

test('a small guest runs already, and one button leads through an exit stage by stage', async ({ page }) => {
  await openLab(page);
  await expect(consoleText(page)).toContainText(/\w+/);
  await expect(status(page)).toContainText(/[1-9][\d,. kMG]* exits/);

  await expect(primary(page)).toContainText('Stop at the next exit');
  await primary(page).click();

  await expect(primary(page)).toContainText('Next stage');
  await expect(page.getByRole('tab', { name: 'The trap' })).toHaveAttribute('aria-selected', 'true');
  await expect(page.locator('[data-runner]').first()).toHaveAttribute('data-runner', 'hypervisor');
  await expect(command(page, 'run.continue')).toBeVisible();

  await primary(page).click();
  await expect(primary(page)).toContainText('Next stage');
  await primary(page).click();
  await expect(primary(page)).toContainText('Stop at the next exit');
});

test('what ran last is there again at the next visit', async ({ page }) => {
  await openLab(page, '#guest=linux&technique=hardware-assisted');
  await expect(vmChip(page, 'Linux')).toBeChecked();

  await page.goto('about:blank');
  await openLab(page);

  await expect(vmChip(page, 'Linux')).toBeChecked();
  await expect(page.getByRole('combobox', { name: 'Technique' })).toHaveValue('hardware-assisted');
});

test('another technique begins the same guest anew, in one step', async ({ page }) => {
  await openLab(page, '#guest=linux&technique=hardware-assisted');
  await page.getByRole('combobox', { name: 'Technique' }).selectOption('bare');

  await expect(vmChip(page)).toHaveCount(1);
  await expect(page.getByRole('combobox', { name: 'Technique' })).toHaveValue('bare');
  await expect(command(page, 'step.exit')).toHaveAttribute('aria-disabled', 'true');
});
