// Equivalence with every device on the board at once (issue: “all equivalence checks hold with every device attached”): registers,
// CSRs, time, output and memory at every point, and what the guest has said to the world beyond, the same under every technique
// as on the bare machine.

import { describe, expect, test, vi } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { MemoryStore } from '../../devices/block-store.ts';
import { MemoryFolder } from '../../devices/ninep/memory-folder.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { virtioConsole } from '../../devices/virtio/virtio-console.ts';
import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import { virtioNetwork } from '../../devices/virtio/virtio-network.ts';
import { virtioNineP } from '../../devices/virtio/virtio-nine-p.ts';
import type { VirtioVersion } from '../../devices/virtio/virtio-mmio-registers.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { MIB, shippedGuest } from '../guest-rig.test-support.ts';
import { networkChoice } from '../guest-devices/virtual-network.ts';
import { Comparison } from './equivalence.ts';

vi.setConfig({ testTimeout: 240_000 });

const techniques = ['trap-and-emulate', 'hardware-assisted', 'paravirtual'] as const;

/** A cable whose end is its beginning: what is sent comes back. */
function loop() {
  let receive: (frame: Uint8Array) => boolean = () => false;
  const frames: number[] = [];
  return {
    frames,
    send: (frame: Uint8Array) => {
      frames.push(frame.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, frame.length));
      receive(frame);
    },
    attach: (into: typeof receive) => void (receive = into),
  };
}

/** What one computer has, and what became of it. */
interface World {
  readonly disks: readonly MemoryStore[];
  readonly folder: MemoryFolder;
  readonly cables: readonly { readonly frames: readonly number[] }[];
  written: string;
}

const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);

/** Programmed disk and card, virtio disk, card, console, entropy, shared folder and balloon: a slot is left. */
function withEverything(guest: GuestImage, worlds: World[], version: VirtioVersion, network: boolean): GuestImage {
  const disks = [0, 1].map(() => new MemoryStore(new Uint8Array(MIB)));
  const cables = [loop(), loop()];
  const folder = new MemoryFolder();
  folder.put('run', new TextEncoder().encode(SCRIPT));
  const world: World = { disks, folder, cables, written: '' };
  worlds.push(world);
  const [programmed = new MemoryStore(new Uint8Array(0)), virtio = programmed] = disks;
  const [first = loop(), second = first] = cables;
  return {
    ...guest,
    ...(network && { network: networkChoice() }),
    balloon: { targetBytes: 4 * MIB },
    devices: {
      virtioVersion: version,
      programmedIo: { disk: { store: programmed }, network: { cable: first, mac: MAC } },
      virtio: [
        { device: virtioBlock({ store: virtio, serial: 'lab' }), latency: 3000 },
        { device: virtioEntropy(new SeededEntropy(9)), latency: 200 },
        { device: virtioNineP({ folder, tag: 'lab' }), latency: 100 },
        {
          device: virtioConsole({ transmit: (bytes) => (world.written += String.fromCharCode(...bytes)) }),
          latency: 300,
        },
        ...(network ? [] : [{ device: virtioNetwork({ cable: second, mac: MAC }), latency: 500 }]),
      ],
    },
  };
}

/** What Linux does with all of it. */
const SCRIPT = `mount -t proc p /proc; mount -t sysfs y /sys
seq 4000 > /a; dd if=/a of=/dev/vda bs=4k seek=3 conv=fsync 2>/dev/null; echo 3 > /proc/sys/vm/drop_caches
dd if=/dev/vda bs=4k skip=3 count=4 2>/dev/null | md5sum
head -c 32 /dev/hwrng | md5sum
echo to the other console > /dev/hvc1
ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ping -c 2 10.0.2.2 | grep packets
ls /s; cp /a /s/b; md5sum /s/b; mv /s/b /s/c; sync
sleep 1; grep -c . /proc/interrupts; echo all of it
poweroff -f
`;

function compare(make: (worlds: World[]) => GuestImage, options: { readonly every: number; readonly limit: number }) {
  const worlds: World[] = [];
  const comparison = new Comparison({
    host: nodeHost,
    guest: () => make(worlds),
    techniques,
    memoryEvery: 40,
    ...options,
  });
  const end = comparison.run();
  return {
    end,
    points: comparison.progress.points,
    memoryPoints: comparison.progress.memoryPoints,
    worlds: worlds.slice(1),
  };
}

describe('every device at once', () => {
  test('Linux uses the virtio ones, by the modern interface', () => {
    const linux = {
      ...shippedGuest('linux'),
      bootArguments:
        'console=ttyS0 loglevel=3 panic=-1 rdinit=/bin/sh -- -c "mount -t devtmpfs d /dev; exec </dev/console >/dev/console 2>&1; mkdir -p /s; mount -t 9p -o trans=virtio,version=9p2000.L lab /s; . /s/run"',
    };
    const { end, points, memoryPoints, worlds } = compare((all) => withEverything(linux, all, 'modern', true), {
      every: 500_000,
      limit: 200_000_000,
    });
    expect(end).toMatchObject({ kind: 'ended', difference: undefined, ending: { exitCode: 0 } });
    expect(points).toBeGreaterThan(40);
    expect(memoryPoints).toBeGreaterThan(2);
    const [bare, ...others] = worlds;
    expect(others).toHaveLength(techniques.length);
    expect(bare?.written).toBe('to the other console\r\n');
    expect(bare?.disks[1]?.bytes.some((byte) => byte !== 0)).toBe(true);
    const kept = (world: World | undefined) => {
      const bytes = new Uint8Array(30_000);
      const length = world?.folder.root.lookup('c').read(0, bytes) ?? 0;
      return {
        disks: world?.disks.map(({ bytes: all }) => Buffer.from(all).toString('base64').length),
        length,
        written: world?.written,
      };
    };
    expect(kept(bare).length).toBeGreaterThan(18_000);
    for (const other of others) {
      expect(kept(other)).toEqual(kept(bare));
      other.disks.forEach(({ bytes }, index) =>
        expect(Buffer.compare(bytes, bare?.disks[index]?.bytes ?? new Uint8Array(0))).toBe(0),
      );
    }
  });

  test('a guest that uses those by programmed I/O as well: the same at every thousandth instruction', () => {
    const { end, points, worlds } = compare((all) => withEverything(shippedGuest('io-paths'), all, 'legacy', false), {
      every: 1000,
      limit: 50_000_000,
    });
    expect(end).toMatchObject({ kind: 'ended', difference: undefined, ending: { exitCode: 0 } });
    expect(points).toBeGreaterThan(100);
    const [bare, ...others] = worlds;
    expect(bare?.cables.map(({ frames }) => frames.length > 0)).toEqual([true, true]);
    expect(bare?.disks.map(({ bytes }) => bytes.some((byte) => byte !== 0))).toEqual([true, true]);
    for (const other of others) {
      expect(other.cables.map(({ frames }) => frames)).toEqual(bare?.cables.map(({ frames }) => frames));
      other.disks.forEach(({ bytes }, index) =>
        expect(Buffer.compare(bytes, bare?.disks[index]?.bytes ?? new Uint8Array(0))).toBe(0),
      );
    }
  });
});
