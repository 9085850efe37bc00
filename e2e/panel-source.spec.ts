// Story: someone reads a guest's source, stops it at a line, changes it and runs the change.
import { expect, test, type Page } from '@playwright/test';
import { command, openLab, status, vmChip } from './lab-page.ts';

const panel = (page: Page) => page.locator('[data-panel="source"]');

async function typeAtTop(page: Page, text: string): Promise<void> {
  await panel(page).locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+Home');
  await page.keyboard.type(text);
}

test('the line of pc is marked, and a breakpoint beside the lines stops the guest there', async ({ page }) => {
  await openLab(page, '#guest=trap&technique=trap-and-emulate');
  await expect(panel(page).locator('.monaco-editor .view-line').first()).toBeVisible({ timeout: 20_000 });

  await panel(page).getByRole('radio', { name: 'Disassembly' }).check();
  await command(page, 'vm.reset').click();
  const lines = panel(page).getByRole('grid', { name: /^Disassembly/ });
  await expect(lines.locator('[aria-current="location"]')).toContainText('8040_0000');

  const button = lines.getByRole('button', { name: 'Breakpoint at 8040_0008' });
  await button.click();
  await expect(button).toHaveAttribute('aria-pressed', 'true');

  const box = await button.boundingBox();
  expect(box?.width).toBeGreaterThanOrEqual(24);
  expect(box?.height).toBeGreaterThanOrEqual(24);

  await command(page, 'run.continue').click();
  await expect(status(page)).toContainText(/breakpoint/i);
  await expect(lines.locator('[aria-current="location"]')).toContainText('8040_0008');
  await panel(page).getByRole('radio', { name: 'Source' }).check();
  await expect(panel(page).locator('[class*="current"]').first()).toBeVisible();
});

test('mistakes are found in their place, and the repaired program runs beside the old one', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=trap-and-emulate');
  await expect(panel(page).locator('.monaco-editor .view-line').first()).toBeVisible({ timeout: 20_000 });

  await typeAtTop(page, 'frobnicate a0\n');
  await panel(page).getByRole('button', { name: 'Assemble and run' }).click();
  const found = panel(page).getByRole('list', { name: 'What the assembler found' });
  await expect(found.getByRole('button').first()).toContainText(/error 1:\d+.*frobnicate/);
  await expect(vmChip(page)).toHaveCount(1);

  await panel(page).getByRole('button', { name: 'Discard' }).click();
  await typeAtTop(page, '# mine\n');
  await page.keyboard.press('Control+Enter');
  await expect(vmChip(page, 'edited')).toBeChecked();
  await expect(vmChip(page)).toHaveCount(2);
  await expect(status(page)).toContainText(/instructions/);
  await panel(page).locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+Home');
  await expect(panel(page).locator('.view-lines')).toContainText('# mine');
});

test('Tab leaves the editor after Ctrl+M, as is written there', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=trap-and-emulate');
  await expect(panel(page)).toContainText('Ctrl+M', { timeout: 20_000 });
  await panel(page).locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+m');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('.monaco-editor') === null)).toBe(true);
});
