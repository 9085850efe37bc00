// One line about a frame, as a person reading a capture wants it. For the page and for traces; nothing decides by it.

import { formatIpv4, formatMac } from './address.ts';
import { ARP_OPERATION, decodeArp } from './arp.ts';
import { decoded } from './decoded.ts';
import type { Decoded } from './decoded.ts';
import { decodeDhcp, DHCP_OPTION, DHCP_PORT, DHCP_TYPE } from './dhcp-message.ts';
import { decodeDnsHeader, decodeDnsQuestion, DNS_CODE, DNS_PORT, DNS_TYPE } from './dns-message.ts';
import { decodeEthernet, ETHERTYPE } from './ethernet.ts';
import type { EthernetFrame } from './ethernet.ts';
import { decodeIcmp, ICMP_TYPE } from './icmp.ts';
import { decodeIpv4, IP_PROTOCOL } from './ipv4.ts';
import type { Ipv4Packet } from './ipv4.ts';
import { decodeTcp, TCP_FLAG } from './tcp-segment.ts';
import { decodeUdp } from './udp.ts';

export interface FrameDescription {
  /** The innermost protocol that was recognized: `Ethernet`, `ARP`, `IPv4`, `ICMP`, `UDP`, `TCP`, `DHCP`, `DNS`, `HTTP`. */
  readonly protocol: string;
  /** `10.0.2.15`, or a link address where there is no other. */
  readonly source: string;
  readonly destination: string;
  readonly summary: string;
  /** Why it could not be read further, where it could not. */
  readonly malformed?: string;
}

const HTTP_PORT = 80;

type Description = Pick<FrameDescription, 'protocol' | 'summary'>;

/** Never fails: what cannot be read is said to be so. */
export function describeFrame(octets: Uint8Array): FrameDescription {
  const frame = decodeEthernet(octets);
  if (!frame.ok)
    return { protocol: 'Ethernet', source: '', destination: '', summary: 'a runt', malformed: frame.reason };
  const { source, destination, etherType, payload } = frame.value;
  if (etherType === ETHERTYPE.IPV4) {
    const packet = decodeIpv4(payload);
    if (!packet.ok) return outer(frame.value, 'IPv4', packet.reason);
    const inner = describePacket(packet.value);
    const ends = { source: formatIpv4(packet.value.source), destination: formatIpv4(packet.value.destination) };
    if (inner.ok) return { ...inner.value, ...ends };
    return { protocol: 'IPv4', ...ends, summary: `protocol ${packet.value.protocol}`, malformed: inner.reason };
  }
  const ends = { source: formatMac(source), destination: formatMac(destination) };
  if (etherType === ETHERTYPE.ARP) {
    const arp = decodeArp(payload);
    if (!arp.ok) return outer(frame.value, 'ARP', arp.reason);
    const [sender, target] = [formatIpv4(arp.value.senderIpv4), formatIpv4(arp.value.targetIpv4)];
    const reply = arp.value.operation === ARP_OPERATION.REPLY;
    const summary = reply ? `${sender} is at ${formatMac(arp.value.senderMac)}` : `who has ${target}? tell ${sender}`;
    return { protocol: 'ARP', ...ends, summary };
  }
  return { protocol: 'Ethernet', ...ends, summary: `type 0x${etherType.toString(16).padStart(4, '0')}` };
}

function outer(frame: EthernetFrame, protocol: string, reason: string): FrameDescription {
  const ends = { source: formatMac(frame.source), destination: formatMac(frame.destination) };
  return { protocol, ...ends, summary: 'malformed', malformed: reason };
}

function describePacket(packet: Ipv4Packet): Decoded<Description> {
  switch (packet.protocol) {
    case IP_PROTOCOL.ICMP:
      return describeIcmp(packet);
    case IP_PROTOCOL.UDP:
      return describeUdp(packet);
    case IP_PROTOCOL.TCP:
      return describeTcp(packet);
    default:
      return decoded({ protocol: 'IPv4', summary: `protocol ${packet.protocol}` });
  }
}

