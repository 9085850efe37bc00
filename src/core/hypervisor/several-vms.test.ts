// Several VMs on one hart: turns of a quantum in instructions, a waiting VM costs nothing, and nobody's doings are seen by
// anybody else (issue, section 2 "Several VMs at once on one hart").

import { describe, expect, test } from 'vitest';
import {
  consoleOf,
  drive,
  expectedOutput,
  hashOf,
  hosted,
  LISTENS,
  MIB,
  newLab,
  recordsOf,
  runAlone,
  shippedGuest,
  sourceGuest,
} from './guest-rig.test-support.ts';
import { INSTRUCTIONS_PER_TICK } from '../machine/machine.ts';
import { QUANTUM } from './scheduling/scheduler.ts';

const COUNTS = sourceGuest(`
        .globl  _start
_start: li      s0, 0
1:      addi    s0, s0, 1
        j       1b`);

const SLEEPS = sourceGuest(`
        .globl  _start
_start: csrw    sie, zero
1:      wfi
        j       1b`);

/** Wakes at every tick-count of `period`, counts in s0, and sleeps again. */
const beats = (period: number) =>
  sourceGuest(`
        .globl  _start
_start: li      s0, 0
        li      t0, 0x20
        csrw    sie, t0
1:      rdtime  t0
        li      t1, ${period}
        add     t0, t0, t1
        csrw    0x14d, t0               # stimecmp
        csrw    0x15d, zero
        wfi
        addi    s0, s0, 1
        j       1b`);

/** Echoes what is typed, byte for byte, by interrupt; in between it counts (busy) or waits. */
const echoes = (busy: boolean) =>
  sourceGuest(`
        .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
${LISTENS}
        li      t0, 0x200
        csrw    sie, t0
        csrsi   sstatus, 2
        li      s0, 0
1:      ${busy ? 'addi s0, s0, 1' : 'wfi'}
        j       1b
        .balign 4
handler: lw     t0, 4(s2)
        lbu     t1, 0(s1)
        sb      t1, 0(s1)
        sw      t0, 4(s2)
        sret`);

const type = (text: string) => new TextEncoder().encode(text);

