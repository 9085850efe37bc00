// Ethernet II frames, as a driver hands them over: without preamble and frame check sequence (IEEE 802.3, 3.1.1; RFC 894).
//
//   0            6            12          14
//   | destination | source     | EtherType | payload, 46 to 1500 octets (short ones may come unpadded) |

import type { MacAddress } from './address.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { OctetWriter, read16, readMac } from './octets.ts';

export const ETHERNET_HEADER_BYTES = 14;
/** The largest payload (RFC 894): the MTU of every link here. */
const ETHERNET_MTU = 1500;
const MAXIMUM_FRAME_BYTES = ETHERNET_HEADER_BYTES + ETHERNET_MTU;
/** With a VLAN tag (IEEE 802.1Q, 9.6), which passes like any other content. */
export const LONGEST_FRAME_BYTES = MAXIMUM_FRAME_BYTES + 4;
/** Without frame check sequence; what a sending controller pads to. */
export const MINIMUM_FRAME_BYTES = 60;

/** IEEE registration authority. */
export const ETHERTYPE = { IPV4: 0x0800, ARP: 0x0806, VLAN: 0x8100, IPV6: 0x86dd } as const;

export interface EthernetFrame {
  readonly destination: MacAddress;
  readonly source: MacAddress;
  /** Below 0x600 it is an 802.3 length instead. */
  readonly etherType: number;
  /** May end in padding: the protocol inside knows its own length. */
  readonly payload: Uint8Array;
}

export function decodeEthernet(frame: Uint8Array): Decoded<EthernetFrame> {
  if (frame.length < ETHERNET_HEADER_BYTES) {
    return malformed(`Ethernet: expected a header of ${ETHERNET_HEADER_BYTES} octets, found ${frame.length}`);
  }
  return decoded({
    destination: readMac(frame, 0),
    source: readMac(frame, 6),
    etherType: read16(frame, 12),
    payload: frame.subarray(ETHERNET_HEADER_BYTES),
  });
}

/** The frame, padded with zeros to the 60 octets that a sending controller puts on the wire. */
export function encodeEthernet(frame: EthernetFrame): Uint8Array {
  const writer = new OctetWriter().mac(frame.destination).mac(frame.source).u16(frame.etherType).bytes(frame.payload);
  return writer.zeros(MINIMUM_FRAME_BYTES - writer.length).done();
}
