// Story: a student sees that a guest has only the frames it has touched, asks its kernel for memory through the balloon, lets
// equal pages be merged, and watches which pages two rounds of the dirty log find.
import { test } from '@playwright/test';
import { addLinux, complaints, expect, openLab, runFromPalette } from './lab-page.ts';

test('memory is given out when it is touched, taken back, shared and watched', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello');
  await addLinux(page, { choose: (dialog) => dialog.getByRole('checkbox', { name: 'Balloon' }).check() });

  await runFromPalette(page, 'Show Frames');
  const panel = page.locator('[data-panel="frames"]');
  const linux = panel.getByRole('row').filter({ hasText: 'Linux' }).first();
  await expect(linux).toContainText('64 MiB');
  const cell = (index: number) => linux.getByRole('cell').nth(index);
  // Resident: far less than was promised.
  await expect(cell(1)).toHaveText(/^\d\.?\d* MiB$|^1\d\.?\d* MiB$/);

  // The balloon: the guest's own kernel gives 16 MiB up.
  const balloon = panel.getByRole('slider', { name: /Balloon of Linux/ });
  await balloon.fill('16');
  await balloon.press('ArrowRight');
  await expect(cell(5)).toContainText('17 MiB', { timeout: 60_000 });

  // Equal pages.
  await panel.getByRole('checkbox', { name: 'Merge equal pages' }).click();
  await expect(panel.getByRole('checkbox', { name: 'Merge equal pages' })).toBeChecked();
  await expect(panel).toContainText('saved by sharing', { timeout: 90_000 });
  await panel.getByRole('checkbox', { name: 'Merge equal pages' }).click();
  await expect(panel.getByRole('checkbox', { name: 'Merge equal pages' })).not.toBeChecked();

  // The dirty log: the first stores to pages exit, those of an idle kernel too; a round takes them away.
  await panel.getByRole('checkbox', { name: 'Dirty log of Linux' }).click();
  await expect(panel.getByRole('checkbox', { name: 'Dirty log of Linux' })).toBeChecked();
  await expect(cell(7)).toContainText(/[1-9]\d* pages/, { timeout: 60_000 });
  await panel.getByRole('button', { name: 'Collect' }).click();
  await panel.getByRole('checkbox', { name: 'Dirty log of Linux' }).click();
  await expect(panel.getByRole('checkbox', { name: 'Dirty log of Linux' })).not.toBeChecked();
  await expect(cell(7)).not.toContainText('pages');

  expect(await complaints(page, 'frames')).toEqual([]);
});
