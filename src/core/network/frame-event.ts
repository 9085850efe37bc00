// What can be seen of a frame on its way: one event for each step, told to one observer. A frame has one id on the whole segment.

import type { MacAddress } from './address.ts';

/** Why a frame, or a copy of it, went no further. */
export type DropReason =
  /** Shorter than an Ethernet header. */
  | 'runt'
  /** Longer than 1518 octets. */
  | 'too-long'
  /** From a multicast address, which no station has (IEEE 802.3, 3.2.3). */
  | 'group-source'
  /** To 01:80:c2:00:00:00 … 0f, which a bridge never passes on (IEEE 802.1Q, 8.6.3). */
  | 'reserved-destination'
  /** The destination is behind the port the frame came from. */
  | 'same-port'
  /** The cable is unplugged. */
  | 'link-down'
  /** No room in the queue before the transmitter. */
  | 'queue-full'
  /** As many frames on the wire as the lab keeps. */
  | 'wire-full'
  /** The wire lost it. */
  | 'lost'
  /** The port was taken away while the frame was under way. */
  | 'port-gone';

/** Which half of a port's cable. */
export type LinkHalf = 'to-switch' | 'to-station';

/** One step of a frame; `frame` is its id, `time` in ticks, ports by their numbers. `octets` are shared: read, do not write. */
export type FrameEvent =
  /** A station handed the frame to its cable. */
  | {
      readonly kind: 'sent';
      readonly frame: number;
      readonly time: number;
      readonly port: number;
      readonly octets: Uint8Array;
    }
  /** The frame reached the switch. */
  | { readonly kind: 'entered'; readonly frame: number; readonly time: number; readonly port: number }
  | {
      readonly kind: 'learned';
      readonly frame: number;
      readonly time: number;
      readonly port: number;
      readonly address: MacAddress;
      readonly how: 'new' | 'moved' | 'table-full';
    }
  | {
      readonly kind: 'forwarded';
      readonly frame: number;
      readonly time: number;
      readonly port: number;
      /** The ports it goes out of: one, or all others when it is flooded. */
      readonly to: readonly number[];
      readonly why: 'learned' | 'unknown-unicast' | 'multicast' | 'broadcast';
    }
  | {
      readonly kind: 'dropped';
      readonly frame: number;
      readonly time: number;
      readonly port: number;
      readonly half: LinkHalf;
      readonly reason: DropReason;
    }
  /** The station at `port` has it. */
  | {
      readonly kind: 'delivered';
      readonly frame: number;
      readonly time: number;
      readonly port: number;
      readonly octets: Uint8Array;
    };

export type FrameObserver = (event: FrameEvent) => void;
