// IPv4 packets (RFC 791, 3.1) that fit one frame: a fragment is recognized and refused, since nobody here may be made to hold parts.
//
//   0       4       8               16     19                      31
//   |version| IHL   | type of service|        total length          |
//   |        identification          |flags |   fragment offset      |
//   | time to live  |   protocol     |        header checksum        |
//   |                        source address                          |
//   |                     destination address                        |

import type { Ipv4Address } from './address.ts';
import { internetChecksum } from './checksum.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { OctetWriter, read16, readIpv4, write16 } from './octets.ts';

const IPV4_HEADER_BYTES = 20;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET = 0x1fff;
/** The default time to live (RFC 1122, 3.2.1.7; the assigned number is 64). */
const DEFAULT_TIME_TO_LIVE = 64;

/** IANA protocol numbers. */
export const IP_PROTOCOL = { ICMP: 1, TCP: 6, UDP: 17 } as const;

export interface Ipv4Packet {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly protocol: number;
  readonly timeToLive: number;
  readonly payload: Uint8Array;
}

/** @param packet may be longer than its total length says: Ethernet pads */
export function decodeIpv4(packet: Uint8Array): Decoded<Ipv4Packet> {
  if (packet.length < IPV4_HEADER_BYTES) {
    return malformed(`IPv4: expected a header of at least ${IPV4_HEADER_BYTES} octets, found ${packet.length}`);
  }
  const [versionAndLength = 0] = packet;
  if (versionAndLength >> 4 !== 4) return malformed(`IPv4: expected version 4, found ${versionAndLength >> 4}`);
  const headerLength = (versionAndLength & 0xf) * 4;
  const totalLength = read16(packet, 2);
  if (headerLength < IPV4_HEADER_BYTES || headerLength > totalLength || totalLength > packet.length) {
    return malformed(
      `IPv4: expected a header of 20 octets or more within the total length within the frame, found ${headerLength}, ${totalLength} and ${packet.length}`,
    );
  }
  if (internetChecksum(packet.subarray(0, headerLength)) !== 0) {
    const found = read16(packet, 10);
    const header = packet.slice(0, headerLength);
    write16(header, 10, 0);
    return malformed(`IPv4: expected header checksum ${hex(internetChecksum(header))}, found ${hex(found)}`);
  }
  const fragment = read16(packet, 6);
  if ((fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET)) !== 0) {
    return malformed(
      `IPv4: expected a whole packet, found a fragment at octet ${(fragment & FRAGMENT_OFFSET) * 8}; send packets of at most 1500 octets`,
    );
  }
  return decoded({
    source: readIpv4(packet, 12),
    destination: readIpv4(packet, 16),
    protocol: packet[9] ?? 0,
    timeToLive: packet[8] ?? 0,
    payload: packet.subarray(headerLength, totalLength),
  });
}

/** A packet that must not be fragmented; its identification is 0, as RFC 6864 (4.1) allows for such. */
export function encodeIpv4(packet: Omit<Ipv4Packet, 'timeToLive'> & { readonly timeToLive?: number }): Uint8Array {
  const octets = new OctetWriter()
    .u8(0x45, 0)
    .u16(IPV4_HEADER_BYTES + packet.payload.length, 0, DONT_FRAGMENT)
    .u8(packet.timeToLive ?? DEFAULT_TIME_TO_LIVE, packet.protocol)
    .u16(0)
    .ipv4(packet.source, packet.destination)
    .bytes(packet.payload)
    .done();
  write16(octets, 10, internetChecksum(octets.subarray(0, IPV4_HEADER_BYTES)));
  return octets;
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}
