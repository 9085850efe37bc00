// What travels with a VM beside its registers and pages, and what must not: the record of its steal time, its balloon, what it is
// entitled to, requests that its devices have not served yet, a directory that it has half read; physical devices stay (SBI 2.0,
// "Steal-time Accounting Extension"; virtio 1.2, section 5.5; issue, section 2).

import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { CopyOnWriteStore } from '../../devices/copy-on-write-store.ts';
import { MemoryFolder } from '../../devices/ninep/memory-folder.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { virtioConsole } from '../../devices/virtio/virtio-console.ts';
import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import { virtioNineP } from '../../devices/virtio/virtio-nine-p.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import {
  consoleOf,
  drive,
  hashOf,
  hosted,
  MIB,
  newLab,
  shippedGuest,
  sourceGuest,
  wordAt,
} from '../guest-rig.test-support.ts';
import { HostedVm } from '../hosted-vm.ts';
import type { Lab } from '../lab.ts';
import { networkChoice } from '../guest-devices/virtual-network.ts';
import type { MigrationOptions } from './live-migration.ts';
import { advance, place, type Placed } from './migration-rig.test-support.ts';
import { hashOfVm } from '../inspection/state-hash.ts';
import { restoreVm, saveVm } from './vm-stream.ts';

vi.setConfig({ testTimeout: 120_000 });

const FAST: MigrationOptions = {
  link: { bytesPerSecond: 1e9, latencyTicks: 100 },
  downtimeLimitTicks: 1_000_000,
  divergence: 'force',
};

const hostedVm = (lab: Lab, id: number): HostedVm => {
  const vm = lab.vm(id);
  if (vm instanceof HostedVm) return vm;
  throw new Error('expected a VM of a hypervisor');
};

/** Lets all machines run. */
const run = (lab: Lab, instructions: number) => {
  const [vm] = lab.vms;
  if (vm) drive(lab.computerOf(vm), { limit: instructions, slice: 100_000 });
};

function move(lab: Lab, id: number): HostedVm {
  const source = hostedVm(lab, id);
  const migration = lab.migrate(id, FAST);
  drive(lab.computerOf(source), { limit: 1e9, slice: 100_000, until: () => !migration.active });
  expect(migration.message).toMatch(/nothing was lost/);
  expect(migration.hashes.destination).toBe(migration.hashes.source);
  expect(hostedVm(lab, id)).not.toBe(source);
  return hostedVm(lab, id);
}

const until = (lab: Lab, id: number, wanted: RegExp) => {
  drive(lab.computerOf(lab.vm(id)), { limit: 2e9, until: () => wanted.test(consoleOf(lab.vm(id))) });
  expect(consoleOf(lab.vm(id))).toMatch(wanted);
};
const type = (lab: Lab, id: number, text: string) => lab.vm(id).receive(new TextEncoder().encode(text));

