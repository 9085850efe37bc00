// A VM's disks: opened from the shelf, and mounted on its board as the person chose.

import { virtioBlock } from '../../core/devices/virtio/virtio-block.ts';
import type { BoardDevices } from '../../core/machine/board.ts';
import type { VmDisk, VmOptions } from '../../protocol/commands.ts';
import type { DiskShelf, OpenDisk } from './disk-shelf.ts';

/** Letters of a virtio disk's serial number. */
const SERIAL_LENGTH = 20;

/** Opens all of them or none. @throws Error, one line for a person */
export async function openDisks(shelf: DiskShelf, disks: readonly VmDisk[]): Promise<readonly OpenDisk[]> {
  if (disks.filter(({ model }) => model === 'programmed-io').length > 1) {
    throw new Error('Expected at most one disk by programmed I/O, found more. Choose virtio for the others.');
  }
  const open: OpenDisk[] = [];
  try {
    for (const { name } of disks) open.push(await shelf.open(name));
    return open;
  } catch (error) {
    for (const disk of open) disk.close();
    throw error;
  }
}

/** What is on the board of a VM with these options. @param disks those of the options, opened, in their order */
export function boardWithDisks(options: VmOptions, disks: readonly OpenDisk[]): BoardDevices {
  const models = options.disks ?? [];
  const virtio = disks.filter((_, index) => models[index]?.model === 'virtio');
  const programmed = disks.find((_, index) => models[index]?.model === 'programmed-io');
  return {
    ...(options.virtio && { virtioVersion: options.virtio }),
    virtio: virtio.map(({ name, store }) => ({
      device: virtioBlock({ store, serial: name.slice(0, SERIAL_LENGTH) }),
    })),
    ...(programmed && { programmedIo: { disk: { store: programmed.store } } }),
  };
}
