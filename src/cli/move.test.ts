// --migrate-after, --save and --restore: a guest that moves while it runs prints what it would have printed at home, and one that
// was put into a file goes on out of it. What cannot be is refused in one line, with status 2.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ALPHABET, assembleInto, LETTERS } from './letters.test-support.ts';
import { command, runWithStatistics } from './streams.test-support.ts';

vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'ringside-move-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const run = (argv: readonly string[], typed = '') => runWithStatistics(at('stats.json'), argv, typed);

const letters = assembleInto(at('letters.elf'), LETTERS);
const counting = readFileSync(
  new URL('../core/hypervisor/migration/counting-harts.test-support.s', import.meta.url),
  'utf8',
);
const harts = assembleInto(at('harts.elf'), counting);
const HOSTED = ['--technique', 'hardware-assisted', '--memory', '16M'];

describe('--migrate-after', () => {
  test('Linux moves while it boots, answers at the other machine, and nothing is lost', async () => {
    const { status, stdout, complaints, statistics } = await run(
      ['--guest', 'linux', '--technique', 'hardware-assisted', '--migrate-after', '20M', '--bandwidth', '1G'],
      '\necho $((6 * 7))\npoweroff -f\n',
    );
    expect(stdout).toMatch(/^42\r$/m);
    expect(status).toBe(0);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toMatch(
      /^migration completed: \d+ rounds, [\d.]+ MB, stood still for [\d.]+ ms\. .*nothing was lost/,
    );
    const { migration } = statistics;
    expect(migration).toMatchObject({ state: 'completed', bandwidth: 1e9 });
    expect(migration?.rounds.length).toBeGreaterThan(1);
    expect(migration?.rounds[0]?.pages).toBeGreaterThan(1000);
    expect(migration?.hashes.source).toMatch(/^[0-9a-f]{16}$/);
    expect(migration?.hashes.destination).toBe(migration?.hashes.source);
    expect(migration?.downtime).toBeGreaterThan(0);
    expect(migration?.downtime).toBeLessThan(0.3);
  });

  test.each(['trap-and-emulate', 'hardware-assisted'])('%s: the console goes on where it was', async (technique) => {
    const { status, stdout, statistics } = await run([
      ...[letters, '--technique', technique, '--memory', '16M'],
      ...['--migrate-after', '100K', '--bandwidth', '1G', '--downtime', '5', '--diverge', 'force'],
    ]);
    expect(stdout).toBe(ALPHABET);
    expect(status).toBe(0);
    expect(statistics.migration?.state).toBe('completed');
  });

  test('a guest that writes faster than the link carries: cancel leaves it where it was', async () => {
    const { status, stdout, complaints, statistics } = await run([
      ...[letters, ...HOSTED, '--max-instructions', '100M'],
      ...['--migrate-after', '100K', '--bandwidth', '500M', '--downtime', '1', '--diverge', 'cancel'],
    ]);
    expect(stdout).toBe(ALPHABET);
    expect(status).toBe(0);
    expect(complaints).toEqual([expect.stringMatching(/^migration cancelled: .*does not converge/)]);
    expect(statistics.migration?.state).toBe('cancelled');
  });

  test('a guest that is over before: said, and its own status stays', async () => {
    const { status, complaints, statistics } = await run([letters, ...HOSTED, '--migrate-after', '1G']);
    expect(status).toBe(0);
    expect(complaints).toEqual([expect.stringMatching(/^expected the guest to come to 1000000000 .*--migrate-after/)]);
    expect(statistics.migration).toBeUndefined();
  });

  test('a downtime that the state alone would exceed: one line, status 2', async () => {
    const { status, complaints } = await command([
      ...['run', letters, ...HOSTED],
      ...['--migrate-after', '100K', '--bandwidth', '1K', '--downtime', '1'],
    ]);
    expect(status).toBe(2);
    expect(complaints).toEqual([
      expect.stringMatching(/^--migrate-after: expected a downtime limit of at least \d+ ms/),
    ]);
  });
});

