// Guests whose interrupts are messages (RISC-V Advanced Interrupt Architecture): the same under every technique; hardware-assisted
// a device of the guest's own interrupts it without an exit, and nobody else's interrupt file is within a guest's reach.

import { describe, expect, test } from 'vitest';
import { MemoryStore } from '../../devices/block-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import type { VirtioDevice } from '../../machine/board.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { consoleOf, drive, hashOf, newLab, shippedGuest, sourceGuest, wordAt } from '../guest-rig.test-support.ts';
import { HostedVm } from '../hosted-vm.ts';
import type { Technique } from '../virtual-machine.ts';

const disk = (): VirtioDevice => ({ device: virtioBlock({ store: new MemoryStore(new Uint8Array(2 ** 20)) }) });
const withMessages = (guest: GuestImage): GuestImage => ({ ...guest, messageInterrupts: true });

function runToEnd(technique: Technique, guest: GuestImage, physicalHarts = 1) {
  const lab = newLab({ messageInterrupts: true, physicalHarts });
  const vm = lab.addVm({ technique, guest });
  lab.start(vm.id);
  drive(lab.computerOf(vm), { limit: 100_000_000, until: () => vm.ending !== undefined });
  const count = (reason: 'device-access' | 'device-interrupt' | 'guest-file-interrupt') =>
    lab.trace.statistics(vm.id)[reason].count;
  return { lab, vm, count };
}

describe('a disk by virtio, its wire at an APLIC', () => {
  const guest = (): GuestImage => ({ ...withMessages(shippedGuest('io-paths')), devices: { virtio: [disk()] } });
  const bare = runToEnd('bare', guest()).vm;

  test.each(['trap-and-emulate', 'hardware-assisted'] as const)('%s: as on the bare machine', (technique) => {
    const { vm } = runToEnd(technique, guest());
    expect(consoleOf(vm)).toBe(consoleOf(bare));
    expect(consoleOf(vm)).toMatch(/^disk, virtio: 64 KiB written, read, the same$/m);
    expect(vm.interrupts).toEqual(bare.interrupts);
    expect(hashOf(vm)).toBe(hashOf(bare));
  });
});

test('a disk that takes its time wakes the only guest there is, which sleeps until its message comes', () => {
  const slow = { ...disk(), latency: 3000 };
  const { vm } = runToEnd('hardware-assisted', {
    ...withMessages(shippedGuest('io-paths')),
    devices: { virtio: [slow] },
  });
  expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
  expect(consoleOf(vm)).toMatch(/^disk, virtio: 64 KiB written, read, the same$/m);
});

describe('a disk of the guest’s own', () => {
  const assigned = (harts = 1): GuestImage => ({
    ...withMessages(shippedGuest('io-paths')),
    harts,
    assigned: [disk()],
  });

  test('interrupts it without an exit: neither to deliver, nor to claim, nor to complete', () => {
    const idle = runToEnd('hardware-assisted', withMessages(shippedGuest('io-paths')));
    const { vm, count } = runToEnd('hardware-assisted', assigned());
    expect(vm.interrupts).toEqual({ 'supervisor external interrupt': 32 });
    expect([count('device-interrupt'), count('guest-file-interrupt')]).toEqual([0, 0]);
    // What the guest's set-up costs: the virtual APLIC, and probing the empty slots, of which there is one less.
    expect(count('device-access')).toBe(idle.count('device-access') - 3);
    expect(vm.exits).toBeLessThan(idle.vm.exits);
  });

  test('which costs three exits an interrupt where guest and machine have a PLIC', () => {
    const { messageInterrupts: _, ...plic } = assigned();
    const { vm, count } = runToEnd('hardware-assisted', plic);
    expect(consoleOf(vm)).toMatch(/the same/);
    expect(count('device-interrupt')).toBe(32);
    expect(count('device-access')).toBeGreaterThan(64);
  });

  test('in the time and with the outcome of the bare machine', () => {
    const bare = runToEnd('bare', assigned()).vm;
    const { vm } = runToEnd('hardware-assisted', assigned());
    expect(consoleOf(vm)).toBe(consoleOf(bare));
    expect(hashOf(vm)).toBe(hashOf(bare));
  });
});

/** Listens to identity 7 and sleeps until it has come; then says so to its word and sleeps again. */
const SLEEPER = `
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      t0, 0x70
        csrw    siselect, t0
        csrwi   sireg, 1
        li      t0, 0xc0
        csrw    siselect, t0
        li      t0, 0x80
        csrw    sireg, t0
        li      t0, 0x200
        csrw    sie, t0
        csrsi   sstatus, 2
1:      wfi
        j       1b
        .balign 4
handler: csrrw  t1, stopei, zero
        srli    t1, t1, 16
        li      t2, 0x80200000
        lw      t3, 0(t2)
        addi    t3, t3, 1
        sw      t3, 0(t2)
        sw      t1, 4(t2)
        sret
`;
const COUNT = 0x8020_0000;
const FILES = 0x2800_0000;