describe.each(hosted)('%s', (technique) => {
  test('round robin: every VM gets the same number of instructions, a quantum at a time', () => {
    const lab = newLab({ memoryMiB: 80 });
    const vms = Array.from({ length: 4 }, () => lab.addVm({ technique, guest: COUNTS }));
    for (const { id } of vms) lab.start(id);
    const computer = lab.computerOf(vms[0] ?? fail());
    for (let turn = 0; turn < 12; turn++) computer.runSlice(QUANTUM);
    const shares = vms.map(({ instructions }) => instructions);
    expect(Math.max(...shares) - Math.min(...shares)).toBeLessThan(1.1 * QUANTUM);
    expect(Math.min(...shares)).toBeGreaterThan(1.9 * QUANTUM);
    const turns = recordsOf(lab.trace)
      .filter(({ reason }) => reason === 'host-timer')
      .map(({ vm }) => vm);
    expect(turns.slice(0, 8)).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
  });

  test('a VM that waits costs no instructions, and one that nothing can wake is waited for by nobody', () => {
    const lab = newLab();
    const [busy, asleep] = [lab.addVm({ technique, guest: COUNTS }), lab.addVm({ technique, guest: SLEEPS })];
    lab.start(busy.id);
    lab.start(asleep.id);
    const computer = lab.computerOf(busy);
    computer.runSlice(3 * QUANTUM);
    const { instructions } = asleep;
    expect(instructions).toBeLessThan(10);
    const exits = lab.trace.total;
    computer.runSlice(5_000_000);
    expect(asleep.instructions).toBe(instructions);
    expect(asleep.waiting).toBe(true);
    expect(lab.trace.total).toBe(exits); // and nobody takes the hart from the other one
    lab.pause(busy.id);
    expect(computer.idleUntil()).toBe(Infinity);
  });

  test('a timer of one VM wakes it while another computes, and the host is never caught in its own timer', () => {
    const lab = newLab();
    const [busy, heart] = [lab.addVm({ technique, guest: COUNTS }), lab.addVm({ technique, guest: beats(30_000) })];
    lab.start(busy.id);
    lab.start(heart.id);
    const computer = lab.computerOf(busy);
    computer.runSlice(2 * QUANTUM); // both have had a turn
    const [beaten, computed] = [heart.look().x(8), busy.instructions];
    for (let slice = 0; slice < 30; slice++) computer.runSlice(100_000);
    // 3 million instructions are 300,000 ticks: ten beats, each of them before the other one's turn is over.
    expect(heart.look().x(8) - beaten).toBeGreaterThanOrEqual(9);
    expect(heart.look().x(8) - beaten).toBeLessThanOrEqual(10);
    expect(busy.instructions - computed).toBeGreaterThan(2_900_000);
  });

  test('among many that sleep, a guest that exits all the time is left when somebody’s time or input has come', () => {
    const lab = newLab({ memoryMiB: 24 * 17 });
    const asks = sourceGuest(`
        .globl  _start
_start: li      a7, 0x10
        li      a6, 0
1:      ecall
        li      t0, 200
2:      addi    t0, t0, -1
        bnez    t0, 2b
        j       1b`);
    const busy = lab.addVm({ technique, guest: asks });
    const asleep = Array.from({ length: 12 }, () => lab.addVm({ technique, guest: SLEEPS }));
    const heart = lab.addVm({ technique, guest: beats(30_000) });
    const echo = lab.addVm({ technique, guest: echoes(false) });
    for (const { id } of lab.vms) lab.start(id);
    const computer = lab.computerOf(busy);
    computer.runSlice(500_000);
    const before = busy.instructions;
    echo.receive(type('now'));
    computer.runSlice(QUANTUM + 1000); // at the end of the turn
    expect(consoleOf(echo)).toBe('now');
    for (let slice = 0; slice < 24; slice++) computer.runSlice(100_000);
    // A beat in 30,000 ticks at most; one that comes late puts off the next, by a turn or by the delay of one that wakes up.
    const passed = 500_000 + QUANTUM + 1000 + 24 * 100_000;
    const most = passed / INSTRUCTIONS_PER_TICK / 30_000;
    expect(heart.look().x(8)).toBeGreaterThanOrEqual(most / 2);
    expect(heart.look().x(8)).toBeLessThanOrEqual(most);
    expect(busy.instructions - before).toBeGreaterThan(0.7 * (passed - 500_000));
    for (const vm of asleep) expect(vm.instructions).toBeLessThan(10);
    // One that begins to compute gets every other turn, and gives it up when it is paused.
    const counts = lab.addVm({ technique, guest: COUNTS });
    lab.start(counts.id);
    for (let slice = 0; slice < 10; slice++) computer.runSlice(QUANTUM);
    expect(counts.instructions).toBeGreaterThan(4 * QUANTUM);
    expect(counts.instructions).toBeLessThan(6 * QUANTUM);
    lab.pause(counts.id);
    const alone = busy.instructions;
    computer.runSlice(1_000_000);
    expect(busy.instructions - alone).toBeGreaterThan(990_000);
  });

  test('timers of waiting VMs are kept to the tick', () => {
    const lab = newLab();
    const hearts = [100, 250, 1000].map((period) => lab.addVm({ technique, guest: beats(period * 1000) }));
    for (const { id } of hearts) lab.start(id);
    drive(lab.computerOf(hearts[0] ?? fail()), { limit: 50_500_000 });
    expect(hearts.map((vm) => vm.look().x(8))).toEqual([50, 20, 5]);
    expect(hearts.every(({ instructions }) => instructions < 1000)).toBe(true);
  });

  test.each([
    ['waits', false],
    ['computes', true],
  ])('input to a VM that %s reaches its handler, and no other VM', (_, busy) => {
    const lab = newLab({ memoryMiB: 80 });
    const vms = Array.from({ length: 3 }, () => lab.addVm({ technique, guest: echoes(busy) }));
    for (const { id } of vms) lab.start(id);
    const [a, b, c] = vms;
    if (!a || !b || !c) return fail();
    const computer = lab.computerOf(a);
    const run = () => drive(computer, { limit: 8 * QUANTUM, slice: 50_000 });
    run();
    b.receive(type('x'));
    run();
    expect(vms.map(consoleOf)).toEqual(['', 'x', '']);
    c.receive(type('yz'));
    a.receive(type('w'));
    run();
    expect(vms.map(consoleOf)).toEqual(['w', 'x', 'yz']);
    expect(vms.map(({ interrupts }) => Object.values(interrupts).reduce((sum, n) => sum + n, 0))).toEqual([1, 1, 2]);
  });

  test('input to a VM that waits wakes it while another one computes', () => {
    const lab = newLab();
    const [busy, echo] = [lab.addVm({ technique, guest: COUNTS }), lab.addVm({ technique, guest: echoes(false) })];
    lab.start(busy.id);
    lab.start(echo.id);
    const computer = lab.computerOf(busy);
    computer.runSlice(3_000_000);
    echo.receive(type('hello'));
    computer.runSlice(1_000_000);
    expect(consoleOf(echo)).toBe('hello');
  });

  test('pausing, resetting and removing one VM changes nothing for the others', () => {
    const alone = runAlone(technique, shippedGuest('timer'));
    const lab = newLab({ memoryMiB: 80 });
    const add = () => lab.addVm({ technique, guest: shippedGuest('timer') });
    const [kept, paused, again, removed] = [add(), add(), add(), add()];
    for (const { id } of lab.vms) lab.start(id);
    const computer = lab.computerOf(kept);
    for (let slice = 0; !kept.ending && slice < 10_000; slice++) {
      computer.runSlice(5000);
      const idle = computer.idleUntil();
      if (idle !== undefined && idle < Infinity) computer.skipTo(idle);
      if (slice % 5 === 1 && !paused.ending) lab.pause(paused.id);
      if (slice % 5 === 3 && !paused.ending) lab.start(paused.id);
      if (slice === 7) lab.reset(again.id);
      if (slice === 11) lab.removeVm(removed.id);
    }
    lab.start(paused.id);
    drive(computer, { until: () => lab.vms.every(({ ending }) => ending !== undefined) });
    expect(lab.vms.map(({ id }) => id)).toEqual([kept.id, paused.id, again.id]);
    for (const vm of lab.vms) {
      expect(hashOf(vm)).toBe(alone.hash);
      expect(vm.ending).toEqual(alone.vm.ending);
    }
    expect(consoleOf(kept)).toBe(expectedOutput('timer'));
    expect(consoleOf(paused)).toBe(expectedOutput('timer'));
  });

  test('the clock of a VM stands still while a person holds it', () => {
    const lab = newLab();
    const guest = sourceGuest(`
        .globl  _start
_start: rdtime  s0
        j       _start`);
    const [held, other] = [lab.addVm({ technique, guest }), lab.addVm({ technique, guest })];
    const computer = lab.computerOf(held);
    lab.start(held.id);
    computer.runSlice(10_000);
    lab.pause(held.id);
    const before = held.look().x(8);
    expect(before).toBeGreaterThan(900);
    lab.start(other.id);
    computer.runSlice(100_000);
    lab.pause(other.id);
    lab.start(held.id);
    computer.runSlice(1000);
    lab.pause(held.id);
    expect(held.look().x(8)).toBeGreaterThan(before);
    expect(held.look().x(8)).toBeLessThan(before + 200);
  });

  test('a VM that is removed gives all its memory back, and its number is never used again', () => {
    const lab = newLab();
    const first = lab.addVm({ technique, guest: shippedGuest('paging') });
    lab.start(first.id);
    drive(lab.computerOf(first));
    const frames = lab.hypervisor?.frames;
    lab.removeVm(first.id);
    expect(frames?.runs().filter(({ owner }) => owner !== undefined)).toEqual([
      { hpa: 0x8000_0000, frames: 1, owner: { vm: 0, use: 'reserved' }, sharers: 0 },
    ]);
    expect(frames?.usedBytes).toBe(4096);
    expect(lab.addVm({ technique, guest: shippedGuest('paging') }).id).toBeGreaterThan(first.id);
    expect(() => lab.vm(first.id)).toThrow(/expected .* found 1.*/);
  });

  test('memory: more is promised than there is, as long as nobody uses it; then all of it comes back', () => {
    const lab = newLab({ memoryMiB: 8 });
    const add = () => lab.addVm({ technique, guest: shippedGuest('hello') });
    const vms = [add(), add(), add()];
    expect(vms.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)).toBeGreaterThan(8 * MIB);
    for (const { id } of vms) lab.start(id);
    drive(lab.computerOf(vms[0] ?? add()));
    for (const vm of lab.vms) expect(consoleOf(vm)).toBe(expectedOutput('hello'));
    for (const { id } of vms) lab.removeVm(id);
    expect(lab.hypervisor?.frames.usedBytes).toBe(4096);
  });

  test('memory: where the page tables of a VM do not fit, a clear refusal, and nothing is lost', () => {
    const lab = newLab({ memoryMiB: 2 });
    const add = (mib: number) => lab.addVm({ technique, guest: { ...shippedGuest('hello'), memoryBytes: mib * MIB } });
    const first = add(8);
    const used = lab.hypervisor?.frames.usedBytes;
    expect(() => add(2047)).toThrow(/^expected \d+ KiB of free machine memory for this VM’s page tables.*remove a VM/);
    expect(lab.hypervisor?.frames.usedBytes).toBe(used);
    expect(lab.vms).toEqual([first]);
  });
});

