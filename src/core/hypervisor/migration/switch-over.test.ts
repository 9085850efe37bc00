// The moment of the switch-over: the destination, before its first instruction, is what the source was when it was stopped — every
// register of every vCPU, every device, every byte of memory, and the guest's time — for one vCPU and for several, with wires and
// with messages, and patched (issue, section 2; Clark et al., NSDI 2005, section 3.1: "stop-and-copy"). So are copies and what is restored.

import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { CopyOnWriteStore } from '../../devices/copy-on-write-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import { quirkNames } from '../../machine/quirks.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { drive, MIB, newLab, sourceGuest } from '../guest-rig.test-support.ts';
import { HostedVm, type SavedVm } from '../hosted-vm.ts';
import type { Lab } from '../lab.ts';
import { patched } from '../techniques/patching/changing-programs.test-support.ts';
import type { HostedTechnique } from '../virtual-machine.ts';
import { hashOfVm } from '../inspection/state-hash.ts';
import { restoreVm, saveVm } from './vm-stream.ts';

vi.setConfig({ testTimeout: 120_000 });

const hostedVm = (lab: Lab, id: number): HostedVm => {
  const vm = lab.vm(id);
  if (vm instanceof HostedVm) return vm;
  throw new Error('expected a VM of a hypervisor');
};

interface Whole {
  readonly hash: string;
  readonly state: SavedVm;
  readonly memory: readonly Uint8Array[];
}

/** Everything that a guest could ever see of itself. */
const wholeOf = (vm: HostedVm): Whole => ({
  hash: hashOfVm(vm),
  state: vm.saveState(),
  memory: [...vm.memory.views()].map((page) => page.slice()),
});

function expectSame(found: Whole, expected: Whole): void {
  expect(found.state).toEqual(expected.state);
  expect(found.memory.findIndex((page, index) => Buffer.compare(page, expected.memory[index] ?? page) !== 0)).toBe(-1);
  expect(found.hash).toBe(expected.hash);
}

/** Moves a VM, and looks at both ends while nothing of it executes. */
function move(lab: Lab, id: number): HostedVm {
  const source = hostedVm(lab, id);
  const migration = lab.migrate(id, {
    link: { bytesPerSecond: 1e8, latencyTicks: 100 },
    downtimeLimitTicks: 2_000_000,
    divergence: 'force',
  });
  const computer = lab.computerOf(source);
  drive(computer, { limit: 1e9, slice: 20_000, until: () => migration.state !== 'copying' });
  expect(migration.state).toBe('stopped');
  const stopped = wholeOf(source);
  expect(stopped.hash).toBe(migration.hashes.source);
  expect(source.receive(Uint8Array.of(0x78))).toBe(0); // it would be lost
  drive(computer, { limit: 1e9, slice: 20_000, until: () => !migration.active });
  expect(migration.message).toMatch(/nothing was lost/);
  const destination = hostedVm(lab, id);
  expect(destination).not.toBe(source);
  expectSame(wholeOf(destination), stopped);
  expect(migration.hashes.destination).toBe(stopped.hash);
  return destination;
}

const COUNTING = readFileSync(new URL('./counting-harts.test-support.s', import.meta.url), 'utf8');

const S9 = 25;
/** Each of its harts executes, and is interrupted by the one before. */
function expectToGoOn(lab: Lab, vm: HostedVm): void {
  const before = vm.vcpus.map((vcpu) => ({ executed: vcpu.instructions, sent: vcpu.look().x(S9) }));
  drive(lab.computerOf(vm), { limit: 1_500_000 });
  vm.vcpus.forEach((vcpu, hart) => {
    expect(vcpu.instructions).toBeGreaterThan((before[hart]?.executed ?? Infinity) + 10_000);
    expect(vcpu.look().x(S9)).toBeGreaterThan(before[hart]?.sent ?? Infinity);
  });
}

const devices = (): Pick<GuestImage, 'devices' | 'balloon'> => ({
  devices: {
    virtio: [
      { device: virtioBlock({ store: new CopyOnWriteStore(new MemoryStore(new Uint8Array(2 ** 20))) }), latency: 5000 },
      { device: virtioEntropy(new SeededEntropy(3)), latency: 2000 },
    ],
  },
  balloon: {},
});

const counting = (harts: number): GuestImage => sourceGuest(COUNTING, { harts, memoryBytes: 8 * MIB, ...devices() });

/** Guest interrupt files of a hart, as on QEMU's board. */
const MOST_FILES = 7;

interface Kind {
  readonly name: string;
  readonly technique: HostedTechnique;
  readonly make: (guest: GuestImage) => GuestImage;
  readonly broken?: boolean;
}

const byMessages = (guest: GuestImage): GuestImage => ({ ...guest, messageInterrupts: true });
const kinds: readonly Kind[] = [
  { name: 'trap-and-emulate', technique: 'trap-and-emulate', make: (guest) => guest },
  { name: 'hardware-assisted', technique: 'hardware-assisted', make: (guest) => guest },
  { name: 'trap-and-emulate with messages', technique: 'trap-and-emulate', make: byMessages },
  { name: 'hardware-assisted with messages', technique: 'hardware-assisted', make: byMessages },
  { name: 'patched', technique: 'trap-and-emulate', make: patched, broken: true },
  {
    name: 'patched with messages',
    technique: 'trap-and-emulate',
    make: (guest) => patched(byMessages(guest)),
    broken: true,
  },
];

const labFor = (guest: GuestImage, broken: boolean, physicalHarts: number, secondPhysicalHarts: number): Lab =>
  newLab({
    memoryMiB: 2 * (guest.memoryBytes / MIB) + 60,
    messageInterrupts: guest.messageInterrupts ?? false,
    ...(broken && { quirks: quirkNames }),
    physicalHarts,
    secondPhysicalHarts,
  });

describe.each(kinds)('$name', ({ technique, make, broken = false }) => {
  test.each([1, 2, 4])('%i vCPUs that never rest', (harts) => {
    const guest = make(counting(harts));
    const lab = labFor(guest, broken, harts, 2);
    const { id } = lab.addVm({ technique, guest });
    lab.start(id);
    for (const instructions of [400_000, 123_450]) {
      drive(lab.computerOf(lab.vm(id)), { limit: instructions, slice: 10_000 });
      const vm = move(lab, id);
      expectToGoOn(lab, vm);
    }
    const source = hostedVm(lab, id);
    if (technique === 'hardware-assisted' && guest.messageInterrupts === true && 2 * harts > MOST_FILES) {
      expect(() => lab.cloneVm(id)).toThrow(/expected at most 7 virtual CPUs with interrupt files.*found 8/);
    } else {
      const clone = hostedVm(lab, lab.cloneVm(id).id);
      expectSame(wholeOf(clone), wholeOf(source));
      expectToGoOn(lab, clone);
    }
    lab.pause(id);
    const other = labFor(guest, broken, 1, 1);
    const restored = other.addVm({ technique, guest: make(counting(harts)) });
    if (!(restored instanceof HostedVm)) throw new Error('expected a VM of a hypervisor');
    restoreVm(restored, saveVm(source));
    expectSame(wholeOf(restored), wholeOf(source));
    other.start(restored.id);
    expectToGoOn(other, restored);
  });
});
