// The disks of the page and of its VMs, and what else is on their boards. What reads and writes them is fetched when one is first
// wanted: most visits have none.

import type { GuestImage } from '../../core/hypervisor/firmware/guest-boot.ts';
import type { DiskContents, DiskRow, VmOptions } from '../../protocol/commands.ts';
import { unpack } from '../guest-files.ts';
import { Part } from '../part.ts';
import type { DiskFolder } from './disk-folder.ts';
import type { OpenDisk } from './open-disk.ts';

/** What a VM that is about to be made gets of its options for devices. */
export interface AttachedDisks {
  readonly guest: Pick<GuestImage, 'devices' | 'assigned'>;
  /** It has been made, with this number. */
  keep(vm: number): void;
  /** It cannot be made: they are free again. */
  close(): void;
}

export class PageDisks {
  readonly #part: Part<Awaited<ReturnType<typeof openPart>>>;
  /** Those that are in a VM, by its number. */
  readonly #open = new Map<number, readonly OpenDisk[]>();

  constructor(folder: DiskFolder) {
    this.#part = new Part(() => openPart(folder));
  }

  async list(): Promise<readonly DiskRow[]> {
    const { shelf } = await this.#part.get();
    const vmWith = (name: string) => [...this.#open].find(([, disks]) => disks.some((disk) => disk.name === name))?.[0];
    return (await shelf.list()).map((disk) => ({ ...disk, vm: vmWith(disk.name) }));
  }

  /** @throws Error, one line for a person */
  async create(name: string, contents: DiskContents): Promise<void> {
    const { shelf } = await this.#part.get();
    if (contents.kind === 'empty') return shelf.create(name, contents);
    const bytes = await unpack(new Blob([contents.bytes as Uint8Array<ArrayBuffer>]).stream(), name);
    return shelf.create(name, { kind: 'image', bytes });
  }

  /** @throws Error, one line for a person */
  async delete(name: string): Promise<void> {
    return (await this.#part.get()).shelf.delete(name);
  }

  /** @throws Error, one line for a person */
  async save(name: string): Promise<Uint8Array<ArrayBuffer>> {
    return (await this.#part.get()).shelf.save(name);
  }

  /** Opens what a VM that is to be has of disks, folders and the like. @throws Error, one line for a person; then none is open */
  async attach(options: VmOptions): Promise<AttachedDisks> {
    const { disks: wanted = [], shares = [], rng, virtio } = options;
    if (wanted.length === 0 && shares.length === 0 && rng === undefined) {
      const guest = virtio === undefined ? {} : { devices: { virtioVersion: virtio } };
      return { guest, keep: () => undefined, close: () => undefined };
    }
    const { shelf, openDisks, guestDevices } = await this.#part.get();
    const disks = await openDisks(shelf, wanted);
    const close = () => disks.forEach((disk) => disk.close());
    let guest: AttachedDisks['guest'];
    try {
      guest = guestDevices(options, disks);
    } catch (error) {
      close();
      throw error;
    }
    return {
      guest,
      keep: (vm) => void this.#open.set(vm, disks),
      close,
    };
  }

  /** The VM is gone: its disks are free, with all that was written to them. */
  release(vm: number): void {
    for (const disk of this.#open.get(vm) ?? []) disk.close();
    this.#open.delete(vm);
  }
}

async function openPart(folder: DiskFolder) {
  const [{ DiskShelf }, { openDisks }, { guestDevices }] = await Promise.all([
    import('./disk-shelf.ts'),
    import('./vm-disks.ts'),
    import('../vm-devices.ts'),
  ]);
  return { shelf: new DiskShelf(folder), guestDevices, openDisks };
}
