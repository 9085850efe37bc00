// --disk: a guest's writes go into the file, or with snapshot into memory only, or with readonly nowhere; every way in which
// the file can be wrong is one line.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FileStore } from './file-store.ts';
import { command } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-disk-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

function disk(name: string, bytes: number): string {
  writeFileSync(at(name), '');
  truncateSync(at(name), bytes);
  return at(name);
}

const linux = (commands: string, ...options: readonly string[]) =>
  command(['run', '--guest', 'linux', ...options], `${commands}\npoweroff -f\n`);

const SHOW = "dd if=/dev/vda bs=512 skip=3 count=1 2>/dev/null | tr -d '\\0'";

test.each(['legacy', 'modern'])(
  'what Linux writes is in the file, and in the next run (%s)',
  async (version) => {
    const path = disk(`${version}.img`, 2 ** 20);
    const write = 'echo it was written | dd of=/dev/vda bs=512 seek=3 conv=sync,fsync 2>/dev/null';
    const first = await linux(write, '--disk', path, '--virtio', version);
    expect(first.status).toBe(0);
    expect(
      readFileSync(path)
        .subarray(3 * 512, 3 * 512 + 14)
        .toString(),
    ).toBe('it was written');
    expect(readFileSync(path)).toHaveLength(2 ** 20);
    const second = await linux(SHOW, '--disk', path, '--virtio', version);
    expect(second.stdout).toContain('\r\nit was written');
  },
  60_000,
);

test('two disks, the first of them vda; snapshot leaves the file alone, readonly refuses the guest', async () => {
  const first = disk('first.img', 2 ** 20);
  const second = disk('second.img', 2 ** 21);
  const { stdout } = await linux(
    'cat /sys/block/vda/size /sys/block/vdb/size /sys/block/vdb/ro\necho kept | dd of=/dev/vda seek=3 2>/dev/null; sync; ' +
      `${SHOW}; echo x | dd of=/dev/vdb`,
    `--disk=${first},snapshot`,
    `--disk=${second},readonly`,
  );
  expect(stdout).toContain('\r\n2048\r\n4096\r\n1\r\n');
  expect(stdout).toContain('\r\nkept');
  expect(stdout).toMatch(/can't open '\/dev\/vdb'|Operation not permitted|Read-only/);
  expect(readFileSync(first).every((byte) => byte === 0)).toBe(true);
}, 60_000);

const HAS_MKE2FS = ['mke2fs', 'e2fsck'].every((tool) => spawnSync(tool, ['-V']).error === undefined);

test.skipIf(!HAS_MKE2FS)(
  'a file system made here is mounted there, and is whole afterwards',
  async () => {
    const path = disk('ext2.img', 2 ** 22);
    expect(spawnSync('mke2fs', ['-q', '-F', '-t', 'ext2', path]).status).toBe(0);
    const commands = 'mkdir /d; mount -t ext2 /dev/vda /d; seq 1000 > /d/numbers; md5sum < /d/numbers; umount /d';
    const { stdout } = await linux(commands, '--disk', path);
    expect(stdout).toContain('53d025127ae99ab79e8502aae2d9bea6'); // of seq 1000, on any Linux
    expect(spawnSync('e2fsck', ['-fn', path]).status).toBe(0);
  },
  60_000,
);

test.each([
  ['a file that is not there', () => at('absent.img'), /expected a disk image at .*, found none: check the path/],
  ['an empty file', () => disk('empty.img', 0), /found an empty file: make one with truncate/],
  ['a directory', () => folder, /found a directory/],
  [
    'the format of another hypervisor',
    () => {
      const path = disk('foreign.qcow2', 4096);
      writeFileSync(path, Buffer.from([0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]), { flag: 'r+' });
      return path;
    },
    /expected an image of a disk’s sectors at .*, found one in the format qcow2: .*qemu-img convert -O raw/,
  ],
  [
    'another word',
    () => `${disk('ok.img', 512)},fast`,
    /readonly or snapshot or model=virtio or model=pio or model=passthrough behind a comma, or slot=N/,
  ],
])('%s', async (_, path, message) => {
  const { status, complaints } = await linux('', '--disk', path());
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(message)]);
});

test('more disks than slots', async () => {
  const path = disk('many.img', 512);
  const { status, complaints } = await linux('', ...Array.from({ length: 9 }, () => `--disk=${path}`));
  expect(status).toBe(2);
  expect(complaints[0]).toMatch(/at most 8 virtio devices, found 9/);
});

test('a file that ends in the middle of a sector is filled up with zeros', () => {
  writeFileSync(at('odd.img'), Buffer.alloc(700, 7));
  const store = new FileStore(at('odd.img'), { readOnly: false });
  const sectors = new Uint8Array(1024).fill(1);
  expect(store.read(0, sectors)).toBe(true);
  expect(sectors.indexOf(0)).toBe(700);
  expect(store.read(1, sectors)).toBe(false); // beyond its end
  expect(store.write(1, sectors.subarray(0, 512))).toBe(true);
  store.close();
});