describe('steal time', () => {
  /** Each hart gives a record of its own once, and then counts. */
  const STEAL = (harts: number) =>
    sourceGuest(
      `
        .globl  _start
_start: la      s1, page
        slli    t0, a0, 6
        mv      s2, a0
        add     a0, s1, t0
        li      a1, 0
        li      a2, 0
        li      a7, 0x535441
        li      a6, 0
        ecall
        addi    s2, s2, 1
        li      t0, ${harts}
        bgeu    s2, t0, 1f
        mv      a0, s2
        la      a1, _start
        li      a7, 0x48534d
        ecall
1:      addi    s0, s0, 1
        j       1b
        .data
        .balign 4096
page:   .space  ${64 * harts}`,
      { harts },
    );
  const PAGE = 0x8040_1000;
  const record = (vm: HostedVm, hart: number) => ({
    sequence: wordAt(vm, PAGE + 64 * hart),
    steal: wordAt(vm, PAGE + 64 * hart + 8) + wordAt(vm, PAGE + 64 * hart + 12) * 2 ** 32,
  });

  test.each(hosted)(
    '%s: the record goes on at the destination without being announced anew, never backwards',
    (technique) => {
      const lab = newLab({ memoryMiB: 128 });
      const [one, other] = [lab.addVm({ technique, guest: STEAL(2) }), lab.addVm({ technique, guest: STEAL(1) })];
      for (const { id } of [one, other]) lab.start(id);
      run(lab, 12_000_000);
      let before = [0, 1].map((hart) => record(hostedVm(lab, one.id), hart));
      for (const { steal } of before) expect(steal).toBeGreaterThan(10_000_000);
      const goesOn = (more: boolean) => {
        const vm = hostedVm(lab, one.id);
        const now = [0, 1].map((hart) => record(vm, hart));
        now.forEach(({ sequence, steal }, hart) => {
          expect(vm.vcpu(hart).stealTime.address).toBe(PAGE + 64 * hart);
          expect(sequence % 2).toBe(0);
          expect(sequence).toBeGreaterThanOrEqual((before[hart]?.sequence ?? Infinity) + (more ? 2 : 0));
          expect(steal).toBeGreaterThanOrEqual(before[hart]?.steal ?? Infinity);
          if (more) expect(steal).toBeGreaterThan((before[hart]?.steal ?? Infinity) + 10_000_000);
        });
        before = now;
      };
      for (let round = 0; round < 2; round++) {
        move(lab, one.id);
        goesOn(false);
        run(lab, 8_000_000); // its two vCPUs share the one hart there
        goesOn(true);
        move(lab, other.id);
        run(lab, 12_000_000);
        goesOn(true);
      }
      const clone = hostedVm(lab, lab.cloneVm(one.id).id);
      run(lab, 12_000_000);
      goesOn(true);
      for (const hart of [0, 1])
        expect(record(clone, hart).steal).toBeGreaterThan((before[hart]?.steal ?? 0) - 50_000_000);
    },
  );

  test('a stream that names memory which is not the guest’s for the record writes nothing anywhere', () => {
    const { lab, vm } = place('hardware-assisted', STEAL(1));
    lab.start(vm.id);
    advance({ lab }, 100_000);
    const state = vm.saveState();
    const [vcpu] = state.vcpus;
    if (vcpu === undefined) throw new Error('expected a vCPU');
    for (const address of [0x1000, 0x8040_0001, 0x8140_0000 - 32, 2 ** 40, 2 ** 53 - 1]) {
      vm.restoreState({ ...state, vcpus: [{ ...vcpu, stealTime: { address, sequence: 2, stolen: 5 } }] });
      expect(vm.vcpu(0).stealTime.address).toBeUndefined();
    }
    for (const stealTime of [
      { address: PAGE, sequence: -2, stolen: 5 },
      { address: PAGE, sequence: 2, stolen: -5 },
      { address: 0.5, sequence: 2, stolen: 5 },
    ]) {
      expect(() => vm.restoreState({ ...state, vcpus: [{ ...vcpu, stealTime }] })).toThrow(
        /does not fit this .* found/,
      );
    }
  });
});

describe('what a vCPU is entitled to', () => {
  const guest = sourceGuest('.globl _start\n_start: addi s0, s0, 1\n j _start', { harts: 2 });

  test('moves with it; pinned to harts that the other machine has not, it may use all', () => {
    const lab = newLab({ physicalHarts: 4, secondPhysicalHarts: 2 });
    const { id } = lab.addVm({ technique: 'hardware-assisted', guest });
    lab.hypervisor?.entitle(hostedVm(lab, id).vcpu(0), { pin: 0b1000, weight: 300, cap: 50 });
    lab.hypervisor?.entitle(hostedVm(lab, id).vcpu(1), { pin: 0b0110 });
    lab.start(id);
    run(lab, 100_000);
    const vm = move(lab, id);
    expect(vm.vcpu(0).schedule.entitlement).toEqual({ pin: 0xff, weight: 300, cap: 50 });
    expect(vm.vcpu(1).schedule.entitlement.pin).toBe(0b0110);
    const { instructions } = vm;
    run(lab, 3_000_000);
    expect(vm.instructions - instructions).toBeGreaterThan(1_000_000);
  });
});

