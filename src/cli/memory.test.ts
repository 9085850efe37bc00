// --machine-memory, --balloon, --merge, --huge-pages: Linux runs the same on a machine that is too small for it, gives memory up
// when it is asked to, and the statistics say what became of its pages.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Statistics } from './stats.ts';
import { command } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-memory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function linux(...options: readonly string[]) {
  const file = join(folder, 'stats.json');
  const { status, complaints, stdout } = await command(
    ['run', '--guest', 'linux', '--technique', 'hardware-assisted', '--stats', file, ...options],
    'head -c 1000000 /dev/zero | md5sum; free -k | head -2; poweroff -f\n',
  );
  expect(complaints).toEqual([]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/Mem: +\d+/);
  return JSON.parse(readFileSync(file, 'utf8')) as Statistics;
}

test('on a machine of 8 MiB, what Linux has not used lately is swapped out, and waited for', async () => {
  const { memoryUse, vcpus } = await linux('--machine-memory', '8M');
  const { memoryUse: atOnce, vcpus: unwaiting } = await linux('--machine-memory', '8M', '--swap-latency', '0');
  expect(atOnce.swapIns).toBeGreaterThan(10);
  expect(unwaiting?.[0]?.swap).toBe(0);
  // 100 µs each, but for pages of one repeated word.
  expect(vcpus?.[0]?.swap).toBeGreaterThan(10 * 1e-4);
  expect(vcpus?.[0]?.swap).toBeLessThan((memoryUse.swapIns + 1) * 1.01e-4);
  expect(memoryUse.swapOuts).toBeGreaterThan(100);
  expect(memoryUse.promised).toBe(16384);
  expect(memoryUse.resident + memoryUse.swapped).toBeGreaterThan(2048);
  expect(memoryUse.machine?.total).toBe(8 * 2 ** 20);
});

test('Linux gives 16 MiB up; huge pages make hundreds of exits a few; equal pages are merged', async () => {
  const { memoryUse, exits } = await linux('--balloon', '16M', '--huge-pages', 'on', '--merge', '2000');
  expect(memoryUse.ballooned).toBe(4096);
  expect(memoryUse.balloonTarget).toBe(16 * 2 ** 20);
  expect(memoryUse.machine?.merged).toBeGreaterThan(100);
  expect(exits['protected-page']?.count).toBeGreaterThan(0);
});

test.each([
  [['--machine-memory', '8M'], /--machine-memory/],
  [['--merge', '100'], /--merge/],
  [['--swap-latency', '5'], /--swap-latency/],
  [['--huge-pages', 'on'], /--huge-pages/],
])('%j wants a hypervisor', async (options, expected) => {
  const { status, complaints } = await command(['run', '--guest', 'hello', '--technique', 'bare', ...options], '');
  expect(status).toBe(2);
  expect(complaints.join('\n')).toMatch(expected);
});
