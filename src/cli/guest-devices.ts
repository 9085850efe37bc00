// The devices that the options of `run` put into the guest's virtio slots, and the files behind them.

import type { BlockStore } from '../core/devices/block-store.ts';
import { CopyOnWriteStore } from '../core/devices/copy-on-write-store.ts';
import { virtioBlock } from '../core/devices/virtio/virtio-block.ts';
import { virtioConsole } from '../core/devices/virtio/virtio-console.ts';
import { SeededEntropy, virtioEntropy } from '../core/devices/virtio/virtio-entropy.ts';
import type { VirtioVersion } from '../core/devices/virtio/virtio-mmio-registers.ts';
import { virtioNineP } from '../core/devices/virtio/virtio-nine-p.ts';
import { networkChoice, type NetworkChoice } from '../core/hypervisor/virtual-network.ts';
import type { BoardDevices, VirtioDevice } from '../core/machine/board.ts';
import { DirectoryShare } from './directory-share.ts';
import { FileStore } from './file-store.ts';
import type { CardChoice } from './network-options.ts';
import { UsageError } from './options.ts';
import type { FileWith } from './values.ts';

/** What `run` was told, as far as it is about devices. */
export interface DeviceChoice {
  readonly disk?: readonly FileWith<DiskWord>[];
  readonly share?: readonly FileWith<'readonly'>[];
  /** Its seed. */
  readonly rng?: number;
  readonly virtio?: VirtioVersion;
  /** Its network card, if it has one. */
  readonly network?: CardChoice;
  /** Where the output of its virtio console goes, if it has one. */
  readonly console?: string;
}

/** A disk's place on the board. Kernels that do not read the device tree look in slot 0 alone, at 0x10001000. */
const slotWords = ['slot=0', 'slot=1', 'slot=2', 'slot=3', 'slot=4', 'slot=5', 'slot=6', 'slot=7'] as const;
/** What may stand behind a disk's file. */
export const diskWords = [
  ...(['readonly', 'snapshot', 'model=virtio', 'model=pio', 'model=passthrough'] as const),
  ...slotWords,
] as const;
export type DiskWord = (typeof diskWords)[number];

/** Slots of the board. */
const SLOTS = slotWords.length;

export class GuestDevices {
  readonly board: BoardDevices;
  /** Disks that are physical ones of the guest's own. */
  readonly assigned: readonly VirtioDevice[];
  readonly network: NetworkChoice | undefined;
  /** Files that must not be overwritten by what the run itself writes. */
  readonly files: readonly string[];
  /** Takes what the guest writes to its virtio console; what it writes before there is one is lost. */
  consoleSink: ((bytes: Uint8Array) => void) | undefined;
  readonly #stores: FileStore[] = [];

  /**
   * Opens everything the devices need.
   * @param complain told, in one line, when a device stops because its driver broke a rule
   * @throws UsageError
   */
  constructor(choice: DeviceChoice, complain: (message: string) => void) {
    const disks = choice.disk ?? [];
    const found: VirtioDevice[] = [];
    const taken = new Set<number>();
    const assigned: VirtioDevice[] = [];
    let programmed: BlockStore | undefined;
    try {
      const pio: BlockStore[] = [];
      for (const disk of disks) {
        const store = this.#open(disk);
        const slot = slotOf(disk, taken);
        const model = { device: virtioBlock({ store, serial: `ringside-${this.#stores.length}` }) };
        if (disk.words.has('model=pio')) pio.push(store);
        else if (disk.words.has('model=passthrough')) assigned.push(model);
        else found.push({ ...model, ...(slot !== undefined && { slot }) });
      }
      if (pio.length > 1) {
        throw new UsageError('one --disk with model=pio', `${pio.length}`, 'use model=virtio for the others');
      }
      [programmed] = pio;
      (choice.share ?? []).forEach(({ path, words }, index) => {
        const folder = new DirectoryShare(path, { readOnly: words.has('readonly') });
        found.push({ device: virtioNineP({ folder, tag: `share${index}` }) });
      });
      if (choice.rng !== undefined) found.push({ device: virtioEntropy(new SeededEntropy(choice.rng)) });
      // Behind the others: a console changes no other device's place.
      if (choice.console !== undefined) {
        found.push({ device: virtioConsole({ transmit: (bytes) => this.consoleSink?.(bytes) }) });
      }
      const card = choice.network && choice.network.model !== 'pio' ? 1 : 0;
      const needed = found.length + assigned.length + card;
      if (needed > SLOTS) {
        throw new UsageError(`at most ${SLOTS} virtio devices`, `${needed}`, 'leave some out');
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.files = disks.map(({ path }) => path);
    this.network =
      choice.network &&
      networkChoice({
        link: choice.network.link,
        assigned: choice.network.model === 'passthrough',
        programmed: choice.network.model === 'pio',
        failed: complain,
      });
    this.board = {
      ...(choice.virtio && { virtioVersion: choice.virtio }),
      virtio: found.map((device) => ({ ...device, observer: { failed: complain } })),
      ...(programmed && { programmedIo: { disk: { store: programmed } } }),
    };
    this.assigned = assigned.map((device) => ({ ...device, observer: { failed: complain } }));
  }

  close(): void {
    for (const store of this.#stores.splice(0)) store.close();
  }

  #open({ path, words }: FileWith<DiskWord>): BlockStore {
    const file = new FileStore(path, { readOnly: words.has('readonly') || words.has('snapshot') });
    this.#stores.push(file);
    return words.has('snapshot') ? new CopyOnWriteStore(file) : file;
  }
}

/**
 * @param taken slots of the disks before it; its own is added
 * @returns the slot that a disk asks for, if it asks for one
 * @throws UsageError
 */
function slotOf({ path, words }: FileWith<DiskWord>, taken: Set<number>): number | undefined {
  const chosen = slotWords.filter((word) => words.has(word));
  const [first] = chosen;
  if (first === undefined) return undefined;
  if (chosen.length > 1) throw new UsageError(`one slot for ${path}`, chosen.join(' and '), 'leave one out');
  if (words.has('model=pio') || words.has('model=passthrough')) {
    throw new UsageError(`${first} with model=virtio alone`, `another model for ${path}`, 'leave the slot out');
  }
  const slot = slotWords.indexOf(first);
  if (taken.has(slot)) throw new UsageError('one disk for each slot', `${first} twice`, 'choose another slot');
  taken.add(slot);
  return slot;
}
