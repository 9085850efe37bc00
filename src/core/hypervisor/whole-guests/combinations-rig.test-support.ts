// Small guests that end by themselves in a state that does not depend on who ran when, and everything that can be done to a VM
// while it runs: to be done in any order, at any instruction, with any of them.

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import { quirkNames, type QuirkName } from '../../machine/quirks.ts';
import { CopyOnWriteStore } from '../../devices/copy-on-write-store.ts';
import { MemoryStore } from '../../devices/block-store.ts';
import { MemoryFolder } from '../../devices/ninep/memory-folder.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { SeededEntropy, virtioEntropy } from '../../devices/virtio/virtio-entropy.ts';
import { virtioNineP } from '../../devices/virtio/virtio-nine-p.ts';
import {
  consoleOf,
  drive,
  hashOf,
  MIB,
  newLab,
  shippedGuest,
  SHUTDOWN,
  sourceGuest,
} from '../guest-rig.test-support.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { HostedVm } from '../hosted-vm.ts';
import type { Hypervisor } from '../hypervisor.ts';
import type { Lab } from '../lab.ts';
import { hashOfVm } from '../inspection/state-hash.ts';
import { walkerSource } from '../memory/walker.test-support.ts';
import { restoreVm, saveVm } from '../migration/vm-stream.ts';
import { patched } from '../techniques/patching/changing-programs.test-support.ts';
import type { HostedTechnique, VirtualMachine } from '../virtual-machine.ts';

const HARTS = readFileSync(new URL('./harts.test-support.s', import.meta.url), 'utf8');

/** All over 2 MiB, with a stride that is no page; after each round it fills pages with one and the same word. */
const WALKER = walkerSource({
  rounds: 3,
  mebibytes: 2,
  stride: 2052,
  afterEachRound: `
        li      s1, 0x80c00000
        li      s2, 0x80c20000
3:      sw      s0, 0(s1)
        li      t1, 4096
        add     s1, s1, t1
        bltu    s1, s2, 3b`,
});

/**
 * Two harts, and no firmware but this. Hart 0 counts in user mode and asks its machine mode for more; hart 1 sleeps until it
 * is sent an interrupt, adds, and sends one back. A timer interrupts hart 0 all the while.
 */
const MACHINE_MODE = `
        .globl  _start
_start: csrr    s0, mhartid
        la      t0, handler
        csrw    mtvec, t0
        li      s1, 0x02000000          # MSWI
        li      t0, 8                   # MSIE
        csrw    mie, t0
        bnez    s0, second
        li      s4, 0x02004000          # mtimecmp of hart 0
        li      s5, 0x0200bff8          # mtime
        lw      t0, 0(s5)
        li      t1, 300
        add     t0, t0, t1
        sw      zero, 4(s4)
        sw      t0, 0(s4)
        li      t0, 0x88                # MTIE as well
        csrw    mie, t0
        la      t0, user
        csrw    mepc, t0
        li      t0, 0x1800
        csrc    mstatus, t0             # MPP: user mode
        mret
user:   li      s6, 0
1:      li      t0, 700
2:      add     s7, s7, t0
        addi    t0, t0, -1
        bnez    t0, 2b
        ecall
        addi    s6, s6, 1
        li      t0, 24
        bltu    s6, t0, 1b
        li      a7, 1
        ecall                           # does not come back
second: la      s2, mailbox
3:      wfi
        csrr    t0, mip
        andi    t0, t0, 8
        beqz    t0, 3b
        sw      zero, 4(s1)             # its own msip
        lw      t0, 0(s2)
        addi    t0, t0, 1
        sw      t0, 0(s2)
        fence   rw, rw
        li      t0, 1
        sw      t0, 4(s2)               # an answer
        j       3b
        .balign 4
handler: csrr   t1, mcause
        bltz    t1, timer
        csrr    t1, mepc
        addi    t1, t1, 4
        csrw    mepc, t1
        bnez    a7, end
        la      s2, mailbox
        sw      zero, 4(s2)
        li      t1, 1
        sw      t1, 4(s1)               # msip of hart 1
4:      lw      t1, 4(s2)
        beqz    t1, 4b
        mret
timer:  lw      t1, 0(s5)
        li      t2, 300
        add     t1, t1, t2
        sw      t1, 0(s4)
        mret
end:    csrw    mie, zero
        li      t0, 0
        li      t1, 0
        li      t2, 0
        csrw    mcause, zero
        csrw    mip, zero
        li      t0, 0x100000
        li      t1, 0x5555
        sw      t1, 0(t0)
5:      j       5b
        .balign 64
mailbox: .word  0, 0
`;

