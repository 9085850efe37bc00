// Frame formats against published examples, against their own inverse, and against octets that are none.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIpv4, formatMac, isGroupMac, parseIpv4 } from './address.ts';
import { ARP_OPERATION, decodeArp, encodeArp } from './arp.ts';
import { internetChecksum } from './checksum.ts';
import { decodeDhcp, DHCP_OPTION, encodeDhcp } from './dhcp-message.ts';
import { decodeDnsHeader, decodeDnsQuestion } from './dns-message.ts';
import { decodeEthernet, encodeEthernet } from './ethernet.ts';
import { decodeIcmp, encodeIcmp, encodeUnreachable } from './icmp.ts';
import { decodeIpv4, encodeIpv4 } from './ipv4.ts';
import { hex } from './lab-segment.test-support.ts';
import { OctetWriter } from './octets.ts';
import { decodeTcp, encodeTcp, sequenceDistance } from './tcp-segment.ts';
import { decodeUdp, encodeUdp } from './udp.ts';

const octets = (maxLength = 200) => fc.uint8Array({ maxLength });
const mac = () => fc.integer({ min: 0, max: 2 ** 48 - 1 });
const word = () => fc.integer({ min: 0, max: 2 ** 32 - 1 });
const half = () => fc.integer({ min: 0, max: 0xffff });

