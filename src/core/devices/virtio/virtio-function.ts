// The two sides of a virtio device: the function (a disk, a network card …), which serves requests, and the transport, which
// carries them. A function knows its requests; it knows neither registers nor rings nor where it is mounted.

import type { DeviceState } from '../device.ts';
import type { Chain } from './descriptor-chain.ts';

/** A feature bit that the device offers (virtio 1.2, section 2.2 and each device's own). */
export interface FeatureRow {
  readonly bit: number;
  /** The specification's name, e.g. `VIRTIO_BLK_F_RO`. */
  readonly name: string;
  /** One sentence a student can read. */
  readonly meaning: string;
}

/** What became of one request. The words are constants, for a display; only `written` is seen by the driver. */
export interface Served {
  /** Bytes written into the device-writable buffers, from their beginning on. */
  readonly written: number;
  /** E.g. `IN`, `transmit`. */
  readonly operation: string;
  /** What the operation is about: a sector, a frame's length. */
  readonly argument: number;
  /** E.g. `OK`, `IOERR`. */
  readonly status: string;
  /** Work beyond the bytes of the chain, in bytes: zeroes written without any being sent. */
  readonly extra?: number;
}

/** A chain as far as it must be known to give it back. */
export type Returned = Pick<Chain, 'head' | 'descriptors' | 'readableBytes'>;

export interface QueueRole {
  /** The specification's name, e.g. `requestq`. */
  readonly name: string;
  /** Serves a request as soon as it is available. A queue without it is a stock of buffers that the function takes from. */
  readonly serve?: (chain: Chain) => Served;
  /** The driver has put buffers into a stock. */
  readonly stocked?: () => void;
  /** Most bytes of one chain; `DEFAULT_CHAIN_BYTES` if absent. */
  readonly mostBytes?: number;
}

/** Longest chain in bytes where a function names none. The specification allows 2^32; no driver comes near this. */
export const DEFAULT_CHAIN_BYTES = 64 * 2 ** 20;

/** What a function needs of its transport. */
export interface VirtioLink {
  /** Whether a feature was negotiated. */
  has(bit: number): boolean;
  /** The next buffer of a stock, or undefined where there is none; then the driver is asked to notify. */
  take(queue: number): Chain | undefined;
  /** The last so many buffers taken from a stock, of which nothing was given back, have not been taken. */
  putBack(queue: number, count: number): void;
  /** Gives back a buffer that was taken. */
  give(queue: number, chain: Returned, served: Served): void;
  /** Something in the configuration space has changed: the driver is interrupted. */
  configurationChanged(): void;
  /** The driver broke a rule of the specification. The device stops until it is reset. */
  fail(message: string): void;
}

export interface VirtioFunction {
  /** Section 5: 1 network card, 2 block device … */
  readonly deviceId: number;
  /** E.g. `block device`. */
  readonly title: string;
  readonly features: readonly FeatureRow[];
  readonly queues: readonly QueueRole[];
  /** The configuration space as it is now. Looking changes nothing. */
  configuration(): Uint8Array;
  /** The driver stores into the configuration space; absent where nothing in it is writable. */
  configure?(offset: number, bytes: Uint8Array): void;
  /** The driver has set DRIVER_OK. */
  started?(): void;
  reset(): void;
  snapshot(): DeviceState;
  restore(state: DeviceState): void;
  /** What makes the same device for a copy of its VM, with what is behind it forked; absent or undefined where that cannot be. */
  fork?(): VirtioFactory | undefined;
}

export type VirtioFactory = (link: VirtioLink) => VirtioFunction;

/** Feature bits that every device may offer (section 6). */
export const Feature = {
  indirectDescriptors: 28,
  eventIndex: 29,
  version1: 32,
} as const;

/** One request, followed from the driver to the driver. */
export interface VirtioRequest {
  readonly queue: number;
  readonly queueName: string;
  /** First descriptor of the chain. */
  readonly head: number;
  readonly descriptors: number;
  /** Bytes the driver supplied. */
  readonly readable: number;
  /** Bytes the device wrote. */
  readonly written: number;
  readonly operation: string;
  readonly argument: number;
  readonly status: string;
  /** Board time in ticks at which the device took it, and at which it gave it back. */
  readonly takenAt: number;
  readonly usedAt: number;
}

/** Told what happens, for drawing. Being told changes nothing. */
export interface VirtioObserver {
  /** The driver has written QueueNotify. */
  readonly notified?: (queue: number) => void;
  readonly served?: (request: VirtioRequest) => void;
  readonly interrupted?: (reason: 'used buffer' | 'configuration change') => void;
  /** The device has stopped because the driver broke a rule. */
  readonly failed?: (message: string) => void;
}

/** What has gone through a queue. */
export interface QueueTraffic {
  /** The specification's name, e.g. `requestq`. */
  readonly name: string;
  /** QueueNotify was written for it, while the device was in use. */
  readonly notifications: number;
  /** Chains given back. */
  readonly requests: number;
  /** Bytes of them that the driver supplied, headers included, and that the device wrote. */
  readonly readable: number;
  readonly written: number;
}

/** What has gone through a device. */
export interface VirtioTraffic {
  /** Times at which it raised its interrupt, or would have if it were not raised already. */
  readonly interrupts: number;
  readonly queues: readonly QueueTraffic[];
}