describe('a virtual CPU that sleeps', () => {
  test('is woken by a message to its interrupt file, and nobody else is', () => {
    const lab = newLab({ messageInterrupts: true });
    const [one, other] = [1, 2].map(() =>
      lab.addVm({ technique: 'hardware-assisted', guest: withMessages(sourceGuest(SLEEPER)) }),
    );
    const { hypervisor } = lab;
    if (!(one instanceof HostedVm) || !(other instanceof HostedVm) || hypervisor === undefined)
      throw new Error('no VM');
    for (const vm of [one, other]) lab.start(vm.id);
    const settle = () => drive(hypervisor, { limit: 1_000_000 });
    expect(settle()).toBe('asleep');
    for (let times = 1; times <= 3; times++) {
      // As a device or another virtual CPU does.
      expect(hypervisor.machine.board.bus.write(FILES + 0x1000, 4, 7)).toBe(true);
      expect(settle()).toBe('asleep');
      expect([wordAt(one, COUNT), wordAt(one, COUNT + 4), wordAt(other, COUNT)]).toEqual([times, 7, 0]);
    }
    // An identity that it has not enabled does not wake it.
    const { exits } = one;
    hypervisor.machine.board.bus.write(FILES + 0x1000, 4, 8);
    expect(settle()).toBe('asleep');
    expect(one.exits).toBe(exits);
  });
});

describe('virtual CPUs that send each other messages', () => {
  /** Hart 0 starts hart 1 and sends it a hundred messages, each after the one before was taken. */
  const PAIR = `
        .globl  _start
_start: li      a7, 0x48534d
        li      a6, 0
        li      a0, 1
        la      a1, second
        li      a2, 0
        ecall
        li      t0, 0x28001000
        li      t1, 0x80200000
        li      t2, 0
1:      li      t3, 7
        sw      t3, 0(t0)
        addi    t2, t2, 1
2:      lw      t3, 0(t1)
        bne     t3, t2, 2b
        li      t3, 100
        bne     t2, t3, 1b
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
3:      j       3b
second:
${SLEEPER.slice(SLEEPER.indexOf('la '))}`;

  test.each([1, 2] as const)('on %i physical harts: every one arrives', (physicalHarts) => {
    const { vm } = runToEnd('hardware-assisted', withMessages(sourceGuest(PAIR, { harts: 2 })), physicalHarts);
    expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
    expect(wordAt(vm, COUNT)).toBe(100);
  });

  test('a virtual CPU takes its interrupts along to another hart (8.1.2)', () => {
    const lab = newLab({ messageInterrupts: true, physicalHarts: 2 });
    const vm = lab.addVm({ technique: 'hardware-assisted', guest: withMessages(sourceGuest(SLEEPER)) });
    const { hypervisor } = lab;
    if (!(vm instanceof HostedVm) || hypervisor === undefined) throw new Error('no VM');
    const vcpu = vm.vcpu(0);
    const { machine } = hypervisor;
    lab.start(vm.id);
    const settle = () => drive(hypervisor, { limit: 1_000_000 });
    settle();
    let times = 0;
    for (const to of [1, 0, 1]) {
      const from = machine.board.imsics?.file(1 - to, 1);
      hypervisor.entitle(vcpu, { pin: 1 << to });
      from?.receive(7); // where it is still: it wakes up, and comes over with what has come
      settle();
      times++;
      expect([wordAt(vm, COUNT), vcpu.hart.id]).toEqual([times, to]);
      for (let select = 0x70; select <= 0xff; select++) expect(from?.read(select)).toBe(0);
    }
  });
});

