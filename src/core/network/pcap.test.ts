// The capture file, read back by a reader of its own and, where it is installed, by tcpdump.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { encodeArp } from './arp.ts';
import { encodeEthernet } from './ethernet.ts';
import type { FrameEvent } from './frame-event.ts';
import { LabSegment, RecordingStation, TICKS_PER_SECOND } from './lab-segment.test-support.ts';
import { Capture, writePcap } from './pcap.ts';
import { TcpClient } from './tcp-client.test-support.ts';

interface Record {
  readonly nanoseconds: bigint;
  readonly octets: Buffer;
}

/** draft-ietf-opsawg-pcap, 4 and 5. */
function readPcap(file: Uint8Array): Record[] {
  const buffer = Buffer.from(file);
  expect(buffer.subarray(0, 4).toString('hex')).toBe('4d3cb2a1');
  expect([buffer.readUInt16LE(4), buffer.readUInt16LE(6), buffer.readUInt32LE(20)]).toEqual([2, 4, 1]);
  const records: Record[] = [];
  let offset = 24;
  while (offset < buffer.length) {
    const [seconds, fraction, kept, there] = [0, 4, 8, 12].map((at) => buffer.readUInt32LE(offset + at));
    expect(kept).toBe(there);
    expect(kept).toBeLessThanOrEqual(buffer.readUInt32LE(16));
    const end = offset + 16 + (kept ?? 0);
    records.push({
      nanoseconds: BigInt(seconds ?? 0) * 1_000_000_000n + BigInt(fraction ?? 0),
      octets: buffer.subarray(offset + 16, end),
    });
    offset = end;
  }
  expect(offset).toBe(buffer.length);
  return records;
}

function arp(): Uint8Array {
  const payload = encodeArp({
    operation: 1,
    senderMac: 0x5254_0012_3456,
    senderIpv4: 0x0a00_020f,
    targetMac: 0,
    targetIpv4: 0x0a00_0202,
  });
  return encodeEthernet({ destination: 0xffff_ffff_ffff, source: 0x5254_0012_3456, etherType: 0x0806, payload });
}

/** An HTTP exchange and an ARP question, captured where frames are sent. */
function exchange(): { lab: LabSegment; capture: Capture } {
  const lab = new LabSegment();
  const client = new TcpClient('client', {
    mac: '52:54:00:12:34:56',
    ip: '10.0.2.15',
    serverMac: '52:55:0a:00:02:02',
    serverIp: '10.0.2.2',
  });
  const port = lab.attach(client);
  client.transmit = (frame) => port.send(frame);
  port.send(arp());
  client.connect(0);
  client.write('GET / HTTP/1.1\r\nHost: www.ringside\r\nConnection: close\r\n\r\n');
  lab.run(1);
  const capture = new Capture('every-sender');
  for (const event of lab.events) capture.observe(event);
  return { lab, capture };
}

describe('a capture file', () => {
  test('holds each frame once, with its time to the tick', () => {
    const { lab, capture } = exchange();
    const sent = lab.events.filter((event) => event.kind === 'sent');
    const records = readPcap(capture.toPcap(TICKS_PER_SECOND));
    expect(records.length).toBe(sent.length);
    expect(records.length).toBeGreaterThan(6);
    for (const [index, record] of records.entries()) {
      expect(record.nanoseconds).toBe(BigInt(sent[index]?.time ?? -1) * 100n);
      expect(record.octets.equals(Buffer.from(sent[index]?.octets ?? []))).toBe(true);
    }
  });

  test('without frames is a header', () => {
    expect(readPcap(writePcap([], TICKS_PER_SECOND))).toEqual([]);
  });

  test('tells late times without loss', () => {
    const time = 400_000_000 * TICKS_PER_SECOND + 9_999_999;
    const [record] = readPcap(writePcap([{ time, frame: 1, octets: arp() }], TICKS_PER_SECOND));
    expect(record?.nanoseconds).toBe(400_000_000_999_999_900n);
  });

  const installed = spawnSync('tcpdump', ['--version']).status === 0;
  test.skipIf(!installed)('is read by tcpdump, which finds every checksum right', () => {
    const { capture } = exchange();
    const { status, stdout } = spawnSync('tcpdump', ['-nn', '-vvv', '-tt', '--nano', '-r', '-'], {
      input: capture.toPcap(TICKS_PER_SECOND),
      encoding: 'utf8',
    });
    expect(status).toBe(0);
    expect(stdout).toContain('Request who-has 10.0.2.2 tell 10.0.2.15');
    expect(stdout).toContain('Reply 10.0.2.2 is-at 52:55:0a:00:02:02');
    expect(stdout).toMatch(/10\.0\.2\.2\.80 > 10\.0\.2\.15\.40000: Flags \[S\.\], cksum 0x[\da-f]+ \(correct\)/);
    expect(stdout).toContain('HTTP/1.1 200 OK');
    expect(stdout).toMatch(/Flags \[F/);
    expect(stdout).not.toMatch(/incorrect|bad |truncated|malformed|invalid/);
    const segments = capture.frames.filter(({ octets }) => octets[12] === 8 && octets[13] === 0);
    expect(stdout.match(/\(correct\)/g)?.length).toBe(segments.length);
  });
});

describe('the ring', () => {
  const sent = (frame: number, port: number, octets = arp()): FrameEvent => ({
    kind: 'sent',
    frame,
    time: frame,
    port,
    octets,
  });

  test('keeps the last frames within its budget and counts the forgotten', () => {
    const capture = new Capture('every-sender', 10_000);
    for (let frame = 0; frame < 5000; frame += 1) capture.observe(sent(frame, 0));
    const kept = capture.frames.map(({ frame }) => frame);
    expect(kept.length).toBe(Math.floor(10_000 / (60 + 64)));
    expect(kept.at(-1)).toBe(4999);
    expect(kept[0]).toBe(5000 - kept.length);
    expect(capture.forgotten).toBe(5000 - kept.length);
    capture.clear();
    expect([capture.frames, capture.forgotten]).toEqual([[], 0]);
  });

  test('at one port holds what its station sends and gets', () => {
    const lab = new LabSegment();
    const port = lab.attach(new RecordingStation('guest'));
    lab.attach(new RecordingStation('other'));
    port.send(arp());
    lab.run(1);
    const frames = (at: number) => {
      const capture = new Capture({ port: at });
      for (const event of lab.events) capture.observe(event);
      return capture.frames.map(({ octets }) => octets[21]);
    };
    // Operation 1 asks, 2 answers.
    expect(frames(port.id)).toEqual([1, 2]);
    expect(frames(0)).toEqual([1, 2]);
    expect(frames(2)).toEqual([1]);
  });
});
