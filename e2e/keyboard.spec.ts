// Story: someone who uses no mouse works the whole page.
import { test, type Page } from '@playwright/test';
import { command, expect, openLab, runFromPalette, status } from './lab-page.ts';

/** Walks the page by Tab once around and says what had the focus: command ids, panels, splitters, names. */
async function tabAround(page: Page): Promise<Set<string>> {
  const met = new Set<string>();
  let turns = 0;
  for (let presses = 0; presses < 400; presses += 1) {
    await page.keyboard.press('Tab');
    const here = await page.evaluate(() => {
      const focus = document.activeElement;
      if (focus === null || focus === document.body) return ['start'];
      return [
        focus.getAttribute('data-command'),
        focus.getAttribute('role') === 'separator' ? 'splitter' : null,
        focus.closest('[data-panel]')?.getAttribute('data-panel') ?? null,
        focus.getAttribute('role') === 'tab' ? `tab ${focus.getAttribute('aria-label') ?? ''}` : null,
        focus.closest('footer') === null ? null : 'status',
      ].filter((name) => name !== null);
    });
    // The first time the document itself has the focus may be soon: the walk began in the middle.
    if (here[0] === 'start') turns += 1;
    if (turns === 2) break;
    for (const name of here) met.add(name);
  }
  return met;
}

test('Tab reaches every control, panel and splitter, and passes through the console once told to', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await page.keyboard.press('7');
  await expect(page.locator('.xterm-helper-textarea')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.locator('.xterm-helper-textarea')).toBeFocused();
  await page.keyboard.press('Control+m');
  await expect(page.getByText('Tab leaves the console.')).toBeVisible();

  const met = await tabAround(page);

  for (const id of ['vm.add', 'vm.reset', 'vm.remove', 'step.over', 'step.instruction', 'step.out', 'step.exit']) {
    expect(met).toContain(id);
  }
  const shown = await page
    .locator('[data-panel]:visible')
    .evaluateAll((panels) => panels.map((panel) => panel.getAttribute('data-panel')));
  expect(shown.length).toBeGreaterThan(3);
  for (const panel of shown) expect(met).toContain(panel);
  expect(met).toContain('splitter');
  expect(met).toContain('status');
});

test('the keys of VS Code and Chrome pause, step and continue', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await page.keyboard.press('F8');
  await expect(command(page, 'run.continue')).toBeVisible();
  const before = await status(page).innerText();

  await page.keyboard.press('F11');
  await expect(status(page)).not.toHaveText(before);
  await expect(command(page, 'run.continue')).toBeVisible();

  await page.keyboard.press('F5');
  await expect(command(page, 'run.pause')).toBeVisible();
  await page.keyboard.press('F6');
  await expect(command(page, 'run.continue')).toBeVisible();
});

test('letters typed in the console go to the guest, not to the page', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await page.keyboard.press('7');
  await expect(page.locator('.xterm-helper-textarea')).toBeFocused();
  await page.keyboard.type('es');
  await expect(command(page, 'run.pause')).toBeVisible();
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('single letters can be turned off', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await runFromPalette(page, 'single letters');
  await page.locator('body').press('?');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.keyboard.press('F1');
  await expect(page.getByRole('dialog', { name: 'Commands' })).toBeVisible();
});

test('the help sheet lists every key', async ({ page }) => {
  await openLab(page, '#guest=linux');
  await page.locator('body').press('?');
  const sheet = page.getByRole('dialog', { name: 'Keys and signs' });
  for (const key of ['F8', 'F10', 'Alt+F11', 'Shift+F11', 'Ctrl+K', 'E', 'I', 'S']) {
    await expect(sheet.getByText(key, { exact: true }).first()).toBeVisible();
  }
  await page.keyboard.press('Escape');
  await expect(sheet).toHaveCount(0);
});
