// The gateway as guests meet it: who answers what on the wire, DHCP to name to page, and frames made to do harm.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeArp } from './arp.ts';
import { DHCP_OPTION, DHCP_TYPE, decodeDhcp, encodeDhcp } from './dhcp-message.ts';
import { decodeEthernet, encodeEthernet } from './ethernet.ts';
import { decodeIcmp, encodeIcmp } from './icmp.ts';
import { decodeIpv4, encodeIpv4 } from './ipv4.ts';
import type { Ipv4Packet } from './ipv4.ts';
import { hex, LabSegment, RecordingStation } from './lab-segment.test-support.ts';
import { octetsOfText, textOfOctets } from './octets.ts';
import { TcpClient, tcpFrame } from './tcp-client.test-support.ts';
import { decodeUdp, encodeUdp } from './udp.ts';
import type { SwitchPort } from './virtual-switch.ts';

const HOST_MAC = 0x5255_0a00_0202;
const GUEST_MAC = 0x5254_0012_3456;
const BROADCAST = 0xffff_ffff_ffff;
const GATEWAY = 0x0a00_0202;
const GUEST = 0x0a00_020f;

interface Guest {
  readonly lab: LabSegment;
  readonly port: SwitchPort;
  /** Sends, waits a moment, and gives what came back. */
  readonly ask: (frame: Uint8Array) => Uint8Array[];
}

function guest(): Guest {
  const lab = new LabSegment();
  const station = new RecordingStation('guest');
  const port = lab.attach(station);
  return {
    lab,
    port,
    ask: (frame) => {
      station.got.length = 0;
      port.send(frame);
      lab.run(0.01);
      return station.got.map(({ octets }) => octets);
    },
  };
}

function packet(fields: Partial<Ipv4Packet>, destination = HOST_MAC): Uint8Array {
  const payload = encodeIpv4({
    source: GUEST,
    destination: GATEWAY,
    protocol: 1,
    payload: new Uint8Array(0),
    ...fields,
  });
  return encodeEthernet({ destination, source: GUEST_MAC, etherType: 0x0800, payload });
}

function udp(destinationPort: number, data: Uint8Array, to = GATEWAY, source = GUEST, mac = HOST_MAC): Uint8Array {
  const payload = encodeUdp({ sourcePort: 5555, destinationPort, data }, source, to);
  return packet({ source, destination: to, protocol: 17, payload }, mac);
}

function ipOf(frame: Uint8Array | undefined): Ipv4Packet {
  const ethernet = decodeEthernet(frame ?? new Uint8Array(0));
  if (!ethernet.ok) throw new Error(ethernet.reason);
  const ip = decodeIpv4(ethernet.value.payload);
  if (!ip.ok) throw new Error(ip.reason);
  return ip.value;
}

const ECHO = encodeIcmp({ type: 8, code: 0, rest: 0x1234_0001, data: octetsOfText('abcdefgh') });

function arpFor(targetIpv4: number, source = GUEST_MAC): Uint8Array {
  const payload = encodeArp({ operation: 1, senderMac: source, senderIpv4: GUEST, targetMac: 0, targetIpv4 });
  return encodeEthernet({ destination: BROADCAST, source, etherType: 0x0806, payload });
}

function dhcp(type: number, options: [number, Uint8Array][] = [], broadcast = false): Uint8Array {
  const data = encodeDhcp({
    operation: 1,
    transaction: 0x77,
    seconds: 0,
    broadcast,
    clientAddress: 0,
    yourAddress: 0,
    relayAddress: 0,
    clientMac: GUEST_MAC,
    options: new Map([[DHCP_OPTION.MESSAGE_TYPE, Uint8Array.of(type)], ...options]),
  });
  const payload = encodeUdp({ sourcePort: 68, destinationPort: 67, data }, 0, 0xffff_ffff);
  return packet({ source: 0, destination: 0xffff_ffff, protocol: 17, payload }, BROADCAST);
}

