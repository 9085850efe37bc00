// Story: someone follows the lecture on a phone.
import { test } from '@playwright/test';
import { complaints, consoleText, expect, openLab, primary } from './lab-page.ts';

test.use({ viewport: { width: 390, height: 844 } });

test('one panel at a time, its tabs at the bottom, and the exit opens in stages', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await expect(page.locator('[data-panel]')).toHaveCount(1);
  await expect(consoleText(page)).toBeVisible();

  await primary(page).click();
  await expect(page.locator('[data-panel="trap"]')).toBeVisible();
  await expect(primary(page)).toContainText('Next stage');

  await page.getByRole('tab', { name: 'Registers' }).click();
  await expect(page.locator('[data-panel="registers"]')).toBeVisible();
  await expect(page.locator('[data-panel]')).toHaveCount(1);

  const { wide, shown } = await page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    shown: window.innerWidth,
  }));
  expect(wide).toBeLessThanOrEqual(shown);
  expect(await complaints(page)).toEqual([]);
});
