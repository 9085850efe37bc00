// Story: a student gives Linux a network card, watches it get an address and a page, and follows a frame from the guest's exit to
// the guest's interrupt; then makes the cable slow, and pulls it out.
import { test } from '@playwright/test';
import { addLinux, complaints, consoleText, expect, openLab, runFromPalette, type } from './lab-page.ts';

test('Linux gets an address and a page, and each frame’s way is told', async ({ page }) => {
  test.setTimeout(240_000);
  await openLab(page, '#guest=hello');
  await addLinux(page, { choose: (dialog) => dialog.getByRole('checkbox', { name: 'Network card' }).check() });

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

  expect(await complaints(page, 'network')).toEqual([]);

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
