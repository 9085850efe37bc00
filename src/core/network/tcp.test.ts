// TCP as a peer sees it (RFC 9293, 6298, 5681), by a client of its own over wires that delay and lose, and by hostile segments.
import { describe, expect, test } from 'vitest';
import type { FrameEvent } from './frame-event.ts';
import type { LinkSettings } from './link.ts';
import { LabSegment, RecordingStation, TICKS_PER_SECOND } from './lab-segment.test-support.ts';
import type { PlainState } from './plain-state.ts';
import { parseTcp, TcpClient, tcpFrame } from './tcp-client.test-support.ts';
import type { ClientOptions, ParsedTcp } from './tcp-client.test-support.ts';
import { TCP_CONNECTION_LIMIT } from './tcp-endpoint.ts';

const GUEST: ClientOptions = {
  mac: '52:54:00:12:34:56',
  ip: '10.0.2.15',
  serverMac: '52:55:0a:00:02:02',
  serverIp: '10.0.2.2',
};
const OTHER: ClientOptions = {
  ...GUEST,
  mac: '52:54:00:12:34:57',
  ip: '10.0.2.16',
  sourcePort: 50000,
  initial: 0xffff_fff0,
};
const [FIN, SYN, RST, ACK] = [1, 2, 4, 16];

/** An event as a line: quick to compare. */
function told(event: FrameEvent): string {
  return JSON.stringify(event, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  );
}

function pattern(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => index % 251));
}

function open(lab: LabSegment, options = GUEST, link: Partial<LinkSettings> = {}, name = options.ip): TcpClient {
  const client = new TcpClient(name, options);
  const port = lab.attach(client, link);
  client.transmit = (frame) => port.send(frame);
  client.connect(lab.now);
  return client;
}

/** A peer that says exactly what the test tells it, and the segments that came back since the last question. */
function rawPeer(lab: LabSegment, options = GUEST): { send: (fields: Parameters<typeof tcpFrame>[1]) => ParsedTcp[] } {
  const station = new RecordingStation(`raw ${options.ip} ${options.sourcePort ?? 0}`);
  const port = lab.attach(station);
  return {
    send: (fields) => {
      station.got.length = 0;
      port.send(tcpFrame(options, fields));
      lab.run(0.01);
      return station.got.flatMap(({ octets }) => parseTcp(options, octets) ?? []);
    },
  };
}

/** Through the handshake: where the server's sequence numbers begin. */
function establish(peer: ReturnType<typeof rawPeer>, seq = 100): number {
  const [answer] = peer.send({ seq, flags: SYN });
  if (answer === undefined) throw new Error('no answer to the SYN');
  peer.send({ seq: seq + 1, ack: answer.seq + 1, flags: ACK });
  return (answer.seq + 1) >>> 0;
}