/**
 * Three harts whose interrupts are messages (RISC-V AIA, chapter 3): one sends identity 7 to the next as soon as it was sent one
 * itself, sixty times around. All sleep meanwhile.
 */
const MESSAGES = `
        .globl  _start
_start: mv      s0, a0
        la      t0, handler
        csrw    stvec, t0
        li      t0, 0x70                # eidelivery
        csrw    siselect, t0
        csrwi   sireg, 1
        li      t0, 0xc0                # eie, of which identity 7
        csrw    siselect, t0
        li      t0, 0x80
        csrw    sireg, t0
        li      t0, 0x200
        csrw    sie, t0
        la      s3, counts
        slli    t0, s0, 6
        add     s3, s3, t0              # of this hart
        li      s1, 1
        sw      s1, 4(s3)               # it is there
        li      t0, 3
        addi    s2, s0, 1               # the next one
        remu    s2, s2, t0
        slli    t0, s2, 12
        li      s4, 0x28000000
        add     s4, s4, t0              # where its interrupt file is
        bnez    s0, 2f
1:      mv      a0, s1
        la      a1, _start
        li      a7, 0x48534d            # SBI HSM: start
        li      a6, 0
        ecall
        slli    t0, s1, 6
        add     t0, t0, s3
3:      lw      t1, 4(t0)
        beqz    t1, 3b
        addi    s1, s1, 1
        li      t0, 3
        bltu    s1, t0, 1b
        li      t0, 7
        sw      t0, 0(s4)
2:      csrsi   sstatus, 2
4:      wfi
        j       4b
        .balign 4
handler: csrrw  t1, stopei, zero
        beqz    t1, 5f
        lw      t0, 0(s3)
        addi    t0, t0, 1
        sw      t0, 0(s3)
        bnez    s0, 6f
        li      t1, 60
        beq     t0, t1, 7f
6:      li      t0, 7
        sw      t0, 0(s4)
5:      sret
7:      csrw    sepc, zero              # where it slept depends on who came when
        li      t0, 0
        li      t1, 0
${SHUTDOWN}
        .data
        .balign 64
counts: .space  192
`;

const byMessages = (guest: GuestImage): GuestImage => ({ ...guest, messageInterrupts: true });

const machineGuest = (): GuestImage => ({
  image: assembled(MACHINE_MODE, { textAddress: 0x8000_0000 }).image,
  boot: 'machine',
  memoryBytes: 4 * MIB,
  harts: 2,
  hypervisorExtension: false,
});

const withDevices = (guest: GuestImage): GuestImage => ({
  ...guest,
  devices: {
    programmedIo: { disk: { store: new CopyOnWriteStore(new MemoryStore(new Uint8Array(2 ** 18))) } },
    virtio: [
      { device: virtioBlock({ store: new CopyOnWriteStore(new MemoryStore(new Uint8Array(2 ** 20))) }), latency: 3000 },
      { device: virtioEntropy(new SeededEntropy(5)) },
      { device: virtioNineP({ folder: new MemoryFolder(), tag: 'lab' }) },
    ],
  },
  balloon: {},
});

export interface TeachingGuest {
  readonly name: string;
  readonly make: () => GuestImage;
  readonly techniques: readonly HostedTechnique[];
  /** Registers and memory at the end are always the same; otherwise only what was printed. */
  readonly oneState: boolean;
  /** Of the machines it runs on, which its code is patched for. */
  readonly quirks?: readonly QuirkName[];
}

const both: readonly HostedTechnique[] = ['trap-and-emulate', 'hardware-assisted'];
const all: readonly HostedTechnique[] = [...both, 'paravirtual'];