test.each([
  ['wires', false],
  ['messages', true],
] as const)(
  'a passed-through device stays, with %s: neither moved, nor saved, nor cloned, and why is said',
  (_, messageInterrupts) => {
    const store = new MemoryStore(new Uint8Array(4096));
    const lab = newLab({ memoryMiB: 64, messageInterrupts });
    const { id } = lab.addVm({
      technique: 'hardware-assisted',
      guest: {
        ...sourceGuest('.globl _start\n_start: j _start'),
        messageInterrupts,
        assigned: [{ device: virtioBlock({ store }) }],
      },
    });
    lab.start(id);
    run(lab, 10_000);
    const before = hashOf(lab.vm(id));
    expect(() => lab.migrate(id, FAST)).toThrow(/expected a VM without physical devices.*cannot move or be copied/);
    expect(() => lab.cloneVm(id)).toThrow(/expected a VM without physical devices.*cannot move or be copied/);
    expect(() => saveVm(hostedVm(lab, id))).toThrow(/expected a VM without physical devices/);
    expect(hashOf(lab.vm(id))).toBe(before);
    expect(lab.migration).toBeUndefined();
    expect(lab.hypervisors.length).toBe(1);
  },
);

describe('several harts', () => {
  const spinning = sourceGuest(
    `
        .globl  _start
_start: addi    s2, a0, 1
        li      t0, 4
        bgeu    s2, t0, 1f
        mv      a0, s2
        la      a1, _start
        li      a7, 0x48534d
        li      a6, 0
        ecall
1:      addi    s0, s0, 1
        la      t0, count
        amoadd.w zero, s2, (t0)
        j       1b
        .data
        .balign 4096
count:  .word   0`,
    { harts: 4 },
  );

  test.each(hosted)('%s: the hash of a stream has them all, and a forged one is found', (technique) => {
    const lab = newLab({ physicalHarts: 3 });
    const { id } = lab.addVm({ technique, guest: spinning });
    lab.start(id);
    run(lab, 500_000);
    const vm = hostedVm(lab, id);
    const whole = hashOfVm(vm);
    const state = vm.saveState();
    const other = place(technique, spinning).vm;
    restoreVm(other, saveVm(vm));
    expect(hashOfVm(other)).toBe(whole);
    for (const hart of [1, 2, 3]) {
      const vcpus = state.vcpus.map((vcpu, index) => {
        const { hart: registers } = vcpu as { hart: { registers: readonly number[] } };
        return index === hart ? { ...vcpu, hart: { ...registers, registers: registers.registers.with(8, 77) } } : vcpu;
      });
      other.restoreState({ ...state, vcpus });
      expect(hashOfVm(other), `hart ${hart}`).not.toBe(whole);
    }
  });

  test.each([
    [1, 4],
    [4, 1],
    [2, 3],
  ])('moves from a machine with %i harts to one with %i, and goes on on all of them', (first, second) => {
    const lab = newLab({ physicalHarts: first, secondPhysicalHarts: second });
    const { id } = lab.addVm({ technique: 'hardware-assisted', guest: spinning });
    lab.start(id);
    run(lab, 3_000_000);
    const before = hostedVm(lab, id).vcpus.map(({ instructions }) => instructions);
    const vm = move(lab, id);
    expect(lab.hypervisorOf(vm)?.hosts.length).toBe(second);
    run(lab, 8_000_000);
    vm.vcpus.forEach(({ instructions }, index) => expect(instructions).toBeGreaterThan((before[index] ?? 0) + 500_000));
  });
});

