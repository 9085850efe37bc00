// What the stories share: opening the page, reading the console and the status strip, and getting at the page's worker.

import { expect as hurried, type Locator, type Page } from '@playwright/test';

/** A page that simulates a computer on a busy machine is given the time it needs. */
export const expect = hurried.configure({ timeout: 20_000 });

/** Opens the page as on a first visit (each story has its own storage) and waits until a VM is on the screen. */
export async function openLab(page: Page, hash = ''): Promise<void> {
  await page.goto(`./${hash}`);
  await expect(vmChip(page).first()).toBeVisible();
  await expect(status(page)).not.toContainText('being started');
}

/** The VMs in the bar. */
export function vmChip(page: Page, title?: string): Locator {
  const all = page.getByRole('radiogroup', { name: 'VM to look at' }).getByRole('radio');
  return title === undefined ? all : all.filter({ hasText: title });
}

export function status(page: Page): Locator {
  return page.getByRole('contentinfo', { name: 'Status' });
}

/** What the console on the screen shows, line by line. */
export function consoleText(page: Page): Locator {
  return page.locator('[data-console] .xterm-rows');
}

/** A button of the toolbar, by its command's id. */
export function command(page: Page, id: string): Locator {
  return page.locator(`[data-command="${id}"]`);
}

/** The one obvious button, whatever it says now. */
export function primary(page: Page): Locator {
  return page.locator('header button.primary');
}

/** Lets a story reach the page's workers: call before the page is opened. */
export async function keepWorkers(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const started: Worker[] = [];
    Object.assign(window, { startedWorkers: started });
    const OriginalWorker = Worker;
    window.Worker = class extends OriginalWorker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        if (options?.name === 'ringside core') started.push(this);
      }
    };
  });
}

/** Makes the newest worker fall silent, as one does that hangs. */
export async function silenceWorker(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { startedWorkers } = window as unknown as { startedWorkers: Worker[] };
    startedWorkers.at(-1)?.terminate();
  });
}

/** Makes the newest worker report an error that nobody caught. */
export async function breakWorker(page: Page): Promise<void> {
  await page.evaluate(() => {
    const { startedWorkers } = window as unknown as { startedWorkers: Worker[] };
    startedWorkers.at(-1)?.dispatchEvent(new ErrorEvent('error', { message: 'broken on purpose', cancelable: true }));
  });
}

/** The rows the palette shows now. */
export function paletteRow(page: Page): Locator {
  return page.getByRole('dialog', { name: 'Commands' }).getByRole('option');
}

/** Runs one palette row by its words, all by keyboard. */
export async function runFromPalette(page: Page, words: string): Promise<void> {
  await page.keyboard.press('F1');
  await page.keyboard.type(words);
  await expect(page.getByRole('combobox', { name: 'Commands' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toHaveCount(0);
}
