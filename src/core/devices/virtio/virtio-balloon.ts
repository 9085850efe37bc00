// A memory balloon (virtio 1.2, section 5.5): the host asks for pages, the guest's driver allocates them and gives them up, and
// takes them back when it may. What becomes of a page that was given up is the port's affair.

import type { DeviceState } from '../device.ts';
import { adoptState, count, number, WORD, type FieldsOf } from '../device-state.ts';
import type { Chain } from './descriptor-chain.ts';
import type { FeatureRow, QueueRole, Served, VirtioFactory, VirtioFunction, VirtioLink } from './virtio-function.ts';

const FEATURES: readonly FeatureRow[] = [
  { bit: 0, name: 'VIRTIO_BALLOON_F_MUST_TELL_HOST', meaning: 'The driver asks before it uses a page again.' },
  { bit: 1, name: 'VIRTIO_BALLOON_F_STATS_VQ', meaning: 'The driver tells how the guest’s memory is used.' },
  { bit: 2, name: 'VIRTIO_BALLOON_F_DEFLATE_ON_OOM', meaning: 'A guest out of memory takes pages back by itself.' },
];

const STATISTICS = 2;
/** Of `actual` in the configuration space, which the driver writes; `num_pages` before it is the host's. */
const ACTUAL = 4;
const CONFIGURATION_BYTES = 8;
/** A page number is 32 bits, in units of 4 KiB whatever the guest's pages are. */
const NUMBER_BYTES = 4;
/** Page numbers in one request; Linux sends 256. */
const MOST_BYTES = 2 ** 18;
/** One statistic: tag (16), value (64). */
const STATISTIC_BYTES = 10;
const MOST_STATISTICS = 64;

/** Section 5.5.6.4, by tag. Units as the driver gives them: bytes, or counts. */
const TAGS = [
  'swapped in', 'swapped out', 'major faults', 'minor faults', 'free', 'total', 'available', 'caches',
  'huge pages allocated', 'huge page failures',
] as const; // prettier-ignore

export interface BalloonPort {
  /** The guest gave a page up: its contents are lost. @param page guest physical address / 4096, not checked @returns whether it was the guest's to give */
  given(page: number): boolean;
  /** The guest wants a page back. */
  taken(page: number): boolean;
  /** The guest has told how its memory is used. */
  readonly statistics?: (statistics: Readonly<Record<string, number>>) => void;
  /** Told the device when it is made: to ask for pages, `setTarget`. */
  readonly attached?: (balloon: VirtioBalloon) => void;
}

/** @returns a balloon, to be put into a slot */
export const virtioBalloon =
  (port: BalloonPort): VirtioFactory =>
  (link) => {
    const device = new VirtioBalloon(port, link);
    port.attached?.(device);
    return device;
  };

type BalloonState = {
  /** Pages the host wants. */
  target: number;
  /** Pages the driver says it has given. */
  actual: number;
  /** First descriptor of the statistics buffer that waits for a question, and its length in descriptors; −1: none. */
  waitingHead: number;
  waitingDescriptors: number;
};

const FIELDS: FieldsOf<BalloonState> = {
  target: WORD,
  actual: WORD,
  waitingHead: number(-1, 0xffff),
  waitingDescriptors: count(0xffff),
};

const EMPTY: BalloonState = { target: 0, actual: 0, waitingHead: -1, waitingDescriptors: 0 };

export class VirtioBalloon implements VirtioFunction {
  readonly deviceId = 5;
  readonly title = 'balloon';
  readonly features = FEATURES;
  readonly queues: readonly QueueRole[];
  readonly #port: BalloonPort;
  readonly #link: VirtioLink;
  #state: BalloonState = { ...EMPTY };

  constructor(port: BalloonPort, link: VirtioLink) {
    this.#port = port;
    this.#link = link;
    this.queues = [
      {
        name: 'inflateq',
        mostBytes: MOST_BYTES,
        serve: (chain) => pages(chain, 'inflate', (page) => port.given(page)),
      },
      {
        name: 'deflateq',
        mostBytes: MOST_BYTES,
        serve: (chain) => pages(chain, 'deflate', (page) => port.taken(page)),
      },
      { name: 'statsq', mostBytes: MOST_BYTES, stocked: () => this.#readStatistics() },
    ];
  }

  get target(): number {
    return this.#state.target;
  }

  /** Pages of 4 KiB that the guest says it has given up. */
  get actual(): number {
    return this.#state.actual;
  }

  /** Asks the guest to have given up this many pages of 4 KiB in all. */
  setTarget(pageCount: number): void {
    this.#state.target = pageCount >>> 0;
    this.#link.configurationChanged();
  }

  /** Asks how the guest's memory is used; the answer comes through the port. @returns whether the driver can be asked now */
  askStatistics(): boolean {
    const { waitingHead, waitingDescriptors } = this.#state;
    if (waitingHead < 0) return false;
    this.#state.waitingHead = -1;
    this.#link.give(
      STATISTICS,
      { head: waitingHead, descriptors: waitingDescriptors, readableBytes: 0 },
      { written: 0, operation: 'ask statistics', argument: 0, status: 'OK' },
    );
    return true;
  }

  configuration(): Uint8Array {
    const bytes = new Uint8Array(CONFIGURATION_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#state.target, true);
    view.setUint32(ACTUAL, this.#state.actual, true);
    return bytes;
  }

  configure(offset: number, bytes: Uint8Array): void {
    if (offset < ACTUAL || offset + bytes.length > CONFIGURATION_BYTES) return;
    const space = this.configuration();
    space.set(bytes, offset);
    this.#state.actual = new DataView(space.buffer).getUint32(ACTUAL, true);
  }

  /** The guest begins anew; what the host wants of it stays. */
  reset(): void {
    this.#state = { ...EMPTY, target: this.#state.target };
  }

  snapshot(): DeviceState {
    return { ...this.#state };
  }

  restore(state: DeviceState): void {
    this.#state = adoptState(this.title, FIELDS, state);
  }

  #readStatistics(): void {
    if (this.#state.waitingHead >= 0) return;
    const chain = this.#link.take(STATISTICS);
    if (chain === undefined) return;
    this.#state.waitingHead = chain.head;
    this.#state.waitingDescriptors = chain.descriptors;
    const count = Math.min(MOST_STATISTICS, Math.floor(chain.readableBytes / STATISTIC_BYTES));
    const bytes = chain.take(0, count * STATISTIC_BYTES) ?? new Uint8Array(0);
    const view = new DataView(bytes.buffer);
    const found: Record<string, number> = {};
    for (let at = 0; at + STATISTIC_BYTES <= bytes.length; at += STATISTIC_BYTES) {
      const name = TAGS[view.getUint16(at, true)];
      const value = view.getBigUint64(at + 2, true);
      if (name !== undefined && value !== 2n ** 64n - 1n) found[name] = Number(value);
    }
    this.#port.statistics?.(found);
  }
}

/** Page numbers, as the driver lists them. */
function pages(chain: Chain, operation: string, each: (page: number) => boolean): Served {
  const count = Math.floor(chain.readableBytes / NUMBER_BYTES);
  const bytes = chain.take(0, count * NUMBER_BYTES) ?? new Uint8Array(0);
  const view = new DataView(bytes.buffer);
  let refused = 0;
  for (let at = 0; at < bytes.length; at += NUMBER_BYTES) if (!each(view.getUint32(at, true))) refused++;
  return { written: 0, operation, argument: count, status: refused === 0 ? 'OK' : 'not the guest’s' };
}
