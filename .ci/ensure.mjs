// Installs what is missing before anything else runs: the packages of the lockfile and, for the tests, a browser.
// Node built-ins only, because on a fresh clone there is nothing else. All chatter goes to stderr: stdout belongs to the caller.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's folder, with a trailing separator. */
export const ROOT = fileURLToPath(new URL('../', import.meta.url));
const MINIMUM_NODE = [20, 19];
const STAMP = join(ROOT, 'node_modules', '.ringside-stamp');
const INSTALLING = join(ROOT, '.cache', 'installing');
const BROWSER_RECORD = join(ROOT, '.cache', 'browser.json');
const BROWSER_NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const MAC_BROWSERS = [
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** @param {string} text One line for the person, without a newline. */
function say(text) {
  process.stderr.write(`ringside: ${text}\n`);
}

/**
 * Runs a command with its output on stderr and no stdin.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env] Added to the environment.
 * @returns {boolean} Whether it exited with status 0.
 */
function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ...env },
    shell: process.platform === 'win32' && !command.includes('\\'),
  });
  return status === 0;
}

function wantedStamp() {
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  return createHash('sha256')
    .update(lock)
    .update(`\n${process.version} ${process.platform} ${process.arch}`)
    .digest('hex');
}

/** @param {string} path */
function readJson(path) {
  /** @type {unknown} */
  const value = JSON.parse(readFileSync(path, 'utf8'));
  return value;
}

/**
 * Whether a person's own `npm ci` or `npm install` already brought what the lockfile asks for: npm keeps a record in node_modules.
 * Optional packages may be missing, they are for other platforms.
 */
function installedByHand() {
  const record = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  /** @typedef {{ packages: Record<string, { version?: string, optional?: boolean }> }} Lock */
  const wanted = /** @type {Lock} */ (readJson(join(ROOT, 'package-lock.json'))).packages;
  const found = /** @type {Lock} */ (readJson(record)).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || found[path]?.version === version || (optional === true && found[path] === undefined),
  );
}

/**
 * Runs the body while no other process of this checkout does: two `npm ci` at once would delete each other's work.
 * @param {() => void} body
 */
function alone(body) {
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  for (let waits = 0; ; waits += 1) {
    if (waits === 10) say(`another process is installing packages; waiting. (If none is, delete ${INSTALLING}.)`);
    try {
      writeFileSync(INSTALLING, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    try {
      process.kill(Number(readFileSync(INSTALLING, 'utf8')) || process.pid, 0);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    } catch {
      rmSync(INSTALLING, { force: true }); // Its owner was stopped, or has just finished.
    }
  }
  try {
    body();
  } finally {
    rmSync(INSTALLING, { force: true });
  }
}

/** @param {string} stamp What to leave behind once the packages are there. */
function install(stamp) {
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return; // Another process was faster.
  if (existsSync(STAMP) || !installedByHand()) {
    say('installing packages (npm ci) ...');
    const npm = process.env['npm_execpath'];
    const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
    const done = npm !== undefined && /\.c?js$/.test(npm) ? run(process.execPath, [npm, ...args]) : run('npm', args);
    if (!done) {
      throw new Error(
        '`npm ci` failed (its messages are above). Check the network or the npm proxy settings, then try again.',
      );
    }
  }
  writeFileSync(STAMP, stamp);
}

/**
 * Makes node_modules agree with the lockfile; does nothing when it already does.
 * @throws {Error} When this Node is too old or the packages cannot be installed.
 */
export function ensurePackages() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = MINIMUM_NODE;
  if (major < needMajor || (major === needMajor && minor < needMinor)) {
    throw new Error(
      `Ringside needs Node ${MINIMUM_NODE.join('.')} or newer and found ${process.version}. Install a newer Node, then try again.`,
    );
  }
  const stamp = wantedStamp();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return;
  alone(() => install(stamp));
}

/**
 * @param {string | undefined} path
 * @returns {path is string} Whether this is a browser that starts: a stub, or one without its libraries, is not.
 */
function starts(path) {
  if (path === undefined || !existsSync(path)) return false;
  // Chrome for Windows opens a window instead of printing its version.
  if (process.platform === 'win32') return true;
  return spawnSync(path, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0;
}

async function playwrightsBrowser() {
  const { chromium } = await import('@playwright/test');
  return chromium.executablePath();
}

async function findBrowser() {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = [
    await playwrightsBrowser(),
    ...BROWSER_NAMES.flatMap((name) => folders.map((folder) => join(folder, name))),
    ...(process.platform === 'darwin' ? MAC_BROWSERS : []),
  ];
  return candidates.find(starts);
}

function recordedBrowser() {
  try {
    const record = readJson(BROWSER_RECORD);
    if (typeof record !== 'object' || record === null || !('executablePath' in record)) return undefined;
    return typeof record.executablePath === 'string' ? record.executablePath : undefined;
  } catch {
    return undefined; // Absent or damaged: search again.
  }
}

function installFromDebian() {
  say('installing chromium with apt-get ...');
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // Without a font every character has width 0, and a terminal shows nothing.
  return (
    run('apt-get', ['update', '-q'], env) &&
    run('apt-get', ['install', '-q', '-y', '--no-install-recommends', 'chromium', 'fonts-liberation'], env)
  );
}

/**
 * Finds a Chromium, or installs one, and records it in .cache/browser.json for e2e/playwright.config.ts.
 * Needs the packages (see ensurePackages).
 * @returns {Promise<string>} The path of its executable.
 * @throws {Error} When there is none and none can be installed; the message says what to do.
 */
export async function ensureBrowser() {
  const chosen = process.env['RINGSIDE_CHROMIUM'];
  if (chosen !== undefined && chosen !== '' && !starts(chosen)) {
    throw new Error(
      `RINGSIDE_CHROMIUM names ${chosen}, which does not start. Name a Chromium's executable, or unset it.`,
    );
  }
  let browser = chosen || undefined;
  const recorded = recordedBrowser();
  if (browser === undefined && starts(recorded)) browser = recorded;
  browser ??= await findBrowser();
  if (browser === undefined) {
    say('no Chromium found, asking Playwright for one ...');
    run(process.execPath, [join(ROOT, 'node_modules/@playwright/test/cli.js'), 'install', 'chromium']);
    browser = await findBrowser();
  }
  if (browser === undefined && process.getuid?.() === 0 && run('apt-get', ['--version'])) {
    installFromDebian();
    browser = await findBrowser();
  }
  if (browser === undefined) {
    throw new Error(
      'the tests need a Chromium, none was found and none could be installed. ' +
        'Install one (Debian: `sudo apt-get install chromium fonts-liberation`; elsewhere: Google Chrome), ' +
        'or set RINGSIDE_CHROMIUM to the path of its executable, then try again.',
    );
  }
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  writeFileSync(BROWSER_RECORD, `${JSON.stringify({ executablePath: browser })}\n`);
  return browser;
}
