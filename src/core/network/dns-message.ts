// DNS messages with one question (RFC 1035, 4): what a name server of one small zone has to read and write.
//
//   id | QR opcode AA TC RD RA Z rcode | counts: questions, answers, authorities, additionals | question | answers

import type { Ipv4Address } from './address.ts';
import { decoded, malformed } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { OctetWriter, read16, textOfOctets, octetsOfText } from './octets.ts';

export const DNS_PORT = 53;
const DNS_HEADER_BYTES = 12;
export const DNS_TYPE = { A: 1, PTR: 12, AAAA: 28, ANY: 255 } as const;
export const DNS_CLASS_INTERNET = 1;
/** RFC 1035, 4.1.1 */
export const DNS_CODE = { NO_ERROR: 0, FORMAT_ERROR: 1, NAME_ERROR: 3, NOT_IMPLEMENTED: 4, REFUSED: 5 } as const;

const FLAG = { RESPONSE: 0x8000, AUTHORITATIVE: 0x0400, RECURSION_DESIRED: 0x0100 } as const;
const OPCODE = 0x7800;
/** A name takes at most 255 octets on the wire, a label 63 (RFC 1035, 2.3.4). */
const NAME_BYTES = 255;
const LABEL_BYTES = 63;
/** A pointer to octet 12, where the one question's name stands (RFC 1035, 4.1.4). */
const POINTER_TO_QUESTION = 0xc00c;

export interface DnsHeader {
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly questions: number;
}

export interface DnsQuestion {
  /** Lower case, labels joined by dots, without the root's dot; the root itself is empty. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** As it came, for the answer: a resolver may check its capitals. */
  readonly octets: Uint8Array;
}

/** What an answer says: an address, or a name. */
export type DnsRecord =
  | { readonly type: typeof DNS_TYPE.A; readonly address: Ipv4Address }
  | { readonly type: typeof DNS_TYPE.PTR; readonly name: string };

export function decodeDnsHeader(message: Uint8Array): Decoded<DnsHeader> {
  if (message.length < DNS_HEADER_BYTES) {
    return malformed(`DNS: expected a header of ${DNS_HEADER_BYTES} octets, found ${message.length}`);
  }
  const flags = read16(message, 2);
  return decoded({
    id: read16(message, 0),
    response: (flags & FLAG.RESPONSE) !== 0,
    opcode: (flags & OPCODE) >> 11,
    recursionDesired: (flags & FLAG.RECURSION_DESIRED) !== 0,
    questions: read16(message, 4),
  });
}

/** The question behind the header. Nothing stands before its name that a pointer could point to, so a pointer is an error. */
export function decodeDnsQuestion(message: Uint8Array): Decoded<DnsQuestion> {
  const labels: string[] = [];
  let offset = DNS_HEADER_BYTES;
  for (;;) {
    const length = message[offset];
    if (length === undefined) return malformed('DNS: expected a name that ends, found the end of the message');
    offset += 1;
    if (length === 0) break;
    if (length > LABEL_BYTES) {
      return malformed(
        `DNS: expected a label of at most ${LABEL_BYTES} octets, found the octet 0x${length.toString(16)}`,
      );
    }
    const label = message.subarray(offset, offset + length);
    // A dot inside a label would read as two labels.
    if (label.length < length || label.includes(0x2e)) {
      return malformed('DNS: expected a label without dots within the message, found none');
    }
    labels.push(textOfOctets(label).toLowerCase());
    offset += length;
    if (offset - DNS_HEADER_BYTES >= NAME_BYTES) {
      return malformed(`DNS: expected a name of at most ${NAME_BYTES} octets, found a longer one`);
    }
  }
  if (offset + 4 > message.length) return malformed('DNS: expected a type and a class behind the name, found the end');
  return decoded({
    name: labels.join('.'),
    type: read16(message, offset),
    class: read16(message, offset + 2),
    octets: message.subarray(DNS_HEADER_BYTES, offset + 4),
  });
}

/** @param question absent where it could not be read (a format error) */
export function encodeDnsAnswer(
  header: DnsHeader,
  code: number,
  question?: DnsQuestion,
  records: readonly DnsRecord[] = [],
  timeToLiveSeconds = 0,
): Uint8Array {
  const flags =
    FLAG.RESPONSE |
    (question === undefined ? 0 : FLAG.AUTHORITATIVE) |
    (header.opcode << 11) |
    (header.recursionDesired ? FLAG.RECURSION_DESIRED : 0) |
    code;
  const writer = new OctetWriter().u16(header.id, flags, question === undefined ? 0 : 1, records.length, 0, 0);
  if (question === undefined) return writer.done();
  writer.bytes(question.octets);
  for (const record of records) {
    const data = record.type === DNS_TYPE.A ? new OctetWriter().ipv4(record.address).done() : encodeName(record.name);
    writer
      .u16(POINTER_TO_QUESTION, record.type, DNS_CLASS_INTERNET)
      .u32(timeToLiveSeconds)
      .u16(data.length)
      .bytes(data);
  }
  return writer.done();
}

function encodeName(name: string): Uint8Array {
  const writer = new OctetWriter();
  for (const label of name.split('.')) writer.u8(label.length).bytes(octetsOfText(label));
  return writer.u8(0).done();
}
