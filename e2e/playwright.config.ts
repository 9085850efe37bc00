// The stories run against the built page, in whichever Chromium .ci/ensure.mjs found. One worker: the page simulates a
// computer and would starve a second one on a small machine.
import { existsSync, readFileSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const RECORD = new URL('../.cache/browser.json', import.meta.url);
const ROOT = new URL('..', import.meta.url);
const PORT = Number(process.env['RINGSIDE_E2E_PORT'] ?? 4173);

function executablePath(): string {
  if (!existsSync(RECORD)) throw new Error('No browser has been looked for yet: run `npm test` first.');
  const record: unknown = JSON.parse(readFileSync(RECORD, 'utf8'));
  if (typeof record === 'object' && record !== null && 'executablePath' in record) {
    if (typeof record.executablePath === 'string') return record.executablePath;
  }
  throw new Error('.cache/browser.json is damaged: delete it and run `npm test`.');
}

export default defineConfig({
  testDir: '.',
  outputDir: '../.cache/e2e',
  timeout: 60_000,
  expect: { timeout: 20_000 }, // a shared machine may be ten times slower than a quiet one
  workers: 1,
  retries: 0,
  forbidOnly: process.env['CI'] !== undefined,
  reporter: [['list'], ['json', { outputFile: '../.cache/e2e.json' }]],
  use: {
    baseURL: `http://127.0.0.1:${PORT}/`,
    viewport: { width: 1280, height: 800 },
    screenshot: 'only-on-failure',
    video: 'off',
    trace: 'off',
    launchOptions: {
      executablePath: executablePath(),
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
        '--disable-quic',
      ],
    },
  },
  webServer: {
    command: `node node_modules/vite/bin/vite.js preview --port ${PORT} --strictPort`,
    cwd: ROOT.pathname,
    url: `http://127.0.0.1:${PORT}/`,
    reuseExistingServer: false,
    timeout: 30_000,
  },
});
