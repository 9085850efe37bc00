// `npm start`: installs what is missing, builds the page when a source is newer than the build, serves the build and prints the address.
// The built page is served, not the dev server's, because it opens within a second. `npm start -- --port 8000 --host 0.0.0.0`
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages, ROOT } from './ensure.mjs';
import { lastChange } from './freshness.mjs';

const INPUTS = ['src', 'public', 'index.html', 'vite.config.ts', 'package-lock.json'];

async function start() {
  const { values } = parseArgs({ options: { port: { type: 'string' }, host: { type: 'string' } } });
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65536)) {
    throw new Error(`--port expects a number from 1 to 65535 and found '${values.port}'.`);
  }
  ensurePackages();
  const { build, preview } = await import('vite');
  if (lastChange(INPUTS.map((path) => join(ROOT, path))) > lastChange([join(ROOT, 'dist', 'index.html')])) {
    process.stdout.write('Building the page ...\n');
    await build({ root: ROOT, logLevel: 'warn' });
  }
  const server = await preview({
    root: ROOT,
    preview: {
      strictPort: port !== undefined,
      ...(port === undefined ? {} : { port }),
      ...(values.host === undefined ? {} : { host: values.host }),
    },
  });
  const addresses = [...(server.resolvedUrls?.local ?? []), ...(server.resolvedUrls?.network ?? [])];
  process.stdout.write(`\n  Ringside is at  ${addresses.join('  ')}\n\n  Ctrl+C stops it.\n`);
}

start().catch((/** @type {unknown} */ error) => {
  process.stderr.write(`ringside: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