describe('--save and --restore', () => {
  const file = at('letters.vm');

  test('what was saved at an instruction goes on from it to the same end', async () => {
    const whole = await run([letters, ...HOSTED]);
    const first = await run([letters, ...HOSTED, '--save', file, '--save-after', '1M']);
    expect(first.status).toBe(0);
    expect(first.complaints).toEqual([
      expect.stringMatching(/^saved into ".*letters.vm" at 1000000 instructions: \d+ bytes/),
    ]);
    expect(first.statistics).toMatchObject({ stopped: 'saved', instructions: 1e6 });
    const second = await run([letters, ...HOSTED, '--restore', file]);
    expect(first.stdout.length).toBeGreaterThan(0);
    expect(first.stdout + second.stdout).toBe(ALPHABET);
    expect(second.complaints).toEqual([]);
    expect(second.status).toBe(0);
    expect(second.statistics.stateHash).toBe(whole.statistics.stateHash);
    expect(second.statistics.instructions).toBeGreaterThan(1e6);
  });

  const PATCHED = ['--technique', 'trap-and-emulate', '--memory', '16M', '--break', 'sret', '--repair', 'patching'];
  test.each([
    ['with an interrupt file', [...HOSTED, '--aia', 'aplic-imsic']],
    ['with an interrupt file, under trap-and-emulate', [...PATCHED.slice(0, 4), '--aia', 'aplic-imsic']],
    ['patched', PATCHED],
    ['patched, with an interrupt file', [...PATCHED, '--aia', 'aplic-imsic']],
  ])('%s: saved and restored, moved, and copied, it prints what it would have printed', async (_, options) => {
    const whole = await run([letters, ...options]);
    expect(whole.stdout).toBe(ALPHABET);
    const first = await run([letters, ...options, '--save', file, '--save-after', '1M']);
    const second = await run([letters, ...options, '--restore', file]);
    expect(first.stdout + second.stdout).toBe(ALPHABET);
    const link = ['--bandwidth', '1G', '--downtime', '5', '--diverge', 'force'];
    const moved = await run([letters, ...options, '--migrate-after', '100K', ...link]);
    expect(moved.statistics.migration?.state).toBe('completed');
    const cloned = await run([letters, ...options, '--clone-after', '1M']);
    for (const each of [second, moved, cloned]) {
      expect(each.status).toBe(0);
      expect(each.statistics.stateHash).toBe(whole.statistics.stateHash);
    }
    expect(moved.stdout).toBe(ALPHABET);
    expect(cloned.statistics.clone?.vm?.stateHash).toBe(whole.statistics.stateHash);
  });

  test('of four harts, the hash that is told is that of all', async () => {
    const options = [harts, ...HOSTED, '--harts', '4'];
    const saved = await run([...options, '--save', at('four.vm'), '--save-after', '1M']);
    expect(saved.complaints).toEqual([expect.stringContaining(`state ${saved.statistics.stateHash}.`)]);
  });

  test('Linux, saved as it boots, comes to its prompt out of the file', async () => {
    const linux = ['--guest', 'linux', '--technique', 'hardware-assisted'];
    const saved = at('linux.vm');
    const first = await run([...linux, '--save', saved, '--save-after', '30M']);
    expect(first.status).toBe(0);
    const second = await run([...linux, '--restore', saved], '\necho $((6 * 7))\npoweroff -f\n');
    expect(second.stdout).not.toContain('Linux version');
    expect(second.stdout).toMatch(/^42\r$/m);
    expect(second.status).toBe(0);
  });

  test('another shape of VM, a cut and a damaged file, and no file at all: one line, status 2', async () => {
    await run([letters, ...HOSTED, '--save', file, '--save-after', '1M']);
    const stream = readFileSync(file);
    const damaged = Uint8Array.from(stream);
    damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 4;
    writeFileSync(at('cut.vm'), stream.subarray(0, stream.length - 100));
    writeFileSync(at('damaged.vm'), damaged);
    writeFileSync(at('empty.vm'), '');
    const restored = async (path: string, memory = '16M') => {
      const { status, complaints } = await command([
        ...['run', letters, '--technique', 'hardware-assisted', '--memory', memory, '--restore', path],
      ]);
      expect(status).toBe(2);
      expect(complaints).toHaveLength(1);
      expect(complaints[0]).not.toContain('\n');
      return complaints[0] ?? '';
    };
    expect(await restored(file, '32M')).toMatch(/--restore ".*": .*expected memoryBytes 33554432, found 16777216/);
    expect(await restored(at('cut.vm'))).toMatch(/cut off/);
    expect(await restored(at('damaged.vm'))).toMatch(/damaged/);
    expect(await restored(at('empty.vm'))).toMatch(/cut off/);
    expect(await restored(letters)).toMatch(/--restore/);
    expect(await restored(at('missing.vm'))).toMatch(/expected a saved VM at ".*missing.vm", found none/);
  });

  test('a guest that is over before: said', async () => {
    const { status, complaints } = await run([letters, ...HOSTED, '--save', at('late.vm'), '--save-after', '1G']);
    expect(status).toBe(0);
    expect(complaints).toEqual([expect.stringMatching(/--save-after.*not saved/)]);
  });
});