test('a guest that needs page tables without end gets its share and no more; its neighbour never lacks one', () => {
  // Touches every 4 MiB of the virtual space, in 20 address spaces, round and round.
  const greedy = sourceGuest(`
        .globl  _start
_start: la      s0, root
        li      t0, 0x201000cf          # every 4 MiB of virtual space: the 4 MiB of this program
        li      t1, 1024
        mv      t2, s0
1:      sw      t0, 0(t2)
        addi    t2, t2, 4
        addi    t1, t1, -1
        bnez    t1, 1b
        srli    s0, s0, 12
        li      s1, 0
2:      slli    t0, s1, 22
        or      t0, t0, s0
        li      t1, 0x80000000
        or      t0, t0, t1
        csrw    satp, t0
        li      t2, 0
        li      t3, 0x400000
3:      lw      t4, 0(t2)
        add     t2, t2, t3
        bnez    t2, 3b
        addi    s1, s1, 1
        li      t0, 20
        bne     s1, t0, 2b
        li      s1, 0
        addi    s2, s2, 1
        j       2b
        .section .bss
        .balign 4096
root:   .space  4096`);
  const lab = newLab({ memoryMiB: 44 });
  const vms = [
    lab.addVm({ technique: 'trap-and-emulate', guest: greedy }),
    lab.addVm({ technique: 'trap-and-emulate', guest: shippedGuest('paging') }),
  ];
  const [hungry, modest] = vms;
  const runs = () => lab.hypervisor?.frames.runs().filter(({ owner }) => owner?.use === 'shadow tables') ?? [];
  const tablesOf = (vm: number) => runs().reduce((sum, { owner, frames }) => sum + (owner?.vm === vm ? frames : 0), 0);
  lab.start(hungry?.id ?? 0);
  const computer = lab.computerOf(hungry ?? fail());
  for (let slice = 0; slice < 30; slice++) {
    computer.runSlice(10_000);
    expect(tablesOf(hungry?.id ?? 0)).toBeLessThanOrEqual(300);
    if (slice === 20) lab.start(modest?.id ?? 0);
  }
  drive(computer, { until: () => modest?.ending !== undefined, limit: 20_000_000 });
  expect(hungry?.ending).toBeUndefined();
  expect(hungry?.look().x(18)).toBeGreaterThan(0);
  expect(modest?.ending).toMatchObject({ exitCode: 0 });
  expect(modest && consoleOf(modest)).toBe(expectedOutput('paging'));
});

