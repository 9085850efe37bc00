// TCP segments (RFC 9293, 3.1), with the one option that is used here: the maximum segment size.
//
//   0               16              31
//   | source port    | destination port |
//   |         sequence number           |
//   |      acknowledgment number        |
//   |offset| 0 |flags|     window       |
//   |    checksum    |  urgent pointer   |

import type { Ipv4Address } from './address.ts';
import { internetChecksum, pseudoHeader } from './checksum.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import { OctetWriter, read16, read32, write16 } from './octets.ts';

const TCP_HEADER_BYTES = 20;

export const TCP_FLAG = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20 } as const;

/** Sequence numbers go round at this count. */
export const SEQUENCE_LIMIT = 2 ** 32;

/** RFC 9293, 3.2: kinds of options. */
const OPTION = { END: 0, NO_OPERATION: 1, MAXIMUM_SEGMENT_SIZE: 2 } as const;

export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** 32 bits, unsigned, as is `acknowledgment`. */
  readonly sequence: number;
  readonly acknowledgment: number;
  /** Bits of TCP_FLAG. */
  readonly flags: number;
  /** Octets, unscaled. */
  readonly window: number;
  readonly maximumSegmentSize?: number;
  readonly data: Uint8Array;
}

/** The sequence space a segment takes: its data, and one each for SYN and FIN (RFC 9293, 3.4). */
export function sequenceLength(segment: TcpSegment): number {
  return (
    segment.data.length +
    ((segment.flags & TCP_FLAG.SYN) === 0 ? 0 : 1) +
    ((segment.flags & TCP_FLAG.FIN) === 0 ? 0 : 1)
  );
}

/** How far `a` lies behind `b` in the circle of 2^32 sequence numbers; negative when it lies before (RFC 9293, 3.4). */
export function sequenceDistance(a: number, b: number): number {
  return (a - b) | 0;
}

export function sequenceAdd(sequence: number, count: number): number {
  return (sequence + count) >>> 0;
}

/** @param source with `destination`, the addresses of the IPv4 packet: they are part of the checksum */
export function decodeTcp(octets: Uint8Array, source: Ipv4Address, destination: Ipv4Address): Decoded<TcpSegment> {
  const headerLength = ((octets[12] ?? 0) >> 4) * 4;
  if (octets.length < TCP_HEADER_BYTES || headerLength < TCP_HEADER_BYTES || headerLength > octets.length) {
    return malformed(`TCP: expected a header of 20 octets or more within ${octets.length}, found ${headerLength}`);
  }
  if (internetChecksum(pseudoHeader(source, destination, IP_PROTOCOL.TCP, octets.length), octets) !== 0) {
    return malformed('TCP: expected a checksum that fits, found one that does not');
  }
  const options = decodeOptions(octets.subarray(TCP_HEADER_BYTES, headerLength));
  if (!options.ok) return options;
  return decoded({
    sourcePort: read16(octets, 0),
    destinationPort: read16(octets, 2),
    sequence: read32(octets, 4),
    acknowledgment: read32(octets, 8),
    flags: (octets[13] ?? 0) & 0x3f,
    window: read16(octets, 14),
    data: octets.subarray(headerLength),
    ...options.value,
  });
}

export function encodeTcp(segment: TcpSegment, source: Ipv4Address, destination: Ipv4Address): Uint8Array {
  const option = segment.maximumSegmentSize;
  const headerLength = TCP_HEADER_BYTES + (option === undefined ? 0 : 4);
  const writer = new OctetWriter()
    .u16(segment.sourcePort, segment.destinationPort)
    .u32(segment.sequence, segment.acknowledgment)
    .u8((headerLength / 4) << 4, segment.flags)
    .u16(segment.window, 0, 0);
  if (option !== undefined) writer.u8(OPTION.MAXIMUM_SEGMENT_SIZE, 4).u16(option);
  const octets = writer.bytes(segment.data).done();
  write16(octets, 16, internetChecksum(pseudoHeader(source, destination, IP_PROTOCOL.TCP, octets.length), octets));
  return octets;
}

/** Unknown options are skipped by their length (RFC 9293, 3.2, MUST-6). */
function decodeOptions(options: Uint8Array): Decoded<{ maximumSegmentSize?: number }> {
  let offset = 0;
  const found: { maximumSegmentSize?: number } = {};
  while (offset < options.length) {
    const kind = options[offset];
    if (kind === OPTION.END) break;
    if (kind === OPTION.NO_OPERATION) {
      offset += 1;
      continue;
    }
    const length = options[offset + 1] ?? 0;
    if (length < 2 || offset + length > options.length) {
      return malformed(
        `TCP: expected option ${kind ?? 0} to have a length from 2 to ${options.length - offset}, found ${length}`,
      );
    }
    if (kind === OPTION.MAXIMUM_SEGMENT_SIZE) {
      if (length !== 4) return malformed(`TCP: expected a maximum segment size option of 4 octets, found ${length}`);
      found.maximumSegmentSize = read16(options, offset + 2);
    }
    offset += length;
  }
  return decoded(found);
}