test.each([
  [['--migrate-after', '1M'], /guest of the hypervisor with --migrate-after.*bare/],
  [['--save', 'x', '--save-after', '1M'], /guest of the hypervisor with --save.*bare/],
  [['--restore', 'x'], /guest of the hypervisor with --restore.*bare/],
  [['--technique', 'hardware-assisted', '--bandwidth', '10M'], /--migrate-after with --bandwidth/],
  [['--technique', 'hardware-assisted', '--diverge', 'force'], /--migrate-after with --diverge/],
  [['--technique', 'hardware-assisted', '--save', 'x'], /--save-after with --save/],
  [['--technique', 'hardware-assisted', '--save-after', '5'], /--save with --save-after/],
  [['--bandwidth', '10'], /bytes a second from 1K to 1000G after --bandwidth/],
  [['--bandwidth', 'fast'], /bytes a second from 1K to 1000G after --bandwidth/],
  [['--downtime', '0'], /whole number from 1 to 600000 after --downtime/],
  [['--diverge', 'hope'], /report or throttle or force or cancel after --diverge/],
])('%j is refused', async (options, expected) => {
  const { status, complaints } = await command(['run', '--guest', 'hello', ...options]);
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(expected)]);
});

test('a guest with a disk in memory cannot be saved without one in a file', async () => {
  const { status, complaints } = await command([
    ...['run', '--guest', 'unmodified', '--technique', 'hardware-assisted'],
    ...['--save', at('x.vm'), '--save-after', '1K'],
  ]);
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(/--save, found the guest’s own disk in memory/)]);
});

test('system calls are written on at the other machine, numbered on', async () => {
  const calls = at('calls.jsonl');
  const { statistics } = await run(
    [
      ...['--guest', 'linux', '--technique', 'hardware-assisted', '--system-calls', calls],
      ...['--migrate-after', '20500K', '--bandwidth', '1G'],
    ],
    '\ni=0; while [ $i -lt 200 ]; do i=$((i + 1)); echo $i; done\npoweroff -f\n',
  );
  expect(statistics.migration?.state).toBe('completed');
  const numbers = readFileSync(calls, 'utf8')
    .trim()
    .split('\n')
    .flatMap((line) => (JSON.parse(line) as { sequence?: number }).sequence ?? []);
  expect(numbers.length).toBeGreaterThan(600);
  expect(numbers).toEqual(numbers.map((_, index) => index));
});

test('a disk whose writes are nowhere kept cannot be saved with its VM', async () => {
  writeFileSync(at('disk.img'), new Uint8Array(4096));
  const { status, complaints } = await command([
    ...['run', letters, ...HOSTED, '--save', at('x.vm'), '--save-after', '1M', '--disk', `${at('disk.img')},snapshot`],
  ]);
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(/--save, found ".*disk.img" as a snapshot/)]);
});
