// Story: someone arranges the panels to their liking, finds them so again, and can undo it all.
import { test, type Page } from '@playwright/test';
import { expect, openLab, runFromPalette } from './lab-page.ts';

const tab = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });
const place = async (page: Page, panel: string) => {
  const shown = page.locator(`[data-panel="${panel}"]`);
  await shown.waitFor();
  const box = await shown.boundingBox();
  if (box === null) throw new Error(`${panel} is not on the screen`);
  return box;
};

test('a panel closes, and comes back by its digit', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await tab(page, 'Exits').focus();
  await page.keyboard.press('Delete');
  await expect(tab(page, 'Exits')).toHaveCount(0);
  await page.keyboard.press('5');
  await expect(tab(page, 'Exits')).toHaveAttribute('aria-selected', 'true');
  expect(await page.evaluate(() => document.activeElement?.closest('[data-panel]')?.getAttribute('data-panel'))).toBe(
    'exits',
  );
});

test('a panel moves without dragging, the splitter by arrow keys; both are kept, and both can be undone', async ({
  page,
}) => {
  await openLab(page, '#guest=linux');
  const first = await place(page, 'registers');

  await page.locator('[role=separator][aria-orientation=vertical]').first().focus();
  for (let presses = 0; presses < 5; presses += 1) await page.keyboard.press('ArrowRight');
  await expect.poll(async () => (await place(page, 'registers')).width).toBeGreaterThan(first.width + 30);

  await runFromPalette(page, 'move registers lower right');
  await expect.poll(async () => (await place(page, 'registers')).x).toBeGreaterThan(600);

  await page.reload();
  await expect(tab(page, 'Registers')).toBeVisible();
  expect((await place(page, 'registers')).x).toBeGreaterThan(600);

  await runFromPalette(page, 'put all panels back');
  await expect.poll(async () => (await place(page, 'registers')).x).toBe(first.x);
  expect((await place(page, 'registers')).width).toBeCloseTo(first.width, 0);
});

test('a damaged arrangement is forgotten, not fatal', async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem('ringside.layout.1', '{"layout":{"type":"nonsense"}}'));
  await openLab(page, '#guest=linux');
  await expect(tab(page, 'Registers')).toBeVisible();
});

test('a panel opened while another place fills the page is seen', async ({ page }) => {
  await openLab(page, '#guest=hello');
  await page.getByRole('tab', { name: /Console/ }).dblclick();
  await expect(page.locator('[data-panel="registers"]')).toBeHidden();
  await runFromPalette(page, 'Show Scheduler');
  await expect(page.locator('[data-panel="scheduler"]')).toBeVisible();
  await expect(page.locator('[data-panel="registers"]')).toBeVisible();
});
