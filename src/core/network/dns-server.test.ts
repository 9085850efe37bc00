// The name server against RFC 1035: answers octet by octet, the names it has and has not, and questions that are none.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerDnsQuery } from './dns-server.ts';
import { hex } from './lab-segment.test-support.ts';

const ZONE = [
  { name: 'gateway.ringside', address: 0x0a00_0202 },
  { name: 'www.ringside', address: 0x0a00_0202 },
  { name: 'alpha.ringside', address: 0x0a00_020f },
];

function name(text: string): Uint8Array {
  const labels = text === '' ? [] : text.split('.');
  return Uint8Array.from([...labels.flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]), 0]);
}

function query(text: string, type: number, header = 'abcd 0100 0001 0000 0000 0000', kind = 1): Uint8Array {
  return Uint8Array.from([...hex(header), ...name(text), type >> 8, type & 0xff, kind >> 8, kind & 0xff]);
}

function code(reply: Uint8Array | undefined): number {
  return (reply?.[3] ?? 0xff) & 0xf;
}

describe('a question', () => {
  test('for an address is answered as RFC 1035 4.1 lays it out', () => {
    const { reply } = answerDnsQuery(query('alpha.ringside', 1), ZONE);
    expect(reply).toEqual(
      Uint8Array.from([
        ...hex('abcd 8500 0001 0001 0000 0000'),
        ...name('alpha.ringside'),
        ...hex('0001 0001 c00c 0001 0001 0000003c 0004 0a00020f'),
      ]),
    );
  });

  test('for a name is answered with the first name of the address', () => {
    const { reply } = answerDnsQuery(query('2.2.0.10.in-addr.arpa', 12), ZONE);
    expect(reply?.subarray(-30)).toEqual(
      Uint8Array.from([...hex('c00c 000c 0001 0000003c 0012'), ...name('gateway.ringside')]),
    );
  });

  test('is understood in any capitals, and comes back in its own', () => {
    const { reply } = answerDnsQuery(query('WwW.RingSide', 1), ZONE);
    expect(code(reply)).toBe(0);
    expect(reply?.subarray(12, 26)).toEqual(name('WwW.RingSide'));
    expect(reply?.subarray(-4)).toEqual(hex('0a000202'));
  });

  test('for a type that the name has not is no error: IPv6 (RFC 2308, 2.2)', () => {
    const { reply } = answerDnsQuery(query('www.ringside', 28), ZONE);
    expect(reply?.subarray(0, 12)).toEqual(hex('abcd 8500 0001 0000 0000 0000'));
  });

  test.each(['example.org', 'ringside', '', 'beta.ringside', '99.2.0.10.in-addr.arpa', '2.0.10.in-addr.arpa'])(
    'for %j gets "no such name"',
    (text) => {
      expect(code(answerDnsQuery(query(text, 1), ZONE).reply)).toBe(3);
    },
  );

  test('with an EDNS record behind it is answered without one (RFC 6891, 7)', () => {
    const asked = query('www.ringside', 1, 'abcd 0120 0001 0000 0000 0001');
    const { reply } = answerDnsQuery(Uint8Array.from([...asked, ...hex('00 0029 1000 00000000 0000')]), ZONE);
    expect(code(reply)).toBe(0);
    expect(reply?.subarray(8, 12)).toEqual(hex('0000 0000'));
  });
});

describe('what is no question', () => {
  test.each([
    ['two questions', query('www.ringside', 1, 'abcd 0100 0002 0000 0000 0000')],
    ['none', hex('abcd 0100 0000 0000 0000 0000')],
    ['a name that does not end', hex('abcd 0100 0001 0000 0000 0000 03 777777')],
    ['a label that does not end', hex('abcd 0100 0001 0000 0000 0000 3f 77')],
    ['a pointer to itself', hex('abcd 0100 0001 0000 0000 0000 c00c 0001 0001')],
    ['a reserved kind of label', hex('abcd 0100 0001 0000 0000 0000 41 77 00 0001 0001')],
    ['no type', hex('abcd 0100 0001 0000 0000 0000 01 77 00 0001')],
    ['a label with a dot', hex('abcd 0100 0001 0000 0000 0000 03 772e77 00 0001 0001')],
    ['a name of 260 octets', query(Array.from({ length: 130 }, () => 'a').join('.'), 1)],
  ])('%s gets a format error', (_, message) => {
    const { reply, note } = answerDnsQuery(message, ZONE);
    expect(reply?.subarray(0, 2)).toEqual(hex('abcd'));
    expect(code(reply)).toBe(1);
    expect(reply?.length).toBe(12);
    expect(note).toMatch(/expected/);
  });

  test('an answer, or less than a header, gets nothing: two servers would talk for ever', () => {
    expect(answerDnsQuery(query('www.ringside', 1, 'abcd 8100 0001 0000 0000 0000'), ZONE).reply).toBeUndefined();
    expect(answerDnsQuery(hex('abcd 0100 0001'), ZONE).reply).toBeUndefined();
  });

  test('an update is not implemented', () => {
    expect(code(answerDnsQuery(query('www.ringside', 1, 'abcd 2800 0001 0000 0000 0000'), ZONE).reply)).toBe(4);
  });

  test('any octets get an answer with their id, or none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (message) => {
        const { reply } = answerDnsQuery(message, ZONE);
        if (reply === undefined) return;
        expect(reply.subarray(0, 2)).toEqual(message.subarray(0, 2));
        expect(reply.length).toBeLessThanOrEqual(message.length + 200);
      }),
    );
  });
});
