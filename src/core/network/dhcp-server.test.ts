// The DHCP server against RFC 2131: the four messages, restarts, what is refused and what is met with silence.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DHCP_OPTION, DHCP_TYPE } from './dhcp-message.ts';
import type { DhcpMessage } from './dhcp-message.ts';
import { DhcpServer } from './dhcp-server.ts';
import type { DhcpOutcome } from './dhcp-server.ts';
import { hex } from './lab-segment.test-support.ts';
import { octetsOfText } from './octets.ts';
import { StateReader } from './plain-state.ts';
import type { PlainState } from './plain-state.ts';

const SECOND = 10_000_000;
const SERVER = 0x0a00_0202;
const FIRST = 0x0a00_020f;
const OWN = hex('0a000202');

function server(addresses = 4): DhcpServer {
  return new DhcpServer({
    server: SERVER,
    subnetMask: 0xffff_ff00,
    router: SERVER,
    nameServer: 0x0a00_0203,
    domain: 'ringside',
    firstAddress: FIRST,
    addresses,
    leaseSeconds: 3600,
    reservedNames: ['gateway'],
    ticksPerSecond: SECOND,
  });
}

function message(
  type: number,
  mac: number,
  more: [number, Uint8Array][] = [],
  fields: Partial<DhcpMessage> = {},
): DhcpMessage {
  return {
    operation: 1,
    transaction: 0x1234,
    seconds: 0,
    broadcast: false,
    clientAddress: 0,
    yourAddress: 0,
    relayAddress: 0,
    clientMac: mac,
    options: new Map([[DHCP_OPTION.MESSAGE_TYPE, Uint8Array.of(type)], ...more]),
    ...fields,
  };
}

function typeOf(outcome: DhcpOutcome): number | undefined {
  return outcome.reply?.options.get(DHCP_OPTION.MESSAGE_TYPE)?.[0];
}

function address(value: number): Uint8Array {
  return hex(value.toString(16).padStart(8, '0'));
}

function request(mac: number, wanted: number, more: [number, Uint8Array][] = []): DhcpMessage {
  return message(DHCP_TYPE.REQUEST, mac, [
    [DHCP_OPTION.SERVER_IDENTIFIER, OWN],
    [DHCP_OPTION.REQUESTED_ADDRESS, address(wanted)],
    ...more,
  ]);
}

/** Discovers and requests; the address, or undefined. */
function lease(dhcp: DhcpServer, mac: number, time = 0, more: [number, Uint8Array][] = []): number | undefined {
  const offer = dhcp.receive(message(DHCP_TYPE.DISCOVER, mac), time).reply;
  if (offer === undefined) return undefined;
  return dhcp.receive(request(mac, offer.yourAddress, more), time).reply?.yourAddress;
}