export const teachingGuests: readonly TeachingGuest[] = [
  { name: 'two harts', make: () => sourceGuest(HARTS, { harts: 2 }), techniques: both, oneState: true },
  { name: 'four harts', make: () => sourceGuest(HARTS, { harts: 4 }), techniques: both, oneState: true },
  { name: 'walker', make: () => sourceGuest(WALKER), techniques: all, oneState: true },
  { name: 'paging', make: () => shippedGuest('paging'), techniques: all, oneState: true },
  { name: 'trap', make: () => shippedGuest('trap'), techniques: all, oneState: true },
  { name: 'sbi', make: () => shippedGuest('sbi'), techniques: all, oneState: false },
  { name: 'timer', make: () => shippedGuest('timer'), techniques: all, oneState: false },
  { name: 'machine mode', make: machineGuest, techniques: ['trap-and-emulate'], oneState: false },
  {
    name: 'paravirtual',
    make: () => withDevices(shippedGuest('paravirtual')),
    techniques: ['paravirtual'],
    oneState: false,
  },
  { name: 'messages', make: () => byMessages(sourceGuest(MESSAGES, { harts: 3 })), techniques: both, oneState: true },
  {
    name: 'disks by messages',
    make: () => byMessages(withDevices(shippedGuest('io-paths'))),
    techniques: both,
    oneState: false,
  },
  ...[
    { name: 'patched harts', make: () => patched(sourceGuest(HARTS, { harts: 4 })), oneState: true },
    { name: 'patched paging', make: () => patched(shippedGuest('paging')), oneState: true },
    { name: 'patched messages', make: () => patched(byMessages(sourceGuest(MESSAGES, { harts: 3 }))), oneState: true },
    { name: 'patched disks', make: () => patched(withDevices(shippedGuest('io-paths'))), oneState: false },
  ].map((guest) => ({ ...guest, techniques: ['trap-and-emulate'] as const, quirks: quirkNames })),
  { name: 'disks', make: () => withDevices(shippedGuest('io-paths')), techniques: all, oneState: false },
];

/** What can be done to a VM while it runs. */
export const acts = [
  'save',
  'migrate',
  'cut',
  'damage',
  'clone',
  'follow the clone',
  'swap',
  'merge',
  'log',
  'collect',
  'stop the log',
  'huge pages',
  'give up',
  'pause',
] as const;
export type Act = (typeof acts)[number];

export interface Plan {
  readonly guest: TeachingGuest;
  readonly technique: HostedTechnique;
  /** Of machines A and B. */
  readonly physicalHarts: readonly [number, number];
  readonly hugePages: boolean;
  /** Each at so many thousandths of an undisturbed run's time. */
  readonly steps: readonly { readonly at: number; readonly act: Act }[];
}

export interface Reference {
  readonly console: string;
  readonly hash: string;
  readonly exitCode: number;
  /** Instructions of virtual time. */
  readonly time: number;
}

/** One copy of the guest, and what it printed before it came to the lab it is in. */
interface Subject {
  lab: Lab;
  id: number;
  printed: string;
  /** What it can be made from once more, with the disks it has; of a clone nobody has them. */
  readonly image: GuestImage | undefined;
}

const LIMIT = 60_000_000;
/** Carries the pages of such a guest in a few thousand instructions. */
const SLOW_LINK = {
  link: { bytesPerSecond: 1e8, latencyTicks: 100 },
  downtimeLimitTicks: 1_000_000,
  divergence: 'force',
} as const;

const vmOf = ({ lab, id }: Subject): HostedVm => {
  const vm = lab.vm(id);
  if (vm instanceof HostedVm) return vm;
  throw new Error('expected a VM of a hypervisor');
};

const hypervisorOf = (subject: Subject): Hypervisor => {
  const hypervisor = subject.lab.hypervisorOf(vmOf(subject));
  if (hypervisor === undefined) throw new Error('expected a hypervisor');
  return hypervisor;
};

const labFor = (
  guest: GuestImage,
  { physicalHarts: [first, second], hugePages, guest: { quirks } }: Omit<Plan, 'steps'>,
): Lab =>
  newLab({
    messageInterrupts: guest.messageInterrupts ?? false,
    ...(quirks && { quirks }),
    memoryMiB: 2 * (guest.memoryBytes / MIB) + 48,
    traceCapacity: 2,
    physicalHarts: first,
    secondPhysicalHarts: second,
    memory: { hugePages, swapLatency: 30 },
  });

/** The guest left alone on one physical hart. */
export function undisturbed(guest: TeachingGuest, technique: HostedTechnique): Reference {
  const image = guest.make();
  const lab = labFor(image, { guest, technique, physicalHarts: [1, 1], hugePages: false });
  const vm = lab.addVm({ technique, guest: image });
  lab.start(vm.id);
  drive(lab.computerOf(vm), { limit: LIMIT, until: () => vm.ending !== undefined });
  expect(vm.ending?.message).toMatch(/^The guest (ended|turned|has|shut)/);
  return {
    console: consoleOf(vm),
    hash: hashOf(vm),
    exitCode: vm.ending?.exitCode ?? -1,
    time: lab.hypervisor?.machine.elapsed ?? 0,
  };
}