describe('the gateway', () => {
  test('says where it is, and where the name server is (RFC 826)', () => {
    const { ask } = guest();
    for (const address of [GATEWAY, GATEWAY + 1]) {
      const [reply] = ask(arpFor(address));
      expect(reply?.subarray(0, 42)).toEqual(
        hex(
          `525400123456 52550a000202 0806 0001 0800 06 04 0002 52550a000202 ${address.toString(16).padStart(8, '0')} 525400123456 0a00020f`,
        ),
      );
    }
    expect(ask(arpFor(GUEST + 1))).toEqual([]);
  });

  test('answers an echo with its data (RFC 792)', () => {
    const { ask } = guest();
    const replies = ask(packet({ payload: ECHO }));
    expect(replies.length).toBe(1);
    const ip = ipOf(replies[0]);
    expect(ip).toMatchObject({ source: GATEWAY, destination: GUEST, protocol: 1 });
    expect(decodeIcmp(ip.payload)).toMatchObject({
      ok: true,
      value: { type: 0, code: 0, rest: 0x1234_0001, data: octetsOfText('abcdefgh') },
    });
  });

  test('a round trip takes four cables', () => {
    const { lab, ask } = guest();
    ask(packet({ payload: ECHO }));
    const [first] = lab.events;
    const last = lab.events.findLast((event) => event.kind === 'delivered' && event.port === 1);
    // 60 octets at 1 Gbit/s are 6.72 ticks, rounded up, and 100 of delay, on each.
    expect((last?.time ?? 0) - (first?.time ?? 0)).toBe(4 * 107);
  });

  test('says that nothing lies beyond it (RFC 1812, 5.2.7.1), and that nothing listens (RFC 1122, 4.1.3.1)', () => {
    const { ask } = guest();
    const beyond = packet({ destination: 0x0808_0808, payload: ECHO });
    const error = ipOf(ask(beyond)[0]);
    expect(decodeIcmp(error.payload)).toMatchObject({ ok: true, value: { type: 3, code: 0 } });
    const closed = ipOf(ask(udp(9, hex('00')))[0]);
    expect(decodeIcmp(closed.payload)).toMatchObject({ ok: true, value: { type: 3, code: 3 } });
    const strange = ipOf(ask(packet({ protocol: 99 }))[0]);
    expect(decodeIcmp(strange.payload)).toMatchObject({ ok: true, value: { type: 3, code: 2 } });
  });

  test.each([
    [
      'an error about an error (RFC 1122, 3.2.2)',
      packet({ destination: 0x0808_0808, payload: hex('0300 fcff 0000 0000') }),
    ],
    ['an echo to all', packet({ destination: 0xffff_ffff, payload: ECHO }, BROADCAST)],
    ['an echo to the subnet', packet({ destination: 0x0a00_02ff, payload: ECHO }, BROADCAST)],
    ['a packet from itself', packet({ source: GATEWAY, payload: ECHO })],
    ['a packet from a multicast address', packet({ source: 0xe000_0001, payload: ECHO })],
    ['a packet for another host of the segment', packet({ destination: GUEST + 5, payload: ECHO })],
    ['a frame for another station', packet({ payload: ECHO }, 0x5254_0000_0099)],
    ['an echo reply', packet({ payload: encodeIcmp({ type: 0, code: 0, rest: 0, data: hex('') }) })],
    ['a datagram to all on a port where nothing listens', udp(9, hex('00'), 0xffff_ffff, GUEST, BROADCAST)],
    [
      'IPv6',
      encodeEthernet({
        destination: 0x3333_0000_0001,
        source: GUEST_MAC,
        etherType: 0x86dd,
        payload: new Uint8Array(60),
      }),
    ],
  ])('has no answer to %s', (_, frame) => {
    expect(guest().ask(frame)).toEqual([]);
  });

  test('refuses a fragment and says why', () => {
    const { lab, ask } = guest();
    const frame = packet({ payload: ECHO });
    // More fragments, checksum adjusted by the same amount (RFC 1624).
    frame.set([0x20, 0x00], 20);
    const view = new DataView(frame.buffer);
    view.setUint16(24, view.getUint16(24) + 0x2000);
    expect(ask(frame)).toEqual([]);
    expect(lab.served.at(-1)).toMatchObject({
      service: 'ip',
      kind: 'ignored',
      note: expect.stringContaining('fragment') as string,
    });
  });
});

describe('a guest that starts', () => {
  test('gets an address, a name, and is found by it', () => {
    const { lab, ask } = guest();
    const [offer] = ask(dhcp(DHCP_TYPE.DISCOVER));
    // To a client that can take unicast: its link address, the offered address (RFC 2131, 4.1).
    expect(offer?.subarray(0, 6)).toEqual(hex('525400123456'));
    expect(ipOf(offer)).toMatchObject({ source: GATEWAY, destination: GUEST });
    const [ack] = ask(
      dhcp(
        DHCP_TYPE.REQUEST,
        [
          [DHCP_OPTION.SERVER_IDENTIFIER, hex('0a000202')],
          [DHCP_OPTION.REQUESTED_ADDRESS, hex('0a00020f')],
          [DHCP_OPTION.HOST_NAME, octetsOfText('alpha')],
        ],
        true,
      ),
    );
    expect(ack?.subarray(0, 6)).toEqual(hex('ffffffffffff'));
    const ip = ipOf(ack);
    expect(ip.destination).toBe(0xffff_ffff);
    const datagram = decodeUdp(ip.payload, ip.source, ip.destination);
    expect(datagram).toMatchObject({ ok: true, value: { sourcePort: 67, destinationPort: 68 } });
    const message = datagram.ok ? decodeDhcp(datagram.value.data) : datagram;
    expect(message).toMatchObject({ ok: true, value: { yourAddress: GUEST } });

    const question = Uint8Array.from([
      ...hex('0001 0100 0001 0000 0000 0000 05'),
      ...octetsOfText('alpha'),
      8,
      ...octetsOfText('ringside'),
      ...hex('00 0001 0001'),
    ]);
    const [answer] = ask(udp(53, question, GATEWAY + 1));
    expect(ipOf(answer).source).toBe(GATEWAY + 1);
    expect(ipOf(answer).payload.subarray(-4)).toEqual(hex('0a00020f'));
    expect(lab.host.leases(lab.now)).toMatchObject([{ address: GUEST, hostName: 'alpha' }]);
  });

  test('sees itself on the page', () => {
    const { lab, ask } = guest();
    ask(dhcp(DHCP_TYPE.DISCOVER));
    ask(
      dhcp(DHCP_TYPE.REQUEST, [
        [DHCP_OPTION.SERVER_IDENTIFIER, hex('0a000202')],
        [DHCP_OPTION.REQUESTED_ADDRESS, hex('0a00020f')],
        [DHCP_OPTION.HOST_NAME, octetsOfText('alpha')],
      ]),
    );
    const client = new TcpClient('browser', {
      mac: '52:54:00:12:34:99',
      ip: '10.0.2.40',
      serverMac: '52:55:0a:00:02:02',
      serverIp: '10.0.2.2',
    });
    const port = lab.attach(client);
    client.transmit = (frame) => port.send(frame);
    client.connect(lab.now);
    client.write('GET / HTTP/1.1\r\nHost: www.ringside\r\n\r\n');
    lab.run(1);
    expect(client.head).toContain('Content-Type: text/html');
    expect(client.body.toString()).toContain('<td>10.0.2.15</td><td>52:54:00:12:34:56</td><td>alpha.ringside</td>');
    expect(lab.served.at(-1)).toMatchObject({ service: 'http', note: 'GET /: 200' });
  });
});