describe('a client', () => {
  test('gets an offer and a lease with everything a host needs (3.1)', () => {
    const dhcp = server();
    const offer = dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xa), 0);
    expect(typeOf(offer)).toBe(DHCP_TYPE.OFFER);
    expect(offer.reply).toMatchObject({ operation: 2, transaction: 0x1234, yourAddress: FIRST, clientMac: 0xa });
    const ack = dhcp.receive(request(0xa, FIRST, [[DHCP_OPTION.HOST_NAME, octetsOfText('Alpha')]]), 0);
    expect(typeOf(ack)).toBe(DHCP_TYPE.ACK);
    expect(Object.fromEntries(ack.reply?.options ?? [])).toEqual({
      1: hex('ffffff00'),
      3: OWN,
      6: hex('0a000203'),
      12: octetsOfText('alpha'),
      15: octetsOfText('ringside'),
      51: hex('00000e10'),
      53: Uint8Array.of(5),
      54: OWN,
      58: hex('00000708'),
      59: hex('00000c4e'),
    });
    expect(dhcp.leases(0)).toMatchObject([{ address: FIRST, state: 'leased', mac: 0xa, hostName: 'alpha' }]);
  });

  test('that asks again gets the same address; another gets another', () => {
    const dhcp = server();
    expect(lease(dhcp, 0xa)).toBe(FIRST);
    expect(lease(dhcp, 0xb)).toBe(FIRST + 1);
    expect(lease(dhcp, 0xa)).toBe(FIRST);
  });

  test('is known by its identifier before its hardware address (4.2)', () => {
    const dhcp = server();
    const id: [number, Uint8Array] = [DHCP_OPTION.CLIENT_IDENTIFIER, hex('ff 01 02 03')];
    const first = dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xa, [id]), 0).reply?.yourAddress;
    expect(dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xb, [id]), 0).reply?.yourAddress).toBe(first);
    expect(dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xa), 0).reply?.yourAddress).not.toBe(first);
  });

  test('is the same with an identifier that is its hardware address (RFC 2132, 9.14)', () => {
    const dhcp = server();
    const id: [number, Uint8Array] = [DHCP_OPTION.CLIENT_IDENTIFIER, hex('01 00000000000a')];
    expect(lease(dhcp, 0xa)).toBe(FIRST);
    expect(dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xa, [id]), 0).reply?.yourAddress).toBe(FIRST);
  });

  test('may wish for a free address (4.3.1)', () => {
    const dhcp = server();
    const wish = (mac: number, wanted: number) =>
      dhcp.receive(message(DHCP_TYPE.DISCOVER, mac, [[DHCP_OPTION.REQUESTED_ADDRESS, address(wanted)]]), 0).reply
        ?.yourAddress;
    expect(wish(0xa, FIRST + 2)).toBe(FIRST + 2);
    expect(wish(0xb, FIRST + 2)).toBe(FIRST);
    expect(wish(0xc, 0x0808_0808)).toBe(FIRST + 1);
  });

  test('is refused what it was not offered (4.3.2)', () => {
    const dhcp = server();
    dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xa), 0);
    const nak = dhcp.receive(request(0xa, FIRST + 1), 0);
    expect(typeOf(nak)).toBe(DHCP_TYPE.NAK);
    expect(nak.reply?.yourAddress).toBe(0);
  });

  test('that chose another server frees the offer and gets no answer (4.3.2)', () => {
    const dhcp = server();
    dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xa), 0);
    const chosen = message(DHCP_TYPE.REQUEST, 0xa, [
      [DHCP_OPTION.SERVER_IDENTIFIER, hex('0a000299')],
      [DHCP_OPTION.REQUESTED_ADDRESS, address(FIRST)],
    ]);
    expect(dhcp.receive(chosen, 0).reply).toBeUndefined();
    expect(dhcp.leases(0)).toEqual([]);
  });

  test('keeps its lease by asking in time, and loses it otherwise (4.3.2, RENEWING)', () => {
    const dhcp = server();
    lease(dhcp, 0xa);
    const renew = message(DHCP_TYPE.REQUEST, 0xa, [], { clientAddress: FIRST });
    const ack = dhcp.receive(renew, 3000 * SECOND);
    expect(typeOf(ack)).toBe(DHCP_TYPE.ACK);
    expect(ack.reply?.clientAddress).toBe(FIRST);
    expect(dhcp.leases(6599 * SECOND).length).toBe(1);
    expect(dhcp.leases(6601 * SECOND)).toEqual([]);
    expect(lease(dhcp, 0xb, 6601 * SECOND)).toBe(FIRST);
    expect(typeOf(dhcp.receive(renew, 6602 * SECOND))).toBe(DHCP_TYPE.NAK);
  });

  test('that restarts is confirmed, corrected, or met with silence (4.3.2, INIT-REBOOT)', () => {
    const dhcp = server();
    lease(dhcp, 0xa);
    const reboot = (mac: number, wanted: number) =>
      dhcp.receive(message(DHCP_TYPE.REQUEST, mac, [[DHCP_OPTION.REQUESTED_ADDRESS, address(wanted)]]), 0);
    expect(typeOf(reboot(0xa, FIRST))).toBe(DHCP_TYPE.ACK);
    expect(typeOf(reboot(0xa, FIRST + 1))).toBe(DHCP_TYPE.NAK);
    expect(typeOf(reboot(0xb, 0xc0a8_0101))).toBe(DHCP_TYPE.NAK);
    expect(reboot(0xb, FIRST + 2).reply).toBeUndefined();
  });

  test("gives its address back (4.3.4), but not another's", () => {
    const dhcp = server();
    lease(dhcp, 0xa);
    dhcp.receive(message(DHCP_TYPE.RELEASE, 0xb, [], { clientAddress: FIRST }), 0);
    expect(dhcp.leases(0).length).toBe(1);
    expect(dhcp.receive(message(DHCP_TYPE.RELEASE, 0xa, [], { clientAddress: FIRST }), 0).reply).toBeUndefined();
    expect(dhcp.leases(0)).toEqual([]);
  });

  test('that finds its address in use gets another (4.3.3)', () => {
    const dhcp = server();
    lease(dhcp, 0xa);
    dhcp.receive(message(DHCP_TYPE.DECLINE, 0xa, [[DHCP_OPTION.REQUESTED_ADDRESS, address(FIRST)]]), 0);
    expect(lease(dhcp, 0xa)).toBe(FIRST + 1);
  });

  test('with an address of its own is informed (4.3.5)', () => {
    const outcome = server().receive(message(DHCP_TYPE.INFORM, 0xa, [], { clientAddress: 0x0a00_0250 }), 0);
    expect(typeOf(outcome)).toBe(DHCP_TYPE.ACK);
    expect(outcome.reply?.yourAddress).toBe(0);
    expect(outcome.reply?.options.has(DHCP_OPTION.LEASE_TIME)).toBe(false);
  });
});

