// Story: someone follows an address through the tables, under each technique, and sees what differs.
import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';
import { assemble } from '../src/core/isa/assembly/assemble.ts';
import { command, openLab, status } from './lab-page.ts';

/** Stops the paging guest in its page-fault handler, where its tables are in use, and opens the walk. */
async function openWalk(page: Page, technique: string): Promise<void> {
  await openLab(page, `#guest=paging&technique=${technique}`);
  const source = page.locator('[data-panel="source"]');
  await expect(source.locator('.monaco-editor .view-line').first()).toBeVisible({ timeout: 20_000 });
  await source.locator('.monaco-editor').first().click();
  await page.keyboard.press('Control+f');
  await page.keyboard.type('page_fault:');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('F9');
  await expect(source.locator('[class*="breakpoint"]').first()).toBeVisible();

  await command(page, 'vm.reset').click();
  await command(page, 'run.continue').click();
  await expect(status(page)).toContainText(/breakpoint/i);
  await page.getByRole('tab', { name: 'The walk' }).click();
}
const panel = (page: Page) => page.locator('[data-panel="walk"]');

async function walkTo(page: Page, address: string): Promise<void> {
  const input = panel(page).getByRole('textbox');
  await input.fill(address);
  await input.press('Enter');
}

test('two stages: the guest’s tables lie behind stage 2, so their addresses are walked too', async ({ page }) => {
  await openWalk(page, 'hardware-assisted');
  await walkTo(page, 'c0000000');
  await expect(panel(page)).toContainText('nested fetches');
  await expect(panel(page)).toContainText('stage 2, L1');

  await panel(page).getByText('The same as a table').click();
  const rows = panel(page).getByRole('table').getByRole('row');
  expect(await rows.count()).toBeGreaterThan(5);
  await expect(rows.filter({ hasText: 'guest table, level 1' })).toHaveCount(1);
});

test('shadow paging: two tables, one walked by the hypervisor and one by the hart', async ({ page }) => {
  await openWalk(page, 'trap-and-emulate');
  await walkTo(page, 'c0000000');
  await expect(panel(page).getByRole('heading', { name: 'The hypervisor walks the guest’s tables' })).toBeVisible();
  await expect(panel(page).getByRole('heading', { name: 'The hart walks the shadow tables' })).toBeVisible();
});

test('the walk shown is the walk computed: c0000000 leads to where the program put page_a', async ({ page }) => {
  const built = assemble(readFileSync('src/guests/paging.s', 'utf8'), { textAddress: 0x8040_0000 });
  const gpa = (built.ok && built.symbols.find(({ name }) => name === 'page_a')?.address) || 0;
  const grouped = (address: number) => address.toString(16).replace(/(....)(....)/, '$1_$2');
  await openWalk(page, 'hardware-assisted');
  await walkTo(page, 'c0000000');
  await expect(panel(page)).toContainText(grouped(gpa));
  // A frame stands behind the page wherever one was free: what lies there is what the program put there.
  await panel(page).getByRole('button', { name: /^hpa/i }).first().click();
  await expect(page.locator('[data-panel="memory"]')).toContainText('c0000000: this p');
});

test('an address that is not mapped says which entry ends the walk', async ({ page }) => {
  await openWalk(page, 'bare');
  await walkTo(page, 'f000_0000');
  await expect(panel(page)).toContainText(/fault/);
  await expect(panel(page)).toContainText('no GPA');
});

test('what is not an address is refused with an example, and nothing moves', async ({ page }) => {
  await openWalk(page, 'bare');
  await walkTo(page, 'hello');
  await expect(panel(page).getByRole('alert')).toContainText(
    'Expected hexadecimal digits such as 8040_1a2c, found “hello”.',
  );
});
