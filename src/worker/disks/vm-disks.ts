// A VM's disks: opened from the shelf, and mounted on its board as the person chose.

import { virtioBlock } from '../../core/devices/virtio/virtio-block.ts';
import type { GuestImage } from '../../core/hypervisor/guest-boot.ts';
import type { DiskModel, VmDisk, VmOptions } from '../../protocol/commands.ts';
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

/**
 * What is on the board of a VM with these options, and which physical devices are its own.
 * @param disks those of the options, opened, in their order
 */
export function guestDevices(
  options: VmOptions,
  disks: readonly OpenDisk[],
): Required<Pick<GuestImage, 'devices' | 'assigned'>> {
  const of = (model: DiskModel) => disks.filter((_, index) => options.disks?.[index]?.model === model);
  const virtio = ({ name, store }: OpenDisk) => ({
    device: virtioBlock({ store, serial: name.slice(0, SERIAL_LENGTH) }),
  });
  const [programmed] = of('programmed-io');
  return {
    devices: {
      ...(options.virtio && { virtioVersion: options.virtio }),
      virtio: of('virtio').map(virtio),
      ...(programmed && { programmedIo: { disk: { store: programmed.store } } }),
    },
    assigned: of('passthrough').map(virtio),
  };
}