describe('a guest that reaches for what is not its own', () => {
  /** Stores identity 7 to every page around its interrupt file, and counts what faults. */
  const HOSTILE = `
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      t0, 0x28001000
        li      t1, 64
        li      t2, 7
1:      sw      t2, 0(t0)
        li      t3, 0x1000
        add     t0, t0, t3
        addi    t1, t1, -1
        bnez    t1, 1b
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
2:      j       2b
        .balign 4
handler: li     t4, 0x80200000
        lw      t5, 0(t4)
        addi    t5, t5, 1
        sw      t5, 0(t4)
        csrr    t5, sepc
        addi    t5, t5, 4
        csrw    sepc, t5
        sret
`;

  test('finds nothing behind its own page, and its neighbours sleep on', () => {
    const lab = newLab({ messageInterrupts: true });
    const add = (source: string) =>
      lab.addVm({ technique: 'hardware-assisted', guest: withMessages(sourceGuest(source)) });
    const sleeper = add(SLEEPER);
    const hostile = add(HOSTILE);
    for (const vm of [sleeper, hostile]) lab.start(vm.id);
    const { hypervisor } = lab;
    if (hypervisor === undefined) throw new Error('no hypervisor');
    drive(hypervisor, { limit: 20_000_000, until: () => hostile.ending !== undefined });
    expect(wordAt(hostile, COUNT)).toBe(64);
    expect(wordAt(sleeper, COUNT)).toBe(0);
  });

  test('has no device that reaches an interrupt file: devices here send no messages themselves, and the hypervisor hears of it', () => {
    const lab = newLab({ messageInterrupts: true });
    const vm = lab.addVm({
      technique: 'hardware-assisted',
      guest: { ...withMessages(sourceGuest(SLEEPER)), assigned: [disk()] },
    });
    lab.start(vm.id);
    const { hypervisor } = lab;
    if (hypervisor?.passthrough === undefined) throw new Error('no device was assigned');
    drive(hypervisor, { limit: 1_000_000 });
    const { machine, passthrough } = hypervisor;
    const dma = machine.board.iommu?.port(passthrough.assigned[0]?.deviceId ?? 0);
    // Its own file, which stage 2 maps; another one's; the file's real address; the APLIC.
    for (const address of [FILES, FILES + 0x1000, FILES + 0x2000, 0x0d00_0000]) {
      expect(dma?.store(address, 4, 7)).toBe(false);
    }
    drive(hypervisor, { limit: 1_000_000 });
    expect(wordAt(vm, COUNT)).toBe(0);
    expect(machine.board.imsics?.file(0, 1).read(0x80)).toBe(0);
    expect(passthrough.refused.map(({ address, cause }) => [address, cause])).toEqual([
      [FILES, 'write access fault'],
      [FILES + 0x1000, 'write guest-page fault'],
      [FILES + 0x2000, 'write guest-page fault'],
      [0x0d00_0000, 'write guest-page fault'],
    ]);
  });

  test('gets no file that another one has used without it being empty', () => {
    const lab = newLab({ messageInterrupts: true });
    const first = lab.addVm({ technique: 'hardware-assisted', guest: withMessages(sourceGuest(SLEEPER)) });
    lab.start(first.id);
    const { hypervisor } = lab;
    const imsics = hypervisor?.machine.board.imsics;
    if (hypervisor === undefined || imsics === undefined) throw new Error('no interrupt files');
    drive(hypervisor, { limit: 1_000_000 });
    imsics.file(0, 1).receive(200);
    expect(imsics.file(0, 1).read(0x80 + 6)).not.toBe(0);
    lab.removeVm(first.id);
    for (let select = 0x70; select <= 0xff; select++) expect(imsics.file(0, 1).read(select)).toBe(0);
  });
});

describe('what cannot be', () => {
  test('a guest with interrupt files on a machine with a PLIC', () => {
    expect(() =>
      newLab().addVm({ technique: 'hardware-assisted', guest: withMessages(shippedGuest('hello')) }),
    ).toThrow(/expected a machine with IMSICs.*found one with a PLIC/);
  });

  test('more virtual CPUs with files than a hart has; one that goes makes room', () => {
    const lab = newLab({ messageInterrupts: true, memoryMiB: 160 });
    const add = (harts: number) =>
      lab.addVm({ technique: 'hardware-assisted', guest: { ...withMessages(sourceGuest(SLEEPER)), harts } });
    add(4);
    const second = add(3);
    expect(() => add(1)).toThrow(/at most 7 virtual CPUs.*found 8/);
    lab.removeVm(second.id);
    expect(() => add(3)).not.toThrow();
  });
});

test('a message that a VM has not taken yet is saved with it', () => {
  const lab = newLab({ messageInterrupts: true });
  const guest = withMessages(sourceGuest(SLEEPER));
  const add = () => {
    const vm = lab.addVm({ technique: 'hardware-assisted', guest });
    if (!(vm instanceof HostedVm) || lab.hypervisor === undefined) throw new Error('no VM');
    return { vm, hypervisor: lab.hypervisor };
  };
  const { vm, hypervisor } = add();
  lab.start(vm.id);
  drive(hypervisor, { limit: 1_000_000 });
  lab.pause(vm.id);
  hypervisor.machine.board.bus.write(FILES + 0x1000, 4, 7);
  const saved = vm.saveState();
  expect(vm.saveState()).toEqual(saved);
  const other = add().vm;
  other.restoreState(saved);
  lab.start(other.id);
  drive(hypervisor, { limit: 1_000_000 });
  expect([wordAt(other, COUNT), wordAt(vm, COUNT)]).toEqual([1, 0]);
});
