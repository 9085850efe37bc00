// Story: someone opens the page and it is there, quietly.
import { expect, test } from '@playwright/test';

test('the page opens without an error or a foreign request', async ({ page, baseURL }) => {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const { protocol, href } = new URL(request.url());
    if (protocol.startsWith('http') && !href.startsWith(baseURL ?? '')) complaints.push(`request to ${href}`);
  });

  await page.goto('./');

  await expect(page).toHaveTitle(/Ringside/);
  await expect(page.locator('#root')).not.toBeEmpty();
  expect(complaints).toEqual([]);
});
