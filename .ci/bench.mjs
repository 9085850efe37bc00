// `npm run bench`: bundles src/bench for Node, for the page and for its worker, and calls its `main(argv)`. What only some parts
// of it need (a browser, the built page) is made when they ask.
import { join } from 'node:path';
import { bundle, BUNDLES, load } from './bundle.mjs';
import { ensureBrowser, ensurePackages, ROOT } from './ensure.mjs';
import { lastChange } from './freshness.mjs';

/** What the browser is served. */
const SERVED = join(BUNDLES, 'bench');
/** Loaded from where npm put them, by Node itself. */
const PACKAGES = [/^@playwright/, /^v86/];
const PAGE_INPUTS = ['src', 'public', 'index.html', 'vite.config.ts', 'package-lock.json'];

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
  await bundle('src/bench/page/bench-page.ts', join(SERVED, 'page.js'), { platform: 'browser', external: [/^node:/] });
  await bundle('src/bench/worker/bench.worker.ts', join(SERVED, 'worker.js'), {
    platform: 'browser',
    external: [/^node:/],
  });
  const { main } = await load('src/bench/main.ts', PACKAGES);
  const run = /** @type {(argv: readonly string[], launcher: unknown) => Promise<number>} */ (main);
  return run(process.argv.slice(2), {
    places: { root: ROOT, bundles: SERVED },
    browserPath: ensureBrowser,
    pageMeasurements: async () => ({
      ...(await load('e2e/measure/start-up.ts', PACKAGES)),
      ...(await load('e2e/measure/frames.ts', PACKAGES)),
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
