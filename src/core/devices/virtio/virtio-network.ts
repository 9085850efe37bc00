// A network card (virtio 1.2, section 5.1): Ethernet frames to and from a cable. In front of each frame stands a header, twelve
// bytes long, ten on the legacy interface without mergeable buffers; but for num_buffers all of it is about features that are not
// offered here.
//
//   0 flags   1 gso_type   2 hdr_len   4 gso_size   6 csum_start   8 csum_offset   10 num_buffers   then the frame

import type { DeviceState } from '../device.ts';
import { adoptState, count, FLAG, type FieldsOf } from '../device-state.ts';
import type { Chain } from './descriptor-chain.ts';
import { Feature } from './virtio-function.ts';
import type { FeatureRow, QueueRole, Served, VirtioFactory, VirtioFunction, VirtioLink } from './virtio-function.ts';

const FEATURES: readonly FeatureRow[] = [
  { bit: 5, name: 'VIRTIO_NET_F_MAC', meaning: 'The card has an address of its own.' },
  { bit: 15, name: 'VIRTIO_NET_F_MRG_RXBUF', meaning: 'A frame that comes may lie in several buffers.' },
  { bit: 16, name: 'VIRTIO_NET_F_STATUS', meaning: 'The card tells whether its cable is plugged in.' },
];

const MERGEABLE = 15;
const RECEIVE = 0;
const SHORT_HEADER_BYTES = 10;
const HEADER_BYTES = 12;
const NUM_BUFFERS = 10;
const LINK_UP = 1;
/** Destination, source and type (IEEE 802.3). */
const ETHERNET_HEADER_BYTES = 14;
/** A frame without its checksum: 1,500 bytes of content and one 802.1Q tag. */
const LONGEST_FRAME = 1518;

/** The end of a cable, as a network card holds it. */
export interface NetworkPort {
  /** A frame leaves the card: from the destination address on, without the checksum. The bytes are the receiver's to keep. */
  send(frame: Uint8Array): void;
  /** Where frames for the card go. @param receive answers whether the card had room for it */
  attach(receive: (frame: Uint8Array) => boolean): void;
}

export interface VirtioNetworkPorts {
  readonly cable: NetworkPort;
  /** Six bytes. */
  readonly mac: Uint8Array;
}

/** @returns a network card, to be put into a slot */
export const virtioNetwork =
  (ports: VirtioNetworkPorts): VirtioFactory =>
  (link) =>
    new VirtioNetwork(ports, link);

type NetworkState = { linkUp: boolean; dropped: number };
const FIELDS: FieldsOf<NetworkState> = { linkUp: FLAG, dropped: count() };

export class VirtioNetwork implements VirtioFunction {
  readonly deviceId = 1;
  readonly title = 'network card';
  readonly features = FEATURES;
  readonly queues: readonly QueueRole[];
  readonly #ports: VirtioNetworkPorts;
  readonly #link: VirtioLink;
  #state: NetworkState = { linkUp: true, dropped: 0 };

  constructor(ports: VirtioNetworkPorts, link: VirtioLink) {
    this.#ports = ports;
    this.#link = link;
    this.queues = [
      { name: 'receiveq' },
      { name: 'transmitq', mostBytes: 2 ** 17, serve: (chain) => this.#transmit(chain) },
    ];
    ports.cable.attach((frame) => this.#receive(frame));
  }

  /** Frames that came when the driver had no room for them. */
  get dropped(): number {
    return this.#state.dropped;
  }

  /** Plugs the cable in or pulls it out. */
  setLink(up: boolean): void {
    if (this.#state.linkUp === up) return;
    this.#state.linkUp = up;
    this.#link.configurationChanged();
  }

  configuration(): Uint8Array {
    const bytes = new Uint8Array(8);
    bytes.set(this.#ports.mac.subarray(0, 6));
    bytes[6] = this.#state.linkUp ? LINK_UP : 0;
    return bytes;
  }

  /** A legacy driver may give the card another address, byte by byte. Nothing here filters by it. */
  configure(): void {
    // Frames are not filtered by address: the switch is what learns it.
  }

  reset(): void {
    // The cable stays as it is.
  }

  snapshot(): DeviceState {
    return { ...this.#state };
  }

  restore(state: DeviceState): void {
    this.#state = adoptState(this.title, FIELDS, state);
  }

  get #headerBytes(): number {
    return this.#link.has(Feature.version1) || this.#link.has(MERGEABLE) ? HEADER_BYTES : SHORT_HEADER_BYTES;
  }

  #transmit(chain: Chain): Served {
    const header = this.#headerBytes;
    const length = chain.readableBytes - header;
    const served = (status: string): Served => ({ written: 0, operation: 'transmit', argument: length, status });
    if (length < ETHERNET_HEADER_BYTES) return served('too short');
    if (length > LONGEST_FRAME) return served('too long');
    if (!this.#state.linkUp) return served('no cable');
    const frame = chain.take(header, length);
    if (frame !== undefined) this.#ports.cable.send(frame);
    return served('OK');
  }

  #receive(frame: Uint8Array): boolean {
    const header = this.#headerBytes;
    const bytes = new Uint8Array(header + frame.length);
    bytes.set(frame, header);
    const chains = this.#state.linkUp && frame.length <= LONGEST_FRAME ? this.#room(bytes.length) : [];
    const fits = chains.length > 0 && chains.reduce((room, chain) => room + chain.writableBytes, 0) >= bytes.length;
    if (!fits) this.#state.dropped++;
    if (fits && header === HEADER_BYTES) new DataView(bytes.buffer).setUint16(NUM_BUFFERS, chains.length, true);
    let done = 0;
    for (const chain of chains) {
      const written = fits ? chain.write(0, bytes.subarray(done, done + chain.writableBytes)) : 0;
      done += written;
      const status = fits ? 'OK' : 'buffer too small';
      this.#link.give(RECEIVE, chain, { written, operation: 'receive', argument: frame.length, status });
    }
    return fits;
  }

  /** Buffers for so many bytes: the next one, or with mergeable buffers as many as it takes; none where there are not enough. */
  #room(bytes: number): readonly Chain[] {
    const chains: Chain[] = [];
    for (let room = 0; room < bytes;) {
      const chain = this.#link.take(RECEIVE);
      if (chain === undefined) {
        this.#link.putBack(RECEIVE, chains.length);
        return [];
      }
      chains.push(chain);
      room += chain.writableBytes;
      if (!this.#link.has(MERGEABLE)) break;
    }
    return chains;
  }
}
