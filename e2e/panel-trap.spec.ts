// Story: someone wants to know what one exit was, and finds cause, handler, effect and resume of it.
import { expect, test } from '@playwright/test';
import { openLab, primary } from './lab-page.ts';

test('an exit under way opens stage by stage', async ({ page }) => {
  await openLab(page, '#guest=paging&technique=trap-and-emulate');
  const trap = page.locator('[data-panel="trap"]');
  await expect(primary(page)).toHaveText(/Stop at the (next|first) exit/);
  await primary(page).click();

  const steps = trap.getByRole('list', { name: 'Stages of this exit' }).getByRole('listitem');
  await expect(trap.locator('[aria-current="step"]')).toContainText('Cause');
  await expect(trap).toContainText(/scause/);
  await expect(trap).toContainText('Not yet');

  await primary(page).click();
  await expect(trap.locator('[aria-current="step"]')).toContainText('Effect');
  await expect(steps.filter({ hasText: 'Handler' }).first()).toContainText('Hypervisor');

  const title = await trap.getByText(/^Exit [\d,]+$/).innerText();
  await primary(page).click();
  await expect(trap.locator('[aria-current="step"]')).toContainText(/instructions? of virtual time/);
  await expect(trap.locator('[aria-current="step"]')).toBeInViewport();
  await expect(trap).toContainText(title);
  await expect(primary(page)).toContainText('Stop at the next exit');
  await trap.getByRole('button', { name: 'Next exit' }).click();
  await expect(trap.locator('[aria-current="step"]')).toContainText('Cause');
  await expect(trap).not.toContainText(title);
});

test('an exit of the past is chosen in the list by keyboard, and all four stages are filled', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=trap-and-emulate');
  const list = page.getByRole('grid', { name: /^Exits/ });
  await expect(list.getByRole('row').nth(2)).toBeVisible();

  await list.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const chosen = list.locator('[aria-selected="true"]');
  await expect(chosen).toHaveCount(1);
  const number = (await chosen.getByRole('gridcell').first().innerText()).trim();
  await page.keyboard.press('Enter');

  const trap = page.locator('[data-panel="trap"]');
  await expect(trap).toContainText(`Exit ${Number(number).toLocaleString('en')}`);
  for (const step of ['Cause', 'Handler', 'Effect', 'Resume']) await expect(trap).toContainText(step);
  await expect(trap).not.toContainText('Not yet');
  await expect(trap).toContainText(/instructions? of virtual time/);
});
