// What watching costs: the page's main thread while four Linux guests work and every panel is on the screen at once.
//
//   task    the longest stretch in which the page could not answer a key, from the trace of the browser itself
//   frame   time between two animation frames, as a person sees it
//   busy    share of the main thread's time that was spent
//
// `wall` counts what other programs took from the processor as well; `cpu` is the thread's own time, so it is the figure to
// compare on a machine that has other things to do.

import type { Browser, CDPSession, Page } from '@playwright/test';
import type { Technique } from '../../src/protocol/commands.ts';
import type { IJsonModel } from 'flexlayout-react';

export interface Frames {
  readonly seconds: number;
  readonly longestTaskMs: { readonly wall: number; readonly cpu: number };
  readonly tasksOver16Ms: { readonly wall: number; readonly cpu: number };
  readonly tasksOver50Ms: { readonly wall: number; readonly cpu: number };
  readonly frameMs: { readonly median: number; readonly p95: number; readonly p99: number; readonly longest: number };
  readonly framesPerSecond: number;
  /** Of one processor. */
  readonly mainThreadBusy: number;
  readonly workerBusy: number;
  /** What the guests reached meanwhile, as the status strip says. */
  readonly mips: string;
}

export const FOUR_LINUX: readonly Technique[] = [
  'hardware-assisted',
  'hardware-assisted',
  'trap-and-emulate',
  'trap-and-emulate',
];

/** What each of the four guests is told to do: processes and output, output alone, arithmetic, copying. */
export const LOADS: readonly string[] = [
  'while :; do ls -l / /bin; done',
  'while :; do cat /proc/interrupts /proc/meminfo; done',
  'sha256sum /dev/zero',
  'while :; do dd if=/dev/zero of=/dev/null bs=4k count=4k; done',
];

const COLUMNS = 5;

/** Every panel in a place of its own, so that each is on the screen. */
function arrangementOf(panels: readonly string[]): IJsonModel {
  const columns = Array.from({ length: COLUMNS }, (_, column) =>
    panels.filter((_, index) => index % COLUMNS === column),
  );
  return {
    global: { tabEnableRename: false },
    layout: {
      type: 'row',
      children: columns.map((column) => ({
        type: 'row',
        weight: 100 / COLUMNS,
        children: column.map((id) => ({
          type: 'tabset',
          id: `all-${id}`,
          weight: 100 / column.length,
          children: [{ type: 'tab', id, name: id, component: id }],
        })),
      })),
    },
  };
}

/** The panels there are, as the page's own map of them says. */
async function panelsOf(page: Page, url: string): Promise<readonly string[]> {
  await page.goto(url);
  await page.locator('[data-command="panels"]').click();
  const buttons = page.getByRole('dialog').locator('[data-command^="panel."]');
  await buttons.first().waitFor();
  return buttons.evaluateAll((all) =>
    all.map((button) => button.getAttribute('data-command')?.slice('panel.'.length) ?? ''),
  );
}

/** Opens the page with Linux in VMs of these techniques and each panel on the screen, and waits for every prompt. */
export async function openBusyLab(browser: Browser, url: string, techniques = FOUR_LINUX): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } });
  const page = await context.newPage();
  const everyPanel = arrangementOf(await panelsOf(page, url));
  await page.addInitScript(
    ([layout, vms]) => {
      localStorage.setItem('ringside.layout.1', layout);
      localStorage.setItem('ringside.vms.1', vms);
    },
    [
      JSON.stringify(everyPanel),
      JSON.stringify(techniques.map((technique) => ({ guest: 'linux', technique, memoryMiB: 64 }))),
    ] as const,
  );
  await page.goto(url);
  const tabs = page.getByRole('tablist', { name: 'Console of' }).getByRole('tab');
  for (const [index] of techniques.entries()) {
    if (techniques.length > 1) await tabs.nth(index).click({ timeout: 60_000 });
    await page
      .locator('[data-console] .xterm-rows', { hasText: '/ #' })
      .waitFor({ timeout: 180_000, state: 'attached' });
    await page.locator('[data-console]').focus();
    await page.keyboard.type(`${LOADS[index % LOADS.length] ?? ''}\n`);
  }
  return page;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Watches a page for some seconds. The guests are what the page has: see `openBusyLab`. */
