// Linux with its own drivers at every virtio device, on the legacy and the modern interface, under every technique: the guest
// is the judge of the device model, and says the same wherever it runs (issue 4, section 3).

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { CopyOnWriteStore } from '../../devices/copy-on-write-store.ts';
import { MemoryFolder } from '../../devices/ninep/memory-folder.ts';
import { virtioBalloon, type VirtioBalloon } from '../../devices/virtio/virtio-balloon.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { virtioConsole, type VirtioConsole } from '../../devices/virtio/virtio-console.ts';
import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import { virtioNineP } from '../../devices/virtio/virtio-nine-p.ts';
import { virtioNetwork, type NetworkPort } from '../../devices/virtio/virtio-network.ts';
import type { VirtioVersion } from '../../devices/virtio/virtio-mmio-registers.ts';
import { drive, newLab, shippedGuest } from '../guest-rig.test-support.ts';
import type { Technique } from '../virtual-machine.ts';
import { linuxShell } from './linux-shell.test-support.ts';

const typed = (text: string) => new TextEncoder().encode(text);

/** A station that answers ARP for 10.0.0.1 and echoes pings (RFC 826, RFC 792); enough of a network for one card. */
function echoStation(): NetworkPort & { readonly frames: number } {
  let receive: (frame: Uint8Array) => boolean = () => false;
  const own = [0x52, 0x54, 0, 0, 0, 1];
  const station = {
    frames: 0,
    attach: (into: typeof receive) => void (receive = into),
    send(frame: Uint8Array) {
      station.frames++;
      const reply = frame.slice();
      reply.set(frame.subarray(6, 12), 0);
      reply.set(own, 6);
      const type = (frame[12] ?? 0) * 256 + (frame[13] ?? 0);
      if (type === 0x0806 && frame[21] === 1 && frame[41] === 1) {
        reply[21] = 2;
        reply.set(frame.subarray(22, 32), 32);
        reply.set(own, 22);
        reply.set(frame.subarray(38, 42), 28);
        receive(reply);
      } else if (type === 0x0800 && frame[23] === 1 && frame[34] === 8) {
        reply.set(frame.subarray(30, 34), 26);
        reply.set(frame.subarray(26, 30), 30);
        reply[34] = 0;
        // The one's complement sum changes by the type alone.
        const sum = (frame[36] ?? 0) * 256 + (frame[37] ?? 0) + 0x0800;
        const folded = (sum & 0xffff) + (sum >>> 16);
        reply[36] = folded >>> 8;
        reply[37] = folded & 0xff;
        receive(reply);
      }
    },
  };
  return station;
}

function boot(technique: Technique, version: VirtioVersion) {
  const store = new CopyOnWriteStore(new MemoryStore(new Uint8Array(2 ** 20)));
  const folder = new MemoryFolder();
  folder.put('notes/hello.txt', typed('from the host\n'));
  const failures: string[] = [];
  const cable = echoStation();
  const given = new Set<number>();
  const found: { console?: VirtioConsole; balloon?: VirtioBalloon; statistics?: Readonly<Record<string, number>> } = {};
  let hvc = '';
  const devices = [
    virtioBlock({ store, serial: 'lab-disk' }),
    virtioNetwork({ cable, mac: Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56) }),
    virtioEntropy(new SeededEntropy(7)),
    virtioNineP({ folder, tag: 'lab' }),
    virtioConsole({
      transmit: (bytes) => (hvc += Buffer.from(bytes).toString('latin1')),
      attached: (device) => (found.console = device),
    }),
    virtioBalloon({
      given: (page) => !given.has(page) && given.add(page).has(page),
      taken: (page) => given.delete(page),
      statistics: (statistics) => (found.statistics = statistics),
      attached: (device) => (found.balloon = device),
    }),
  ].map((device) => ({ device, observer: { failed: (message: string) => failures.push(message) } }));
  const lab = newLab({ memoryMiB: 80, traceCapacity: 1024 });
  const vm = lab.addVm({
    technique,
    guest: { ...shippedGuest('linux'), devices: { virtioVersion: version, virtio: devices } },
  });
  const shell = linuxShell(lab, vm);
  return {
    vm,
    store,
    folder,
    cable,
    given,
    found,
    failures,
    hvc: () => hvc,
    /** Types a line. @returns what the guest printed, without what it echoed */
    say: (line: string) => shell.type(line).split('\r\n').slice(1, -1).join('\n'),
    wait: (instructions: number) => drive(lab.computerOf(vm), { limit: instructions, slice: 1_000_000 }),
  };
}

