// What the options put on a guest's board is there and works, and --stats tells what went through it.

import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { assemble } from '../core/isa/assembly/assemble.ts';
import type { Statistics } from './stats.ts';
import { command } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-devices-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);
const statistics = () => JSON.parse(readFileSync(at('stats'), 'utf8')) as Statistics;

/** Asks, through the registers of the programmed card, who has 10.0.2.2; ends with 40 and the operation of the answer (RFC 826). */
const ASK = `
_start: li      s0, 0x1000b000
        li      t0, 60
        sw      t0, 0x10(s0)            # SEND_LENGTH
        la      t1, frame
        li      t2, 15
1:      lw      t0, 0(t1)
        sw      t0, 0x18(s0)            # DATA
        addi    t1, t1, 4
        addi    t2, t2, -1
        bnez    t2, 1b
2:      lw      t0, 0x14(s0)            # RECEIVE_LENGTH
        beqz    t0, 2b
        li      t2, 6                   # octets 20 and 21 are in the sixth word
3:      lw      t0, 0x18(s0)
        addi    t2, t2, -1
        bnez    t2, 3b
        slli    t0, t0, 16
        srli    t0, t0, 24
        addi    t0, t0, 40
        slli    t0, t0, 16
        li      t1, 0x3333
        or      t0, t0, t1
        li      t1, 0x100000
        sw      t0, 0(t1)
4:      j       4b
        .balign 4
frame:  .byte   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0, 0, 1
        .byte   8, 6, 0, 1, 8, 0, 6, 4, 0, 1
        .byte   0x52, 0x54, 0, 0, 0, 1, 10, 0, 2, 15
        .byte   0, 0, 0, 0, 0, 0, 10, 0, 2, 2
        .byte   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
`;

function ask(): string {
  const assembled = assemble(ASK, { textAddress: 0x8040_0000 });
  if (!assembled.ok) throw new Error(assembled.errors.map(({ line, message }) => `${line}: ${message}`).join('\n'));
  writeFileSync(at('ask'), assembled.image);
  return at('ask');
}

test.each(['bare', 'trap-and-emulate', 'hardware-assisted'])(
  'a network card by programmed I/O asks the gateway and is answered: %s',
  async (technique) => {
    const options = ['--technique', technique, '--memory=16M', '--max-instructions=1M', '--stats', at('stats')];
    const { status, complaints } = await command(['run', ask(), ...options, '--network', 'user,model=pio']);
    expect(complaints).toEqual([]);
    expect(status).toBe(40 + 2);
    expect(statistics().virtio).toEqual([]);
    // Word by word: under a hypervisor each is an exit.
    const { exits } = statistics();
    expect(Object.values(exits).reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(
      technique === 'bare' ? 0 : 15 + 6,
    );
  },
);

test('a physical network card of its own: hardware-assisted, with the counters of the real device', async () => {
  const commands = 'ip link set eth0 up; udhcpc -i eth0 -n -q 2>&1 | grep lease; poweroff -f\n';
  const { stdout, status, complaints } = await command(
    [
      'run',
      '--guest=linux',
      '--technique=hardware-assisted',
      '--network=user,model=passthrough',
      '--stats',
      at('stats'),
    ],
    commands,
  );
  expect(complaints).toEqual([]);
  expect(status).toBe(0);
  expect(stdout).toContain('lease of 10.0.2.15 obtained from 10.0.2.2');
  const [card, ...more] = statistics().virtio;
  expect(more).toEqual([]);
  expect(card).toMatchObject({ name: 'network card', assigned: true, failed: false, address: 0x1000_8000 });
  // Discover and request; offer and acknowledgement (RFC 2131), each longer than 240 octets.
  const [received, sent] = card?.queues ?? [];
  expect(received).toMatchObject({ name: 'receiveq', bytesOut: 0 });
  expect(sent).toMatchObject({ name: 'transmitq', bytesIn: 0 });
  expect(received?.requests).toBeGreaterThanOrEqual(2);
  expect(received?.bytesIn).toBeGreaterThan(2 * 240);
  expect(sent?.requests).toBeGreaterThanOrEqual(2);
  expect(sent?.bytesOut).toBeGreaterThan(2 * 240);
}, 60_000);

test('a physical card wants hardware-assisted', async () => {
  const { status, complaints } = await command([
    'run',
    '--guest=hello',
    '--technique=trap-and-emulate',
    '--network=user,model=passthrough',
  ]);
  expect(status).toBe(2);
  expect(complaints).toEqual([
    expect.stringMatching(/expected the technique hardware-assisted .* found trap-and-emulate/),
  ]);
});

test('the virtio console’s output is in its file, every byte once; disk and console are counted apart', async () => {
  writeFileSync(at('disk'), '');
  truncateSync(at('disk'), 2 ** 20);
  const lines = Array.from({ length: 200 }, (_, index) => `${index + 1}\r\n`).join('');
  const { stdout, status, complaints } = await command(
    ['run', '--guest=linux', '--console', at('console'), '--disk', at('disk'), '--stats', at('stats')],
    'cat /sys/class/tty/console/active; dd if=/dev/vda of=/dev/null bs=64k 2>/dev/null; seq 200 > /dev/hvc1; sleep 1; poweroff -f\n',
  );
  expect(complaints).toEqual([]);
  expect(status).toBe(0);
  expect(stdout).not.toContain('\n199\r\n');
  expect(readFileSync(at('console'), 'latin1')).toBe(lines);
  const { virtio } = statistics();
  expect(virtio.map(({ name }) => name).toSorted()).toEqual(['block device', 'console']);
  const disk = virtio.find(({ name }) => name === 'block device');
  const console = virtio.find(({ name }) => name === 'console');
  // All of its sectors, and a status byte for each request (virtio 1.2, section 5.2.6), which has a header of 16 bytes.
  const [requests] = disk?.queues ?? [];
  expect(requests?.bytesIn).toBeGreaterThanOrEqual(2 ** 20 + (requests?.requests ?? 0));
  expect(requests?.bytesOut).toBe(16 * (requests?.requests ?? NaN));
  expect(disk?.notifications).toBeGreaterThan(0);
  expect(disk?.interrupts).toBeGreaterThan(0);
  expect(disk?.interrupts).toBeLessThanOrEqual(requests?.requests ?? 0);
  expect(console?.queues.map(({ name, bytesOut }) => [name, bytesOut])).toEqual([
    ['receiveq', 0],
    ['transmitq', lines.length],
  ]);
}, 60_000);

test('the console does not go into the disk, nor into the statistics', async () => {
  writeFileSync(at('own'), Buffer.alloc(512, 7));
  for (const other of ['--disk', '--stats']) {
    const { status, complaints } = await command(['run', '--guest=hello', other, at('own'), '--console', at('own')]);
    expect(status).toBe(2);
    expect(complaints).toEqual([expect.stringMatching(/expected another file for the virtio console/)]);
    if (other === '--disk') expect(readFileSync(at('own'))).toEqual(Buffer.alloc(512, 7));
  }
});
