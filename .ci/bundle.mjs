// TypeScript into one file that Node or a browser runs as it is: what every command here that is not a tool's own starts with.
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './ensure.mjs';

/** Where bundles are kept. */
export const BUNDLES = join(ROOT, 'node_modules/.cache/ringside');

/** In a bundle, `import.meta.url` must still mean the source file: paths to images are relative to it. */
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

/**
 * @param {string} input The first module, below the checkout.
 * @param {string} file The bundle.
 * @param {{ platform?: 'node' | 'browser', external?: readonly RegExp[] }} options What stays outside it.
 */
export async function bundle(input, file, { platform = 'node', external = [] } = {}) {
  const { rolldown } = await import('rolldown');
  mkdirSync(dirname(file), { recursive: true });
  const build = await rolldown({
    input: join(ROOT, input),
    platform,
    external: [...external],
    plugins: platform === 'node' ? [sourceAddresses] : [],
    logLevel: 'silent',
  });
  try {
    await build.write({ file, format: 'esm', codeSplitting: false });
  } finally {
    await build.close();
  }
}

/**
 * Bundles a module for this one run and loads it.
 * @param {string} input
 * @param {readonly RegExp[]} [external]
 * @returns {Promise<Record<string, unknown>>} The module's exports.
 */
export async function load(input, external = []) {
  const file = join(BUNDLES, `${input.replaceAll('/', '-')}.${process.pid}.mjs`);
  try {
    await bundle(input, file, { external });
    /** @type {unknown} */
    const module = await import(pathToFileURL(file).href);
    return /** @type {Record<string, unknown>} */ (module);
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * The whole of a command: bundles a module, and calls its `main(argv)` with what was typed.
 * @param {string} input
 */
export async function runMain(input) {
  const { main } = /** @type {{ main: (argv: readonly string[]) => Promise<number> }} */ (await load(input));
  process.exitCode = await main(process.argv.slice(2));
}