/** Does to a guest what a plan says; whatever copies of it there are in the end must have become what it becomes alone. */
export function carryOut(plan: Plan, expected: Reference): void {
  const image = plan.guest.make();
  const lab = labFor(image, plan);
  const { id } = lab.addVm({ technique: plan.technique, guest: image });
  lab.start(id);
  const subjects: Subject[] = [{ lab, id, printed: '', image }];
  let passed = 0;
  for (const { at, act } of [...plan.steps].sort((a, b) => a.at - b.at)) {
    const until = Math.floor((at * expected.time) / 1000);
    for (const each of new Set(subjects.map((subject) => subject.lab))) advance(each, until - passed);
    passed = until;
    const [subject] = subjects.filter((each) => vmOf(each).ending === undefined).slice(-1);
    if (subject !== undefined) perform(act, subject, subjects, plan);
    subjects.forEach((each) => checkAccounts(hypervisorOf(each)));
  }
  for (const subject of subjects) {
    const vm = vmOf(subject);
    drive(subject.lab.computerOf(vm), { limit: LIMIT, until: () => vm.ending !== undefined });
    expect({ console: subject.printed + consoleOf(vm), exitCode: vm.ending?.exitCode }).toEqual({
      console: expected.console,
      exitCode: expected.exitCode,
    });
    if (plan.guest.oneState) expect(hashOf(vm)).toBe(expected.hash);
  }
  for (const subject of subjects) {
    const { lab: itsLab, id: its } = subject;
    itsLab.removeVm(its);
    if (itsLab.vms.length > 0) continue;
    for (const { memory } of itsLab.hypervisors) {
      expect(memory.frames.usedBytes).toBe(PAGE_SIZE); // the trap vector's
      expect(memory.swap.pages).toBe(0);
    }
  }
}

/** Guest interrupt files of a hart. */
const MOST_FILES = 7;
const hasFile = (vm: VirtualMachine): boolean => vm.technique === 'hardware-assisted' && vm.board.imsics !== undefined;
/** VMs of such a guest in one lab are on one machine, or move one after the other. */
const filesWanted = (lab: Lab): number => lab.vms.reduce((sum, vm) => sum + (hasFile(vm) ? vm.harts : 0), 0);

/** Lets all machines of a lab run for so many instructions of virtual time. */
function advance(lab: Lab, instructions: number): void {
  const [vm] = lab.vms;
  if (vm === undefined || instructions <= 0) return;
  const computer = lab.computerOf(vm);
  const end = Math.ceil(computer.now + instructions / 10);
  while (computer.now < end) {
    const idle = computer.idleUntil();
    if (idle === undefined) computer.runSlice(Math.max(1, 10 * (end - computer.now)));
    else if (idle === Infinity) return;
    else computer.skipTo(Math.min(idle, end));
  }
}

