// Story: someone who knows what they want types it.
import { test } from '@playwright/test';
import { expect, openLab, paletteRow, vmChip } from './lab-page.ts';

for (const key of ['Control+k', 'Control+Shift+P', 'F1']) {
  test(`${key} opens the palette, Escape closes it`, async ({ page }) => {
    await openLab(page, '#guest=linux');
    await page.keyboard.press(key);
    await expect(page.getByRole('combobox', { name: 'Commands' })).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });
}

test('a fast typist gets the row the words mean, not the one that stood there before', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await page.keyboard.press('Control+k');
  // No waiting in between: on a busy machine the palette is not drawn yet when the first letters come.
  await page.keyboard.type('add preemption hardware');
  await expect(page.getByRole('combobox', { name: 'Commands' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(vmChip(page, 'Preemption')).toBeChecked();
  await expect(page.getByRole('combobox', { name: 'Technique' })).toHaveValue('hardware-assisted');
  await expect(vmChip(page)).toHaveCount(2);
});

test('what cannot be done now is listed with the reason', async ({ page }) => {
  await openLab(page, '#guest=linux&technique=bare');
  await page.keyboard.press('F1');
  await page.keyboard.type('run to the next exit');
  await expect(paletteRow(page).filter({ hasText: 'nothing exits' })).toHaveAttribute('aria-disabled', 'true');
});