export async function measureFrames(page: Page, seconds = 10): Promise<Frames> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  await session.send('Tracing.start', {
    transferMode: 'ReportEvents',
    traceConfig: {
      recordMode: 'recordUntilFull',
      includedCategories: ['toplevel', 'disabled-by-default-toplevel', '__metadata'],
    },
  });
  const deltas = await frameDeltas(page, seconds);
  await stopTracing(session);
  const mips = await page.getByRole('contentinfo', { name: 'Status' }).innerText();
  const threads = tasksByThread(events);
  const main = longestOf(threads, 'CrRendererMain');
  const worker = longestOf(threads, 'DedicatedWorker thread');
  const wall = main.map(({ dur }) => dur / 1000);
  const cpu = main.map(({ tdur }) => tdur / 1000);
  const sorted = deltas.toSorted((one, other) => one - other);
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN);
  const over = (times: readonly number[], limit: number) => times.filter((time) => time > limit).length;
  const most = (times: readonly number[]) => round(times.reduce((max, time) => Math.max(max, time), 0));
  const sum = (times: readonly number[]) => times.reduce((total, time) => total + time, 0);
  return {
    seconds,
    longestTaskMs: { wall: most(wall), cpu: most(cpu) },
    tasksOver16Ms: { wall: over(wall, 16), cpu: over(cpu, 16) },
    tasksOver50Ms: { wall: over(wall, 50), cpu: over(cpu, 50) },
    frameMs: { median: at(0.5), p95: at(0.95), p99: at(0.99), longest: most(deltas) },
    framesPerSecond: round(deltas.length / seconds),
    mainThreadBusy: round(sum(cpu) / (seconds * 1000)),
    workerBusy: round(sum(worker.map(({ tdur }) => tdur / 1000)) / (seconds * 1000)),
    mips: /([\d.,]+)\s*MIPS/.exec(mips)?.[1] ?? '',
  };
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Milliseconds between the page's animation frames. */
async function frameDeltas(page: Page, seconds: number): Promise<readonly number[]> {
  return page.evaluate(
    (duration) =>
      new Promise<number[]>((resolve) => {
        const deltas: number[] = [];
        const begun = performance.now();
        let last = begun;
        const note = () => {
          const now = performance.now();
          deltas.push(now - last);
          last = now;
          if (now - begun < duration) requestAnimationFrame(note);
          else resolve(deltas);
        };
        requestAnimationFrame(note);
      }),
    seconds * 1000,
  );
}

async function stopTracing(session: CDPSession): Promise<void> {
  const complete = new Promise<void>((resolve) => session.once('Tracing.tracingComplete', () => resolve()));
  await session.send('Tracing.end');
  await complete;
  await session.detach();
}

interface Task {
  /** Microseconds: of the clock, of the thread. */
  readonly dur: number;
  readonly tdur: number;
}

/** The outermost tasks of every thread, by the thread's name. */
function tasksByThread(events: readonly TraceEvent[]): ReadonlyMap<string, readonly Task[]> {
  const names = new Map<string, string>();
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  for (const event of events) {
    if (event.name === 'thread_name') names.set(threadOf(event), event.args?.name ?? '');
  }
  const threads = new Map<string, Task[]>();
  for (const event of events) {
    const isTask = event.name === 'RunTask' || event.name === 'ThreadControllerImpl::RunTask';
    if (!isTask || event.ph !== 'X') continue;
    const name = `${names.get(threadOf(event)) ?? ''} ${threadOf(event)}`;
    const tasks = threads.get(name) ?? [];
    tasks.push({ dur: event.dur ?? 0, tdur: event.tdur ?? event.dur ?? 0 });
    threads.set(name, tasks);
  }
  return threads;
}

/** Of the threads with this name, the one that did most: a browser has several pages, one of which is measured. */
function longestOf(threads: ReadonlyMap<string, readonly Task[]>, name: string): readonly Task[] {
  const busy = (tasks: readonly Task[]) => tasks.reduce((sum, { dur }) => sum + dur, 0);
  const found = [...threads].filter(([thread]) => thread.startsWith(name)).map(([, tasks]) => tasks);
  return found.toSorted((one, other) => busy(other) - busy(one))[0] ?? [];
}
