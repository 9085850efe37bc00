// UDP (RFC 768).   | source port | destination port | length | checksum | data |

import type { Ipv4Address } from './address.ts';
import { internetChecksum, pseudoHeader } from './checksum.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import { OctetWriter, read16, write16 } from './octets.ts';

const UDP_HEADER_BYTES = 8;

export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly data: Uint8Array;
}

/** @param source with `destination`, the addresses of the IPv4 packet: they are part of the checksum */
export function decodeUdp(octets: Uint8Array, source: Ipv4Address, destination: Ipv4Address): Decoded<UdpDatagram> {
  const length = read16(octets, 4);
  if (octets.length < UDP_HEADER_BYTES || length < UDP_HEADER_BYTES || length > octets.length) {
    return malformed(
      `UDP: expected a length from ${UDP_HEADER_BYTES} to the packet's, found ${length} in ${octets.length}`,
    );
  }
  const datagram = octets.subarray(0, length);
  // A checksum of zero says that the sender made none (RFC 768, Fields).
  const checked = read16(octets, 6) !== 0;
  if (checked && internetChecksum(pseudoHeader(source, destination, IP_PROTOCOL.UDP, length), datagram) !== 0) {
    return malformed('UDP: expected a checksum that fits, found one that does not');
  }
  return decoded({
    sourcePort: read16(octets, 0),
    destinationPort: read16(octets, 2),
    data: datagram.subarray(UDP_HEADER_BYTES),
  });
}

export function encodeUdp(datagram: UdpDatagram, source: Ipv4Address, destination: Ipv4Address): Uint8Array {
  const length = UDP_HEADER_BYTES + datagram.data.length;
  const octets = new OctetWriter()
    .u16(datagram.sourcePort, datagram.destinationPort, length, 0)
    .bytes(datagram.data)
    .done();
  const checksum = internetChecksum(pseudoHeader(source, destination, IP_PROTOCOL.UDP, length), octets);
  // A computed zero is sent as all ones (RFC 768, Fields).
  write16(octets, 6, checksum === 0 ? 0xffff : checksum);
  return octets;
}
