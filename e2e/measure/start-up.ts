// How long the page takes to open: first paint, first paint that can be used, Linux at its prompt, and what was downloaded.
// Measured from outside, on the built page: an observer runs before the page's own scripts, nothing is added to the page.
// Times are milliseconds since the navigation began.

import { gzipSync } from 'node:zlib';
import type { Browser, Page } from '@playwright/test';
import type { Technique } from '../../src/protocol/commands.ts';
import { arrivedBy, stamps, watchOpening, type Milestone } from './observers.ts';

export interface StartUp {
  readonly firstPaintMs: number;
  /** The bar with its buttons is painted and handles input. */
  readonly interactiveMs: number;
  /** The first VM is in the bar. */
  readonly firstVmMs: number;
  /** Something the guest wrote is on the screen. */
  readonly firstOutputMs: number;
  /** The longest task of the main thread until the guest's output and for a second after. */
  readonly longestTaskMs: number;
}

/** Opens the page as on a first visit, in a context of its own. */
export async function measureStartUp(browser: Browser, url: string): Promise<StartUp> {
  return inNewPage(browser, async (page) => {
    await page.goto(url);
    await arrivedBy(page, 'output', 30_000);
    await page.waitForTimeout(1000);
    const { at, longestTaskMs } = await stamps(page);
    return {
      firstPaintMs: at.paint ?? NaN,
      interactiveMs: at.interactive ?? NaN,
      firstVmMs: at.vm ?? NaN,
      firstOutputMs: at.output ?? NaN,
      longestTaskMs,
    };
  });
}

export interface Prompt {
  readonly interactiveMs: number;
  /** The kernel's first line is on the screen. */
  readonly firstOutputMs: number;
  readonly promptMs: number;
}

/** Opens the page with Linux under one technique, and waits for the shell's prompt on the screen. */
export async function measurePrompt(browser: Browser, url: string, technique: Technique): Promise<Prompt> {
  return inNewPage(browser, async (page) => {
    await page.goto(new URL(`#guest=linux&technique=${technique}`, url).href);
    await arrivedBy(page, 'prompt', 120_000);
    const { at } = await stamps(page);
    return {
      interactiveMs: at.interactive ?? NaN,
      firstOutputMs: at.output ?? NaN,
      promptMs: at.prompt ?? NaN,
    };
  });
}

export interface Fetched {
  readonly path: string;
  readonly gzipBytes: number;
}

export interface Download {
  /** Everything asked for until the page can be used, gzipped as a static host would send it. */
  readonly untilInteractive: readonly Fetched[];
  readonly untilInteractiveBytes: number;
  /** The rest of a first visit: what is loaded in the seconds after. */
  readonly later: readonly Fetched[];
  readonly laterBytes: number;
}

/** Opens the page as on a first visit and weighs what it fetches. */
export async function measureDownload(browser: Browser, url: string): Promise<Download> {
  return inNewPage(browser, async (page) => {
    const fetched: Promise<Fetched & { readonly startedAt: number }>[] = [];
    page.context().on('requestfinished', (request) => {
      const weigh = async () => {
        const response = await request.response();
        const body = response === null ? Buffer.alloc(0) : await response.body().catch(() => Buffer.alloc(0));
        const path = new URL(request.url()).pathname;
        return { path, gzipBytes: gzipped(body), startedAt: request.timing().startTime };
      };
      fetched.push(weigh());
    });
    await page.goto(url);
    await arrivedBy(page, 'output', 30_000);
    await page.waitForTimeout(3000);
    const { at } = await stamps(page);
    const origin = await page.evaluate(() => performance.timeOrigin);
    const all = await Promise.all(fetched);
    const early = all.filter(({ startedAt }) => startedAt <= origin + (at.interactive ?? Infinity));
    const late = all.filter((each) => !early.includes(each));
    const plain = (list: readonly Fetched[]) => list.map(({ path, gzipBytes }) => ({ path, gzipBytes }));
    const sum = (list: readonly Fetched[]) => list.reduce((total, { gzipBytes }) => total + gzipBytes, 0);
    return {
      untilInteractive: plain(early),
      untilInteractiveBytes: sum(early),
      later: plain(late),
      laterBytes: sum(late),
    };
  });
}

/** What is compressed already does not shrink by being compressed again. */
function gzipped(body: Buffer): number {
  return body[0] === 0x1f && body[1] === 0x8b ? body.length : Math.min(body.length, gzipSync(body).length);
}

async function inNewPage<Result>(browser: Browser, measure: (page: Page) => Promise<Result>): Promise<Result> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    await page.addInitScript(watchOpening);
    return await measure(page);
  } finally {
    await context.close();
  }
}

export type { Milestone };
