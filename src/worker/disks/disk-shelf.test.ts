// The shelf as a person uses it: disks are made, used, saved, deleted; a tab that goes without a word loses nothing flushed.

import { describe, expect, test } from 'vitest';
import { DiskShelf, MOST_DISK_MIB } from './disk-shelf.ts';
import { MemoryDiskFolder } from './memory-folder.test-support.ts';

const sector = (fill: number) => new Uint8Array(512).fill(fill);

function firstByte(bytes: Uint8Array, of: number): number | undefined {
  return bytes[512 * of];
}

test('what a guest flushed is there after the tab has gone without a word, and the image below is unchanged', async () => {
  const folder = new MemoryDiskFolder();
  const image = new Uint8Array(10_000).fill(7);
  const before = new DiskShelf(folder);
  await before.create('data', { kind: 'image', bytes: image });
  const { store } = await before.open('data');
  expect(store.sectors).toBe(20);
  store.write(3, sector(1));
  expect(store.flush()).toBe(true);
  store.write(4, sector(2));
  folder.die();

  const after = new DiskShelf(folder);
  const saved = await after.save('data');
  expect([2, 3, 5].map((each) => firstByte(saved, each))).toEqual([7, 1, 7]);
  expect([7, 2]).toContain(firstByte(saved, 4));
  expect(saved.length).toBe(20 * 512);
  expect(folder.files.get('data/image')?.durable).toEqual(image);
});

test('a disk that is taken out keeps what was written, flushed or not; a disk in use can be saved too', async () => {
  const folder = new MemoryDiskFolder();
  const shelf = new DiskShelf(folder);
  await shelf.create('empty', { kind: 'empty', sizeMiB: 1 });
  const disk = await shelf.open('empty');
  disk.store.write(2047, sector(9));
  expect(firstByte(await shelf.save('empty'), 2047)).toBe(9);
  disk.close();
  disk.close();
  expect(folder.opened.size).toBe(0);
  expect(firstByte(await shelf.save('empty'), 2047)).toBe(9);
  expect(folder.opened.size).toBe(0);
  expect(await shelf.list()).toMatchObject([{ name: 'empty', sizeBytes: 2 ** 20, image: false }]);
});

describe('what cannot be done is refused in one line', () => {
  test('names, sizes, and a name that is taken', async () => {
    const shelf = new DiskShelf(new MemoryDiskFolder());
    for (const name of ['', '../secret', 'a/b', '.hidden', 'x'.repeat(64)]) {
      await expect(shelf.create(name, { kind: 'empty', sizeMiB: 1 })).rejects.toThrow(/Expected a name.*found/);
    }
    for (const sizeMiB of [0, -1, 1.5, NaN, MOST_DISK_MIB + 1]) {
      await expect(shelf.create('a', { kind: 'empty', sizeMiB })).rejects.toThrow(/Expected 1 to \d+ MiB.*found/);
    }
    await expect(shelf.create('a', { kind: 'image', bytes: new Uint8Array(0) })).rejects.toThrow(/empty file/);
    const foreign = new TextEncoder().encode('vhdxfile');
    await expect(shelf.create('a', { kind: 'image', bytes: foreign })).rejects.toThrow(
      /in the format VHDX: .*qemu-img/,
    );
    await shelf.create('a', { kind: 'empty', sizeMiB: 1 });
    await expect(shelf.create('a', { kind: 'empty', sizeMiB: 1 })).rejects.toThrow(/taken/);
    expect((await shelf.list()).map(({ name }) => name)).toEqual(['a']);
  });

  test('a disk in two VMs, deleting one in use, one that is not there', async () => {
    const shelf = new DiskShelf(new MemoryDiskFolder());
    await shelf.create('a', { kind: 'empty', sizeMiB: 1 });
    const [first, second] = await Promise.allSettled([shelf.open('a'), shelf.open('a')]);
    expect([first.status, second.status]).toEqual(['fulfilled', 'rejected']);
    await expect(shelf.open('a')).rejects.toThrow(/found it in a VM/);
    await expect(shelf.delete('a')).rejects.toThrow(/found it in a VM/);
    await expect(shelf.open('b')).rejects.toThrow(/found none/);
    if (first.status === 'fulfilled') first.value.close();
    await shelf.delete('a');
    expect(await shelf.list()).toEqual([]);
  });

  test('no room: nothing is left of the disk', async () => {
    const folder = new MemoryDiskFolder();
    folder.room = 5000;
    const shelf = new DiskShelf(folder);
    await expect(shelf.create('a', { kind: 'empty', sizeMiB: 8 })).rejects.toThrow(/Expected room/);
    expect(await shelf.list()).toEqual([]);
    expect(folder.opened.size).toBe(0);
  });
});

test('a disk whose making was cut off is listed as broken, can be deleted, and its name can be used anew', async () => {
  const folder = new MemoryDiskFolder();
  const shelf = new DiskShelf(folder);
  (await folder.open('half', 'image', { create: true }))?.close();
  expect(await shelf.list()).toMatchObject([{ name: 'half', sizeBytes: undefined }]);
  await expect(shelf.open('half')).rejects.toThrow(/found none/);
  await shelf.create('half', { kind: 'empty', sizeMiB: 1 });
  expect(await shelf.list()).toMatchObject([{ name: 'half', sizeBytes: 2 ** 20, image: false }]);
  await shelf.delete('half');
  expect(await shelf.list()).toEqual([]);
});
