// `npm run bench`: how fast guests run, beside direct WebAssembly, v86 and QEMU, and what everything around them costs.
// Its checks are of results, never of times: a noisy machine makes figures worse and fails nothing.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { chromium, type Browser } from '@playwright/test';
import type { Engine } from './engine.ts';
import type { Figure } from './figure.ts';
import { openChromiumEngine } from './hosts/chromium-engine.ts';
import { fileOf, type Places } from './hosts/files.ts';
import { openNodeEngine } from './hosts/node-engine.ts';
import { measureKernels, type KernelSection } from './kernel-section.ts';
import { KERNELS, parseOptions, usage, type BenchOptions } from './options.ts';
import { PAGE_ROWS, pageRows, type PageMeasurements } from './page-rows.ts';
import { isRight, reportJson, reportText, type FigureGroup, type Report } from './report.ts';
import { labRows } from './rows/row-list.ts';
import { images } from './surroundings.ts';

/** What the launcher prepares. Costly things are made when they are first asked for. */
export interface Launcher {
  readonly places: Places;
  /** Path of a Chromium. @throws Error where there is none and none can be installed */
  readonly browserPath: () => Promise<string>;
  readonly pageMeasurements: () => Promise<PageMeasurements>;
  /** Serves the built page. @returns its address */
  readonly servePage: () => Promise<string>;
}

/** What the stories' browser is given too. */
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];
const BAD_INPUT = 2;

const progress = (text: string) => void process.stderr.write(`bench: ${text}\n`);

/** @returns the exit status */
export async function main(argv: readonly string[], launcher: Launcher): Promise<number> {
  let options: BenchOptions | undefined;
  try {
    options = parseOptions(argv);
  } catch (error) {
    progress(error instanceof Error ? error.message : String(error));
    return BAD_INPUT;
  }
  if (options === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  const report = await measure(options, launcher);
  process.stdout.write(`${reportText(report)}\n`);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(reportJson(report), undefined, 2)}\n`);
  return isRight(report) ? 0 : 1;
}

async function measure(options: BenchOptions, launcher: Launcher): Promise<Report> {
  const wanted = (part: string) => options.parts.includes(part);
  const onPage = wanted(PAGE_ROWS);
  const browser =
    options.host === 'chromium' || onPage
      ? await chromium.launch({ executablePath: await launcher.browserPath(), args: ARGUMENTS })
      : undefined;
  try {
    const engine =
      options.host === 'chromium' && browser
        ? await openChromiumEngine(browser, launcher.places, options.clock)
        : openNodeEngine(launcher.places, options.clock);
    let kernels: KernelSection | undefined;
    const groups: FigureGroup[] = [];
    try {
      if (wanted(KERNELS)) kernels = await kernelSection(engine, launcher.places, options);
      for (const { name, title } of labRows.filter((row) => wanted(row.name))) {
        groups.push(await measureGroup(title, () => engine.measureRow(name, options.quick)));
      }
    } finally {
      await engine.close();
    }
    if (onPage && browser) groups.push(...(await pageGroups(browser, launcher, options.quick)));
    return { about: aboutLines(engine), quick: options.quick, kernels, groups };
  } finally {
    await browser?.close();
  }
}

function kernelSection(engine: Engine, places: Places, { quick, pairs }: BenchOptions): Promise<KernelSection> {
  const guestImage = fileOf(places, images.rv32);
  if (guestImage === undefined) throw new Error(`expected ${images.rv32} in the checkout, found none`);
  return measureKernels({ engine, guestImage, quick, pairs, progress });
}

async function pageGroups(browser: Browser, launcher: Launcher, quick: boolean): Promise<readonly FigureGroup[]> {
  const ports = { measurements: launcher.pageMeasurements(), url: launcher.servePage() };
  const groups: FigureGroup[] = [];
  for (const { title, measure } of pageRows) {
    const figures = async () =>
      measure({ browser, measurements: await ports.measurements, url: await ports.url }, quick);
    groups.push(await measureGroup(title, figures));
  }
  return groups;
}

/** A group that fails takes nothing from the others: it says so in the table, and in the exit status. */
async function measureGroup(title: string, measure: () => Promise<readonly Figure[]>): Promise<FigureGroup> {
  progress(`${title} …`);
  try {
    return { title, figures: await measure(), failure: undefined };
  } catch (error) {
    return { title, figures: [], failure: error instanceof Error ? error.message : String(error) };
  }
}

const timeOf = { wall: 'wall time', cpu: 'processor time' } as const;

const aboutLines = ({ name, clock, rowClock }: Engine): readonly string[] => [
  `${name}; ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`,
  `kernels: ${timeOf[clock]}; other rows: ${timeOf[rowClock]}; the page: wall time`,
];
