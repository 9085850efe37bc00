// Story: a student looks at a guest's memory page by page: which pages have a frame and where it is, which the kernel has given up
// through its balloon, which are dirty, and which lie in a block of 4 MiB that one entry maps.
import { AxeBuilder } from '@axe-core/playwright';
import { test } from '@playwright/test';
import { consoleText, expect, openLab, runFromPalette, vmChip } from './lab-page.ts';

test('each page of a guest is told: where it is, what maps it, who shares it, whether it is dirty', async ({
  page,
}) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello');
  await page.locator('body').press('n');
  const dialog = page.getByRole('dialog', { name: 'Add a VM' });
  await dialog.getByRole('radio', { name: /^Linux/ }).check();
  await dialog.getByRole('radio', { name: 'hardware-assisted' }).check();
  await dialog.getByRole('checkbox', { name: 'Balloon' }).check();
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'Linux')).toBeChecked();
  await expect(consoleText(page)).toContainText('/ #', { timeout: 120_000 });

  await runFromPalette(page, 'Show Frames');
  const panel = page.locator('[data-panel="frames"]');
  const balloon = panel.getByRole('slider', { name: /Balloon of Linux/ });
  await balloon.fill('16');
  await balloon.press('ArrowRight');
  await expect(panel.getByRole('row').filter({ hasText: 'Linux' }).first()).toContainText('17 MiB', {
    timeout: 60_000,
  });

  // From the VM's strip to its pages. All of it at first; then so near that a cell is a page.
  await panel.getByRole('button', { name: 'Linux', exact: true }).click();
  const detail = panel.getByRole('region', { name: 'The page under the cursor' });
  const map = panel.getByRole('slider', { name: /^Page of Linux/ });
  await expect(panel).toContainText('A cell is 16 pages, 64 KiB');
  await panel.getByRole('button', { name: 'Zoom in' }).click();
  await panel.getByRole('button', { name: 'Zoom in' }).click();
  await expect(panel).toContainText('A cell is one page of 4 KiB');

  // By keyboard: the kernel's own page is mapped, and a frame of the machine is behind it.
  await map.focus();
  await map.press('Home');
  await map.press('PageDown');
  await expect(panel).toContainText('Page 1,024 of 16,384');
  await expect(detail).toContainText('gpa8040_0000');
  await expect(detail).toContainText(/Host physicalhpa[0-9a-f]{4}_[0-9a-f]{4}/);
  await expect(detail).toContainText('as a page of 4 KiB, by an entry of the second stage; stores need no exit');
  await expect(map).toHaveAttribute('aria-valuetext', /^GPA 80400000, resident/);
  await map.press('ArrowRight');
  await expect(panel).toContainText('Page 1,025 of');

  // The dirty log, round by round.
  await panel.getByRole('checkbox', { name: 'Dirty log of Linux' }).click();
  await expect(detail).toContainText(/written to since the log was collected/);
  await expect(panel).toContainText(/[1-9]\d* pages/, { timeout: 60_000 });
  const dirtyCells = map.locator('path[fill="var(--host-interrupt)"]');
  await map.press('-');
  await map.press('-');
  await expect(dirtyCells).toHaveAttribute('d', /^M/);
  await panel.getByRole('checkbox', { name: 'Dirty log of Linux' }).click();
  await expect(detail).toContainText('the dirty log of this VM is off');

  // A page that the kernel has given up: where the map draws one.
  const given = await map.locator('path[fill="var(--device)"]').getAttribute('d');
  const [, x = 0, y = 0] = (/^M([\d.]+) ([\d.]+)/.exec(given ?? '') ?? []).map(Number);
  const drawing = map.locator('svg');
  const box = await drawing.boundingBox();
  const units = Number((await drawing.getAttribute('viewBox'))?.split(' ')[2]);
  const scale = (box?.width ?? 0) / units;
  await drawing.click({ position: { x: (x + 3) * scale, y: (y + 3) * scale } });
  await expect(detail).toContainText(/Of the 16 pages in this cell: .*ballooned/);

  const { violations } = await new AxeBuilder({ page }).include('[data-panel="frames"]').analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);
});
