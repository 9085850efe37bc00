// --network and --pcap: a guest gets an address and a page, every frame is in the file; what is wrong with an option is one line.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeFrame } from '../core/network/describe-frame.ts';
import { networkCard } from '../protocol/option-values/network-card.ts';
import { command } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-network-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The frames of a pcap file, read by the format's description (draft-ietf-opsawg-pcap). */
function framesOf(file: Buffer): readonly { readonly seconds: number; readonly octets: Uint8Array }[] {
  expect(file.readUInt32LE(0)).toBe(0xa1b2_3c4d);
  expect(file.readUInt32LE(20)).toBe(1);
  const frames = [];
  for (let at = 24; at < file.length;) {
    const length = file.readUInt32LE(at + 8);
    const seconds = file.readUInt32LE(at) + file.readUInt32LE(at + 4) / 1e9;
    frames.push({ seconds, octets: new Uint8Array(file.subarray(at + 16, at + 16 + length)) });
    at += 16 + length;
  }
  return frames;
}

test('Linux gets an address by DHCP and a page by HTTP; the file has every frame, in order', async () => {
  const pcap = join(folder, 'frames.pcap');
  const commands = [
    'ip link set eth0 up; udhcpc -i eth0 -n -q 2>&1 | grep lease',
    'wget -q -O - http://www.ringside/ | grep "<h1>"; ping -c 1 gateway.ringside | grep packets; poweroff -f',
  ];
  const { stdout, status, complaints } = await command(
    ['run', '--guest', 'linux', '--network', 'user,delay=2', '--pcap', pcap],
    `${commands.join('\n')}\n`,
  );
  expect(complaints).toEqual([]);
  expect(status).toBe(0);
  expect(stdout).toContain('lease of 10.0.2.15 obtained from 10.0.2.2');
  expect(stdout).toContain('<h1>The network of the lab</h1>');
  expect(stdout).toContain('1 packets transmitted, 1 packets received, 0% packet loss');
  const frames = framesOf(readFileSync(pcap));
  const described = frames.map(({ octets }) => describeFrame(octets));
  expect(described.map(({ protocol }) => protocol)).toEqual(
    expect.arrayContaining(['DHCP', 'ARP', 'DNS', 'TCP', 'HTTP', 'ICMP']),
  );
  expect(described.filter(({ malformed }) => malformed !== undefined)).toEqual([]);
  const times = frames.map(({ seconds }) => seconds);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  // The guest's cable takes 2 ms each way.
  const echo = described.findIndex(({ summary }) => summary.startsWith('echo request'));
  const reply = described.findIndex(({ summary }) => summary.startsWith('echo reply'));
  expect((times[reply] ?? 0) - (times[echo] ?? 0)).toBeGreaterThan(0.002);
  expect((times[reply] ?? 0) - (times[echo] ?? 0)).toBeLessThan(0.003);
}, 60_000);

test('the value of --network', () => {
  expect(networkCard('user')).toMatchObject({
    model: 'virtio',
    link: {},
  });
  expect(networkCard('user,delay=2.5,model=pio,loss=1%,rate=10M')).toMatchObject({
    model: 'pio',
    link: { delayTicks: 25_000, lossProbability: 0.01, bitsPerSecond: 1e7 },
  });
  expect(networkCard('user,delay=0').link.delayTicks).toBe(1);
  expect(networkCard('user,model=passthrough').model).toBe('passthrough');
});

test.each([
  [['--network', 'tap'], /expected user after --network, found "tap"/],
  [
    ['--network', 'user,speed=1'],
    /expected model, delay, loss, rate with = and a value behind user, or slot=N after --network/,
  ],
  [['--network', 'user,toString=1'], /expected model, delay, loss, rate/],
  [['--network', 'user,model=e1000'], /expected virtio or pio or passthrough after model=/],
  [['--network', 'user,loss=101'], /expected a percentage from 0 to 100 after loss=/],
  [['--network', 'user,delay='], /expected milliseconds from 0 to 3600000 after delay=/],
  [['--network', 'user,rate=5'], /expected bits a second from 1K to 1000G after rate=/],
  [['--pcap', join(folder, 'x')], /expected --network with --pcap, found none: add --network user/],
])('%j', async (options, message) => {
  const { status, complaints } = await command(['run', '--guest', 'hello', ...options], '');
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(message)]);
});

test('the frames do not go into the file of the statistics', async () => {
  const path = join(folder, 'both');
  const options = ['run', '--guest', 'hello', '--network', 'user', '--stats', path, '--pcap', path];
  const { status, complaints } = await command(options, '');
  expect(status).toBe(2);
  expect(complaints).toEqual([expect.stringMatching(/expected another file for the frames/)]);
});
