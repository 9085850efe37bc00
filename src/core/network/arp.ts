// ARP for IPv4 over Ethernet (RFC 826): who has this address?
//
//   hardware 1 | protocol 0x800 | 6 | 4 | operation | sender MAC | sender IPv4 | target MAC | target IPv4    28 octets

import type { Ipv4Address, MacAddress } from './address.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { ETHERTYPE } from './ethernet.ts';
import { OctetWriter, read16, readIpv4, readMac } from './octets.ts';

const ARP_BYTES = 28;
const HARDWARE_ETHERNET = 1;

export const ARP_OPERATION = { REQUEST: 1, REPLY: 2 } as const;

export interface ArpPacket {
  /** One of ARP_OPERATION, or another number that nobody here answers. */
  readonly operation: number;
  readonly senderMac: MacAddress;
  readonly senderIpv4: Ipv4Address;
  readonly targetMac: MacAddress;
  readonly targetIpv4: Ipv4Address;
}

export function decodeArp(packet: Uint8Array): Decoded<ArpPacket> {
  if (packet.length < ARP_BYTES) return malformed(`ARP: expected ${ARP_BYTES} octets, found ${packet.length}`);
  const [hardware, protocol] = [read16(packet, 0), read16(packet, 2)];
  if (hardware !== HARDWARE_ETHERNET || protocol !== ETHERTYPE.IPV4 || packet[4] !== 6 || packet[5] !== 4) {
    return malformed(
      `ARP: expected hardware 1, protocol 0x800, lengths 6 and 4, found ${hardware}, 0x${protocol.toString(16)}, ${packet[4] ?? 0} and ${packet[5] ?? 0}`,
    );
  }
  return decoded({
    operation: read16(packet, 6),
    senderMac: readMac(packet, 8),
    senderIpv4: readIpv4(packet, 14),
    targetMac: readMac(packet, 18),
    targetIpv4: readIpv4(packet, 24),
  });
}

export function encodeArp(packet: ArpPacket): Uint8Array {
  return new OctetWriter()
    .u16(HARDWARE_ETHERNET, ETHERTYPE.IPV4)
    .u8(6, 4)
    .u16(packet.operation)
    .mac(packet.senderMac)
    .ipv4(packet.senderIpv4)
    .mac(packet.targetMac)
    .ipv4(packet.targetIpv4)
    .done();
}