test('twenty VMs under both techniques run side by side to their ends', () => {
  const lab = newLab({ memoryMiB: 200 });
  const names = ['hello', 'trap', 'timer', 'plic', 'paging'];
  const vms = Array.from({ length: 20 }, (_, index) => {
    const name = names[index % names.length] ?? 'hello';
    const technique = hosted[index % 2] ?? 'trap-and-emulate';
    return { name, vm: lab.addVm({ technique, guest: { ...shippedGuest(name), memoryBytes: 8 * MIB } }) };
  });
  for (const { vm } of vms) lab.start(vm.id);
  drive(lab.computerOf(vms[0]?.vm ?? fail()));
  for (const { name, vm } of vms) {
    expect(vm.ending, name).toMatchObject({ exitCode: 0 });
    expect(consoleOf(vm), name).toBe(expectedOutput(name));
  }
});

test('a lab can hold VMs of all techniques; each is found by its number', () => {
  const lab = newLab();
  const ids = (['bare', 'trap-and-emulate', 'hardware-assisted'] as const).map(
    (technique) => lab.addVm({ technique, guest: shippedGuest('hello') }).id,
  );
  expect(lab.vms.map(({ id }) => id)).toEqual(ids);
  expect(lab.computers).toHaveLength(2);
  for (const id of ids) lab.start(id);
  for (const computer of lab.computers) drive(computer);
  expect(lab.vms.map(consoleOf)).toEqual(ids.map(() => expectedOutput('hello')));
});

const fail = (): never => {
  throw new Error('the list is empty');
};
