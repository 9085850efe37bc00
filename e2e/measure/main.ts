// Prints the page's figures alone: `node .ci/measure-page.mjs [--json FILE] [--url URL] [--rounds N] [start|download|prompt|frames …]`.
// Measures the built page as it stands; asserts nothing, because a noisy machine must not fail anything.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chromium, type Browser } from '@playwright/test';
import { measureFrames, openBusyLab } from './frames.ts';
import { measureDownload, measurePrompt, measureStartUp } from './start-up.ts';

const PARTS = ['download', 'start', 'prompt', 'frames'] as const;
type Part = (typeof PARTS)[number];

/** The arguments the stories' browser has too, so that figures and stories see the same one. */
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

/** Medians of every number in results of the same form. */
function medians<Result extends object>(results: readonly Result[]): Record<string, number> {
  const [first] = results;
  return Object.fromEntries(
    Object.keys(first ?? {}).map((key) => [
      key,
      Math.round(median(results.map((result) => Number(result[key as keyof Result])))),
    ]),
  );
}

async function repeat<Result>(rounds: number, once: () => Promise<Result>): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await once());
  return results;
}

async function measure(part: Part, browser: Browser, url: string, rounds: number): Promise<unknown> {
  switch (part) {
    case 'download': {
      const { untilInteractive, untilInteractiveBytes, laterBytes, later } = await measureDownload(browser, url);
      return { untilInteractiveBytes, laterBytes, untilInteractive, later };
    }
    case 'start':
      return medians(await repeat(rounds, () => measureStartUp(browser, url)));
    case 'prompt':
      return {
        'hardware-assisted': medians(await repeat(rounds, () => measurePrompt(browser, url, 'hardware-assisted'))),
        'trap-and-emulate': medians(await repeat(rounds, () => measurePrompt(browser, url, 'trap-and-emulate'))),
        bare: medians(await repeat(rounds, () => measurePrompt(browser, url, 'bare'))),
      };
    case 'frames': {
      const page = await openBusyLab(browser, url);
      try {
        await page.waitForTimeout(2000);
        return await measureFrames(page, 10);
      } finally {
        await page.context().close();
      }
    }
  }
}

/** @returns the exit status */
export async function main(
  argv: readonly string[],
  served: { readonly url: string; readonly executablePath: string },
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { json: { type: 'string' }, url: { type: 'string' }, rounds: { type: 'string', default: '5' } },
  });
  const unknown = positionals.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new Error(`Expected ${PARTS.join(', ')}; found “${unknown}”.`);
  const parts = PARTS.filter((part) => positionals.length === 0 || positionals.includes(part));
  const browser = await chromium.launch({ executablePath: served.executablePath, args: ARGUMENTS });
  const figures: Record<string, unknown> = {};
  try {
    for (const part of parts) {
      figures[part] = await measure(part, browser, values.url ?? served.url, Number(values.rounds));
      process.stdout.write(`${part} ${JSON.stringify(figures[part], undefined, 2)}\n`);
    }
  } finally {
    await browser.close();
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  return 0;
}
