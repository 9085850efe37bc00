// Story: a student measures the same work on each path to a disk and to a network card, and sees what an exit carries on each.
import { test } from '@playwright/test';
import { complaints, expect, openLab, runFromPalette } from './lab-page.ts';

test('the same blocks and frames on four paths: each one carries more with an exit than the one before, the last needs none', async ({
  page,
}) => {
  test.setTimeout(180_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Show I/O paths');
  const panel = page.locator('[data-panel="io-paths"]');
  await expect(panel).toContainText('Press Measure');
  await panel.getByRole('button', { name: 'Measure' }).click();
  const rows = panel.getByRole('table').getByRole('row');
  await expect(rows).toHaveCount(9, { timeout: 90_000 });
  for (const device of ['Disk', 'Network card']) {
    const carried = [];
    for (const path of ['programmed I/O', 'virtio', 'passthrough']) {
      const row = rows.filter({ hasText: device }).filter({ hasText: path }).filter({ hasNotText: 'IMSIC' });
      const cells = row.getByRole('cell');
      carried.push(Number((await cells.nth(3).innerText()).replaceAll(',', '')));
    }
    expect(carried).toEqual([...carried].sort((one, other) => one - other));
    expect(carried[0]).toBeGreaterThan(0);
    const exitsAnInterrupt = (path: string) =>
      rows.filter({ hasText: device }).filter({ hasText: path }).getByRole('cell').nth(4);
    await expect(exitsAnInterrupt('interrupts by IMSIC')).toHaveText('0');
  }
  await expect(rows.filter({ hasText: 'passthrough' }).first()).toContainText('device-interrupt');
  expect(await complaints(page, 'io-paths')).toEqual([]);

  await panel.getByRole('combobox', { name: 'Under' }).selectOption('trap-and-emulate');
  await panel.getByRole('button', { name: 'Measure' }).click();
  await expect(rows.filter({ hasText: 'passthrough' }).first()).toContainText('hardware-assisted', { timeout: 90_000 });
});
