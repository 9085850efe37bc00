// ICMP (RFC 792): echo and its reply, and what tells a sender that a packet went nowhere.
//
//   | type | code | checksum | rest of header, 4 octets | data |

import { internetChecksum } from './checksum.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { OctetWriter, read32, write16 } from './octets.ts';

const ICMP_HEADER_BYTES = 8;
/** An error quotes the IP header and the first 64 bits behind it (RFC 792, Destination Unreachable). */
const QUOTED_BYTES_BEHIND_HEADER = 8;

export const ICMP_TYPE = { ECHO_REPLY: 0, DESTINATION_UNREACHABLE: 3, ECHO_REQUEST: 8, TIME_EXCEEDED: 11 } as const;
/** Codes of DESTINATION_UNREACHABLE. */
export const UNREACHABLE_CODE = { NETWORK: 0, PROTOCOL: 2, PORT: 3 } as const;

export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  /** Octets 4 to 7: identifier and sequence number of an echo, zero in an error. */
  readonly rest: number;
  readonly data: Uint8Array;
}

export function decodeIcmp(message: Uint8Array): Decoded<IcmpMessage> {
  if (message.length < ICMP_HEADER_BYTES) {
    return malformed(`ICMP: expected at least ${ICMP_HEADER_BYTES} octets, found ${message.length}`);
  }
  if (internetChecksum(message) !== 0) return malformed('ICMP: expected a checksum that fits, found one that does not');
  return decoded({
    type: message[0] ?? 0,
    code: message[1] ?? 0,
    rest: read32(message, 4),
    data: message.subarray(ICMP_HEADER_BYTES),
  });
}

export function encodeIcmp(message: IcmpMessage): Uint8Array {
  const octets = new OctetWriter().u8(message.type, message.code).u16(0).u32(message.rest).bytes(message.data).done();
  write16(octets, 2, internetChecksum(octets));
  return octets;
}

/** "Destination unreachable" about `packet`, a whole IPv4 packet. @param code one of UNREACHABLE_CODE */
export function encodeUnreachable(code: number, packet: Uint8Array): Uint8Array {
  const headerLength = ((packet[0] ?? 0) & 0xf) * 4;
  const data = packet.subarray(0, headerLength + QUOTED_BYTES_BEHIND_HEADER);
  return encodeIcmp({ type: ICMP_TYPE.DESTINATION_UNREACHABLE, code, rest: 0, data });
}
