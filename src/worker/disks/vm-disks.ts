// A VM's disks: opened from the shelf, or made of an image that the person brought for this VM alone.

import { MemoryStore, SECTOR_BYTES } from '../../core/devices/block-store.ts';
import { CopyOnWriteStore } from '../../core/devices/copy-on-write-store.ts';
import type { VmDisk } from '../../protocol/commands.ts';
import type { DiskShelf } from './disk-shelf.ts';
import type { OpenDisk } from './open-disk.ts';

/** Opens all of them or none. @throws Error, one line for a person */
export async function openDisks(shelf: DiskShelf, disks: readonly VmDisk[]): Promise<readonly OpenDisk[]> {
  if (disks.filter(({ model }) => model === 'programmed-io').length > 1) {
    throw new Error('Expected at most one disk by programmed I/O, found more. Choose virtio for the others.');
  }
  const open: OpenDisk[] = [];
  try {
    for (const disk of disks) {
      const { image } = disk;
      open.push(image === undefined ? await shelf.open(disk.name) : inMemory(disk, image));
    }
    return open;
  } catch (error) {
    for (const disk of open) disk.close();
    throw error;
  }
}

/** @throws Error, one line for a person */
function inMemory({ name, readOnly = false }: VmDisk, image: Uint8Array): OpenDisk {
  if (image.length === 0) throw new Error(`Expected a disk image, found an empty file (${name}). Choose another.`);
  const whole = new Uint8Array(Math.ceil(image.length / SECTOR_BYTES) * SECTOR_BYTES);
  whole.set(image);
  const base = new MemoryStore(whole, { readOnly: true });
  return { name, store: readOnly ? base : new CopyOnWriteStore(base), close: () => undefined };
}
