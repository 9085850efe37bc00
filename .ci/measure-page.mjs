// The page's figures alone: bundles e2e/measure/main.ts, serves a build and measures it in the browser that the stories use.
// `node .ci/measure-page.mjs [--dist FOLDER] [--rounds 5] [--json FILE] [download|start|prompt|frames …]`, after `npm run build`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBrowser, ensurePackages, ROOT } from './ensure.mjs';

const BUNDLE = join(ROOT, 'node_modules/.cache/ringside/measure-page.mjs');

async function bundle() {
  const { rolldown } = await import('rolldown');
  mkdirSync(join(BUNDLE, '..'), { recursive: true });
  const build = await rolldown({
    input: join(ROOT, 'e2e/measure/main.ts'),
    platform: 'node',
    external: [/^@playwright/],
    logLevel: 'silent',
  });
  try {
    await build.write({ file: BUNDLE, format: 'esm', codeSplitting: false });
  } finally {
    await build.close();
  }
}

/** @returns {Promise<number>} The exit status. */
async function launch() {
  ensurePackages();
  const executablePath = await ensureBrowser();
  await bundle();
  const { preview } = await import('vite');
  const argv = process.argv.slice(2);
  const at = argv.indexOf('--dist');
  const [, outDir = 'dist'] = at < 0 ? [] : argv.splice(at, 2);
  const server = await preview({
    root: ROOT,
    logLevel: 'warn',
    build: { outDir },
    preview: { port: 0, strictPort: false },
  });
  try {
    /** @type {unknown} */
    const measure = await import(pathToFileURL(BUNDLE).href);
    const { main } =
      /** @type {{ main: (argv: readonly string[], page: { url: string, executablePath: string }) => Promise<number> }} */ (
        measure
      );
    return await main(argv, { url: server.resolvedUrls?.local[0] ?? '', executablePath });
  } finally {
    await server.close();
  }
}

launch()
  .catch((/** @type {unknown} */ error) => {
    process.stderr.write(`measure-page: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 1;
  })
  .then((status) => process.exit(status));
