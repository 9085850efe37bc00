// The page's own figures: opening it, reaching Linux's prompt, and what watching costs its main thread. They are measured by
// e2e/measure, which the launcher hands in, on the built page. One more is one line in the list.

import type { Browser, Page } from '@playwright/test';
import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import type { Figure } from './figure.ts';
import { median } from './statistics.ts';
import { techniques } from './measured-techniques.ts';

export const PAGE_ROWS = 'page';

/** What e2e/measure offers, as far as it is used here. */
export interface PageMeasurements {
  readonly measureStartUp: (
    browser: Browser,
    url: string,
  ) => Promise<{ firstPaintMs: number; interactiveMs: number; firstOutputMs: number }>;
  readonly measureDownload: (
    browser: Browser,
    url: string,
  ) => Promise<{ untilInteractiveBytes: number; laterBytes: number }>;
  readonly measurePrompt: (browser: Browser, url: string, technique: Technique) => Promise<{ promptMs: number }>;
  readonly openBusyLab: (browser: Browser, url: string) => Promise<Page>;
  readonly measureFrames: (
    page: Page,
    seconds: number,
  ) => Promise<{
    longestTaskMs: { wall: number; cpu: number };
    frameMs: { median: number; p99: number };
    mainThreadBusy: number;
  }>;
}

export interface PagePorts {
  readonly browser: Browser;
  /** Where the built page is served. */
  readonly url: string;
  readonly measurements: PageMeasurements;
}

interface PageRow {
  readonly title: string;
  readonly measure: (ports: PagePorts, quick: boolean) => Promise<readonly Figure[]>;
}

/** Measures some times and takes the median of every number. */
async function medians<Key extends string>(
  times: number,
  once: () => Promise<Readonly<Record<Key, number>>>,
): Promise<(key: Key) => number> {
  const results: Readonly<Record<Key, number>>[] = [];
  for (let time = 0; time < times; time++) results.push(await once());
  return (key) => median(results.map((result) => result[key]));
}

const KIB = 1024;

export const pageRows: readonly PageRow[] = [
  {
    title: 'Opening the page',
    measure: async ({ browser, url, measurements }, quick) => {
      const of = await medians(quick ? 3 : 5, () => measurements.measureStartUp(browser, url));
      const download = await measurements.measureDownload(browser, url);
      return [
        { name: 'first paint', value: of('firstPaintMs'), unit: 'ms' },
        { name: 'first paint that can be used', value: of('interactiveMs'), unit: 'ms' },
        { name: 'first output of a guest', value: of('firstOutputMs'), unit: 'ms' },
        { name: 'download until it can be used, gzip', value: download.untilInteractiveBytes / KIB, unit: 'KiB' },
        { name: 'download after that, gzip', value: download.laterBytes / KIB, unit: 'KiB' },
      ];
    },
  },
  {
    title: 'From opening the page to Linux’s prompt',
    measure: async ({ browser, url, measurements }, quick) => {
      const figures: Figure[] = [];
      for (const technique of techniques) {
        const of = await medians(quick ? 1 : 5, () => measurements.measurePrompt(browser, url, technique));
        figures.push({ name: technique, value: of('promptMs'), unit: 'ms' });
      }
      return figures;
    },
  },
  {
    title: 'The page’s main thread, four busy Linux VMs, every panel open',
    measure: async ({ browser, url, measurements }, quick) => {
      const page = await measurements.openBusyLab(browser, url);
      try {
        const { longestTaskMs, frameMs, mainThreadBusy } = await measurements.measureFrames(page, quick ? 3 : 10);
        return [
          { name: 'longest task', value: longestTaskMs.wall, unit: 'ms' },
          { name: 'longest task, processor time', value: longestTaskMs.cpu, unit: 'ms' },
          { name: 'frame, median', value: frameMs.median, unit: 'ms' },
          { name: 'frame, 99th percentile', value: frameMs.p99, unit: 'ms' },
          { name: 'busy', value: 100 * mainThreadBusy, unit: '%' },
        ];
      } finally {
        await page.context().close();
      }
    },
  },
];
