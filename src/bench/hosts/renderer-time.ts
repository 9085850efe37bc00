// Kernels in Chromium by processor time: that of the browser's renderers around each run, less what an empty run takes.

import type { Browser } from '@playwright/test';
import type { Peer } from '../peers/peer.ts';
import { median } from '../statistics.ts';
import { processorTimeOf } from './processor-time.ts';

const EMPTY_RUNS = 9;

/** A clock of all renderers together. @throws Error where the system tells no processor time */
export async function rendererClock(browser: Browser): Promise<() => number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  return () =>
    pids.reduce((sum, pid) => {
      const time = processorTimeOf(pid);
      if (time === undefined)
        throw new Error('expected a system that tells processor time, found none: use --clock wall');
      return sum + time;
    }, 0);
}

/** The peer, with its times taken from outside. */
export function timedBy(clock: () => number, peer: Peer): Peer {
  let empty: number | undefined;
  const timed = async (kernel: number, rounds: number) => {
    const started = clock();
    const run = await peer.run(kernel, rounds);
    return { ...run, milliseconds: clock() - started };
  };
  const emptyRun = async (kernel: number): Promise<number> => {
    const times: number[] = [];
    for (let count = 0; count < EMPTY_RUNS; count++) times.push((await timed(kernel, 0)).milliseconds);
    return median(times);
  };
  return {
    run: async (kernel, rounds) => {
      const run = await timed(kernel, rounds);
      empty ??= await emptyRun(kernel);
      return { ...run, milliseconds: run.milliseconds - empty };
    },
    close: peer.close,
  };
}