const LINES = [
  'stty cols 1000',
  'cat /sys/block/vda/serial; echo; cat /sys/block/vda/size',
  'seq 20000 | head -c 65536 > /tmp/a; dd if=/tmp/a of=/dev/vda bs=4k seek=4 conv=fsync 2>/dev/null; echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vda bs=4k skip=4 count=16 2>/dev/null | cmp - /tmp/a && echo same',
  'ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0; cat /sys/class/net/eth0/address; ping -c 3 -s 1000 10.0.0.1 | grep packets',
  'cat /sys/class/misc/hw_random/rng_current; head -c 16 /dev/hwrng | od -An -tx1',
  'mkdir -p /s; mount -t 9p -o trans=virtio,version=9p2000.L lab /s && cat /s/notes/hello.txt; mkdir /s/new; seq 30000 > /s/new/n; md5sum < /s/new/n; ln -s n /s/new/l; mv /s/new/n /s/new/m; ls /s/new | cat; readlink /s/new/l; cat /s/none; rmdir /s/new; rm -r /s/notes; ls /s | cat; df /s | tail -1 | grep -c /s; chmod 640 /s/new/m; stat -c "%a %s" /s/new/m; umount /s',
  // /dev/hvc0 is the console behind the SBI calls.
  'echo to the other console > /dev/hvc1; exec 3<>/dev/hvc1; head -c 5 <&3 > /tmp/typed & true',
] as const;

const numbers = Array.from({ length: 30000 }, (_, index) => `${index + 1}\n`).join('');

const COMBINATIONS: readonly (readonly [Technique, VirtioVersion])[] = [
  ['bare', 'legacy'],
  ['trap-and-emulate', 'modern'],
  ['hardware-assisted', 'legacy'],
];

describe('Linux', () => {
  const answers: (readonly string[])[] = [];
  test.each(COMBINATIONS)(
    'uses disk, network card, entropy, console and balloon: %s, %s',
    (technique, version) => {
      const guest = boot(technique, version);
      const said = LINES.map((line) => guest.say(line));
      expect(said[1]).toBe('lab-disk\n2048');
      expect(said[2]).toBe('same');
      expect(guest.store.writtenClusters).toBe(16);
      expect(said[3]).toBe('52:54:00:12:34:56\n3 packets transmitted, 3 packets received, 0% packet loss');
      expect(said[4]).toMatch(/^virtio_rng\.0\n( [0-9a-f]{2}){16}$/);
      expect(said[5]).toBe(
        [
          'from the host',
          `${createHash('md5').update(numbers).digest('hex')}  -`,
          'l\nm\nn',
          "cat: can't open '/s/none': No such file or directory",
          "rmdir: '/s/new': Directory not empty",
          'new\n1',
          `640 ${numbers.length}`,
        ].join('\n'),
      );
      const kept = guest.folder.root.lookup('new').lookup('m');
      const contents = new Uint8Array(numbers.length);
      expect(kept.read(0, contents)).toBe(numbers.length);
      expect(Buffer.from(contents).toString('latin1')).toBe(numbers);
      expect(guest.hvc()).toContain('to the other console\r\n');
      guest.found.console?.resize(100, 30);
      expect(guest.say('stty size <&3')).toBe('30 100');
      expect(guest.found.console?.receive(typed('hello\n'))).toBe(6);
      expect(guest.say('wait; cat /tmp/typed')).toContain('hello');

      // The balloon: the host asks for 4 MiB, the guest has that much less; then it gets it back.
      const free = () => Number(guest.say("awk '/MemFree/{print $2}' /proc/meminfo"));
      const before = free();
      guest.found.balloon?.setTarget(1024);
      guest.wait(20_000_000);
      expect(guest.given.size).toBe(1024);
      expect(guest.found.balloon?.actual).toBe(1024);
      expect(Math.abs(before - free() - 4096)).toBeLessThan(1024);
      guest.found.statistics = {};
      expect(guest.found.balloon?.askStatistics()).toBe(true);
      guest.wait(5_000_000);
      expect(guest.found.statistics['total']).toBeGreaterThan(50 * 2 ** 20);
      guest.found.balloon?.setTarget(0);
      guest.wait(20_000_000);
      expect(guest.given.size).toBe(0);
      expect(Math.abs(before - free())).toBeLessThan(1024);
      expect(guest.failures).toEqual([]);
      answers.push(said);
    },
    240_000,
  );

  test('says the same each time', () => {
    expect(answers).toHaveLength(COMBINATIONS.length);
    for (const said of answers) expect(said).toEqual(answers[0]);
  });
});
