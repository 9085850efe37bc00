// Story: a student picks Linux and a technique, watches it boot, types a command into it, and switches it off.
import { expect, test } from '@playwright/test';
import { addLinux, consoleText, openLab, status, type } from './lab-page.ts';

const techniques = ['bare', 'trap and emulate', 'hardware-assisted'] as const;

for (const technique of techniques) {
  test(`Linux boots under ${technique}, obeys a command and powers off`, async ({ page }) => {
    test.setTimeout(180_000);
    await openLab(page);
    await addLinux(page, { technique });

    await type(page, 'echo $((6 * 7)) $(uname -m)');
    await expect(consoleText(page)).toContainText('42 riscv32', { timeout: 60_000 });

    await type(page, 'poweroff -f');
    await expect(status(page)).toContainText('The guest shut down', { timeout: 60_000 });
  });
}

test('a line of eighty characters stands in one row of the console, as the page opens', async ({ page }) => {
  test.setTimeout(180_000);
  await openLab(page, '#guest=linux&technique=bare');
  await expect(consoleText(page)).toContainText('/ #', { timeout: 90_000 });
  await type(page, "printf '%080d\\n' 7");
  const row = page.locator('[data-console] .xterm-rows > div').filter({ hasText: `${'0'.repeat(79)}7` });
  await expect(row).toHaveCount(1, { timeout: 60_000 });
});