describe('Linux', () => {
  /** What the host sees of it, and everything that can be plugged into it. */
  function everything() {
    const folder = new MemoryFolder();
    for (let index = 0; index < 400; index++) {
      folder.put(`many/a-file-with-a-rather-long-name-${index}`, Uint8Array.of(index & 0xff));
    }
    let written = '';
    const disk = new Uint8Array(2 ** 20).map((_, index) => (index * 31 + (index >> 9)) & 0xff);
    const guest: GuestImage = {
      ...shippedGuest('linux'),
      devices: {
        virtio: [
          { device: virtioBlock({ store: new CopyOnWriteStore(new MemoryStore(disk)) }), latency: 3000 },
          { device: virtioEntropy(new SeededEntropy(3)), latency: 2000 },
          { device: virtioNineP({ folder, tag: 'lab' }), latency: 1000 },
          { device: virtioConsole({ transmit: (bytes) => (written += String.fromCharCode(...bytes)) }), latency: 1500 },
        ],
      },
      network: networkChoice(),
      balloon: {},
    };
    return { guest, written: () => written };
  }

  const inFlight = (vm: HostedVm): ReadonlyMap<number, number> =>
    new Map(vm.board.virtio.map(({ transport }) => [transport.deviceId, transport.requestsInFlight]));

  test.each(['hardware-assisted'] as const)(
    '%s: moves with requests in flight at each of its devices, and all of them are answered',
    (technique) => {
      const { guest, written } = everything();
      const lab = newLab({ memoryMiB: guest.memoryBytes / MIB + 60, physicalHarts: 2 });
      const { id } = lab.addVm({ technique, guest });
      lab.start(id);
      until(lab, id, /# $/);
      const NAMES = { 2: 'disk', 4: 'entropy', 9: 'folder', 3: 'console' } as const;
      type(lab, id, 'mkdir -p /s; mount -t 9p -o trans=virtio,version=9p2000.L lab /s; ls /s | wc -l; echo ready\n');
      until(lab, id, /ready\r\n.*# $/s);
      for (const [device, command, wanted] of [
        [2, 'echo 3 > /proc/sys/vm/drop_caches; md5sum /dev/vda; echo over1', /([0-9a-f]{32}) .*over1\r\n/s],
        [4, 'head -c 16 /dev/hwrng | wc -c; echo over2', /16\r\nover2\r\n/],
        [9, 'ls /s/many | md5sum; cat /s/many/* | wc -c; echo over3', /[0-9a-f]{32} .*\r\n400\r\nover3\r\n/s],
        [3, 'seq 60 > /dev/hvc1; echo over4', /over4\r\n/],
      ] as const) {
        type(lab, id, `${command}\n`);
        for (let step = 0; (inFlight(hostedVm(lab, id)).get(device) ?? 0) === 0; step++) {
          if (step > 20_000) throw new Error(`nothing was ever in flight at the ${NAMES[device]}`);
          drive(lab.computerOf(lab.vm(id)), { limit: 5000, slice: 5000 });
        }
        // As a stream, at this very instant; and live, to the other machine, while it goes on.
        const stream = saveVm(hostedVm(lab, id));
        const twin = place(technique, everything().guest, guest.memoryBytes / MIB + 60);
        restoreVm(twin.vm, stream);
        expect(inFlight(twin.vm)).toEqual(inFlight(hostedVm(lab, id)));
        twin.lab.start(twin.vm.id);
        move(lab, id);
        until(lab, id, wanted);
        drive(twin.lab.computerOf(twin.vm), { limit: 2e9, until: () => wanted.test(consoleOf(twin.vm)) });
        if (device !== 3) expect(consoleOf(twin.vm)).toMatch(wanted);
      }
      type(
        lab,
        id,
        'ip link set eth0 up; udhcpc -i eth0 -n -q >/dev/null 2>&1; ip addr show eth0 | grep -c "inet "; echo over5\n',
      );
      run(lab, 3_000_000);
      move(lab, id);
      until(lab, id, /over5\r\n/);
      expect(written()).toContain('59\r\n60\r\n');
    },
  );

  test('a directory that is half read when it is saved is read to its end, each name once', () => {
    const { guest } = everything();
    const source = place('hardware-assisted', guest, guest.memoryBytes / MIB + 60);
    source.lab.start(source.vm.id);
    until(source.lab, source.vm.id, /# $/);
    type(source.lab, source.vm.id, 'mkdir -p /s; mount -t 9p -o trans=virtio,version=9p2000.L lab /s; echo ready\n');
    until(source.lab, source.vm.id, /ready\r\n.*# $/s);
    const folderRequests = ({ vm }: Placed) =>
      vm.board.virtio.find(({ transport }) => transport.deviceId === 9)?.transport.traffic.queues[0]?.requests ?? 0;
    const before = folderRequests(source);
    type(source.lab, source.vm.id, 'ls /s/many > /l; sort /l | uniq -d | wc -l; wc -l < /l; echo over\n');
    // Each name is looked at as it is read: some of the directory has been read at most of these moments.
    const streams: Uint8Array[] = [];
    let seen = before;
    for (let step = 0; step < 10_000 && streams.length < 6; step++) {
      advance(source, 6000);
      if (folderRequests(source) === seen) continue;
      seen = folderRequests(source);
      if ((seen - before) % 60 === 7) streams.push(saveVm(source.vm));
    }
    expect(streams.length).toBeGreaterThan(4);
    for (const stream of streams) {
      const other = place('hardware-assisted', everything().guest, guest.memoryBytes / MIB + 60);
      restoreVm(other.vm, stream);
      other.lab.start(other.vm.id);
      until(other.lab, other.vm.id, /0\r\n400\r\nover\r\n/);
    }
  });

  test.each(['hardware-assisted'] as const)(
    '%s: what is in its balloon is in it at the other end, and comes back',
    (technique) => {
      const guest: GuestImage = { ...shippedGuest('linux'), balloon: { targetBytes: 8 * MIB } };
      const lab = newLab({ memoryMiB: guest.memoryBytes / MIB + 40 });
      const { id } = lab.addVm({ technique, guest });
      lab.start(id);
      until(lab, id, /# $/);
      const pages = 8 * 256;
      drive(lab.computerOf(lab.vm(id)), { limit: 2e8, until: () => lab.vm(id).balloon?.use.actualBytes === 8 * MIB });
      const given = hostedVm(lab, id).memory.pages.ballooned;
      expect(hostedVm(lab, id).memory.use.ballooned).toBe(pages);
      const stream = saveVm(hostedVm(lab, id));
      const moved = move(lab, id);
      expect(moved.memory.pages.ballooned).toEqual(given);
      expect(moved.memory.use.ballooned).toBe(pages);
      const clone = hostedVm(lab, lab.cloneVm(id).id);
      expect(clone.memory.pages.ballooned).toEqual(given);
      const restored = place(technique, guest, guest.memoryBytes / MIB + 40);
      restoreVm(restored.vm, stream);
      expect(restored.vm.memory.pages.ballooned).toEqual(given);
      restored.lab.start(restored.vm.id);
      for (const [each, vm] of [
        [lab, moved],
        [lab, clone],
        [restored.lab, restored.vm],
      ] as const) {
        vm.balloon?.setTarget(0);
        drive(each.computerOf(vm), { limit: 4e8, until: () => vm.memory.use.ballooned === 0 });
        expect(vm.memory.use.ballooned).toBe(0);
        expect(vm.balloon?.use).toEqual({ targetBytes: 0, actualBytes: 0 });
        type(each, vm.id, 'head -c 9000000 /dev/zero | md5sum\n');
        until(each, vm.id, /[0-9a-f]{32} {2}-\r\n/);
      }
    },
  );
});

test('pages in a balloon that no guest can have given up are refused in words', () => {
  const { vm } = place('hardware-assisted', sourceGuest('.globl _start\n_start: j _start'));
  const pages = vm.memory.pages.count;
  const state = vm.saveState();
  const restoring = (ballooned: readonly number[]) => () =>
    vm.restoreState({ ...state, machine: { ...state.machine, ballooned } });
  restoring([0x900, 3, 0xa00, 1])();
  expect(vm.memory.use.ballooned).toBe(4);
  for (const runs of [
    [pages, 1],
    [0, pages + 1],
    [5, 0],
    [9, 2, 10, 1],
    [9, 2, 3, 1],
    [0xffff_ffff, 0xffff_ffff],
    [1],
  ]) {
    expect(restoring(runs), runs.join()).toThrow(/expected pages in a balloon from \d+ to \d+, in order, found/);
  }
  fc.assert(
    fc.property(fc.array(fc.nat(2 * pages), { maxLength: 6 }), (runs) => {
      try {
        restoring(runs)();
      } catch (error) {
        expect((error as Error).message).toMatch(/expected pages in a balloon/);
      }
      expect(vm.memory.use.ballooned).toBeLessThanOrEqual(pages);
    }),
    { numRuns: 50 },
  );
});
