// Story: a student steps through a system call: out of the user program, into the hypervisor, and on in the guest's kernel.
import { expect, test } from '@playwright/test';
import { command, openLab, primary, status } from './lab-page.ts';

test('an ecall is stepped through, from U-mode into the hypervisor and on in the guest’s handler', async ({ page }) => {
  await openLab(page, '#guest=trap&technique=trap-and-emulate');
  const source = page.locator('[data-panel="source"]');
  await expect(source.locator('.monaco-editor .view-line').first()).toBeVisible();
  await source.locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+f');
  await page.keyboard.type('# multiply');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('ArrowDown'); // the ECALL stands on the next line
  await page.keyboard.press('F9');
  await expect(source.locator('[class*="breakpoint"]').first()).toBeVisible();
  await command(page, 'vm.reset').click();
  await command(page, 'run.continue').click();
  await expect(status(page)).toContainText(/breakpoint/i);
  await expect(status(page)).toContainText('Guest user');

  const trap = page.locator('[data-panel="trap"]');
  await primary(page).click();
  await expect(trap.locator('[aria-current="step"]')).toContainText('Cause');
  await expect(trap).toContainText('environment call from U-mode');
  await expect(status(page)).toContainText('Hypervisor');

  await primary(page).click();
  await expect(trap.locator('[aria-current="step"]')).toContainText('Effect');
  await expect(trap).toContainText('scause');

  await primary(page).click();
  await expect(status(page)).toContainText('Guest kernel');
  const scause = page.locator('[data-panel="registers"]').getByText('scause', { exact: true }).first();
  await expect(scause.locator('xpath=ancestor::*[contains(., "0000_0008")][1]')).toBeVisible();
});
