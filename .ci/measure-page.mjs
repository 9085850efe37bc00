// The page's figures alone: bundles e2e/measure/main.ts, serves a build and measures it in the browser that the stories use.
// `node .ci/measure-page.mjs [--dist FOLDER] [--rounds 5] [--json FILE] [download|start|prompt|frames …]`, after `npm run build`.
import { load } from './bundle.mjs';
import { ensureBrowser, ensurePackages, ROOT } from './ensure.mjs';

/** @returns {Promise<number>} The exit status. */
async function launch() {
  ensurePackages();
  const executablePath = await ensureBrowser();
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
    const measure = await load('e2e/measure/main.ts', [/^@playwright/]);
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
