// A VM that was saved and restored elsewhere goes on as if nothing had been: the same registers, memory and output, at the same
// instruction (issue, section 2). And a stream that is wrong anywhere ends in words, with the VM refused or a legal one.

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { DeviceState } from '../../devices/device.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { consoleOf, hashOf, hosted, sourceGuest } from '../guest-rig.test-support.ts';
import type { SavedVm } from '../hosted-vm.ts';
import { encodeSection, Section, StreamError } from './migration-stream.ts';
import {
  advance,
  advanceTo,
  BUSY,
  linuxWithDevices,
  place,
  typeInto,
  type Placed,
} from './migration-rig.test-support.ts';
import { encodePlain } from './plain-encoding.ts';
import { IncomingVm, openingOf, restoreVm, saveVm } from './vm-stream.ts';

vi.setConfig({ testTimeout: 120_000 });

const since = (vm: Placed['vm'], count: number): string =>
  String.fromCharCode(...vm.console.read(count, 2 ** 18).bytes);

const inFlight = ({ vm }: Placed): number =>
  vm.board.virtio.reduce((sum, { transport }) => sum + transport.requestsInFlight, 0);

describe.each(hosted)('%s', (technique) => {
  test('a busy guest, saved at any instruction, goes on in a fresh VM as it does where it was', () => {
    fc.assert(
      fc.property(fc.nat(40_000), fc.integer({ min: 1, max: 60_000 }), fc.string({ maxLength: 20 }), (n, m, keys) => {
        const first = place(technique, BUSY);
        first.lab.start(first.vm.id);
        typeInto(first, keys); // some of it is in the FIFO, some in the queue, when it is saved
        advance(first, 10 * n);
        const stream = saveVm(first.vm);
        const printed = first.vm.console.count;
        const { instructions } = first.vm;
        // The reference gives up its translations too: a page fault of the hypervisor's costs the guest an instruction.
        restoreVm(first.vm, stream);
        const other = place(technique, BUSY);
        restoreVm(other.vm, stream);
        expect(other.vm.instructions).toBe(instructions);
        expect(hashOf(other.vm)).toBe(hashOf(first.vm));
        other.lab.start(other.vm.id);
        advance(first, 10 * m);
        advance(other, 10 * m);
        expect(hashOf(other.vm)).toBe(hashOf(first.vm));
        expect(other.vm.instructions).toBe(first.vm.instructions);
        expect(since(other.vm, 0)).toBe(since(first.vm, printed));
        expect(other.vm.saveState().devices).toEqual(first.vm.saveState().devices);
      }),
      { numRuns: 6 },
    );
  });

  test('saving changes nothing', () => {
    const [saved, left] = [place(technique, BUSY), place(technique, BUSY)];
    for (const each of [saved, left]) each.lab.start(each.vm.id);
    for (let slice = 0; slice < 10; slice++) {
      advance(saved, 12_340);
      saveVm(saved.vm);
    }
    advance(left, 10 * 12_340);
    expect(hashOf(saved.vm)).toBe(hashOf(left.vm));
    expect(consoleOf(saved.vm)).toBe(consoleOf(left.vm));
  });

  test('Linux, saved in the middle of its boot and of a read of its disk, goes on to the same prompt and state', () => {
    const first = place(technique, linuxWithDevices());
    first.lab.start(first.vm.id);
    advance(first, 5_000_000);
    expect(consoleOf(first.vm)).not.toMatch(/# $/);
    const early = saveVm(first.vm);
    restoreVm(first.vm, early);
    const second = place(technique, linuxWithDevices());
    restoreVm(second.vm, early);
    second.lab.start(second.vm.id);
    for (const each of [first, second]) {
      advance(each, 60_000_000);
      expect(consoleOf(each.vm)).toMatch(/# $/);
      typeInto(each, 'md5sum /dev/vda; dd if=/dev/hwrng bs=16 count=1 2>&1 | md5sum; echo done\n');
      for (let step = 0; inFlight(each) === 0 && step < 1000; step++) advance(each, 10_000);
      expect(inFlight(each)).toBeGreaterThan(0);
    }
    expect(hashOf(second.vm)).toBe(hashOf(first.vm));
    const late = saveVm(second.vm);
    restoreVm(first.vm, late);
    const third = place(technique, linuxWithDevices());
    restoreVm(third.vm, late);
    third.lab.start(third.vm.id);
    for (const each of [first, third]) advance(each, 60_000_000);
    expect(since(third.vm, 0)).toMatch(/[0-9a-f]{32}.*[0-9a-f]{32}.*done\r\n.*# $/s);
    expect(hashOf(third.vm)).toBe(hashOf(first.vm));
  });
});

test.each([
  ['trap-and-emulate', 'hardware-assisted'],
  ['hardware-assisted', 'trap-and-emulate'],
] as const)(
  'from %s to %s: the guest cannot tell',
  (from, to) => {
    const source = place(from, linuxWithDevices());
    source.lab.start(source.vm.id);
    advanceTo(source, /# $/);
    typeInto(source, 'x=$((6*7)); echo before\n');
    advanceTo(source, /before\r\n.*# $/s);
    const other = place(to, linuxWithDevices());
    restoreVm(other.vm, saveVm(source.vm));
    expect(hashOf(other.vm)).toBe(hashOf(source.vm));
    other.lab.start(other.vm.id);
    typeInto(other, 'echo x=$x; md5sum /dev/vda; dmesg | tail -1\n');
    advanceTo(other, /x=42\r\n[0-9a-f]{32}/);
  },
  60_000,
);

describe('refused', () => {
  const stream = (): Uint8Array => {
    const source = place('hardware-assisted', BUSY);
    source.lab.start(source.vm.id);
    advance(source, 100_000);
    return saveVm(source.vm);
  };
  const other = (memoryMiB: number) => sourceGuest('_start: j _start', { memoryBytes: memoryMiB * 2 ** 20 });

  test.each([
    ['another size of memory', other(8), /expected memoryBytes 8388608, found 12582912/],
    ['other devices', { ...BUSY, devices: linuxWithDevices().devices ?? {} }, /expected virtio slot \d \d, found 0/],
    ['another walker', { ...BUSY, svadu: true }, /expected svadu true, found false/],
  ])('a VM with %s', (_, guest, message) => {
    const { vm } = place('hardware-assisted', guest);
    expect(() => restoreVm(vm, stream())).toThrow(StreamError);
    expect(() => restoreVm(vm, stream())).toThrow(message);
  });

  test('a stream that is cut off anywhere', () => {
    const whole = stream();
    fc.assert(
      fc.property(fc.nat(whole.length - 1), (length) => {
        const { vm } = place('hardware-assisted', BUSY);
        expect(() => restoreVm(vm, whole.subarray(0, length))).toThrow(StreamError);
      }),
      { numRuns: 5 },
    );
  });

  test('sections in an order that nobody sends', () => {
    const { vm } = place('hardware-assisted', BUSY);
    const [header = new Uint8Array(0), configuration = new Uint8Array(0)] = openingOf(vm);
    const end = encodeSection(Section.end, encodePlain({ hash: [0] }));
    const pages = encodeSection(Section.pages, new Uint8Array(0));
    const machine = encodeSection(Section.machine, encodePlain({}));
    for (const [parts, message] of [
      [[header, pages], /“pages” first/],
      [[header, configuration, configuration], /“configuration” twice/],
      [[header, configuration, machine, machine], /“machine” twice/],
      [[header, configuration, end], /ends without “vcpus”/],
    ] as const) {
      const incoming = new IncomingVm(vm);
      for (const part of parts) incoming.receive(part);
      expect(incoming.failure).toMatch(message);
    }
  });
});

/** Puts another value somewhere into plain state. */
function mutate(state: DeviceState, where: number, value: number): void {
  const places: (() => void)[] = [];
  const visit = (group: DeviceState): void => {
    for (const [key, found] of Object.entries(group)) {
      places.push(() => delete group[key]);
      if (typeof found === 'number') places.push(() => (group[key] = value));
      else if (typeof found === 'boolean') places.push(() => (group[key] = !found));
      else if (Array.isArray(found)) {
        const list = found as number[];
        places.push(() => (list[where % Math.max(1, list.length)] = value));
        places.push(() => list.push(value));
      } else visit(found as DeviceState);
    }
  };
  visit(state);
  places[where % places.length]?.();
}

const byMessages = (guest: GuestImage): GuestImage => ({ ...guest, messageInterrupts: true });

describe.each([
  ...hosted.map((technique) => ({ technique, title: technique, guest: BUSY })),
  { technique: 'hardware-assisted' as const, title: 'hardware-assisted with messages', guest: byMessages(BUSY) },
])('$title: a state forged with right checksums', ({ technique, guest }) => {
  test('is refused in words, or is one that a guest could have had: it runs, and no neighbour sees anything', () => {
    const source = place(technique, { ...guest, devices: linuxWithDevices().devices ?? {} });
    source.lab.start(source.vm.id);
    typeInto(source, 'hello');
    advance(source, 200_000);
    const neighbourhood = place(technique, guest);
    const target = neighbourhood.lab.addVm({
      technique,
      guest: { ...guest, devices: linuxWithDevices().devices ?? {} },
    });
    if (!('restoreState' in target)) throw new Error('expected a VM of the hypervisor');
    const vm = target as Placed['vm'];
    const neighbour = hashOf(neighbourhood.vm);
    let refused = 0;
    const values = fc.oneof(
      fc.constantFrom(
        -1,
        0,
        1,
        2,
        3,
        255,
        0xffff,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        2 ** 53 - 1,
        NaN,
        Infinity,
        0.5,
      ),
      fc.integer(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), values), { minLength: 1, maxLength: 4 }), (changes) => {
        const saved = JSON.parse(JSON.stringify(source.vm.saveState())) as SavedVm;
        const parts: DeviceState = { machine: saved.machine, devices: saved.devices };
        saved.vcpus.forEach((vcpu, index) => (parts[`vcpu ${index}`] = vcpu));
        for (const [where, value] of changes) mutate(parts, where, value);
        const forged = {
          machine: parts['machine'] ?? {},
          devices: parts['devices'] ?? {},
          vcpus: saved.vcpus.map((_, index) => parts[`vcpu ${index}`] ?? {}),
        } as SavedVm;
        neighbourhood.lab.reset(vm.id);
        try {
          vm.restoreState(forged);
        } catch (error) {
          expect((error as Error).constructor).toBe(Error);
          expect((error as Error).message).toMatch(/expected .*found|expected /);
          refused++;
          return;
        }
        neighbourhood.lab.start(vm.id);
        advance(neighbourhood, 20_000);
        neighbourhood.lab.pause(vm.id);
        expect(hashOf(neighbourhood.vm)).toBe(neighbour);
      }),
      { numRuns: 100 },
    );
    expect(refused).toBeGreaterThan(10);
  });
});
