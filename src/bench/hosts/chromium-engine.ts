// Chromium, without a window: each peer in a Web Worker of its own, v86 in the page.

import type { Browser } from '@playwright/test';
import type { Clock, Engine } from '../engine.ts';
import type {} from '../page/bench-page.ts'; // declares window.bench
import type { Peer } from '../peers/peer.ts';
import type { Places } from './files.ts';
import { serveFiles } from './file-server.ts';
import { rendererClock, timedBy } from './renderer-time.ts';

/** @param clock what the kernels' times are of; the rows' are of the wall clock */
export async function openChromiumEngine(browser: Browser, places: Places, clock: Clock): Promise<Engine> {
  const server = await serveFiles(places);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await page.waitForFunction(() => 'bench' in window);
  const renderers = clock === 'cpu' ? await rendererClock(browser) : undefined;
  return {
    name: `Chromium ${browser.version()}`,
    clock,
    rowClock: 'wall',
    open: async (kind) => {
      const peer = await page.evaluate((wanted) => window.bench.open(wanted), kind);
      const opened: Peer = {
        run: (kernel, rounds) =>
          page.evaluate(([number, index, times]) => window.bench.run(number, index, times), [
            peer,
            kernel,
            rounds,
          ] as const),
        close: () => Promise.resolve(), // with the page
      };
      return renderers ? timedBy(renderers, opened) : opened;
    },
    measureRow: (name, quick) => page.evaluate(([row, short]) => window.bench.row(row, short), [name, quick] as const),
    close: async () => {
      await context.close();
      await server.close();
    },
  };
}