function perform(act: Act, subject: Subject, subjects: Subject[], plan: Plan): void {
  const { lab, id } = subject;
  const vm = vmOf(subject);
  const { memory } = vm;
  const { memory: host } = hypervisorOf(subject);
  switch (act) {
    case 'save': {
      // A saved VM goes on with its disks as they are: with the same ones.
      const { image } = subject;
      if (image === undefined) return;
      const given = memory.pages.ballooned;
      const stream = saveVm(vm);
      const other = labFor(image, plan);
      const twin = other.addVm({ technique: plan.technique, guest: image });
      if (!(twin instanceof HostedVm)) throw new Error('expected a VM of a hypervisor');
      restoreVm(twin, stream);
      expect(twin.memory.pages.ballooned).toEqual(given);
      subject.printed += consoleOf(vm);
      lab.removeVm(id);
      subject.lab = other;
      subject.id = twin.id;
      other.start(twin.id);
      return;
    }
    case 'migrate': {
      if (lab.migration?.active === true) return;
      const given = memory.pages.ballooned.length;
      const migration = lab.migrate(id, {
        link: { bytesPerSecond: 1e9, latencyTicks: 100 },
        downtimeLimitTicks: 1_000_000,
        divergence: 'force',
      });
      drive(lab.computerOf(vm), { limit: LIMIT, slice: 50_000, until: () => !migration.active });
      if (vmOf(subject).ending !== undefined) return;
      expect(migration.message).toMatch(/nothing was lost|guest has ended/);
      if (migration.state !== 'completed') return;
      expect(migration.hashes.destination).toBe(migration.hashes.source);
      expect(vmOf(subject)).not.toBe(vm);
      expect(vmOf(subject).memory.pages.ballooned.length).toBeGreaterThanOrEqual(Math.min(given, 2));
      return;
    }
    case 'cut':
    case 'damage': {
      if (lab.migration?.active === true) return;
      const migration = lab.migrate(id, SLOW_LINK);
      drive(lab.computerOf(vm), { limit: 2000, slice: 500, until: () => !migration.active });
      const before = hashOfVm(vm);
      if (act === 'cut') migration.cutLink();
      else migration.link.damageNext();
      expect(hashOfVm(vm)).toBe(before);
      drive(lab.computerOf(vm), { limit: LIMIT, slice: 50_000, until: () => !migration.active });
      if (vm.ending === undefined) expect(migration.message).toMatch(/(cut|damaged).* The VM runs on where it was\.$/);
      expect(vmOf(subject)).toBe(vm);
      expect(memory.dirtyLog.active).toBe(false);
      return;
    }
    case 'clone':
    case 'follow the clone': {
      if (subjects.length > 2) return;
      if (filesWanted(lab) + vm.harts > MOST_FILES && hasFile(vm)) {
        const before = hashOfVm(vm);
        expect(() => lab.cloneVm(id)).toThrow(/expected at most 7 virtual CPUs with interrupt files/);
        expect(hashOfVm(vm)).toBe(before);
        return;
      }
      const clone = lab.cloneVm(id);
      expect(hashOf(clone)).toBe(hashOf(vm));
      if (act === 'clone') subjects.push({ lab, id: clone.id, printed: subject.printed, image: undefined });
      else {
        lab.removeVm(id);
        subjects[subjects.indexOf(subject)] = { lab, id: clone.id, printed: subject.printed, image: undefined };
      }
      return;
    }
    case 'swap':
      host.reclaim(100_000);
      return;
    case 'merge':
      for (let round = 0; round < 3; round++) host.merging.scan(20_000);
      return;
    case 'log':
      if (lab.migration?.active !== true) memory.dirtyLog.start();
      return;
    case 'collect':
      memory.dirtyLog.collect();
      return;
    case 'stop the log':
      memory.dirtyLog.stop();
      return;
    case 'huge pages':
      host.hugePages = !host.hugePages;
      return;
    case 'give up':
      // Pages that the guest never uses, as its balloon's driver would give them.
      for (let page = memory.pages.count - 40; page < memory.pages.count - 30; page++) {
        const gpa = RAM_BASE + page * PAGE_SIZE;
        if (memory.hostAddress(gpa) === undefined || host.hugePages) memory.giveUp(gpa);
      }
      return;
    case 'pause':
      lab.pause(id);
      advance(lab, 5000);
      lab.start(id);
  }
}

/** Every frame in use is a page's of some guest, a table's or the trap vector's; and what each memory says of itself is so. */
function checkAccounts({ memory, frames }: Hypervisor): void {
  const used = new Map<number, number>();
  let swapped = 0;
  for (const guest of memory.guests.values()) {
    let resident = 0;
    for (let page = 0; page < guest.pages.count; page++) {
      const host = guest.hostAddress(RAM_BASE + page * PAGE_SIZE);
      if (host === undefined) continue;
      resident++;
      used.set(host, (used.get(host) ?? 0) + 1);
    }
    const { use } = guest;
    expect(use.resident).toBe(resident);
    expect(use.huge).toBeLessThanOrEqual(resident);
    swapped += use.swapped;
    expect(use.ballooned).toBe(
      guest.pages.ballooned.reduce((sum, value, index) => sum + (index % 2 === 1 ? value : 0), 0),
    );
  }
  for (const [host, pages] of used) expect(frames.sharers(host)).toBe(pages);
  const others = frames
    .runs()
    .filter(({ owner }) => owner !== undefined && owner.use !== 'ram' && owner.use !== 'shared');
  const tables = others.reduce((sum, run) => sum + run.frames, 0);
  expect(frames.usedBytes).toBe((used.size + tables) * PAGE_SIZE);
  expect(memory.swap.pages).toBeLessThanOrEqual(swapped);
}
