// A name server for one small zone (RFC 1035, 4.1; RFC 1034, 4.3.2): names to addresses and back. Everything outside it does not exist.

import type { Ipv4Address } from './address.ts';
import { formatIpv4 } from './address.ts';
import {
  decodeDnsHeader,
  decodeDnsQuestion,
  DNS_CLASS_INTERNET,
  DNS_CODE,
  DNS_TYPE,
  encodeDnsAnswer,
} from './dns-message.ts';
import type { DnsRecord } from './dns-message.ts';

const REVERSE_SUFFIX = '.in-addr.arpa';
const CLASS_ANY = 255;
/** Leases change, so resolvers are not to remember for long. */
const TIME_TO_LIVE_SECONDS = 60;

export interface ZoneEntry {
  /** Lower case, with the domain: `www.ringside`. */
  readonly name: string;
  readonly address: Ipv4Address;
}

export interface DnsOutcome {
  /** Absent where answering would be wrong: to an answer, or to less than a header. */
  readonly reply: Uint8Array | undefined;
  /** What was asked and how it ended, for people. */
  readonly note: string;
}

/** @param zone of several entries with one address, the first names it */
export function answerDnsQuery(message: Uint8Array, zone: readonly ZoneEntry[]): DnsOutcome {
  const header = decodeDnsHeader(message);
  if (!header.ok) return { reply: undefined, note: header.reason };
  // Answering answers could go on for ever.
  if (header.value.response) return { reply: undefined, note: 'DNS: expected a query, found a response' };
  if (header.value.opcode !== 0) {
    const note = `DNS: expected a standard query, found opcode ${header.value.opcode}`;
    return { reply: encodeDnsAnswer(header.value, DNS_CODE.NOT_IMPLEMENTED), note };
  }
  if (header.value.questions !== 1) {
    const note = `DNS: expected one question, found ${header.value.questions}`;
    return { reply: encodeDnsAnswer(header.value, DNS_CODE.FORMAT_ERROR), note };
  }
  const question = decodeDnsQuestion(message);
  if (!question.ok) {
    return { reply: encodeDnsAnswer(header.value, DNS_CODE.FORMAT_ERROR), note: question.reason };
  }
  const { name, type } = question.value;
  const wellFormed = question.value.class === DNS_CLASS_INTERNET || question.value.class === CLASS_ANY;
  const all = wellFormed ? recordsOf(name, zone) : [];
  const records = all.filter((record) => type === record.type || type === DNS_TYPE.ANY);
  // A name that exists, but not with this type, is no error: IPv6 is asked for all the time (RFC 2308, 2.2).
  const code = all.length > 0 ? DNS_CODE.NO_ERROR : DNS_CODE.NAME_ERROR;
  const found = records.map((record) => (record.type === DNS_TYPE.A ? formatIpv4(record.address) : record.name));
  return {
    reply: encodeDnsAnswer(header.value, code, question.value, records, TIME_TO_LIVE_SECONDS),
    note: `${name} type ${type}: ${all.length === 0 ? 'no such name' : found.join(', ') || 'no such record'}`,
  };
}

function recordsOf(name: string, zone: readonly ZoneEntry[]): readonly DnsRecord[] {
  if (!name.endsWith(REVERSE_SUFFIX)) {
    return zone.filter((entry) => entry.name === name).map(({ address }) => ({ type: DNS_TYPE.A, address }));
  }
  const reversed = name.slice(0, -REVERSE_SUFFIX.length).split('.').reverse().join('.');
  const entry = zone.find(({ address }) => formatIpv4(address) === reversed);
  return entry === undefined ? [] : [{ type: DNS_TYPE.PTR, name: entry.name }];
}