describe('frames made to do harm', () => {
  const valid = [
    arpFor(GATEWAY),
    packet({ payload: ECHO }),
    dhcp(DHCP_TYPE.DISCOVER),
    udp(53, hex('0001 0100 0001 0000 0000 0000 03 777777 08 72696e6773696465 00 0001 0001')),
    Uint8Array.from(
      tcpFrame(
        { mac: '52:54:00:12:34:56', ip: '10.0.2.15', serverMac: '52:55:0a:00:02:02', serverIp: '10.0.2.2' },
        { seq: 1, flags: 2, options: hex('020405b4') },
      ),
    ),
  ];
  const change = fc.record({ at: fc.nat({ max: 90 }), to: fc.integer({ min: 0, max: 255 }) });
  const spoilt = fc
    .record({
      frame: fc.constantFrom(...valid),
      changes: fc.array(change, { maxLength: 4 }),
      length: fc.nat({ max: 400 }),
    })
    .map(({ frame, changes, length }) => {
      const octets = frame.slice(0, Math.max(length, 14));
      for (const { at, to } of changes) if (at < octets.length) octets[at] = to;
      return octets;
    });
  /** TCP with right checksums and anything in its fields, so that it gets past the first check. */
  const wild = fc
    .record({
      seq: fc.constantFrom(0, 1, 2, 3, 100, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
      ack: fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
      flags: fc.integer({ min: 0, max: 63 }),
      window: fc.constantFrom(0, 1, 1000, 65535),
      sourcePort: fc.integer({ min: 1, max: 4 }),
      data: fc.uint8Array({ maxLength: 20 }),
    })
    .map(({ sourcePort, ...fields }) =>
      tcpFrame(
        { mac: '52:54:00:12:34:56', ip: '10.0.2.15', serverMac: '52:55:0a:00:02:02', serverIp: '10.0.2.2', sourcePort },
        fields,
      ),
    );
  const junk = fc.uint8Array({ maxLength: 1600 });

  test('never throw, never grow what is kept without bound, and leave the host working', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(spoilt, wild, junk), { maxLength: 40 }), (frames) => {
        const { lab, port, ask } = guest();
        for (const frame of frames) {
          port.send(frame);
          lab.run(0.001);
        }
        lab.run(5);
        expect(JSON.stringify(lab.host.snapshot()).length).toBeLessThan(200_000);
        expect(lab.host.connections.length).toBeLessThanOrEqual(64);
        expect(lab.lan.addresses.length).toBeLessThanOrEqual(3 * 64);
        expect(ask(packet({ payload: ECHO })).some((frame) => ipOf(frame).protocol === 1)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('a snapshot of the host made of anything is refused with a message, or fits', () => {
    const { lab, ask } = guest();
    ask(dhcp(DHCP_TYPE.DISCOVER));
    ask(valid[4] ?? new Uint8Array(0));
    const state = lab.host.snapshot();
    expect(lab.host.connections.length).toBe(1);
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('time', 'leases', 'connections'), (value, key) => {
        try {
          new LabSegment().host.restore({ ...state, [key]: value as number });
        } catch (error) {
          expect((error as Error).message).toMatch(/does not fit this service host/);
        }
      }),
    );
    const [connection] = state['connections'] as { connection: { variables: object } }[];
    const broken = { ...connection?.connection, variables: { ...connection?.connection.variables, sendNext: 5 } };
    const connections = [{ ...connection, connection: broken }];
    expect(() => new LabSegment().host.restore({ ...state, connections })).toThrow(/sequence numbers that agree/);
    expect(textOfOctets(octetsOfText('ÿ'))).toBe('ÿ');
  });
});
