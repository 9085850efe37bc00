// Kernels and disk images that were made for QEMU's `virt` board find here what they find there: what a driver reads in the virtio
// slots, next to a recording of QEMU; and a disk for kernels that look at one address only.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { command } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-like-qemu-'));
const at = (name: string) => join(folder, name);
const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url).pathname;

beforeAll(async () => {
  for (const name of ['virtio-slots', 'first-virtio-slot']) {
    const out = ['-o', at(`${name}.elf`), '--text', '0x80000000'];
    expect(await command(['assemble', fixture(`${name}.s`), ...out])).toMatchObject({ status: 0, complaints: [] });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const versions = ['legacy', 'modern'] as const;

/** @returns what was said of each slot, e.g. `7 feature 0` → `30006e54`; comments are passed over */
function readDump(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let slot = '';
  for (const line of text.split(/\r?\n/)) {
    const [, name = '', value = ''] = /^(.+) ([0-9a-f]+)$/.exec(line) ?? [];
    if (line.startsWith('#') || name === '') continue;
    if (name === 'slot') slot = value;
    // Register 010 is feature word 0 once more.
    else if (name !== '010') found.set(`${slot} ${name}`, value);
  }
  return found;
}

const DISK = 7;
const ENTROPY = 6;
const NETWORK = 5;

/** Feature bits that QEMU offers and Ringside does not. A driver must do without each of them (section 2.2). */
const NOT_OFFERED: Readonly<Record<number, Readonly<Record<(typeof versions)[number], readonly number[]>>>> = {
  // 10 TOPOLOGY: all zeros there. 11 CONFIG_WCE: there is no cache to be switched. Legacy: 7 SCSI, a removed command set;
  // 24 NOTIFY_ON_EMPTY, which no later interface has.
  [DISK]: { legacy: [7, 10, 11, 24], modern: [10, 11] },
  // 24 as above. 27 ANY_LAYOUT: any layout is understood, whether it was negotiated or not.
  [ENTROPY]: { legacy: [24, 27], modern: [] },
  // 2 and 17 to 20, 23 are about the control queue, for offloads and filters that are not there; 21 GUEST_ANNOUNCE: the switch
  // learns addresses. Legacy: 6 GSO, which is about offloads too.
  [NETWORK]: { legacy: [2, 6, 17, 18, 19, 20, 21, 23, 24, 27], modern: [2, 17, 18, 19, 20, 21, 23] },
};

/** Bytes of the disk's configuration space that are each device's own choice (section 5.2.4). */
const DISKS_OWN = [
  [12, 16], // seg_max: QEMU's own queue is longer
  [32, 33], // writeback: counts only with CONFIG_WCE
  [36, 40], // max_discard_sectors: here one request is not to keep the host for long
  [44, 48], // discard_sector_alignment
  [48, 52], // max_write_zeroes_sectors
  [57, 60], // unused1: three zeros, which QEMU leaves off
] as const;

function withoutDisksOwn(configuration: string): string {
  let rest = configuration;
  for (const [from, to] of DISKS_OWN) {
    rest = rest.slice(0, 2 * from) + '..'.repeat(to - from) + rest.slice(2 * to);
  }
  return rest;
}

describe.each(versions)('the virtio slots, %s', (version) => {
  let qemu = new Map<string, string>();
  let ours = new Map<string, string>();

  beforeAll(async () => {
    writeFileSync(at('disk.img'), '');
    truncateSync(at('disk.img'), 2 ** 20);
    const devices = ['--disk', at('disk.img'), '--rng', '1', '--network', 'user', '--virtio', version];
    const run = await command(['run', at('virtio-slots.elf'), '--boot', 'machine', ...devices]);
    expect(run).toMatchObject({ status: 0, complaints: [] });
    ours = readDump(run.stdout);
    qemu = readDump(readFileSync(fixture(`virtio-slots.qemu-7.2-${version}.txt`), 'utf8'));
  });

  test('each register that both have says the same, and so does each configuration space', () => {
    expect([...ours.keys()].filter((name) => name.endsWith(' 008'))).toEqual(['5 008', '6 008', '7 008']);
    const configuration = `${DISK} config`;
    for (const dump of [ours, qemu]) dump.set(configuration, withoutDisksOwn(dump.get(configuration) ?? ''));
    const differing = new Set([...ours.keys(), ...qemu.keys()].filter((name) => ours.get(name) !== qemu.get(name)));
    const withReason = [DISK, ENTROPY, NETWORK].flatMap((slot) => [
      // Compared below; a modern entropy device offers the same bits.
      ...(version === 'legacy' || slot !== ENTROPY ? [`${slot} feature 0`] : []),
      // QEMU shows the lengths of shared memory in legacy too, which has none, and forgets the bases, which must be −1 where
      // there is no such memory (section 4.2.2).
      ...(version === 'legacy' ? [`${slot} 0b0`, `${slot} 0b4`] : [`${slot} 0b8`, `${slot} 0bc`]),
      // Bit 40, RING_RESET, is not offered. QEMU repeats word 1 in 2 and 3, whose bits would be 64 and up.
      ...(version === 'modern' ? [1, 2, 3].map((word) => `${slot} feature ${word}`) : []),
      // The control queue.
      ...(slot === NETWORK ? [`${slot} queue 2`] : []),
    ]);
    expect([...differing].sort()).toEqual([...withReason].sort());
  });

  test.each([DISK, ENTROPY, NETWORK])(
    'slot %i offers what QEMU offers, but for bits that a driver can miss',
    (slot) => {
      const word = (dump: ReadonlyMap<string, string>) => parseInt(dump.get(`${slot} feature 0`) ?? '', 16);
      expect(word(ours) & ~word(qemu)).toBe(0);
      const missing = Array.from({ length: 32 }, (_, bit) => bit).filter(
        (bit) => ((word(qemu) & ~word(ours)) >>> bit) & 1,
      );
      expect(missing).toEqual(NOT_OFFERED[slot]?.[version]);
      expect(parseInt(ours.get(`${slot} feature 1`) ?? '', 16)).toBe(version === 'modern' ? 1 : 0);
    },
  );
});

const HAS_QEMU = spawnSync('qemu-system-riscv32', ['--version']).status === 0;

describe.each(versions)('a disk in the first slot, %s', (version) => {
  const said = version === 'legacy' ? 'L1 sector 1\nL2 sector 1\n' : 'M1 sector 1\nM2 sector 1\n';

  function newDisk(): string {
    const bytes = Buffer.alloc(2 ** 16);
    bytes.write('sector 1', 512);
    writeFileSync(at('first.img'), bytes);
    return at('first.img');
  }
  const sector2 = () => readFileSync(at('first.img')).toString('latin1', 1024, 1031);

  test('a teaching kernel’s driver reads and writes it, and gets source 1', async () => {
    const disk = `${newDisk()},slot=0`;
    const machine = ['run', at('first-virtio-slot.elf'), '--boot', 'machine', '--virtio', version];
    const run = await command([...machine, '--disk', disk, '--rng', '1']);
    expect(run).toMatchObject({ status: 0, complaints: [], stdout: said });
    expect(sector2()).toBe('sector ');
    // Elsewhere such a kernel does not look.
    expect(await command([...machine, '--disk', newDisk()])).toMatchObject({ stdout: 'failed at i\n' });
  });

  test.skipIf(!HAS_QEMU)('on QEMU as well', () => {
    const drive = `file=${newDisk()},if=none,id=x0,format=raw`;
    const { stdout } = spawnSync(
      'qemu-system-riscv32',
      [
        ...['-M', 'virt', '-bios', 'none', '-kernel', at('first-virtio-slot.elf'), '-nographic', '-drive', drive],
        ...['-device', 'virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0'],
        ...['-global', `virtio-mmio.force-legacy=${version === 'legacy'}`],
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 },
    );
    expect(stdout.replaceAll('\r', '')).toBe(said);
    expect(sector2()).toBe('sector ');
  });
});

/** In the order in which the options put them there when nobody says a slot, which is that of QEMU’s -device. */
const kinds = [
  { id: 2, ours: (slot: string) => ['--disk', `${at('first.img')}${slot}`], qemu: 'virtio-blk-device,drive=x0' },
  {
    id: 9,
    ours: (slot: string) => ['--share', `${folder}${slot}`],
    qemu: 'virtio-9p-device,fsdev=f0,mount_tag=share0',
  },
  { id: 4, ours: (slot: string) => ['--rng', `1${slot}`], qemu: 'virtio-rng-device' },
  { id: 3, ours: (slot: string) => ['--console', `${at('console.txt')}${slot}`], qemu: 'virtio-serial-device' },
  { id: 1, ours: (slot: string) => ['--network', `user${slot}`], qemu: 'virtio-net-device,netdev=n0' },
  { id: 5, ours: (slot: string) => ['--balloon', `1M${slot}`], qemu: 'virtio-balloon-device' },
] as const;
/** What has each kind of device behind it on QEMU. */
const behind = () => [
  ...['-drive', `file=${at('first.img')},if=none,id=x0,format=raw`, '-netdev', 'user,id=n0'],
  ...['-fsdev', `local,id=f0,path=${folder},security_model=none`],
];
const idsOf = (dump: ReadonlyMap<string, string>) =>
  Array.from({ length: 8 }, (_, slot) => parseInt(dump.get(`${slot} 008`) ?? '0', 16));

describe.each([
  ['without a word', [undefined, undefined, undefined, undefined, undefined, undefined], [0, 0, 5, 1, 3, 4, 9, 2]],
  ['each in a slot of its choice', [0, 3, 1, 6, 2, 5], [2, 4, 1, 9, 0, 5, 3, 0]],
  ['some in a slot of their choice', [7, undefined, 0, undefined, 6, undefined], [4, 0, 0, 5, 3, 9, 1, 2]],
])('the slots of all kinds of devices, %s', (_, slots, expected) => {
  const told = <Value>(tell: (kind: (typeof kinds)[number], slot: number | undefined) => Value) =>
    kinds.map((kind, index) => tell(kind, slots[index]));

  test.each(['bare', 'trap-and-emulate'])('%s', async (technique) => {
    writeFileSync(at('first.img'), Buffer.alloc(512));
    const devices = told(({ ours }, slot) => ours(slot === undefined ? '' : `,slot=${slot}`)).flat();
    const machine = ['--boot', 'machine', '--technique', technique];
    const run = await command(['run', at('virtio-slots.elf'), ...machine, ...devices]);
    expect(run).toMatchObject({ status: 0, complaints: [] });
    expect(idsOf(readDump(run.stdout))).toEqual(expected);
  });

  test.skipIf(!HAS_QEMU)('on QEMU as well', () => {
    writeFileSync(at('first.img'), Buffer.alloc(512));
    // QEMU gives the highest free slot at once, so those that choose come first.
    const chosen = told(({ qemu }, slot) =>
      slot === undefined ? [] : ['-device', `${qemu},bus=virtio-mmio-bus.${slot}`],
    );
    const others = told(({ qemu }, slot) => (slot === undefined ? ['-device', qemu] : []));
    const { stdout } = spawnSync(
      'qemu-system-riscv32',
      [
        ...['-M', 'virt', '-bios', 'none', '-kernel', at('virtio-slots.elf'), '-nographic', ...behind()],
        ...[...chosen, ...others].flat(),
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 },
    );
    expect(idsOf(readDump(stdout))).toEqual(expected);
  });
});

test.each([
  [['--disk', 'first.img,slot=0,slot=1'], /expected slot=N once behind the commas after --disk/],
  [
    ['--disk', 'first.img,slot=3', '--disk', 'first.img,slot=3'],
    /one device in each virtio slot, found --disk first.img and --disk first.img with slot=3/,
  ],
  [
    ['--rng', '1,slot=2', '--network', 'user,slot=2'],
    /one device in each virtio slot, found --rng and --network with slot=2/,
  ],
  [
    ['--balloon', '1M,slot=7', '--share', '.,slot=7'],
    /one device in each virtio slot, found --share . and --balloon with slot=7/,
  ],
  [['--disk', 'first.img,slot=0,model=pio'], /expected slot=0 with model=virtio alone, found model=pio for first.img/],
  [['--network', 'user,slot=0,model=passthrough'], /expected slot=0 with model=virtio alone, found model=passthrough/],
  [['--disk', 'first.img,slot=8'], /expected slot=0 to slot=7 behind a comma after --disk, found "first.img,slot=8"/],
  [['--rng', '1,slot='], /expected slot=0 to slot=7 behind a comma after --rng/],
  [['--rng', '1,slots=1'], /expected a whole number .*, or slot=N after --rng/],
  [['--console', 'x,slot=-1'], /expected slot=0 to slot=7 behind a comma after --console/],
  [
    [...Array.from({ length: 7 }, () => ['--share', '.']).flat(), '--rng', '1', '--balloon', '1M'],
    /expected at most 8 virtio devices, found 9/,
  ],
])('%j', async (options, message) => {
  writeFileSync(at('first.img'), Buffer.alloc(512));
  const placed = options.map((each) => (each.startsWith('first.img') ? at(each) : each));
  const { status, complaints } = await command(['run', '--guest', 'hello', ...placed]);
  expect(status).toBe(2);
  expect(complaints[0]?.replaceAll(`${folder}/`, '')).toMatch(message);
});
