// Story: an instructor opens a scenario from the palette: two Linux VMs appear, type for themselves and fetch a page from each
// other; another one is dropped on the page as a file, and a broken one is refused in words.
import { test, type Page } from '@playwright/test';
import { consoleText, expect, openLab, runFromPalette, vmChip } from './lab-page.ts';

/** Drops a file on the page. */
async function drop(page: Page, name: string, contents: string): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([fileName, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text ?? ''], fileName ?? '', { type: 'application/json' }));
      return data;
    },
    [name, contents],
  );
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
}

test('two Linux VMs from one file fetch a page from each other', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello');
  await runFromPalette(page, 'Open the scenario: Two Linux VMs');
  await expect(vmChip(page, 'Linux')).toHaveCount(2, { timeout: 60_000 });
  await expect(
    page.getByRole('alert').filter({ hasText: 'The page leaves out the cable of vms[0].network' }),
  ).toBeVisible();
  await expect(vmChip(page, 'Linux').first()).toBeChecked();
  await expect(consoleText(page)).toContainText('This is VM two', { timeout: 120_000 });
  await vmChip(page, 'Linux').nth(1).click();
  await expect(consoleText(page)).toContainText('This is VM one', { timeout: 60_000 });
});

test('a file that is dropped is opened, and one that is wrong is refused with its place', async ({ page }) => {
  await openLab(page, '#guest=hello');
  await drop(
    page,
    'wrong.json',
    JSON.stringify({ title: 't', vms: [{ name: 'a', guest: 'timer', technique: 'fast' }] }),
  );
  await expect(page.getByText(/vms\[0\]\.technique: expected "bare" or .*found "fast"/)).toBeVisible();
  const scenario = {
    title: 'Two of a kind',
    about: 'Dropped on the page.',
    vms: [
      { name: 'a', guest: 'timer', technique: 'bare' },
      { name: 'b', guest: 'timer', technique: 'hardware-assisted' },
    ],
  };
  await drop(page, 'right.json', JSON.stringify(scenario));
  await expect(vmChip(page, 'Preemption')).toHaveCount(2);
  await expect(vmChip(page, 'Preemption').first()).toBeChecked();
});