function value<T>(result: { ok: true; value: T } | { ok: false; reason: string }): T {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

describe('addresses', () => {
  test('read and write as people do', () => {
    expect(parseIpv4('10.0.2.15')).toBe(0x0a00_020f);
    expect(formatIpv4(0xffff_ff00)).toBe('255.255.255.0');
    expect(formatMac(0x0000_5e00_0102)).toBe('00:00:5e:00:01:02');
    for (const bad of ['10.0.2', '10.0.2.256', '010.0.2.2', '10.0.2.2 ', '', '1.2.3.4.5']) {
      expect(parseIpv4(bad)).toBeUndefined();
    }
  });

  test('of groups have the first bit on the wire set (IEEE 802, 8.2.2)', () => {
    expect(isGroupMac(0xffff_ffff_ffff)).toBe(true);
    expect(isGroupMac(0x0100_5e00_00fb)).toBe(true);
    expect(isGroupMac(0x5254_0012_3456)).toBe(false);
    expect(isGroupMac(0xfeff_ffff_ffff)).toBe(false);
  });

  test('survive being written and read', () => {
    fc.assert(
      fc.property(word(), mac(), (ipv4, link) => {
        expect(parseIpv4(formatIpv4(ipv4))).toBe(ipv4);
        expect(Number.parseInt(formatMac(link).replaceAll(':', ''), 16)).toBe(link);
      }),
    );
  });
});

describe('a message in the making', () => {
  test('keeps every octet, however it grows', () => {
    const part = fc.oneof(
      fc.record({ kind: fc.constant('u8' as const), value: fc.nat(0xff) }),
      fc.record({ kind: fc.constant('u16' as const), value: fc.nat(0xffff) }),
      fc.record({ kind: fc.constant('u32' as const), value: word() }),
      fc.record({ kind: fc.constant('zeros' as const), value: fc.nat(9) }),
    );
    const width = { u8: 1, u16: 2, u32: 4 };
    fc.assert(
      fc.property(fc.array(part, { minLength: 30, maxLength: 200 }), (parts) => {
        const writer = new OctetWriter();
        const expected = Buffer.concat(
          parts.map(({ kind, value: each }) => {
            writer[kind](each);
            if (kind === 'zeros') return Buffer.alloc(each);
            const octet = Buffer.alloc(width[kind]);
            octet.writeUIntBE(each, 0, width[kind]);
            return octet;
          }),
        );
        expect(writer.length).toBe(expected.length);
        expect(expected.equals(writer.done())).toBe(true);
      }),
    );
  });
});

describe('the Internet checksum', () => {
  test('is the example of RFC 1071, section 3', () => {
    expect(internetChecksum(hex('00 01 f2 03 f4 f5 f6 f7'))).toBe(0xffff - 0xddf2);
  });

  test('pads an odd end with zero, and goes on over parts', () => {
    expect(internetChecksum(hex('0102 03'))).toBe(internetChecksum(hex('0102 0300')));
    expect(internetChecksum(hex('0102'), hex('0304 05'))).toBe(internetChecksum(hex('0102 0304 05')));
  });

  test('carries round however long the data is', () => {
    expect(internetChecksum(new Uint8Array(200_000).fill(0xff))).toBe(0);
  });
});

describe('IPv4', () => {
  // A header whose checksum is often worked out by hand: 192.168.0.1 to 192.168.0.199, UDP, 115 octets, checksum 0xb861.
  const header = hex('4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7');

  test('reads a known header', () => {
    const packet = value(decodeIpv4(Uint8Array.from([...header, ...new Uint8Array(95).fill(7)])));
    expect(packet).toMatchObject({ source: 0xc0a8_0001, destination: 0xc0a8_00c7, protocol: 17, timeToLive: 64 });
    expect(packet.payload.length).toBe(95);
  });

  test('writes that header', () => {
    const payload = new Uint8Array(95);
    const made = encodeIpv4({ source: 0xc0a8_0001, destination: 0xc0a8_00c7, protocol: 17, payload });
    expect(made.subarray(0, 20)).toEqual(header);
  });

  test('ends where its total length says, whatever padding follows', () => {
    const packet = encodeIpv4({ source: 1, destination: 2, protocol: 1, payload: hex('aabb') });
    expect(value(decodeIpv4(Uint8Array.from([...packet, 0, 0, 0]))).payload).toEqual(hex('aabb'));
  });

  test.each([
    ['version', '6500 0014 0000 0000 4011 0000 c0a8 0001 c0a8 00c7', 'version 4, found 6'],
    ['header length', '4400 0014 0000 0000 4011 0000 c0a8 0001 c0a8 00c7', 'header of 20 octets'],
    ['total length', '4500 0015 0000 0000 4011 0000 c0a8 0001 c0a8 00c7', 'found 20, 21 and 20'],
    ['checksum', '4500 0014 0000 4000 4011 b861 c0a8 0001 c0a8 00c7', 'checksum 0xb8c0, found 0xb861'],
    ['length', '4500', 'at least 20 octets, found 2'],
  ])('refuses a wrong %s and says what was found', (_, text, reason) => {
    expect(decodeIpv4(hex(text))).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
  });

  test.each([0x2000, 0x0001, 0x3fff])('refuses a fragment (flags and offset 0x%s)', (fragment) => {
    const packet = encodeIpv4({ source: 1, destination: 2, protocol: 1, payload: new Uint8Array(8) });
    packet.set([fragment >> 8, fragment & 0xff, packet[8] ?? 0, packet[9] ?? 0, 0, 0], 6);
    const sum = internetChecksum(packet.subarray(0, 20));
    packet.set([sum >> 8, sum & 0xff], 10);
    expect(decodeIpv4(packet)).toMatchObject({ ok: false, reason: expect.stringContaining('fragment') as string });
  });

  test('skips options (RFC 791, 3.1)', () => {
    const packet = Uint8Array.from([...hex('4600 001a 0000 0000 4001 0000 0a00 020f 0a00 0202 0101 0100'), 1, 2]);
    const sum = internetChecksum(packet.subarray(0, 24));
    packet.set([sum >> 8, sum & 0xff], 10);
    expect(value(decodeIpv4(packet)).payload).toEqual(hex('0102'));
  });
});

describe('ARP', () => {
  test('is 28 octets in the order of RFC 826', () => {
    const packet = {
      operation: ARP_OPERATION.REQUEST,
      senderMac: 0x5254_0012_3456,
      senderIpv4: 0x0a00_020f,
      targetMac: 0,
      targetIpv4: 0x0a00_0202,
    };
    const wire = hex('0001 0800 06 04 0001 525400123456 0a00020f 000000000000 0a000202');
    expect(encodeArp(packet)).toEqual(wire);
    expect(decodeArp(wire)).toEqual({ ok: true, value: packet });
    expect(decodeArp(wire.subarray(0, 27)).ok).toBe(false);
    expect(decodeArp(hex('0006 0800 06 04 0001 525400123456 0a00020f 000000000000 0a000202')).ok).toBe(false);
  });
});

describe('ICMP', () => {
  test('echo is as ping sends it', () => {
    // Identifier 0x1234, sequence 1, eight octets: the checksum was worked out by hand.
    const wire = hex('08 00 5a22 1234 0001 6162 6364 6566 6768');
    const sum = 0x0800 + 0x1234 + 1 + 0x6162 + 0x6364 + 0x6566 + 0x6768;
    const checksum = 0xffff - ((sum & 0xffff) + (sum >> 16));
    wire.set([checksum >> 8, checksum & 0xff], 2);
    const message = { type: 8, code: 0, rest: 0x1234_0001, data: hex('6162 6364 6566 6768') };
    expect(encodeIcmp(message)).toEqual(wire);
    expect(decodeIcmp(wire)).toEqual({ ok: true, value: message });
    wire[4] = 0;
    expect(decodeIcmp(wire)).toMatchObject({ ok: false });
  });

  test('an error quotes the header and eight octets (RFC 792)', () => {
    const packet = encodeIpv4({ source: 1, destination: 2, protocol: 17, payload: new Uint8Array(100).fill(9) });
    const error = value(decodeIcmp(encodeUnreachable(3, packet)));
    expect(error).toMatchObject({ type: 3, code: 3, rest: 0 });
    expect(error.data).toEqual(packet.subarray(0, 28));
  });
});

describe('UDP', () => {
  const datagram = { sourcePort: 68, destinationPort: 67, data: hex('010203') };

  test('survives being written and read, and notices a flipped bit', () => {
    const wire = encodeUdp(datagram, 0x0a00_020f, 0x0a00_0202);
    expect(decodeUdp(wire, 0x0a00_020f, 0x0a00_0202)).toEqual({ ok: true, value: datagram });
    expect(decodeUdp(wire, 0x0a00_020e, 0x0a00_0202).ok).toBe(false);
    wire[9] = 0x55;
    expect(decodeUdp(wire, 0x0a00_020f, 0x0a00_0202).ok).toBe(false);
  });

  test('without a checksum is taken as it is, and a computed zero is sent as ones (RFC 768)', () => {
    const wire = encodeUdp(datagram, 1, 2);
    wire.set([0, 0], 6);
    expect(decodeUdp(wire, 1, 2)).toEqual({ ok: true, value: datagram });
    // Protocol 17, twice the length 10, and the data sum to 0xffff, whose complement is zero.
    const zero = encodeUdp({ sourcePort: 0, destinationPort: 0, data: hex('ffda') }, 0, 0);
    expect(17 + 10 + 10 + 0xffda).toBe(0xffff);
    expect([zero[6], zero[7]]).toEqual([0xff, 0xff]);
  });

  test.each([
    ['a length below the header', '0044 0043 0007 0000'],
    ['more than there is', '0044 0043 0009 0000'],
  ])('refuses %s', (_, text) => {
    expect(decodeUdp(hex(text), 1, 2).ok).toBe(false);
  });
});

describe('TCP', () => {
  const segment = {
    sourcePort: 40000,
    destinationPort: 80,
    sequence: 0xffff_fffe,
    acknowledgment: 1,
    flags: 2,
    window: 64240,
    maximumSegmentSize: 1460,
    data: new Uint8Array(0),
  };

  test('survives being written and read', () => {
    expect(decodeTcp(encodeTcp(segment, 5, 6), 5, 6)).toEqual({ ok: true, value: segment });
    expect(decodeTcp(encodeTcp(segment, 5, 6), 5, 7)).toMatchObject({ ok: false });
  });

  test('skips options it does not know, and refuses those that run out (3.2)', () => {
    const build = (options: string) => {
      const wire = Uint8Array.from([...hex('9c40 0050 0000 0001 0000 0000 7002 ffff 0000 0000'), ...hex(options)]);
      const pseudo = hex('00000005 00000006 00 06 001c');
      const sum = internetChecksum(pseudo, wire);
      wire.set([sum >> 8, sum & 0xff], 16);
      return decodeTcp(wire, 5, 6);
    };
    expect(value(build('0402 01 01 0204 05b4')).maximumSegmentSize).toBe(1460);
    expect(value(build('00 02 04 ff ff ff ff ff')).maximumSegmentSize).toBeUndefined();
    expect(build('0309 0000 0000 0000').ok).toBe(false);
    expect(build('0300 0000 0000 0000').ok).toBe(false);
    expect(build('0203 0500 0000 0000').ok).toBe(false);
  });

  test('sequence numbers go round (3.4)', () => {
    expect(sequenceDistance(2, 0xffff_fffe)).toBe(4);
    expect(sequenceDistance(0xffff_fffe, 2)).toBe(-4);
  });
});

describe('DHCP', () => {
  test('survives being written and read, and is never shorter than 300 octets (RFC 1542, 2.1)', () => {
    const message = {
      operation: 1,
      transaction: 0xdead_beef,
      seconds: 3,
      broadcast: true,
      clientAddress: 0,
      yourAddress: 7,
      relayAddress: 0,
      clientMac: 0x5254_0012_3456,
      options: new Map([[DHCP_OPTION.MESSAGE_TYPE, hex('01')]]),
    };
    const wire = encodeDhcp(message);
    expect(wire.length).toBe(300);
    expect(decodeDhcp(wire)).toEqual({ ok: true, value: message });
  });

  test('puts an option in pieces together (RFC 3396), and refuses one that runs out', () => {
    const head = encodeDhcp({
      operation: 1,
      transaction: 0,
      seconds: 0,
      broadcast: false,
      clientAddress: 0,
      yourAddress: 0,
      relayAddress: 0,
      clientMac: 1,
      options: new Map(),
    }).subarray(0, 240);
    const withOptions = (text: string) => decodeDhcp(Uint8Array.from([...head, ...hex(text)]));
    expect(value(withOptions('0c 02 6162 00 0c 01 63 ff')).options.get(12)).toEqual(hex('616263'));
    expect(withOptions('0c 05 6162').ok).toBe(false);
    expect(withOptions('0c').ok).toBe(false);
    expect(withOptions('').ok).toBe(true);
    expect(decodeDhcp(head.subarray(0, 239)).ok).toBe(false);
    const wrongCookie = head.slice();
    wrongCookie[236] = 0;
    expect(decodeDhcp(wrongCookie).ok).toBe(false);
  });
});

describe('Ethernet', () => {
  test('pads to 60 octets (IEEE 802.3, 3.2.8)', () => {
    const frame = encodeEthernet({ destination: 1, source: 2, etherType: 0x0800, payload: hex('aa') });
    expect(frame.length).toBe(60);
    expect(frame.subarray(0, 15)).toEqual(hex('000000000001 000000000002 0800 aa'));
    expect(decodeEthernet(frame.subarray(0, 13)).ok).toBe(false);
  });
});

describe('octets that are nothing', () => {
  test('give a reason, never an exception', () => {
    const decoders = [
      decodeEthernet,
      decodeArp,
      decodeIpv4,
      decodeIcmp,
      decodeDhcp,
      decodeDnsHeader,
      decodeDnsQuestion,
      (message: Uint8Array) => decodeUdp(message, 1, 2),
      (message: Uint8Array) => decodeTcp(message, 1, 2),
    ];
    fc.assert(
      fc.property(octets(400), (message) => {
        for (const decode of decoders) {
          const result = decode(message);
          if (!result.ok) expect(result.reason).toMatch(/expected/);
        }
      }),
    );
  });
});

describe('every value', () => {
  test('of IPv4, UDP and TCP comes back as it went', () => {
    fc.assert(
      fc.property(word(), word(), half(), half(), octets(1400), (source, destination, a, b, data) => {
        const packet = { source, destination, protocol: a & 0xff, timeToLive: b & 0xff, payload: data };
        expect(decodeIpv4(encodeIpv4(packet))).toEqual({ ok: true, value: packet });
        const datagram = { sourcePort: a, destinationPort: b, data };
        expect(decodeUdp(encodeUdp(datagram, source, destination), source, destination)).toEqual({
          ok: true,
          value: datagram,
        });
        const segment = {
          sourcePort: a,
          destinationPort: b,
          sequence: source,
          acknowledgment: destination,
          flags: a & 0x3f,
          window: b,
          data,
        };
        expect(decodeTcp(encodeTcp(segment, source, destination), source, destination)).toEqual({
          ok: true,
          value: segment,
        });
      }),
    );
  });
});
