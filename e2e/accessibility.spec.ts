// Story: someone with a screen reader, or who cannot tell the colours apart, finds everything named and legible.
import { test } from '@playwright/test';
import { complaints, expect, openLab, primary } from './lab-page.ts';

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing to complain about in the ${colorScheme} theme`, async ({ page }) => {
    // Five inspections of the whole page, each some seconds on a busy machine.
    test.setTimeout(180_000);
    await page.emulateMedia({ colorScheme });
    await openLab(page, '#guest=linux');
    expect(await complaints(page)).toEqual([]);

    await primary(page).click();
    await expect(primary(page)).toContainText('Next stage');
    expect(await complaints(page)).toEqual([]);

    for (const key of ['F1', '?', 'n']) {
      await page.locator('body').press(key);
      await expect(page.getByRole('dialog')).toBeVisible();
      expect(await complaints(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await expect(page.getByRole('dialog')).toHaveCount(0);
    }
  });
}

test('why the machine stopped is announced', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await page.keyboard.press('F6');
  await expect(page.getByRole('status')).toContainText(/Linux: \w.*\./);
});