function describeIcmp(packet: Ipv4Packet): Decoded<Description> {
  const message = decodeIcmp(packet.payload);
  if (!message.ok) return message;
  const { type, code, rest } = message.value;
  const echo = `id ${rest >>> 16} sequence ${rest & 0xffff}`;
  const known = new Map<number, string>([
    [ICMP_TYPE.ECHO_REQUEST, `echo request, ${echo}`],
    [ICMP_TYPE.ECHO_REPLY, `echo reply, ${echo}`],
    [ICMP_TYPE.DESTINATION_UNREACHABLE, `destination unreachable, code ${code}`],
    [ICMP_TYPE.TIME_EXCEEDED, 'time exceeded'],
  ]);
  return decoded({ protocol: 'ICMP', summary: known.get(type) ?? `type ${type}, code ${code}` });
}

function describeUdp(packet: Ipv4Packet): Decoded<Description> {
  const datagram = decodeUdp(packet.payload, packet.source, packet.destination);
  if (!datagram.ok) return datagram;
  const { sourcePort, destinationPort, data } = datagram.value;
  if (destinationPort === DHCP_PORT.SERVER || destinationPort === DHCP_PORT.CLIENT) return describeDhcp(data);
  if (destinationPort === DNS_PORT || sourcePort === DNS_PORT) return describeDns(data);
  return decoded({ protocol: 'UDP', summary: `port ${sourcePort} to ${destinationPort}, ${data.length} octets` });
}

function describeDhcp(data: Uint8Array): Decoded<Description> {
  const message = decodeDhcp(data);
  if (!message.ok) return message;
  const { options, yourAddress } = message.value;
  const [type] = options.get(DHCP_OPTION.MESSAGE_TYPE) ?? [];
  const name = nameOf(DHCP_TYPE, type) ?? `type ${type ?? 'none'}`;
  return decoded({ protocol: 'DHCP', summary: yourAddress === 0 ? name : `${name} ${formatIpv4(yourAddress)}` });
}

function describeDns(data: Uint8Array): Decoded<Description> {
  const header = decodeDnsHeader(data);
  if (!header.ok) return header;
  const code = (data[3] ?? 0) & 0xf;
  const outcome = header.value.response ? `answer${code === 0 ? '' : ` (${nameOf(DNS_CODE, code) ?? code})`}` : 'query';
  const question = decodeDnsQuestion(data);
  if (!question.ok) return decoded({ protocol: 'DNS', summary: outcome });
  const { name, type } = question.value;
  return decoded({ protocol: 'DNS', summary: `${outcome} ${nameOf(DNS_TYPE, type) ?? `type ${type}`} ${name}` });
}

function describeTcp(packet: Ipv4Packet): Decoded<Description> {
  const segment = decodeTcp(packet.payload, packet.source, packet.destination);
  if (!segment.ok) return segment;
  const { sourcePort, destinationPort, flags, sequence, acknowledgment, window, data } = segment.value;
  const names = Object.entries(TCP_FLAG).flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name]));
  const acknowledges = (flags & TCP_FLAG.ACK) === 0 ? '' : ` ack ${acknowledgment}`;
  const summary = `port ${sourcePort} to ${destinationPort} [${names.join(' ')}] seq ${sequence}${acknowledges} window ${window}, ${data.length} octets`;
  const http = sourcePort === HTTP_PORT || destinationPort === HTTP_PORT ? firstLine(data) : undefined;
  return decoded(http === undefined ? { protocol: 'TCP', summary } : { protocol: 'HTTP', summary: http });
}

/** The first line of a request or an answer, if the segment begins with one. */
function firstLine(data: Uint8Array): string | undefined {
  const end = data.indexOf(0x0d);
  if (end < 0 || end > 200) return undefined;
  const line = String.fromCharCode(...data.subarray(0, end));
  return /^(HTTP\/1\.\d \d{3}|[A-Z]+ \S+ HTTP\/1\.\d)/.test(line) ? line.replace(/[^ -~]/g, '?') : undefined;
}

function nameOf(names: Readonly<Record<string, number>>, value: number | undefined): string | undefined {
  return Object.entries(names).find(([, each]) => each === value)?.[0];
}
