// Story: a student moves a Linux that runs to another machine and goes on typing, cuts the cable of the way back, and makes a copy.
import { test } from '@playwright/test';
import { complaints, consoleText, expect, openLab, runFromPalette, type, vmChip } from './lab-page.ts';

test('Linux moves to machine B and back, survives a cut cable, and is cloned', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=linux');
  await expect(consoleText(page)).toContainText('/ #', { timeout: 90_000 });
  await type(page, 'mine=kept');

  await runFromPalette(page, 'Show Migration');
  const panel = page.locator('[data-panel="migration"]');
  await expect(panel).toContainText('Here a VM moves to another machine while it runs.');
  await panel.getByRole('button', { name: 'Move to machine B' }).click();
  await expect(panel).toContainText('They are equal: nothing was lost.', { timeout: 60_000 });
  await expect(panel).toContainText('machine A → machine B');
  await expect(panel.getByRole('row').nth(1)).toContainText(/zeros/);
  await type(page, 'clear; echo there-$mine');
  await expect(consoleText(page)).toContainText('there-kept');
  await vmChip(page, 'Linux').hover();
  await expect(page.getByText(/on machine B/).first()).toBeVisible();

  expect(await complaints(page, 'migration')).toEqual([]);

  // The way back is slow, and somebody pulls the cable out: the VM goes on where it was.
  await panel.getByRole('combobox', { name: 'Bandwidth' }).selectOption('10 Mbit/s');
  await panel.getByRole('button', { name: 'Move back to machine A' }).click();
  await panel.getByRole('button', { name: 'Cut the link' }).click();
  await expect(panel).toContainText('The link was cut. The VM runs on where it was.');
  await expect(panel.getByRole('combobox', { name: 'Bandwidth' })).toHaveValue('1250000');
  await type(page, 'clear; echo still-$mine');
  await expect(consoleText(page)).toContainText('still-kept');

  await runFromPalette(page, 'Clone this VM');
  await expect(vmChip(page)).toHaveCount(2);
  await expect(vmChip(page, '(clone)')).toBeChecked();
  await type(page, 'clear; echo copy-$mine');
  await expect(consoleText(page).filter({ visible: true }).first()).toContainText('copy-kept');
});
