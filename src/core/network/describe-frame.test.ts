// One line a frame: what a reader of a capture looks for is in it, and octets that are nothing are said to be so.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeFrame } from './describe-frame.ts';
import { hex, LabSegment, RecordingStation } from './lab-segment.test-support.ts';
import { TcpClient } from './tcp-client.test-support.ts';

describe('a description', () => {
  test('tells the story of a page being fetched', () => {
    const lab = new LabSegment();
    const options = { mac: '52:54:00:12:34:56', ip: '10.0.2.15', serverMac: '52:55:0a:00:02:02', serverIp: '10.0.2.2' };
    const client = new TcpClient('client', options);
    const port = lab.attach(client);
    lab.attach(new RecordingStation('other'));
    client.transmit = (frame) => port.send(frame);
    port.send(hex('ffffffffffff 525400123456 0806 0001 0800 06 04 0001 525400123456 0a00020f 000000000000 0a000202'));
    lab.run(0.01);
    client.connect(lab.now);
    client.write('GET /whoami HTTP/1.1\r\nHost: a\r\n\r\n');
    lab.run(0.1);
    const lines = lab.events.flatMap((event) => {
      if (event.kind !== 'sent') return [];
      const { protocol, source, destination, summary } = describeFrame(event.octets);
      return [`${protocol} ${source} > ${destination}: ${summary.replaceAll(/(seq|ack) \d+/g, '$1 n')}`];
    });
    expect(lines.slice(0, 7)).toEqual([
      'ARP 52:54:00:12:34:56 > ff:ff:ff:ff:ff:ff: who has 10.0.2.2? tell 10.0.2.15',
      'ARP 52:55:0a:00:02:02 > 52:54:00:12:34:56: 10.0.2.2 is at 52:55:0a:00:02:02',
      'TCP 10.0.2.15 > 10.0.2.2: port 40000 to 80 [SYN] seq n window 65535, 0 octets',
      'TCP 10.0.2.2 > 10.0.2.15: port 80 to 40000 [SYN ACK] seq n ack n window 32768, 0 octets',
      'TCP 10.0.2.15 > 10.0.2.2: port 40000 to 80 [ACK] seq n ack n window 65535, 0 octets',
      'HTTP 10.0.2.15 > 10.0.2.2: GET /whoami HTTP/1.1',
      'HTTP 10.0.2.2 > 10.0.2.15: HTTP/1.1 200 OK',
    ]);
  });

  test('says what is wrong with a spoilt frame', () => {
    const frame = hex('52550a000202 525400123456 0800 4500 0014 0000 4000 4011 b861 c0a8 0001 c0a8 00c7');
    expect(describeFrame(frame)).toMatchObject({
      protocol: 'IPv4',
      malformed: expect.stringContaining('0xb861') as string,
    });
  });

  test('never fails', () => {
    const ip = hex('52550a000202 525400123456 0800');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (octets, asIp) => {
        const described = describeFrame(asIp ? Uint8Array.from([...ip, ...octets]) : octets);
        expect(described.summary).not.toBe('');
      }),
    );
  });
});
