// `npm test`: installs what is missing, then every check there is, in order. A failed step does not stop the later ones.
// The last line printed is `N passed, N failed`: tests counted one by one, every other step as one. The exit status is 1 if any failed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ensureBrowser, ensurePackages, ROOT } from './ensure.mjs';

const UNIT_REPORT = join(ROOT, '.cache/unit.json');
const STORY_REPORT = join(ROOT, '.cache/e2e.json');

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */
const PASSED = { passed: 1, failed: 0, skipped: 0 };
const FAILED = { passed: 0, failed: 1, skipped: 0 };

/**
 * Runs a package's own script with this Node; its output is ours.
 * @param {string} script Below node_modules.
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env] Added to the environment.
 * @returns {boolean} Whether it exited with status 0.
 */
function tool(script, args, env = {}) {
  const { status } = spawnSync(process.execPath, [join(ROOT, 'node_modules', script), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  return status === 0;
}

/**
 * @param {boolean} ok
 * @returns {Count}
 */
function one(ok) {
  return ok ? PASSED : FAILED;
}

/**
 * A runner's own count. A runner that failed without a failed test (a file that does not load, a server that does not
 * start) counts as one failure.
 * @param {string} path
 * @param {boolean} ok Whether the runner exited with status 0.
 * @param {(report: Record<string, unknown>) => Count} read
 * @returns {Count}
 */
function reported(path, ok, read) {
  /** @type {Count} */
  let count = { passed: 0, failed: 0, skipped: 0 };
  try {
    count = read(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    process.stdout.write(`No report at ${path}: the runner did not get to the end.\n`);
    ok = false;
  }
  if (count.passed + count.failed === 0) ok = false;
  return !ok && count.failed === 0 ? { ...count, failed: 1 } : count;
}

/** @returns {Count} */
function layers() {
  const cruise = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), '-c', '.dependency-cruiser.cjs', 'src'],
    { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  process.stdout.write(cruise.stdout);
  // With a TypeScript it does not know it cruises nothing and reports success.
  const modules = Number(/(\d+) modules/.exec(cruise.stdout)?.[1] ?? 0);
  if (modules === 0) process.stdout.write('Expected dependency-cruiser to look at modules, it looked at none.\n');
  return one(cruise.status === 0 && modules > 0);
}

/** @returns {Count} */
function unitTests() {
  rmSync(UNIT_REPORT, { force: true });
  const ok = tool('vitest/vitest.mjs', [
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${UNIT_REPORT}`,
  ]);
  return reported(UNIT_REPORT, ok, (report) => ({
    passed: Number(report['numPassedTests']),
    failed: Number(report['numFailedTests']),
    skipped: Number(report['numPendingTests']) + Number(report['numTodoTests']),
  }));
}

/**
 * A port that is free now, so that two checkouts can be tested at once.
 * @returns {Promise<number>}
 */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/**
 * @param {boolean} built
 * @returns {Promise<Count>}
 */
async function stories(built) {
  const specs = readdirSync(join(ROOT, 'e2e'), { recursive: true }).filter((path) => String(path).endsWith('.spec.ts'));
  if (specs.length === 0) {
    process.stdout.write('There are no stories in e2e yet.\n');
    return { passed: 0, failed: 0, skipped: 0 };
  }
  if (!built) {
    process.stdout.write('The stories need the built page, and the build failed.\n');
    return FAILED;
  }
  try {
    await ensureBrowser();
  } catch (error) {
    process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return FAILED;
  }
  rmSync(STORY_REPORT, { force: true });
  const port = String(await freePort());
  const ok = tool('@playwright/test/cli.js', ['test', '-c', 'e2e/playwright.config.ts'], { RINGSIDE_E2E_PORT: port });
  return reported(STORY_REPORT, ok, (report) => {
    const stats = /** @type {Record<string, unknown>} */ (report['stats']);
    return {
      passed: Number(stats['expected']) + Number(stats['flaky']),
      failed: Number(stats['unexpected']),
      skipped: Number(stats['skipped']),
    };
  });
}

async function test() {
  ensurePackages();
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  let built = false;
  /** @type {[name: string, step: () => Count | Promise<Count>][]} */
  const steps = [
    ['types', () => one(tool('typescript/bin/tsc', ['-b', 'src']))],
    ['format', () => one(tool('prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']))],
    [
      'lint',
      () =>
        one(
          tool('eslint/bin/eslint.js', [
            '-c',
            '.eslint.config.js',
            '--max-warnings',
            '0',
            'src',
            'e2e',
            'vite.config.ts',
          ]),
        ),
    ],
    ['layers', layers],
    ['unit tests', unitTests],
    [
      'build',
      () => {
        built = tool('vite/bin/vite.js', ['build', '--logLevel', 'warn']);
        return one(built);
      },
    ],
    ['stories', () => stories(built)],
  ];
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const [name, step] of steps) {
    process.stdout.write(`\n== ${name}\n`);
    const started = performance.now();
    const { passed, failed, skipped } = await step();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    lines.push(
      `${failed > 0 ? 'FAILED' : 'ok    '} ${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''} (${seconds} s)`,
    );
    total.passed += passed;
    total.failed += failed;
  }
  process.stdout.write(`\n${lines.join('\n')}\n\n${total.passed} passed, ${total.failed} failed\n`);
  process.exitCode = total.failed > 0 ? 1 : 0;
}

test().catch((/** @type {unknown} */ error) => {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n\n0 passed, 1 failed\n`);
  process.exitCode = 1;
});
