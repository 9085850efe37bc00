// Story: a student gives Linux a network card, watches it get an address and a page, and follows a frame from the guest's exit to
// the guest's interrupt; then makes the cable slow, and pulls it out.
import { AxeBuilder } from '@axe-core/playwright';
import { test, type Page } from '@playwright/test';
import { consoleText, expect, openLab, runFromPalette, vmChip } from './lab-page.ts';

async function type(page: Page, line: string): Promise<void> {
  await page.getByRole('textbox', { name: /terminal/i }).focus();
  await page.keyboard.type(`${line}\n`);
}

test('Linux gets an address and a page, and each frame’s way is told', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello');
  await page.locator('body').press('n');
  const dialog = page.getByRole('dialog', { name: 'Add a VM' });
  await dialog.getByRole('radio', { name: /^Linux/ }).check();
  await dialog.getByRole('radio', { name: 'hardware-assisted' }).check();
  await dialog.getByRole('checkbox', { name: 'Network card' }).check();
  await dialog.getByRole('button', { name: 'Add the VM' }).click();
  await expect(vmChip(page, 'Linux')).toBeChecked();
  await expect(consoleText(page)).toContainText('/ #', { timeout: 90_000 });

  await runFromPalette(page, 'Show Network');
  const network = page.locator('[data-panel="network"]');
  await expect(network).toContainText('None yet');
  await type(page, 'ip link set eth0 up; udhcpc -i eth0 -n -q 2>&1 | tail -1');
  await expect(consoleText(page)).toContainText('lease of 10.0.2.15', { timeout: 60_000 });
  await expect(network.getByRole('row').filter({ hasText: 'vm2' })).toContainText('10.0.2.15');
  await type(page, 'wget -q -O - http://www.ringside/ | grep h1');
  await expect(consoleText(page)).toContainText('The network of the lab', { timeout: 60_000 });

  // The answer to the guest's question, on its way from the gateway to the guest's interrupt.
  const frames = network.getByRole('list', { name: /The last frames/ });
  const answer = frames.getByText('DISCOVER').or(frames.getByText('OFFER 10.0.2.15')).last();
  await answer.click();
  await expect(network.getByRole('list', { name: /The way of frame/ })).toContainText(/by vm2, in exit/);
  await frames.getByText('OFFER 10.0.2.15').click();
  const way = network.getByRole('list', { name: /The way of frame/ }).first();
  await expect(way).toContainText('by gateway');
  await expect(way).toContainText('vm2: the frame is in the guest’s memory');

  // The exit that sent a frame is a link to its stages.
  await network
    .getByRole('button', { name: /^exit / })
    .first()
    .click();
  await expect(page.locator('[data-panel="trap"]')).toContainText(/virtio/i);

  const { violations } = await new AxeBuilder({ page }).include('[data-panel="network"]').analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([]);

  const saved = page.waitForEvent('download');
  await network.getByRole('button', { name: 'Save as pcap' }).click();
  expect((await saved).suggestedFilename()).toBe('frames.pcap');

  // A slow cable: an echo takes at least twice its delay.
  const delay = network.getByRole('spinbutton', { name: 'Delay, ms, cable of vm2' });
  await delay.fill('40');
  await delay.press('Enter');
  await type(page, 'clear; ping -c 1 gateway.ringside | grep time=');
  await expect(consoleText(page)).toContainText(/time=8\d\.\d+ ms/, { timeout: 60_000 });

  await network.getByRole('checkbox', { name: 'Cable of vm2 plugged in' }).uncheck();
  await type(page, 'clear; ping -c 1 -W 1 10.0.2.2 | grep loss');
  await expect(consoleText(page)).toContainText('100% packet loss', { timeout: 60_000 });
  await expect(frames.locator('[class*="error"]').first()).toBeVisible();
});
