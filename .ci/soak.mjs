// Linux under load for minutes or hours: `npm run soak -- --minutes 60`; `-- --verify` compares with the translator off.
// It bundles src/cli/soak and calls its `main(argv)`.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensurePackages, ROOT } from './ensure.mjs';

const ENTRY = join(ROOT, 'src/cli/soak/main.ts');
const FOLDER = join(ROOT, 'node_modules/.cache/ringside');

/** In the bundle, `import.meta.url` must still mean the source file: paths to images are relative to it. */
const sourceAddresses = {
  name: 'source-addresses',
  /**
   * @param {string} code
   * @param {string} id
   */
  transform(code, id) {
    return code.includes('import.meta.url')
      ? code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
      : undefined;
  },
};

async function run() {
  ensurePackages();
  const { rolldown } = await import('rolldown');
  const bundle = join(FOLDER, `soak.${process.pid}.mjs`);
  mkdirSync(FOLDER, { recursive: true });
  const build = await rolldown({ input: ENTRY, platform: 'node', plugins: [sourceAddresses], logLevel: 'silent' });
  await build.write({ file: bundle, format: 'esm', codeSplitting: false });
  await build.close();
  try {
    /** @type {unknown} */
    const loaded = await import(pathToFileURL(bundle).href);
    const { main } = /** @type {{ main: (argv: readonly string[]) => Promise<number> }} */ (loaded);
    return await main(process.argv.slice(2));
  } finally {
    rmSync(bundle, { force: true });
  }
}

process.exitCode = await run();
