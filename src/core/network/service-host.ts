// The host that every segment of the lab has: gateway, DHCP, DNS and web server in one station, so that guests find a network to
// talk to. The lab ends here: packets for elsewhere are answered "network unreachable".
//
//   frame → ARP ─────────────────────────→ reply          Answers go back to the link address their question came from,
//         → IPv4 → ICMP echo ─────────────→ reply          so this host needs to ask nobody.
//                → UDP 67 DHCP, 53 DNS ───→ reply
//                → TCP 80 → HTTP

import { BROADCAST_IPV4, BROADCAST_MAC, formatIpv4, isGroupMac, isMulticastIpv4, parseIpv4 } from './address.ts';
import type { Ipv4Address, MacAddress } from './address.ts';
import { ARP_OPERATION, decodeArp, encodeArp } from './arp.ts';
import { decodeDhcp, DHCP_OPTION, DHCP_PORT, DHCP_TYPE, encodeDhcp } from './dhcp-message.ts';
import type { DhcpMessage } from './dhcp-message.ts';
import { DhcpServer } from './dhcp-server.ts';
import type { Lease } from './dhcp-server.ts';
import { DNS_PORT } from './dns-message.ts';
import { answerDnsQuery } from './dns-server.ts';
import type { ZoneEntry } from './dns-server.ts';
import { decodeEthernet, encodeEthernet, ETHERTYPE } from './ethernet.ts';
import type { EthernetFrame } from './ethernet.ts';
import { httpService } from './http-service.ts';
import { decodeIcmp, encodeIcmp, encodeUnreachable, ICMP_TYPE, UNREACHABLE_CODE } from './icmp.ts';
import { decodeIpv4, encodeIpv4, IP_PROTOCOL } from './ipv4.ts';
import type { Ipv4Packet } from './ipv4.ts';
import type { PlainState } from './plain-state.ts';
import { StateReader } from './plain-state.ts';
import { labPage } from './lab-page.ts';
import type { Station } from './station.ts';
import { TcpEndpoint } from './tcp-endpoint.ts';
import type { TcpConnectionInfo, TcpFlow } from './tcp-endpoint.ts';
import { decodeTcp, encodeTcp } from './tcp-segment.ts';
import { decodeUdp, encodeUdp } from './udp.ts';
import type { UdpDatagram } from './udp.ts';

const HTTP_PORT = 80;
const SNAPSHOT_VERSION = 1;

export interface ServiceHostSettings {
  /** The station's name on the switch. */
  readonly name: string;
  readonly mac: MacAddress;
  /** Gateway and web server. */
  readonly address: Ipv4Address;
  readonly nameServer: Ipv4Address;
  readonly subnetMask: Ipv4Address;
  /** Guests get `<host name>.<domain>`. */
  readonly domain: string;
  readonly firstLease: Ipv4Address;
  readonly leases: number;
  readonly leaseSeconds: number;
  readonly ticksPerSecond: number;
  readonly seed: number;
}

/** The addresses of QEMU's user network, where 10.0.2.15 is the first guest's. */
export const DEFAULT_SERVICE_HOST: ServiceHostSettings = {
  name: 'gateway',
  mac: 0x5255_0a00_0202,
  address: parseIpv4('10.0.2.2') ?? 0,
  nameServer: parseIpv4('10.0.2.3') ?? 0,
  subnetMask: parseIpv4('255.255.255.0') ?? 0,
  domain: 'ringside',
  firstLease: parseIpv4('10.0.2.15') ?? 0,
  leases: 64,
  leaseSeconds: 86_400,
  ticksPerSecond: 10_000_000,
  seed: 1,
};

/** What the host did with a frame, for people. */
export interface ServiceEvent {
  readonly time: number;
  /** The frame's id on the segment; absent where the host acted by itself or within a connection. */
  readonly frame?: number;
  readonly service: 'arp' | 'ip' | 'icmp' | 'dhcp' | 'dns' | 'tcp' | 'udp' | 'http' | 'ethernet';
  /** `ignored` for what got no answer because it was malformed or not for this host. */
  readonly kind: 'served' | 'ignored';
  readonly note: string;
}

export interface ServiceHostPorts {
  /** Hands a frame to the host's cable. */
  readonly transmit: (frame: Uint8Array) => void;
  readonly observe?: (event: ServiceEvent) => void;
}