describe('host names', () => {
  test.each([
    ['web-1', 'web-1'],
    ['Web.example.org', 'web'],
    ['gateway', ''],
    ['-x', ''],
    ['<b>', ''],
    ['', ''],
    ['a'.repeat(64), ''],
    ['nul\0', 'nul'],
  ])('%j becomes %j', (given, kept) => {
    const dhcp = server();
    lease(dhcp, 0xa, 0, [[DHCP_OPTION.HOST_NAME, octetsOfText(given)]]);
    expect(dhcp.leases(0)[0]?.hostName).toBe(kept);
  });

  test('belong to the first that has them', () => {
    const dhcp = server();
    lease(dhcp, 0xa, 0, [[DHCP_OPTION.HOST_NAME, octetsOfText('web')]]);
    lease(dhcp, 0xb, 0, [[DHCP_OPTION.HOST_NAME, octetsOfText('web')]]);
    expect(dhcp.leases(0).map(({ hostName }) => hostName)).toEqual(['web', '']);
  });
});

describe('the pool', () => {
  test('is the cap: who comes last gets nothing until an offer lapses', () => {
    const dhcp = server(2);
    lease(dhcp, 0xa);
    dhcp.receive(message(DHCP_TYPE.DISCOVER, 0xb), 0);
    expect(lease(dhcp, 0xc)).toBeUndefined();
    expect(lease(dhcp, 0xc, 61 * SECOND)).toBe(FIRST + 1);
  });

  test('never gives one address to two, nor more than there are, whatever comes', () => {
    const any = fc.record({
      type: fc.integer({ min: 0, max: 9 }),
      mac: fc.integer({ min: 1, max: 6 }),
      wanted: fc.integer({ min: FIRST - 1, max: FIRST + 4 }),
      clientAddress: fc.constantFrom(0, FIRST, FIRST + 1),
      chosen: fc.constantFrom(OWN, hex('01020304'), hex('01')),
      wait: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (list) => {
        const dhcp = server(4);
        let time = 0;
        for (const { type, mac, wanted, clientAddress, chosen, wait } of list) {
          time += wait * SECOND;
          const options: [number, Uint8Array][] = [
            [DHCP_OPTION.REQUESTED_ADDRESS, address(wanted)],
            [DHCP_OPTION.SERVER_IDENTIFIER, chosen],
          ];
          const { reply } = dhcp.receive(message(type, mac, options, { clientAddress }), time);
          const leases = dhcp.leases(time);
          expect(leases.length).toBeLessThanOrEqual(4);
          if (reply !== undefined && typeOf({ reply, note: '' }) === DHCP_TYPE.ACK && reply.yourAddress !== 0) {
            expect(leases.find((each) => each.address === reply.yourAddress)).toMatchObject({ state: 'leased', mac });
          }
          const held = leases.filter((each) => each.state !== 'declined').map((each) => each.client);
          expect(new Set(held).size).toBe(held.length);
        }
        const state: PlainState = { leases: dhcp.snapshot() };
        const other = server(4);
        other.restore(new StateReader('test', state), 'leases');
        expect(other.leases(time)).toEqual(dhcp.leases(time));
      }),
      { numRuns: 60 },
    );
  });
});

describe('messages that are not for a server', () => {
  test.each([
    ['a reply', message(DHCP_TYPE.DISCOVER, 0xa, [], { operation: 2 })],
    ['one through a relay', message(DHCP_TYPE.DISCOVER, 0xa, [], { relayAddress: 1 })],
    ['one without a type', { ...message(DHCP_TYPE.DISCOVER, 0xa), options: new Map<number, Uint8Array>() }],
    ['an offer', message(DHCP_TYPE.OFFER, 0xa)],
    ['one from a group address', message(DHCP_TYPE.DISCOVER, 0xffff_ffff_ffff)],
  ])('%s is met with silence', (_, each) => {
    const dhcp = server();
    expect(dhcp.receive(each, 0)).toMatchObject({ reply: undefined, note: expect.any(String) as string });
    expect(dhcp.leases(0)).toEqual([]);
  });
});
