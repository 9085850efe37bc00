// The devices that the options of `run` put into the guest's virtio slots, and the files behind them.

import type { BlockStore } from '../core/devices/block-store.ts';
import { CopyOnWriteStore } from '../core/devices/copy-on-write-store.ts';
import { virtioBlock } from '../core/devices/virtio/virtio-block.ts';
import { virtioConsole } from '../core/devices/virtio/virtio-console.ts';
import { SeededEntropy, virtioEntropy } from '../core/devices/virtio/virtio-entropy.ts';
import type { VirtioVersion } from '../core/devices/virtio/virtio-mmio-registers.ts';
import { virtioNineP } from '../core/devices/virtio/virtio-nine-p.ts';
import { networkChoice, type NetworkChoice } from '../core/hypervisor/guest-devices/virtual-network.ts';
import type { BoardDevices, VirtioDevice } from '../core/machine/board.ts';
import type { DiskWord } from '../protocol/option-values/disk-words.ts';
import type { CardChoice } from '../protocol/option-values/network-card.ts';
import type { InSlot } from '../protocol/option-values/slot.ts';
import type { FileWith } from '../protocol/option-values/values.ts';
import { DirectoryShare } from './directory-share.ts';
import { FileStore } from './file-store.ts';
import { UsageError } from './options.ts';
import { checkSlots } from './virtio-slots.ts';

/** What `run` was told, as far as it is about devices. */
export interface DeviceChoice {
  readonly disk?: readonly (FileWith<DiskWord> & InSlot)[];
  readonly share?: readonly (FileWith<'readonly'> & InSlot)[];
  readonly rng?: InSlot & { readonly seed: number };
  readonly virtio?: VirtioVersion;
  /** Its network card, if it has one. */
  readonly network?: CardChoice & InSlot;
  /** Where the output of its virtio console goes, if it has one. */
  readonly console?: InSlot & { readonly path: string };
  /** Its balloon, which the VM itself makes. */
  readonly balloon?: InSlot;
}

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
    const assigned: VirtioDevice[] = [];
    let programmed: BlockStore | undefined;
    try {
      const pio: BlockStore[] = [];
      for (const disk of disks) {
        const store = this.#open(disk);
        const model = { device: virtioBlock({ store, serial: `ringside-${this.#stores.length}` }) };
        if (disk.words.has('model=pio')) pio.push(store);
        else if (disk.words.has('model=passthrough')) assigned.push(model);
        else found.push({ ...model, ...slotOf(disk) });
      }
      if (pio.length > 1) {
        throw new UsageError('one --disk with model=pio', `${pio.length}`, 'use model=virtio for the others');
      }
      [programmed] = pio;
      (choice.share ?? []).forEach((share, index) => {
        const folder = new DirectoryShare(share.path, { readOnly: share.words.has('readonly') });
        found.push({ device: virtioNineP({ folder, tag: `share${index}` }), ...slotOf(share) });
      });
      const { rng } = choice;
      if (rng !== undefined) found.push({ device: virtioEntropy(new SeededEntropy(rng.seed)), ...slotOf(rng) });
      // Behind the others: a console changes no other device's place.
      if (choice.console !== undefined) {
        const transmit = (bytes: Uint8Array) => this.consoleSink?.(bytes);
        found.push({ device: virtioConsole({ transmit }), ...slotOf(choice.console) });
      }
      checkSlots(inSlots(choice));
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
        ...slotOf(choice.network),
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

const slotOf = ({ slot }: InSlot): { readonly slot?: number } => (slot === undefined ? {} : { slot });

/** Every virtio device that was asked for, as a person calls it. @throws UsageError for a slot where there is no virtio device in it */
function inSlots(choice: DeviceChoice): readonly (InSlot & { readonly what: string })[] {
  const { disk = [], share = [], rng, console, network, balloon } = choice;
  const elsewhere = [
    ...disk.map(({ path, words, slot }) => ({ what: path, slot, model: modelOf(words) })),
    ...(network ? [{ what: 'the network card', slot: network.slot, model: network.model }] : []),
  ].find(({ slot, model }) => slot !== undefined && model !== 'virtio');
  if (elsewhere) {
    const { what, slot, model } = elsewhere;
    throw new UsageError(`slot=${slot} with model=virtio alone`, `model=${model} for ${what}`, 'leave the slot out');
  }
  const named = (what: string, device: InSlot | undefined) => (device ? [{ what, ...slotOf(device) }] : []);
  return [
    ...disk
      .filter(({ words }) => modelOf(words) !== 'pio')
      .map((each) => ({ what: `--disk ${each.path}`, ...slotOf(each) })),
    ...share.map((each) => ({ what: `--share ${each.path}`, ...slotOf(each) })),
    ...named('--rng', rng),
    ...named('--console', console),
    ...(network?.model === 'pio' ? [] : named('--network', network)),
    ...named('--balloon', balloon),
  ];
}

const modelOf = (words: ReadonlySet<DiskWord>): CardChoice['model'] =>
  words.has('model=pio') ? 'pio' : words.has('model=passthrough') ? 'passthrough' : 'virtio';