export class ServiceHost implements Station {
  readonly name: string;
  readonly #ports: ServiceHostPorts;
  readonly #settings: ServiceHostSettings;
  readonly #dhcp: DhcpServer;
  readonly #tcp: TcpEndpoint;
  readonly #ownNames: readonly ZoneEntry[];
  /** The frame being handled. */
  #frame: number | undefined;
  #time = 0;

  constructor(ports: ServiceHostPorts, settings: Partial<ServiceHostSettings> = {}) {
    const all = { ...DEFAULT_SERVICE_HOST, ...settings };
    this.#ports = ports;
    this.#settings = all;
    this.name = all.name;
    this.#ownNames = [
      { name: `gateway.${all.domain}`, address: all.address },
      { name: `www.${all.domain}`, address: all.address },
      { name: `dns.${all.domain}`, address: all.nameServer },
    ];
    this.#dhcp = new DhcpServer({
      server: all.address,
      subnetMask: all.subnetMask,
      router: all.address,
      nameServer: all.nameServer,
      domain: all.domain,
      firstAddress: all.firstLease,
      addresses: all.leases,
      leaseSeconds: all.leaseSeconds,
      reservedNames: ['gateway', 'www', 'dns'],
      ticksPerSecond: all.ticksPerSecond,
    });
    const http = httpService({
      page: (time) => labPage(all.domain, this.#dhcp.leases(time)),
      observe: (note) => this.#tell('http', 'served', note),
    });
    this.#tcp = new TcpEndpoint({
      transmit: (segment, flow) => this.#sendTcp(segment, flow),
      services: new Map([[HTTP_PORT, http]]),
      ticksPerSecond: all.ticksPerSecond,
      seed: all.seed,
    });
  }

  deliver(octets: Uint8Array, time: number, id: number): void {
    this.#frame = id;
    this.#time = time;
    this.#takeFrame(octets);
    this.#frame = undefined;
  }

  deadline(): number {
    return this.#tcp.deadline();
  }

  elapse(time: number): void {
    this.#time = time;
    this.#tcp.elapse(time);
  }

  /** Addresses given out at `time`. Looking changes nothing. */
  leases(time: number): readonly Lease[] {
    return this.#dhcp.leases(time);
  }

  /** Looking changes nothing. */
  get connections(): readonly TcpConnectionInfo[] {
    return this.#tcp.connections;
  }

  snapshot(): PlainState {
    return {
      version: SNAPSHOT_VERSION,
      time: this.#time,
      leases: this.#dhcp.snapshot(),
      connections: this.#tcp.snapshot(),
    };
  }

  /** @throws Error naming the first field that does not fit; the host may then be partly restored and is not to be used */
  restore(snapshot: PlainState): void {
    const state = new StateReader('service host', snapshot);
    state.integer('version', SNAPSHOT_VERSION, SNAPSHOT_VERSION);
    this.#time = state.number('time', 0, Number.MAX_SAFE_INTEGER);
    this.#dhcp.restore(state, 'leases');
    this.#tcp.restore(state, 'connections');
  }

  #takeFrame(octets: Uint8Array): void {
    const frame = decodeEthernet(octets);
    if (!frame.ok) return this.#tell('ethernet', 'ignored', frame.reason);
    // A switch floods what it does not know: not everything that arrives is meant.
    if (frame.value.destination !== this.#settings.mac && !isGroupMac(frame.value.destination)) return;
    if (isGroupMac(frame.value.source)) return this.#tell('ethernet', 'ignored', 'a frame from a group address');
    if (frame.value.etherType === ETHERTYPE.ARP) return this.#takeArp(frame.value);
    if (frame.value.etherType === ETHERTYPE.IPV4) return this.#takeIpv4(frame.value);
  }

  #takeArp(frame: EthernetFrame): void {
    const arp = decodeArp(frame.payload);
    if (!arp.ok) return this.#tell('arp', 'ignored', arp.reason);
    const { operation, senderMac, senderIpv4, targetIpv4 } = arp.value;
    if (operation !== ARP_OPERATION.REQUEST || !this.#isOwn(targetIpv4)) return;
    const mac = this.#settings.mac;
    this.#sendFrame(
      frame.source,
      ETHERTYPE.ARP,
      encodeArp({
        operation: ARP_OPERATION.REPLY,
        senderMac: mac,
        senderIpv4: targetIpv4,
        targetMac: senderMac,
        targetIpv4: senderIpv4,
      }),
    );
    this.#tell('arp', 'served', `told ${formatIpv4(senderIpv4)} where ${formatIpv4(targetIpv4)} is`);
  }

  #takeIpv4(frame: EthernetFrame): void {
    const packet = decodeIpv4(frame.payload);
    if (!packet.ok) return this.#tell('ip', 'ignored', packet.reason);
    const { source, destination, protocol } = packet.value;
    const toAll = isGroupMac(frame.destination) || destination === BROADCAST_IPV4 || this.#isGroup(destination);
    if (source === BROADCAST_IPV4 || isMulticastIpv4(source) || this.#isOwn(source)) {
      return this.#tell(
        'ip',
        'ignored',
        `expected a packet from another host, found ${formatIpv4(source)} as its source`,
      );
    }
    if (protocol === IP_PROTOCOL.UDP && (toAll || this.#isOwn(destination))) {
      return this.#takeUdp(frame, packet.value, toAll);
    }
    // Broadcasts are answered by DHCP only (RFC 1122, 3.2.2 and 4.2.3.10).
    if (toAll || source === 0) return;
    if (!this.#isOwn(destination)) return this.#refuseRoute(frame, packet.value);
    if (protocol === IP_PROTOCOL.ICMP) return this.#takeIcmp(frame, packet.value);
    if (protocol === IP_PROTOCOL.TCP) return this.#takeTcp(frame, packet.value);
    this.#sendUnreachable(frame, packet.value, UNREACHABLE_CODE.PROTOCOL, `protocol ${protocol} is not spoken here`);
  }

  #takeIcmp(frame: EthernetFrame, packet: Ipv4Packet): void {
    const message = decodeIcmp(packet.payload);
    if (!message.ok) return this.#tell('icmp', 'ignored', message.reason);
    if (message.value.type !== ICMP_TYPE.ECHO_REQUEST) return;
    const reply = encodeIcmp({ ...message.value, type: ICMP_TYPE.ECHO_REPLY, code: 0 });
    this.#sendPacket(frame.source, packet.destination, packet.source, IP_PROTOCOL.ICMP, reply);
    this.#tell('icmp', 'served', `answered an echo from ${formatIpv4(packet.source)}`);
  }

  #takeUdp(frame: EthernetFrame, packet: Ipv4Packet, toAll: boolean): void {
    const datagram = decodeUdp(packet.payload, packet.source, packet.destination);
    if (!datagram.ok) return this.#tell('udp', 'ignored', datagram.reason);
    const { destinationPort, sourcePort, data } = datagram.value;
    if (destinationPort === DHCP_PORT.SERVER) return this.#takeDhcp(frame, data);
    if (toAll || packet.source === 0) return;
    if (destinationPort !== DNS_PORT) {
      const note = `nothing listens on port ${destinationPort}`;
      return this.#sendUnreachable(frame, packet, UNREACHABLE_CODE.PORT, note);
    }
    const zone = this.#zone();
    const outcome = answerDnsQuery(data, zone);
    if (outcome.reply === undefined) return this.#tell('dns', 'ignored', outcome.note);
    const reply = { sourcePort: DNS_PORT, destinationPort: sourcePort, data: outcome.reply };
    this.#sendUdp(frame.source, packet.destination, packet.source, reply);
    this.#tell('dns', 'served', outcome.note);
  }

  #takeDhcp(frame: EthernetFrame, data: Uint8Array): void {
    const message = decodeDhcp(data);
    if (!message.ok) return this.#tell('dhcp', 'ignored', message.reason);
    const outcome = this.#dhcp.receive(message.value, this.#time);
    if (outcome.reply === undefined) return this.#tell('dhcp', 'ignored', outcome.note);
    const [mac, address] = dhcpDestination(message.value, outcome.reply, frame.source);
    this.#sendUdp(mac, this.#settings.address, address, {
      sourcePort: DHCP_PORT.SERVER,
      destinationPort: DHCP_PORT.CLIENT,
      data: encodeDhcp(outcome.reply),
    });
    this.#tell('dhcp', 'served', outcome.note);
  }

  #takeTcp(frame: EthernetFrame, packet: Ipv4Packet): void {
    const segment = decodeTcp(packet.payload, packet.source, packet.destination);
    if (!segment.ok) return this.#tell('tcp', 'ignored', segment.reason);
    const flow = { localAddress: packet.destination, remoteAddress: packet.source, remoteMac: frame.source };
    const refusal = this.#tcp.receive(segment.value, flow, this.#time);
    if (refusal !== undefined) this.#tell('tcp', 'ignored', refusal);
  }

  /** There is nothing behind this gateway, and it says so (RFC 1812, 5.2.7.1). */
  #refuseRoute(frame: EthernetFrame, packet: Ipv4Packet): void {
    const { address, subnetMask } = this.#settings;
    const local = ((packet.destination ^ address) & subnetMask) === 0;
    const note = `${formatIpv4(packet.destination)} is not on this segment, and there is nothing behind this gateway`;
    if (!local) this.#sendUnreachable(frame, packet, UNREACHABLE_CODE.NETWORK, note);
  }

  /** An ICMP error, unless it would be about one (RFC 1122, 3.2.2). */
  #sendUnreachable(frame: EthernetFrame, packet: Ipv4Packet, code: number, note: string): void {
    const [type] = packet.payload;
    const echo = type === ICMP_TYPE.ECHO_REQUEST || type === ICMP_TYPE.ECHO_REPLY;
    if (packet.protocol !== IP_PROTOCOL.ICMP || echo) {
      const error = encodeUnreachable(code, frame.payload);
      this.#sendPacket(frame.source, this.#settings.address, packet.source, IP_PROTOCOL.ICMP, error);
    }
    this.#tell('ip', 'ignored', note);
  }

  #zone(): readonly ZoneEntry[] {
    const guests = this.#dhcp.leases(this.#time).filter((lease) => lease.state === 'leased' && lease.hostName !== '');
    return [
      ...this.#ownNames,
      ...guests.map(({ hostName, address }) => ({ name: `${hostName}.${this.#settings.domain}`, address })),
    ];
  }

  #sendTcp(segment: Parameters<typeof encodeTcp>[0], flow: TcpFlow): void {
    const octets = encodeTcp(segment, flow.localAddress, flow.remoteAddress);
    this.#sendPacket(flow.remoteMac, flow.localAddress, flow.remoteAddress, IP_PROTOCOL.TCP, octets);
  }

  #sendUdp(mac: MacAddress, source: Ipv4Address, destination: Ipv4Address, datagram: UdpDatagram): void {
    this.#sendPacket(mac, source, destination, IP_PROTOCOL.UDP, encodeUdp(datagram, source, destination));
  }

  #sendPacket(
    mac: MacAddress,
    source: Ipv4Address,
    destination: Ipv4Address,
    protocol: number,
    payload: Uint8Array,
  ): void {
    this.#sendFrame(mac, ETHERTYPE.IPV4, encodeIpv4({ source, destination, protocol, payload }));
  }

  #sendFrame(destination: MacAddress, etherType: number, payload: Uint8Array): void {
    this.#ports.transmit(encodeEthernet({ destination, source: this.#settings.mac, etherType, payload }));
  }

  #isOwn(address: Ipv4Address): boolean {
    return address === this.#settings.address || address === this.#settings.nameServer;
  }

  /** Multicast, or this subnet's broadcast address. */
  #isGroup(address: Ipv4Address): boolean {
    const { address: own, subnetMask } = this.#settings;
    return isMulticastIpv4(address) || address === (own | ~subnetMask) >>> 0;
  }

  #tell(service: ServiceEvent['service'], kind: ServiceEvent['kind'], note: string): void {
    const event = { time: this.#time, service, kind, note };
    this.#ports.observe?.(this.#frame === undefined ? event : { ...event, frame: this.#frame });
  }
}

/** Where an answer goes (RFC 2131, 4.1); a NAK always to all (4.3.2). */
function dhcpDestination(
  message: DhcpMessage,
  reply: DhcpMessage,
  source: MacAddress,
): readonly [MacAddress, Ipv4Address] {
  const [type] = reply.options.get(DHCP_OPTION.MESSAGE_TYPE) ?? [];
  if (type === DHCP_TYPE.NAK) return [BROADCAST_MAC, BROADCAST_IPV4];
  if (message.clientAddress !== 0) return [source, message.clientAddress];
  if (message.broadcast) return [BROADCAST_MAC, BROADCAST_IPV4];
  return [message.clientMac, reply.yourAddress];
}
