// The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit words. IPv4 headers, ICMP, UDP and TCP carry it.

import type { Ipv4Address } from './address.ts';
import { OctetWriter } from './octets.ts';

/**
 * The checksum over `parts` one after another; all but the last must have an even length. Over a message that carries its own
 * right checksum the result is 0 (RFC 1071, section 1 (3)).
 */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let index = 0; index < part.length; index += 2) {
      sum += ((part[index] ?? 0) << 8) | (part[index + 1] ?? 0);
    }
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** What UDP and TCP add to their checksum from the IPv4 header, against misdelivery (RFC 9293, 3.1; RFC 768). */
export function pseudoHeader(
  source: Ipv4Address,
  destination: Ipv4Address,
  protocol: number,
  length: number,
): Uint8Array {
  return new OctetWriter().ipv4(source, destination).u8(0, protocol).u16(length).done();
}
