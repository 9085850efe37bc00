// What is on the board of a VM that the page asked for: disks, folders, an entropy device.

import { MemoryFolder } from '../core/devices/ninep/memory-folder.ts';
import { virtioBlock } from '../core/devices/virtio/virtio-block.ts';
import { SeededEntropy, virtioEntropy } from '../core/devices/virtio/virtio-entropy.ts';
import { virtioNineP } from '../core/devices/virtio/virtio-nine-p.ts';
import { byteText } from '../core/hypervisor/console-script.ts';
import type { GuestImage } from '../core/hypervisor/firmware/guest-boot.ts';
import type { VirtioDevice } from '../core/machine/board.ts';
import type { DiskModel, VmOptions, VmShare } from '../protocol/commands.ts';
import type { OpenDisk } from './disks/open-disk.ts';

/** Letters of a virtio disk's serial number. */
const SERIAL_LENGTH = 20;
/** Room in a folder beside what it begins with. */
const FOLDER_ROOM = 64 * 2 ** 20;

type GuestDevices = Required<Pick<GuestImage, 'devices' | 'assigned'>>;

const slotOf = ({ slot }: { readonly slot?: number }): { readonly slot?: number } =>
  slot === undefined ? {} : { slot };

/**
 * What is on the board of a VM with these options, and which physical devices are its own.
 * @param disks those of the options, opened, in their order
 */
export function guestDevices(options: VmOptions, disks: readonly OpenDisk[]): GuestDevices {
  const { shares = [], rng, virtio: version } = options;
  const of = (model: DiskModel) =>
    disks.flatMap((disk, index) => {
      const chosen = options.disks?.[index];
      return chosen?.model === model ? [{ ...disk, ...slotOf(chosen) }] : [];
    });
  const virtio = ({ name, store, ...place }: ReturnType<typeof of>[number]): VirtioDevice => ({
    device: virtioBlock({ store, serial: name.slice(0, SERIAL_LENGTH) }),
    ...slotOf(place),
  });
  const [programmed] = of('programmed-io');
  return {
    devices: {
      ...(version && { virtioVersion: version }),
      virtio: [
        ...of('virtio').map(virtio),
        ...shares.map((share, index) => ({
          device: virtioNineP({ folder: folderOf(share), tag: `share${index}` }),
          ...slotOf(share),
        })),
        ...(rng ? [{ device: virtioEntropy(new SeededEntropy(rng.seed)), ...slotOf(rng) }] : []),
      ],
      ...(programmed && { programmedIo: { disk: { store: programmed.store } } }),
    },
    assigned: of('passthrough').map(virtio),
  };
}

/** Names of files are UTF-8, as on any Linux. @throws Error, one line for a person */
function folderOf({ files, readOnly = false }: VmShare): MemoryFolder {
  const bytes = files.reduce((sum, file) => sum + file.bytes.length + 2 * 4096, 0);
  const folder = new MemoryFolder({ capacity: bytes + FOLDER_ROOM, readOnly });
  for (const { path, bytes: contents } of files) {
    try {
      folder.put(byteText(new TextEncoder().encode(path)), contents);
    } catch {
      throw new Error(`Expected a folder that can be copied into memory, found “${path}” twice in it. Choose another.`);
    }
  }
  return folder;
}
