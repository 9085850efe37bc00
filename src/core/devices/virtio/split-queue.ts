// A split virtqueue as the device sees it (virtio 1.2, section 2.7): takes chains from the available ring, puts them back on
// the used ring, and knows when each side wants to hear of the other.
//
//   available ring: 0 flags   2 idx   4 ring[size], 16 bits each   then used_event
//   used ring:      0 flags   2 idx   4 ring[size], id and len     then avail_event

import { FLAG, HALF, number, WORD, type FieldsOf } from '../device-state.ts';
import { isFault, walkChain, type Chain, type QueueFault } from './descriptor-chain.ts';
import { addressOf, type DmaMemory } from './dma-memory.ts';

/** A queue's registers and the device's own place in its rings; plain numbers, so that a copy is a snapshot. */
export type QueueState = {
  /** Entries, a power of two: QueueNum. */
  size: number;
  ready: boolean;
  descriptorLow: number;
  descriptorHigh: number;
  driverLow: number;
  driverHigh: number;
  deviceLow: number;
  deviceHigh: number;
  /** Legacy: QueuePFN and QueueAlign, from which the three addresses follow. */
  pageFrame: number;
  align: number;
  /** Index, modulo 2^16, of the next entry to take from the available ring. */
  nextAvailable: number;
  /** Index of the next entry to put on the used ring. */
  nextUsed: number;
  /** The used index when the driver's wish for an interrupt was last looked at; −1: never. */
  signalled: number;
};

export const QUEUE_FIELDS: FieldsOf<QueueState> = {
  size: WORD,
  ready: FLAG,
  descriptorLow: WORD,
  descriptorHigh: WORD,
  driverLow: WORD,
  driverHigh: WORD,
  deviceLow: WORD,
  deviceHigh: WORD,
  pageFrame: WORD,
  align: WORD,
  nextAvailable: HALF,
  nextUsed: HALF,
  signalled: number(-1, 0xffff),
};

export const newQueueState = (size: number): QueueState => ({
  size,
  ready: false,
  descriptorLow: 0,
  descriptorHigh: 0,
  driverLow: 0,
  driverHigh: 0,
  deviceLow: 0,
  deviceHigh: 0,
  pageFrame: 0,
  align: 4096,
  nextAvailable: 0,
  nextUsed: 0,
  signalled: -1,
});

const NO_INTERRUPT = 1;
const NO_NOTIFY = 1;

const AVAILABLE_OUTSIDE: QueueFault = { fault: 'an available ring in the guest’s RAM expected' };
const USED_OUTSIDE: QueueFault = { fault: 'a used ring in the guest’s RAM expected' };

export const isQueueSize = (size: number, maximum: number): boolean =>
  Number.isInteger(size) && size > 0 && size <= maximum && (size & (size - 1)) === 0;

/** Features as they were negotiated: a legacy driver may set a queue up before it has chosen them. */
export interface QueueFeatures {
  /** VIRTIO_F_EVENT_IDX */
  readonly eventIndex: () => boolean;
  /** VIRTIO_F_INDIRECT_DESC */
  readonly indirect: () => boolean;
}

export class SplitQueue {
  readonly #memory: DmaMemory;
  readonly #state: QueueState;
  readonly #descriptors: number;
  readonly #available: number;
  readonly #used: number;
  readonly #features: QueueFeatures;
  readonly #mostBytes: number;

  /** @param mostBytes most bytes of one chain */
  constructor(memory: DmaMemory, state: QueueState, features: QueueFeatures, mostBytes: number) {
    this.#memory = memory;
    this.#state = state;
    this.#descriptors = addressOf(state.descriptorHigh, state.descriptorLow);
    this.#available = addressOf(state.driverHigh, state.driverLow);
    this.#used = addressOf(state.deviceHigh, state.deviceLow);
    this.#features = features;
    this.#mostBytes = mostBytes;
  }

