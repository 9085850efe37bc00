// Generated programs on QEMU and on this machine, compared: `npm run differential -- --programs 10000 --seed 1`.
// Needs qemu-system-riscv32 (7.2 or later). It bundles src/core/machine/differential and calls its `main(argv)`.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensurePackages, ROOT } from './ensure.mjs';

const ENTRY = join(ROOT, 'src/core/machine/differential/main.test-support.ts');
const FOLDER = join(ROOT, 'node_modules/.cache/ringside');

async function run() {
  ensurePackages();
  const { rolldown } = await import('rolldown');
  const bundle = join(FOLDER, `differential.${process.pid}.mjs`);
  mkdirSync(FOLDER, { recursive: true });
  const build = await rolldown({ input: ENTRY, platform: 'node', logLevel: 'silent' });
  try {
    await build.write({ file: bundle, format: 'esm', codeSplitting: false });
    /** @type {unknown} */
    const loaded = await import(pathToFileURL(bundle).href);
    const { main } = /** @type {{ main: (argv: readonly string[]) => Promise<number> }} */ (loaded);
    return await main(process.argv.slice(2));
  } finally {
    rmSync(bundle, { force: true });
    await build.close();
  }
}

process.exitCode = await run();
