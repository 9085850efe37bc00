// The launcher of the headless host: bundles src/cli/main.ts when a source changed, then calls its `main(argv)`.
// Stdout is the guest's console, byte for byte, so nothing here writes to it. A fresh bundle starts within about 0.1 s.
import { existsSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundle, BUNDLES } from './bundle.mjs';
import { ensurePackages, ROOT } from './ensure.mjs';
import { lastChange } from './freshness.mjs';

const ENTRY = 'src/cli/main.ts';
const INPUTS = [
  'src/cli',
  'src/core',
  'src/protocol',
  'src/guests',
  'package-lock.json',
  '.ci/ringside.mjs',
  '.ci/bundle.mjs',
];
const BUNDLE = join(BUNDLES, 'cli.mjs');

/** Written aside and renamed, so that a run at the same moment never sees half a bundle. */
async function renew() {
  const started = new Date();
  const aside = `${BUNDLE}.${process.pid}.mjs`;
  try {
    await bundle(ENTRY, aside);
    utimesSync(aside, started, started);
    renameSync(aside, BUNDLE);
  } finally {
    rmSync(aside, { force: true });
  }
}

/** @returns {Promise<number>} The exit status. */
async function launch() {
  if (!existsSync(join(ROOT, ENTRY))) {
    process.stderr.write(
      `ringside: expected the command's source at ${join(ROOT, ENTRY)}, found none. Check out the whole repository.\n`,
    );
    return 2;
  }
  ensurePackages();
  if (lastChange(INPUTS.map((path) => join(ROOT, path))) > lastChange([BUNDLE])) await renew();
  // npm runs scripts in the checkout; file names mean what they meant where the command was typed.
  const typedIn = process.env['INIT_CWD'];
  if (process.env['npm_lifecycle_event'] === 'ringside' && typedIn !== undefined) process.chdir(typedIn);
  /** @type {unknown} */
  const cli = await import(pathToFileURL(BUNDLE).href);
  const { main } = /** @type {{ main: (argv: readonly string[]) => Promise<number> }} */ (cli);
  return main(process.argv.slice(2));
}

launch()
  .catch((/** @type {unknown} */ error) => {
    process.stderr.write(`ringside: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 2;
  })
  .then((status) => {
    process.exitCode = status;
    // An open stdin would keep the process alive; the callback comes after everything written before has left.
    process.stdout.write('', () => process.exit(status));
  });
