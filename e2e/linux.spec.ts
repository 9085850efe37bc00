// Story: a student picks Linux and a technique, watches it boot, types a command into it, and switches it off.
import { expect, test } from '@playwright/test';
import { consoleText, openLab, status, vmChip } from './lab-page.ts';

const techniques = ['bare', 'trap and emulate', 'hardware-assisted'] as const;

for (const technique of techniques) {
  test(`Linux boots under ${technique}, obeys a command and powers off`, async ({ page }) => {
    test.setTimeout(180_000);
    await openLab(page);
    await page.locator('body').press('n');
    const dialog = page.getByRole('dialog', { name: 'Add a VM' });
    await dialog.getByRole('radio', { name: /^Linux/ }).check();
    await dialog.getByRole('radio', { name: technique, exact: false }).check();
    await dialog.getByRole('button', { name: 'Add the VM' }).click();
    await expect(vmChip(page, 'Linux')).toBeChecked();
    await expect(consoleText(page)).toContainText('/ #', { timeout: 90_000 });

    await page.getByRole('textbox', { name: /terminal/i }).focus();
    await page.keyboard.type('echo $((6 * 7)) $(uname -m)\n');
    await expect(consoleText(page)).toContainText('42 riscv32', { timeout: 60_000 });

    await page.keyboard.type('poweroff -f\n');
    await expect(status(page)).toContainText('The guest shut down', { timeout: 60_000 });
  });
}

test('a line of eighty characters stands in one row of the console, as the page opens', async ({ page }) => {
  test.setTimeout(180_000);
  await openLab(page, '#guest=linux&technique=bare');
  await expect(consoleText(page)).toContainText('/ #', { timeout: 90_000 });
  await page.getByRole('textbox', { name: /terminal/i }).focus();
  await page.keyboard.type("printf '%080d\\n' 7\n");
  const row = page.locator('[data-console] .xterm-rows > div').filter({ hasText: `${'0'.repeat(79)}7` });
  await expect(row).toHaveCount(1, { timeout: 60_000 });
});
