// What the stories share: opening the page, adding a VM, reading and typing into the console, the status strip, what axe says,
// and getting at the page's worker.

import { AxeBuilder } from '@axe-core/playwright';
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

/** Types a line into the console that is on the screen. */
export async function type(page: Page, line: string): Promise<void> {
  await page
    .getByRole('textbox', { name: /terminal/i })
    .first()
    .focus();
  await page.keyboard.type(`${line}\n`);
}

/** Opens the dialog that adds a VM, by its key. */
export async function openAddVm(page: Page): Promise<Locator> {
  await page.locator('body').press('n');
  return page.getByRole('dialog', { name: 'Add a VM' });
}

interface LinuxToAdd {
  /** As the dialog words it. */
  readonly technique?: string;
  /** What else is chosen in the dialog. */
  readonly choose?: (dialog: Locator) => Promise<void>;
}

/** Adds the Linux that ships by the dialog, and waits for its prompt. */
export async function addLinux(
  page: Page,
  { technique = 'hardware-assisted', choose }: LinuxToAdd = {},
): Promise<void> {
  const dialog = await openAddVm(page);
  await dialog.getByRole('radio', { name: /^Linux/ }).check();
  await dialog.getByRole('radio', { name: technique }).check();
  await choose?.(dialog);
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'Linux')).toBeChecked();
  await expect(consoleText(page)).toContainText('/ #', { timeout: 120_000 });
}

const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** What axe complains about: in a panel by all its rules, in the whole page by those of WCAG 2.2 AA. */
export async function complaints(page: Page, panel?: string): Promise<readonly string[]> {
  const inspection = new AxeBuilder({ page });
  const { violations } = await (
    panel === undefined ? inspection.withTags(WCAG) : inspection.include(`[data-panel="${panel}"]`)
  ).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
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
