// --clone-after: a copy that is made while the guest runs goes on from that moment as the original does, with a console of its own,
// and what it writes stays with it. What cannot be copied is refused in one line, with status 2.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ALPHABET, assembleInto, LETTERS } from './letters.test-support.ts';
import { command, runWithStatistics } from './streams.test-support.ts';

vi.setConfig({ testTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'ringside-clone-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const run = (argv: readonly string[], typed = '') => runWithStatistics(at('stats.json'), argv, typed);

const letters = assembleInto(at('letters.elf'), LETTERS);

describe.each(['trap-and-emulate', 'paravirtual', 'hardware-assisted'])('%s', (technique) => {
  const guest = [letters, '--technique', technique, '--memory', '16M'];

  test('original and clone go on alike from the moment of the copy, each on its own console', async () => {
    const alone = await run(guest);
    expect(alone.stdout).toBe(ALPHABET);
    const { status, stdout, complaints, statistics } = await run([
      ...guest,
      ...['--clone-after', '1M', '--clone-console', at('copy.txt'), '--trace', at('trace.jsonl')],
    ]);
    expect(status).toBe(0);
    expect(stdout).toBe(ALPHABET);
    const copied = readFileSync(at('copy.txt'), 'utf8');
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.length).toBeLessThan(26);
    expect(ALPHABET.endsWith(copied)).toBe(true);
    const { clone } = statistics;
    // Neither the copy itself nor its life beside the original has changed anything in the original.
    expect(statistics.stateHash).toBe(alone.statistics.stateHash);
    expect(statistics.instructions).toBeGreaterThanOrEqual(alone.statistics.instructions);
    expect(clone?.vm).toMatchObject({ stopped: 'finisher', exitCode: 0, stateHash: alone.statistics.stateHash });
    expect(clone?.at).toBe(1_000_000);
    // 256 pages of numbers, and the program itself: one frame each for both, until they write.
    expect(clone?.framesShared).toBeGreaterThan(256);
    expect(clone?.framesTaken).toBeLessThan(32);
    // Every one of them is copied once, by whoever writes first; the other one then has the old frame for itself.
    const { original = 0, clone: byClone = 0 } = clone?.framesCopied ?? {};
    expect(original + byClone).toBeGreaterThanOrEqual(256);
    expect(original + byClone).toBeLessThan(300);
    expect(complaints).toEqual([
      expect.stringMatching(/^cloned at 1000000 instructions: \d+ frames of 4 KiB shared, \d+ taken\.$/),
      expect.stringMatching(
        /^the clone, made in [\d.]+ ms: .* \d+ instructions; frames copied since: \d+ by the original, \d+ by the clone$/,
      ),
    ]);
    const vms = readFileSync(at('trace.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { vm: number }).vm);
    expect(new Set(vms)).toEqual(new Set([1, 2]));
  });

  test('the limit counts for each: the run is over when one of them comes to it', async () => {
    const { status, statistics } = await run([...guest, '--clone-after', '1M', '--max-instructions', '1500K']);
    expect(status).toBe(124);
    const counts = [statistics.instructions, statistics.clone?.vm?.instructions ?? 0];
    expect(Math.max(...counts)).toBe(1_500_000);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(1_000_000);
  });
});

const HOSTED = ['--technique', 'hardware-assisted', '--memory', '16M'];

test('without a file, what the clone prints comes line by line on stderr', async () => {
  const { stdout, complaints } = await run([letters, ...HOSTED, '--clone-after', '1M']);
  expect(stdout).toBe(ALPHABET);
  expect(complaints).toContainEqual(expect.stringMatching(/^clone \| [a-z]*xyz$/));
});

test('Linux in two: what the clone writes to memory and to its disk never reaches the original', async () => {
  const disk = Buffer.alloc(2 ** 20);
  disk.write('before');
  writeFileSync(at('disk.img'), disk);
  writeFileSync(at('typed.txt'), 'clone\n');
  // Both have the command line that was typed before the copy was made; only the clone is told more.
  const line =
    'read -t 3 who; test -n "$who" && printf "$who-" | dd of=/dev/vda conv=notrunc 2>/dev/null; echo ${who:-original} > /tmp/who; ' +
    'sync; sleep 3; echo 3 > /proc/sys/vm/drop_caches; echo "[$(cat /tmp/who)] [$(dd if=/dev/vda bs=6 count=1 2>/dev/null)]"; poweroff -f';
  const { status, stdout, statistics } = await run(
    [
      ...['--guest', 'linux', '--technique', 'hardware-assisted', '--disk', `${at('disk.img')},snapshot`],
      ...['--clone-after', '15M', '--clone-console', at('copy.txt'), '--clone-input', at('typed.txt')],
    ],
    `\n${line}\n`,
  );
  expect(status).toBe(0);
  const copied = readFileSync(at('copy.txt'), 'utf8');
  expect(stdout).toMatch(/^\[original\] \[before\]\r$/m);
  expect(copied).toMatch(/^\[clone\] \[clone-\]\r$/m);
  expect(copied).not.toContain('Linux version');
  expect(statistics.clone?.vm).toMatchObject({ stopped: 'shutdown', exitCode: 0 });
  expect(readFileSync(at('disk.img')).equals(disk)).toBe(true);
});

test('a guest that is over before: said, and its own status stays', async () => {
  const { status, complaints, statistics } = await run([letters, ...HOSTED, '--clone-after', '1G']);
  expect(status).toBe(0);
  expect(complaints).toEqual([expect.stringMatching(/^expected the guest to come to 1000000000 .*--clone-after/)]);
  expect(statistics.clone).toBeUndefined();
});

test('a clone of a VM that has moved is made on the second machine', async () => {
  const { stdout, statistics } = await run([
    ...[letters, ...HOSTED, '--clone-console', at('copy.txt'), '--clone-after', '2M'],
    ...['--migrate-after', '100K', '--bandwidth', '10G', '--downtime', '5', '--diverge', 'force'],
  ]);
  expect(statistics.migration?.state).toBe('completed');
  expect(stdout).toBe(ALPHABET);
  expect(statistics.clone?.vm?.stateHash).toBe(statistics.stateHash);
});

test.each([
  [['--clone-after', '1M'], /guest of the hypervisor with --clone-after, found --technique bare/],
  [['--technique', 'hardware-assisted', '--clone-console', at('x')], /--clone-after with --clone-console, found none/],
  [['--technique', 'hardware-assisted', '--clone-input', 'x'], /--clone-after with --clone-input, found none/],
  [[...HOSTED, '--clone-after', 'soon'], /a whole number after --clone-after, found "soon"/],
  [
    [...HOSTED, '--clone-after', '1K', '--disk', at('d.img')],
    /disks that two VMs can have with --clone-after, found ".*d.img", which is written in place: add snapshot/,
  ],
  [
    [...HOSTED, '--clone-after', '1K', '--disk', `${at('d.img')},model=passthrough`],
    /disks of the hypervisor with --clone-after, found ".*d.img" as a physical one/,
  ],
  [
    [...HOSTED, '--clone-after', '1K', '--network', 'user,model=pio'],
    /a virtio network card with --clone-after, found model=pio/,
  ],
  [
    [...HOSTED, '--clone-after', '1K', '--clone-input', at('none.txt')],
    /expected what is typed into the clone at ".*none.txt", found none/,
  ],
  [
    [...HOSTED, '--clone-after', '200K', '--migrate-after', '100K', '--bandwidth', '100K', '--diverge', 'throttle'],
    /--clone-after: expected a VM that stays where it is, found it on its way/,
  ],
])('%j is refused', async (options, expected) => {
  writeFileSync(at('d.img'), new Uint8Array(4096));
  const { status, complaints } = await command(['run', letters, ...options]);
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(expected)]);
});
