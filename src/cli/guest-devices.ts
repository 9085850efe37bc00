// The devices that the options of `run` put into the guest's virtio slots, and the files behind them.

import { CopyOnWriteStore } from '../core/devices/copy-on-write-store.ts';
import { virtioBlock } from '../core/devices/virtio/virtio-block.ts';
import { SeededEntropy, virtioEntropy } from '../core/devices/virtio/virtio-entropy.ts';
import type { VirtioFactory } from '../core/devices/virtio/virtio-function.ts';
import type { VirtioVersion } from '../core/devices/virtio/virtio-mmio-registers.ts';
import { virtioNineP } from '../core/devices/virtio/virtio-nine-p.ts';
import type { NetworkChoice } from '../core/hypervisor/virtual-network.ts';
import type { BoardDevices } from '../core/machine/board.ts';
import type { LinkSettings } from '../core/network/link.ts';
import { DirectoryShare } from './directory-share.ts';
import { FileStore } from './file-store.ts';
import { UsageError } from './options.ts';
import type { FileWith } from './values.ts';

/** What `run` was told, as far as it is about devices. */
export interface DeviceChoice {
  readonly disk?: readonly FileWith<'readonly' | 'snapshot'>[];
  readonly share?: readonly FileWith<'readonly'>[];
  /** Its seed. */
  readonly rng?: number;
  readonly virtio?: VirtioVersion;
  /** Its cable, if the guest has a network card. */
  readonly network?: Partial<LinkSettings>;
}

/** Slots of the board. */
const SLOTS = 8;

export class GuestDevices {
  readonly board: BoardDevices;
  readonly network: NetworkChoice | undefined;
  /** Files that must not be overwritten by what the run itself writes. */
  readonly files: readonly string[];
  readonly #stores: FileStore[] = [];

  /**
   * Opens everything the devices need.
   * @param complain told, in one line, when a device stops because its driver broke a rule
   * @throws UsageError
   */
  constructor(choice: DeviceChoice, complain: (message: string) => void) {
    const disks = choice.disk ?? [];
    const found: VirtioFactory[] = [];
    try {
      for (const disk of disks) found.push(this.#disk(disk));
      (choice.share ?? []).forEach(({ path, words }, index) => {
        const folder = new DirectoryShare(path, { readOnly: words.has('readonly') });
        found.push(virtioNineP({ folder, tag: `share${index}` }));
      });
      if (choice.rng !== undefined) found.push(virtioEntropy(new SeededEntropy(choice.rng)));
      const needed = found.length + (choice.network ? 1 : 0);
      if (needed > SLOTS) {
        throw new UsageError(`at most ${SLOTS} virtio devices`, `${needed}`, 'leave some out');
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.files = disks.map(({ path }) => path);
    this.network = choice.network && { link: choice.network, failed: complain };
    this.board = {
      ...(choice.virtio && { virtioVersion: choice.virtio }),
      virtio: found.map((device) => ({ device, observer: { failed: complain } })),
    };
  }

  close(): void {
    for (const store of this.#stores.splice(0)) store.close();
  }

  #disk({ path, words }: FileWith<'readonly' | 'snapshot'>): VirtioFactory {
    const file = new FileStore(path, { readOnly: words.size > 0 });
    this.#stores.push(file);
    const store = words.has('snapshot') ? new CopyOnWriteStore(file) : file;
    return virtioBlock({ store, serial: `ringside-${this.#stores.length}` });
  }
}
