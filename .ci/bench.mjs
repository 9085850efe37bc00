// `npm run bench`: bundles src/bench for Node, for the page and for its worker, and calls its `main(argv)`. What only some parts
// of it need (a browser, the built page) is made when they ask.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBrowser, ensurePackages, ROOT } from './ensure.mjs';
import { lastChange } from './freshness.mjs';

const BUNDLES = join(ROOT, 'node_modules/.cache/ringside/bench');
const PAGE_INPUTS = ['src', 'public', 'index.html', 'vite.config.ts', 'package-lock.json'];

/**
 * @param {string} input Below the checkout.
 * @param {string} name The bundle's.
 * @param {'node' | 'browser'} platform
 * @returns {Promise<string>} The bundle's path.
 */
async function bundle(input, name, platform) {
  const { rolldown } = await import('rolldown');
  const file = join(BUNDLES, name);
  const build = await rolldown({
    input: join(ROOT, input),
    platform,
    external: platform === 'node' ? [/^@playwright/, /^v86/] : [/^node:/],
    logLevel: 'silent',
  });
  try {
    await build.write({ file, format: 'esm', codeSplitting: false });
  } finally {
    await build.close();
  }
  return file;
}

/**
 * @param {string} input
 * @param {string} name
 * @returns {Promise<Record<string, unknown>>} The module's exports.
 */
async function load(input, name) {
  /** @type {unknown} */
  const module = await import(pathToFileURL(await bundle(input, name, 'node')).href);
  return /** @type {Record<string, unknown>} */ (module);
}

const closers = /** @type {(() => Promise<void>)[]} */ ([]);

async function servePage() {
  const { build, preview } = await import('vite');
  if (lastChange(PAGE_INPUTS.map((path) => join(ROOT, path))) > lastChange([join(ROOT, 'dist/index.html')])) {
    await build({ root: ROOT, logLevel: 'error' });
  }
  const server = await preview({ root: ROOT, logLevel: 'warn', preview: { port: 0, strictPort: false } });
  closers.push(() => server.close());
  return server.resolvedUrls?.local[0] ?? '';
}

/** @returns {Promise<number>} The exit status. */
async function launch() {
  ensurePackages();
  mkdirSync(BUNDLES, { recursive: true });
  await bundle('src/bench/page/bench-page.ts', 'page.js', 'browser');
  await bundle('src/bench/worker/bench.worker.ts', 'worker.js', 'browser');
  const { main } = await load('src/bench/main.ts', 'main.mjs');
  const run = /** @type {(argv: readonly string[], launcher: unknown) => Promise<number>} */ (main);
  return run(process.argv.slice(2), {
    places: { root: ROOT, bundles: BUNDLES },
    browserPath: ensureBrowser,
    pageMeasurements: async () => ({
      ...(await load('e2e/measure/start-up.ts', 'start-up.mjs')),
      ...(await load('e2e/measure/frames.ts', 'frames.mjs')),
    }),
    servePage,
  });
}

// Whatever was started must end with us: only an orderly exit tells it.
for (const [signal, status] of /** @type {const} */ ([
  ['SIGINT', 130],
  ['SIGTERM', 143],
]))
  process.once(signal, () => process.exit(status));

launch()
  .catch((/** @type {unknown} */ error) => {
    process.stderr.write(`bench: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 2;
  })
  .then(async (status) => {
    await Promise.all(closers.map((close) => close()));
    process.stdout.write('', () => process.exit(status));
  });