describe('a download', () => {
  test('arrives octet for octet', () => {
    const lab = new LabSegment();
    const client = open(lab);
    client.write('GET /bytes/100000 HTTP/1.1\r\nHost: www.ringside\r\nConnection: close\r\n\r\n');
    lab.run(2);
    expect(client.head).toContain('HTTP/1.1 200 OK');
    expect(client.head).toContain('Content-Length: 100000');
    expect(client.body.equals(pattern(100_000))).toBe(true);
    expect(client.serverEnded).toBe(true);
    client.end();
    lab.run(40);
    expect(client.ended).toBe(true);
    expect(lab.host.connections).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5])('arrives whole over wires that lose a tenth, seed %i', (seed) => {
    const link = { lossProbability: 0.1, delayTicks: 50_000, bitsPerSecond: 10_000_000 };
    const lab = new LabSegment({ lan: { seed }, link });
    const client = open(lab, GUEST, link);
    client.write('GET /bytes/60000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    lab.run(300);
    expect(client.body.equals(pattern(60_000))).toBe(true);
    expect(client.serverEnded).toBe(true);
    expect(lab.events.filter((event) => event.kind === 'dropped' && event.reason === 'lost').length).toBeGreaterThan(
      10,
    );
  });

  test('goes to two clients at once, each its own, also where sequence numbers go round', () => {
    const link = { lossProbability: 0.05, delayTicks: 10_000, bitsPerSecond: 100_000_000 };
    const lab = new LabSegment({ link });
    const [one, two] = [open(lab, GUEST, link), open(lab, OTHER, link)];
    one.write('GET /bytes/40000 HTTP/1.1\r\nHost: a\r\n\r\n');
    two.write('GET /bytes/30000 HTTP/1.1\r\nHost: a\r\n\r\n');
    lab.run(120);
    expect(one.body.equals(pattern(40_000))).toBe(true);
    expect(two.body.equals(pattern(30_000))).toBe(true);
  });

  test('is the same run however time is cut into steps', () => {
    const transfer = (run: (lab: LabSegment) => void) => {
      const link = { lossProbability: 0.1, delayTicks: 3_333, bitsPerSecond: 10_000_000 };
      const lab = new LabSegment({ link });
      const client = open(lab, GUEST, link);
      client.write('GET /bytes/20000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      run(lab);
      expect(client.body.length).toBe(20_000);
      return lab.events.map(told);
    };
    const whole = transfer((lab) => lab.run(60));
    expect(transfer((lab) => lab.run(60, 1_234_567))).toEqual(whole);
    expect(transfer((lab) => lab.runToDeadlines(60))).toEqual(whole);
  });

  test('takes the time that the bandwidth asks for', () => {
    const link = { bitsPerSecond: 1_000_000 };
    const lab = new LabSegment();
    const client = open(lab, GUEST, link);
    client.write('GET /bytes/250000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    lab.run(60);
    const last = lab.events.findLast((event) => event.kind === 'delivered' && event.octets.length > 1000);
    // 250,000 octets in 1460s, with 78 octets around each on the wire: 2.11 s at 1 Mbit/s.
    const seconds = (last?.time ?? 0) / TICKS_PER_SECOND;
    expect(client.body.length).toBe(250_000);
    expect(seconds).toBeGreaterThan(2.1);
    expect(seconds).toBeLessThan(2.4);
  });

  test('waits before a closed window and goes on when it opens (3.8.6.1)', () => {
    const lab = new LabSegment();
    const client = open(lab, { ...GUEST, window: 3000 });
    client.write('GET /bytes/50000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    lab.run(0.0005);
    client.window = 0;
    lab.run(1);
    const before = client.receivedBytes;
    expect(before).toBeLessThan(50_000);
    client.segments.length = 0;
    lab.run(10);
    // Probes of at most one octet, further and further apart, none accepted.
    expect(client.segments.length).toBeGreaterThan(1);
    expect(client.segments.length).toBeLessThan(10);
    expect(client.segments.every(({ data }) => data.length <= 1)).toBe(true);
    expect(client.receivedBytes).toBe(before);
    client.window = 65535;
    client.tellWindow(lab.now);
    lab.run(70);
    expect(client.body.equals(pattern(50_000))).toBe(true);
  });

  test('keeps to the segment size that the peer can take (3.7.1)', () => {
    const lab = new LabSegment();
    const client = open(lab, { ...GUEST, mss: 500 });
    client.write('GET /bytes/5000 HTTP/1.1\r\nHost: a\r\n\r\n');
    lab.run(1);
    expect(client.body.length).toBe(5000);
    expect(Math.max(...client.segments.map(({ data }) => data.length))).toBe(500);
  });
});

describe('an upload', () => {
  test.each([0, 0.1])('is echoed octet for octet with a loss of %d', (lossProbability) => {
    const link = { lossProbability, delayTicks: 20_000 };
    const lab = new LabSegment({ link, lan: { seed: 7 } });
    const client = open(lab, GUEST, link);
    const body = pattern(50_000).reverse();
    client.write(`POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    client.write(body);
    lab.run(300);
    expect(client.head).toContain('200 OK');
    expect(client.body.equals(body)).toBe(true);
  });
});

describe('a connection', () => {
  test('taken back from its snapshot goes on exactly as the first did', () => {
    const link = { lossProbability: 0.1, delayTicks: 30_000, bitsPerSecond: 5_000_000 };
    const lab = new LabSegment({ link });
    const client = open(lab, GUEST, link);
    client.write('GET /bytes/80000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    lab.run(0.1);
    expect(client.receivedBytes).toBeGreaterThan(0);
    expect(client.receivedBytes).toBeLessThan(80_000);
    const frozen = JSON.stringify([lab.lan.snapshot(), lab.host.snapshot()]);
    const seen = lab.events.length;
    const frozenAt = lab.now;
    lab.run(200);
    expect(client.body.equals(pattern(80_000))).toBe(true);
    const rest = lab.events.slice(seen);

    // The second network gets from its client what the first got, at the same times.
    const again = new LabSegment({ link });
    const replay = rest.filter((event) => event.kind === 'sent').filter(({ port }) => port === 1);
    const port = again.attach(
      {
        name: client.name,
        deliver: () => undefined,
        deadline: () => replay[0]?.time ?? Infinity,
        elapse: () => {
          const next = replay.shift();
          if (next?.kind === 'sent') port.send(next.octets);
        },
      },
      link,
    );
    again.now = frozenAt;
    const [lan, host] = JSON.parse(frozen) as [PlainState, PlainState];
    again.lan.restore(lan);
    again.host.restore(host);
    expect(JSON.stringify([again.lan.snapshot(), again.host.snapshot()])).toBe(frozen);
    again.run(200);
    expect(again.events.map(told)).toEqual(rest.map(told));
  });

  test('is refused by a reset where nothing listens (3.10.7.1)', () => {
    const peer = rawPeer(new LabSegment(), { ...GUEST, serverPort: 81 });
    expect(peer.send({ seq: 7, flags: SYN })).toMatchObject([{ flags: RST | ACK, seq: 0, ack: 8 }]);
    expect(peer.send({ seq: 7, ack: 99, flags: ACK })).toMatchObject([{ flags: RST, seq: 99 }]);
    expect(peer.send({ seq: 7, flags: RST })).toEqual([]);
  });

  test('is offered again and again when its handshake does not end, then forgotten', () => {
    const lab = new LabSegment();
    const peer = rawPeer(lab);
    expect(peer.send({ seq: 7, flags: SYN })).toMatchObject([{ flags: SYN | ACK, ack: 8 }]);
    lab.run(120);
    const offers = lab.events.filter((event) => event.kind === 'sent' && event.port === 0).map(({ time }) => time);
    // RFC 6298: one second at first, doubled each time; five repetitions, then a reset.
    const gaps = offers.slice(1).map((time, index) => (time - (offers[index] ?? 0)) / TICKS_PER_SECOND);
    expect(gaps.map(Math.round)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(lab.host.connections).toEqual([]);
  });

  test('acknowledges data twice sent, and keeps what came ahead (3.10.7.4)', () => {
    const peer = rawPeer(new LabSegment());
    const server = establish(peer);
    const request = Buffer.from('GET /whoami HTTP/1.1\r\nHost: a\r\n\r\n');
    const send = (from: number, to: number) =>
      peer.send({ seq: 101 + from, ack: server, flags: ACK, data: request.subarray(from, to) });
    expect(send(0, 5)).toMatchObject([{ ack: 106 }]);
    expect(send(0, 5)).toMatchObject([{ ack: 106 }]);
    expect(send(10, 20)).toMatchObject([{ ack: 106 }]);
    expect(send(15, 25)).toMatchObject([{ ack: 106 }]);
    expect(send(3, 12)).toMatchObject([{ ack: 126 }]);
    const [answer] = send(20, request.length);
    expect(answer?.ack).toBe(101 + request.length);
    expect(answer?.data.toString()).toContain('10.0.2.15:40000\n');
  });

  test('answers a lost first segment by three repeated acknowledgments at once, not after the timeout (RFC 5681, 3.2)', () => {
    const peer = rawPeer(new LabSegment());
    const server = establish(peer);
    const request = Buffer.from('GET /bytes/9000 HTTP/1.1\r\nHost: a\r\n\r\n');
    const first = peer.send({ seq: 101, ack: server, flags: ACK, data: request });
    const burst = first.filter(({ data }) => data.length > 0);
    expect(burst.length).toBeGreaterThan(4);
    const next = 101 + request.length;
    const duplicate = { seq: next, ack: server, flags: ACK };
    expect(peer.send(duplicate)).toEqual([]);
    expect(peer.send(duplicate)).toEqual([]);
    expect(peer.send(duplicate)).toMatchObject([{ seq: server, data: burst[0]?.data }]);
  });

  test('sends the next missing segment with the first sign of it (RFC 6582, 3.2)', () => {
    const peer = rawPeer(new LabSegment());
    const server = establish(peer);
    const request = Buffer.from('GET /bytes/9000 HTTP/1.1\r\nHost: a\r\n\r\n');
    const burst = peer.send({ seq: 101, ack: server, flags: ACK, data: request }).filter(({ data }) => data.length > 0);
    const acknowledge = (ack: number) => peer.send({ seq: 101 + request.length, ack, flags: ACK });
    acknowledge(server);
    acknowledge(server);
    expect(acknowledge(server).map(({ seq }) => seq)).toEqual([burst[0]?.seq]);
    // The first came, the second and third with it are missing too: a partial acknowledgment.
    expect(acknowledge(burst[1]?.seq ?? 0).map(({ seq }) => seq)).toEqual([burst[1]?.seq]);
    expect(acknowledge(burst[2]?.seq ?? 0).map(({ seq }) => seq)).toEqual([burst[2]?.seq]);
  });

  test('tells that its window has opened, also when it has nothing else to say (3.8.6.2.2)', () => {
    const lab = new LabSegment();
    const peer = rawPeer(lab);
    const server = establish(peer);
    const get = Buffer.from('GET /bytes/68000 HTTP/1.1\r\nHost: a\r\n\r\n');
    const post = Buffer.from('POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n');
    // The answer to the first waits for a window; the body of the second fills this side's.
    let seq = 101;
    const say = (data: Buffer, ack: number, window: number) => {
      const answer = peer.send({ seq, ack, flags: ACK, window, data });
      seq += data.length;
      return answer;
    };
    say(get, server, 1);
    let told = say(post, server, 1).at(-1)?.window ?? 0;
    while (told > 0) told = say(Buffer.alloc(Math.min(1000, told)), server, 1).at(-1)?.window ?? 0;
    // Some of the answer goes out, and comes home while the peer's window is closed: there is room to write the rest and to
    // read on, but no segment that could say so by the way.
    let home = server + 1;
    for (let round = 0; round < 3; round += 1) {
      const last = say(Buffer.alloc(0), home, 4000).at(-1);
      home = (last?.seq ?? 0) + (last?.data.length ?? 0);
    }
    expect(home - server).toBeGreaterThan(2000);
    const window = say(Buffer.alloc(0), home, 0).at(-1)?.window;
    expect(window).toBeGreaterThan(20_000);
  });

  test('is ended by both sides in turn, and lingers in TIME-WAIT (3.6)', () => {
    const lab = new LabSegment();
    const peer = rawPeer(lab);
    const server = establish(peer);
    const request = Buffer.from('GET /whoami HTTP/1.0\r\n\r\n');
    const answer = peer.send({ seq: 101, ack: server, flags: ACK, data: request });
    const fin = answer.find(({ flags }) => (flags & FIN) !== 0);
    expect(fin).toBeDefined();
    const end = ((fin?.seq ?? 0) + (fin?.data.length ?? 0) + 1) >>> 0;
    const seq = 101 + request.length;
    peer.send({ seq, ack: end, flags: ACK });
    expect(lab.host.connections).toMatchObject([{ state: 'fin-wait-2' }]);
    expect(peer.send({ seq, ack: end, flags: ACK | FIN })).toMatchObject([{ flags: ACK, ack: seq + 1 }]);
    expect(lab.host.connections).toMatchObject([{ state: 'time-wait' }]);
    // A FIN that comes again is acknowledged again.
    expect(peer.send({ seq, ack: end, flags: ACK | FIN })).toMatchObject([{ flags: ACK, ack: seq + 1 }]);
    // The same ports may be used again, by a SYN that is surely new.
    const [reopened] = peer.send({ seq: seq + 1000, flags: SYN });
    expect(reopened).toMatchObject({ flags: SYN | ACK, ack: seq + 1001 });
    expect(((reopened?.seq ?? 0) - end) | 0).toBeGreaterThan(0);
  });

  test('half closed by the client still answers (3.6, case 2)', () => {
    const lab = new LabSegment();
    const client = open(lab);
    client.write('GET /bytes/20000 HTTP/1.1\r\nHost: a\r\n\r\n');
    client.end();
    lab.run(3);
    expect(client.body.equals(pattern(20_000))).toBe(true);
    expect(client.serverEnded).toBe(true);
    expect(lab.host.connections).toEqual([]);
  });
});

describe('hostile segments', () => {
  test('a reset counts only with the exact number; another in the window is asked for proof (RFC 5961, 3.2)', () => {
    const lab = new LabSegment();
    const peer = rawPeer(lab);
    const server = establish(peer);
    expect(peer.send({ seq: 101 + 50, flags: RST })).toMatchObject([{ flags: ACK, ack: 101 }]);
    expect(peer.send({ seq: 101 - 1, flags: RST })).toEqual([]);
    expect(peer.send({ seq: 101 + 40_000, flags: RST })).toEqual([]);
    expect(lab.host.connections).toMatchObject([{ state: 'established' }]);
    expect(peer.send({ seq: 101, ack: server, flags: RST })).toEqual([]);
    expect(lab.host.connections).toEqual([]);
  });

  test('a SYN in a connection is asked for proof (RFC 5961, 4.2)', () => {
    const lab = new LabSegment();
    const peer = rawPeer(lab);
    establish(peer);
    expect(peer.send({ seq: 150, flags: SYN })).toMatchObject([{ flags: ACK, ack: 101 }]);
    expect(lab.host.connections).toMatchObject([{ state: 'established' }]);
  });

  test('an acknowledgment of what was never sent has no effect (3.10.7.4)', () => {
    const lab = new LabSegment();
    const peer = rawPeer(lab);
    const server = establish(peer);
    const data = Buffer.from('GET / HTTP/1.0\r\n\r\n');
    expect(peer.send({ seq: 101, ack: server + 5000, flags: ACK, data })).toMatchObject([{ flags: ACK, ack: 101 }]);
  });

  test('data beyond the window is refused, within it kept in bounds (3.10.7.4)', () => {
    const lab = new LabSegment();
    const peer = rawPeer(lab);
    const server = establish(peer);
    for (let offset = 2; offset < 60_000; offset += 2) {
      if (offset % 97 !== 0 && offset > 400) continue;
      peer.send({ seq: 101 + offset, ack: server, flags: ACK, data: Buffer.from('x') });
    }
    expect(JSON.stringify(lab.host.snapshot()).length).toBeLessThan(6000);
    expect(lab.host.connections).toMatchObject([{ state: 'established' }]);
  });

  test('a flood of SYNs takes no more than its places, and others still get through', () => {
    const lab = new LabSegment();
    const attacker = new RecordingStation('attacker');
    const port = lab.attach(attacker);
    const client = open(lab, OTHER);
    client.write('GET /bytes/3000 HTTP/1.1\r\nHost: a\r\n\r\n');
    for (let count = 0; count < 500; count += 1) {
      const ip = `10.0.2.${20 + (count % 200)}`;
      port.send(tcpFrame({ ...GUEST, ip, sourcePort: 1024 + count }, { seq: count, flags: SYN }));
      lab.run(0.0001);
      const halfOpen = lab.host.connections.filter(({ state }) => state === 'syn-received');
      expect(halfOpen.length).toBeLessThanOrEqual(16);
    }
    lab.run(30);
    expect(client.body.length).toBe(3000);
  });

  test('connections that linger in TIME-WAIT make room at once', () => {
    const lab = new LabSegment();
    for (let count = 0; count < TCP_CONNECTION_LIMIT + 6; count += 1) {
      const station = new RecordingStation('browser');
      const port = lab.attach(station);
      const options = { ...GUEST, sourcePort: 2000 + count };
      const say = (fields: Parameters<typeof tcpFrame>[1]) => {
        station.got.length = 0;
        port.send(tcpFrame(options, fields));
        lab.run(0.001);
        return station.got.flatMap(({ octets }) => parseTcp(options, octets) ?? []);
      };
      const [answer] = say({ seq: 1, flags: SYN });
      expect(answer?.flags).toBe(SYN | ACK);
      const data = Buffer.from('GET /whoami HTTP/1.0\r\n\r\n');
      const last = say({ seq: 2, ack: (answer?.seq ?? 0) + 1, flags: ACK, data }).at(-1);
      const ack = (last?.seq ?? 0) + (last?.data.length ?? 0) + 1;
      say({ seq: 2 + data.length, ack, flags: ACK | FIN });
      port.detach();
    }
    expect(lab.host.connections.every(({ state }) => state === 'time-wait')).toBe(true);
    expect(lab.host.connections.length).toBe(TCP_CONNECTION_LIMIT);
  });

  test('connections that only stay open make room when they have been still', () => {
    const lab = new LabSegment();
    const attacker = new RecordingStation('attacker');
    const port = lab.attach(attacker);
    for (let count = 0; count < 100; count += 1) {
      const options = { ...GUEST, sourcePort: 1024 + count };
      attacker.got.length = 0;
      port.send(tcpFrame(options, { seq: 5, flags: SYN }));
      lab.run(0.001);
      const answer = attacker.got.flatMap(({ octets }) => parseTcp(options, octets) ?? [])[0];
      if (answer !== undefined) port.send(tcpFrame(options, { seq: 6, ack: answer.seq + 1, flags: ACK }));
      lab.run(0.001);
    }
    expect(lab.host.connections.length).toBe(TCP_CONNECTION_LIMIT);
    expect(lab.served.some(({ note }) => note.includes('connections are in use'))).toBe(true);
    lab.run(11);
    const client = open(lab, OTHER);
    client.write('GET /whoami HTTP/1.1\r\nHost: a\r\n\r\n');
    lab.run(1);
    expect(client.body.toString()).toBe('10.0.2.16:50000\n');
    lab.run(301);
    expect(lab.host.connections).toEqual([]);
  });
});
