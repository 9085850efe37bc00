// What is put into the page before its own scripts: notes when the milestones of opening it were on the screen, and every
// long task. Functions named `watch…` run inside the page, so they are closed: they use nothing of this module.

import type { Page } from '@playwright/test';

export type Milestone = 'paint' | 'interactive' | 'vm' | 'output' | 'prompt';

interface Observed {
  readonly at: Partial<Record<Milestone, number>>;
  longestTaskMs: number;
}

declare global {
  interface Window {
    ringsideObserved?: Observed;
  }
}

/** Looks once a frame for what is new on the screen, and notes the time after the frame that shows it. */
export function watchOpening(): void {
  if (window.top !== window) return;
  const observed: { at: Partial<Record<Milestone, number>>; longestTaskMs: number } = { at: {}, longestTaskMs: 0 };
  window.ringsideObserved = observed;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      observed.longestTaskMs = Math.max(observed.longestTaskMs, entry.duration);
    }
  }).observe({ type: 'longtask', buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.name === 'first-contentful-paint') observed.at.paint = entry.startTime;
    }
  }).observe({ type: 'paint', buffered: true });
  const shown: Readonly<Record<Exclude<Milestone, 'paint'>, () => boolean>> = {
    // React has put its handlers on the root when the first of the command buttons is there.
    interactive: () => document.querySelector('[data-command]') !== null,
    vm: () => document.querySelector('header [role=radio]') !== null,
    output: () => /\w/.test(document.querySelector('[data-console] .xterm-rows')?.textContent ?? ''),
    prompt: () => (document.querySelector('[data-console] .xterm-rows')?.textContent ?? '').includes('/ #'),
  };
  const look = () => {
    for (const [name, holds] of Object.entries(shown)) {
      const milestone = name as keyof typeof shown;
      if (observed.at[milestone] !== undefined || !holds()) continue;
      observed.at[milestone] = 0;
      // A message posted in a frame's callback is served after that frame is painted.
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        observed.at[milestone] = performance.now();
      };
      channel.port2.postMessage(undefined);
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

export async function arrivedBy(page: Page, milestone: Milestone, timeout: number): Promise<void> {
  await page.waitForFunction((name) => (window.ringsideObserved?.at[name] ?? 0) > 0, milestone, {
    timeout,
    polling: 50,
  });
}

export async function stamps(page: Page): Promise<Observed> {
  const observed = await page.evaluate(() => window.ringsideObserved);
  if (observed === undefined) throw new Error('The page has no observer: add watchOpening before it is opened.');
  return observed;
}