  /** Says what serving the request at `head` will access. */
  reach(head: number, reach: (address: number, length: number) => void): void {
    const { size, nextUsed } = this.#state;
    reach(this.#available, 2);
    reach(this.#available + 4 + 2 * size, 2);
    reach(this.#used, 4);
    reach(this.#used + 4 + 8 * (nextUsed % size), 8);
    const chain = this.chain(head);
    if (isFault(chain)) return;
    for (const { address, length } of [...chain.readable, ...chain.writable]) reach(address, length);
  }

  /** What is wrong with where the driver put the queue (sections 2.7 and 2.7.2), if anything. */
  check(): QueueFault | undefined {
    const { size } = this.#state;
    // A descriptor table is to be aligned to 16 bytes; but compilers align such a structure to 4 or 8, QEMU serves it, and so
    // there are kernels that have it so.
    const parts = [
      { name: 'descriptor table', address: this.#descriptors, alignment: 1, bytes: 16 * size },
      { name: 'available ring', address: this.#available, alignment: 2, bytes: 6 + 2 * size },
      { name: 'used ring', address: this.#used, alignment: 4, bytes: 6 + 8 * size },
    ];
    for (const { name, address, alignment, bytes } of parts) {
      const text = `0x${address.toString(16)}`;
      if (address % alignment !== 0)
        return { fault: `a ${name} aligned to ${alignment} bytes expected, found ${text}` };
      if (!this.#memory.holds(address, bytes)) {
        return { fault: `a ${name} in the guest’s RAM expected, found ${bytes} bytes at ${text}` };
      }
    }
    return undefined;
  }

  /** Chains that the driver has made available and the device has not taken. */
  available(): number | QueueFault {
    const index = this.#memory.load(this.#available + 2, 2);
    if (index < 0) return AVAILABLE_OUTSIDE;
    const { size, nextAvailable } = this.#state;
    const waiting = (index - nextAvailable) & 0xffff;
    if (waiting > size) return { fault: `at most ${size} available buffers expected, found ${waiting}` };
    return waiting;
  }

  /** Takes the next entry of the available ring. @returns the number of the chain's first descriptor */
  next(): number | QueueFault {
    const state = this.#state;
    const slot = state.nextAvailable & (state.size - 1);
    const head = this.#memory.load(this.#available + 4 + 2 * slot, 2);
    if (head < 0) return AVAILABLE_OUTSIDE;
    if (head >= state.size) return { fault: `a descriptor number below ${state.size} expected, found ${head}` };
    state.nextAvailable = (state.nextAvailable + 1) & 0xffff;
    return head;
  }

  /** The last `count` entries have not been taken. */
  putBack(count: number): void {
    this.#state.nextAvailable = (this.#state.nextAvailable - count) & 0xffff;
  }

  chain(head: number): Chain | QueueFault {
    return walkChain(this.#memory, this.#descriptors, head, {
      queueSize: this.#state.size,
      indirect: this.#features.indirect(),
      mostBytes: this.#mostBytes,
    });
  }

  /** Gives a chain back. @param written bytes that the device wrote into its device-writable buffers */
  use(head: number, written: number): QueueFault | undefined {
    const state = this.#state;
    const element = this.#used + 4 + 8 * (state.nextUsed & (state.size - 1));
    const index = (state.nextUsed + 1) & 0xffff;
    const stored =
      this.#memory.store(element, 4, head) &&
      this.#memory.store(element + 4, 4, written) &&
      this.#memory.store(this.#used + 2, 2, index);
    if (!stored) return USED_OUTSIDE;
    state.nextUsed = index;
    return undefined;
  }

  /** Whether the driver wants an interrupt for what was used since this was last asked (section 2.7.7). */
  wantsInterrupt(): boolean | QueueFault {
    const state = this.#state;
    const before = state.signalled;
    if (before === state.nextUsed) return false;
    state.signalled = state.nextUsed;
    if (!this.#features.eventIndex()) {
      const flags = this.#memory.load(this.#available, 2);
      return flags < 0 ? AVAILABLE_OUTSIDE : (flags & NO_INTERRUPT) === 0;
    }
    const event = this.#memory.load(this.#available + 4 + 2 * state.size, 2);
    if (event < 0) return AVAILABLE_OUTSIDE;
    const old = before < 0 ? 0 : before;
    return ((state.nextUsed - event - 1) & 0xffff) < ((state.nextUsed - old) & 0xffff);
  }

  /**
   * Tells the driver whether to notify the device of its next available buffer (section 2.7.10). With the event index a wish
   * not to is the absence of one: the index stays where it was.
   */
  wantNotifications(wanted: boolean): QueueFault | undefined {
    const { size, nextAvailable } = this.#state;
    if (this.#features.eventIndex()) {
      if (!wanted || this.#memory.store(this.#used + 4 + 8 * size, 2, nextAvailable)) return undefined;
      return USED_OUTSIDE;
    }
    const flags = wanted ? 0 : NO_NOTIFY;
    if (this.#memory.load(this.#used, 2) === flags) return undefined;
    return this.#memory.store(this.#used, 2, flags) ? undefined : USED_OUTSIDE;
  }
}
