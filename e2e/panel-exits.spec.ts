// Story: someone asks where the exits come from, sorts them by reason, and takes them away as a file.
import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { openLab } from './lab-page.ts';

test('the summary has the columns of perf kvm stat, and its reasons filter the list', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=trap-and-emulate');
  const panel = page.locator('[data-panel="exits"]');
  await panel.getByRole('radio', { name: 'Summary' }).check();
  for (const heading of ['VM-EXIT', 'Samples', 'Samples%', 'Time%', 'Min Time', 'Max Time', 'Avg time']) {
    await expect(panel.getByRole('columnheader', { name: heading, exact: true }).first()).toBeAttached();
  }

  const reason = panel.getByRole('row').filter({ hasText: 'device-access' });
  await reason.getByRole('checkbox').check();
  await panel.getByRole('radio', { name: 'List' }).check();

  const rows = panel.getByRole('grid').getByRole('row');
  await expect(rows.nth(1)).toContainText('device-access');
  const reasons = await rows.evaluateAll((all) => all.slice(1).map((row) => row.textContent));
  expect(reasons.every((text) => text.includes('device-access') || text.includes('…'))).toBe(true);

  await panel.getByRole('button', { name: /show all reasons/ }).click();
  await expect(rows.filter({ hasText: 'sbi-call' }).first()).toBeAttached();
});

test('the exits are saved as CSV and as JSON lines', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=trap-and-emulate');
  const panel = page.locator('[data-panel="exits"]');
  await expect(panel.getByRole('grid').getByRole('row').nth(2)).toBeVisible();

  const save = async (name: string) => {
    const [file] = await Promise.all([page.waitForEvent('download'), panel.getByRole('button', { name }).click()]);
    return readFileSync(await file.path(), 'utf8')
      .trimEnd()
      .split(/\r?\n/);
  };
  const csv = await save('CSV');
  expect(csv[0]).toMatch(/^sequence,vm,reason,pc/);
  expect(csv.length).toBeGreaterThan(3);

  const json = (await save('JSON')).map((line) => JSON.parse(line) as { sequence: number; reason: string });
  expect(json.length).toBeGreaterThan(2);
  expect(json.every(({ sequence, reason }) => Number.isInteger(sequence) && reason !== '')).toBe(true);
});

test('a bare machine says why it has none', async ({ page }) => {
  await openLab(page, '#guest=hello&technique=bare');
  await expect(page.locator('[data-panel="exits"]')).toContainText('A bare machine has no exits');
});
