// Exits: each reason occurs under its name with what there is to know of it, is counted once, and is kept in a ring that
// forgets records but no counts (issue, section 2 "Every exit is typed and named").

import { describe, expect, test } from 'vitest';
import { exceptionRows } from '../../isa/causes.ts';
import { Privilege } from '../../machine/hart-state.ts';
import { drive, hosted, newLab, recordsOf, runAlone, SHUTDOWN, sourceGuest } from '../guest-rig.test-support.ts';
import { exitReasons, exitRows, type Exit, type ExitReason } from './exits.ts';
import { QUANTUM } from '../scheduling/scheduler.ts';
import { Effect, effectKinds, EFFECT_LIMIT, Trace, type ExitRecord } from './trace.ts';
import type { Technique } from '../virtual-machine.ts';

const START = 0x8040_0000;

/** The records of a program that ends itself, oldest first. */
function exitsOf(technique: Technique, source: string): readonly ExitRecord[] {
  const { vm, lab } = runAlone(technique, sourceGuest(`        .globl  _start\n_start: ${source}\n${SHUTDOWN}`), {
    limit: 5_000_000,
  });
  expect(vm.ending).toMatchObject({ exitCode: 0 });
  const records = recordsOf(lab.trace);
  expect(records).toHaveLength(vm.exits);
  for (const reason of exitReasons) {
    const { count } = lab.trace.statistics(vm.id)[reason];
    expect(count, reason).toBe(records.filter((record) => record.reason === reason).length);
  }
  for (const record of records) {
    expect(record).toMatchObject({ vm: vm.id });
    expect(record.nanoseconds).toBeGreaterThan(0);
    expect(record.virtualCost).toBe(record.cause >>> 31 === 1 ? 0 : 1);
  }
  const times = records.map(({ at }) => at);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  return records;
}

const of = (records: readonly ExitRecord[], reason: ExitReason) => records.filter((record) => record.reason === reason);

test('every reason has the names people look for and one sentence', () => {
  for (const reason of exitReasons) {
    const { perfName, vmxName, meaning } = exitRows[reason];
    expect(perfName).toMatch(/^[A-Z]/);
    expect(vmxName).not.toBe('');
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  }
});

describe.each(hosted)('%s', (technique) => {
  const emulated = technique === 'trap-and-emulate';

  test('missing-page: the first touch of a page by fetch, load or store, with both addresses', () => {
    const records = exitsOf(
      technique,
      'lui t0, 0x80500\n lw t1, 8(t0)\n lui t0, 0x80600\n sw t1, 12(t0)\n sw t1, 16(t0)',
    );
    const [fetch, load, store] = of(records, 'missing-page');
    const causes = emulated
      ? [exceptionRows.instructionPageFault.code, exceptionRows.loadPageFault.code, exceptionRows.storePageFault.code]
      : [20, 21, 23];
    expect([fetch?.cause, load?.cause, store?.cause]).toEqual(causes);
    expect(fetch).toMatchObject({
      pc: START,
      gva: START,
      gpa: START,
      stval: START,
      verdict: 'resume',
      resumePc: START,
    });
    expect(load).toMatchObject({ pc: START + 4, gva: 0x8050_0008, gpa: 0x8050_0008, resumePc: START + 4, user: false });
    expect(store).toMatchObject({ pc: START + 12, gva: 0x8060_000c, gpa: 0x8060_000c });
    expect(load?.instruction).toBe(0x0082_a303);
    expect(load?.effects).toEqual([expect.objectContaining({ kind: 'map', what: 0x8050_0008, before: 0x8050_0008 })]);
    if (!emulated) {
      expect(load).toMatchObject({ htval: 0x8050_0008 / 4 });
      expect(load?.htinst).toBe(0x0000_2303); // lw t1, 0(zero): the transformed instruction
    }
    expect(of(records, 'missing-page')).toHaveLength(3);
  });

  test('device-access: what was read, written and where it went', () => {
    const records = exitsOf(technique, "lui t0, 0x10000\n lbu t1, 5(t0)\n li t2, 'A'\n sb t2, 0(t0)");
    const [load, store] = of(records, 'device-access');
    expect(load).toMatchObject({
      pc: START + 4,
      gpa: 0x1000_0005,
      gva: 0x1000_0005,
      verdict: 'resume',
      resumePc: START + 8,
    });
    expect(load?.effects).toEqual([
      { kind: 'device-read', what: 0x1000_0005, before: 0x60, after: 0x60 },
      { kind: 'write-register', what: 6, before: 0, after: 0x60 },
    ]);
    expect(store?.effects).toEqual([
      { kind: 'read-register', what: 7, before: 65, after: 65 },
      { kind: 'device-write', what: 0x1000_0000, before: 65, after: 65 },
    ]);
  });

  test('sbi-call: from the kernel, with extension and function', () => {
    const [call] = of(exitsOf(technique, 'li a7, 0x10\n li a6, 3\n li a0, 0x48534d\n ecall'), 'sbi-call');
    expect(call).toMatchObject({ cause: emulated ? 8 : 10, instruction: 0x73, verdict: 'resume' });
    expect(call?.resumePc).toBe((call?.pc ?? 0) + 4);
    expect(call?.effects[0]).toEqual({ kind: 'sbi', what: 0x10, before: 3, after: 0x48_534d });
  });

  test('the last call of all ends the VM', () => {
    expect(exitsOf(technique, 'nop').at(-1)).toMatchObject({ reason: 'sbi-call', verdict: 'kill' });
  });

  test('wait-for-interrupt: blocks, and the timer that wakes it is the host’s', () => {
    const records = exitsOf(
      technique,
      'li t0, 0x20\n csrw sie, t0\n rdtime t0\n addi t0, t0, 2000\n csrw 0x14d, t0\n csrw 0x15d, zero\n wfi',
    );
    expect(of(records, 'wait-for-interrupt')).toEqual([
      expect.objectContaining({ verdict: 'block', instruction: 0x1050_0073, cause: emulated ? 2 : 22 }),
    ]);
    const [wait] = of(records, 'wait-for-interrupt');
    expect(wait?.resumePc).toBe((wait?.pc ?? 0) + 4);
  });

  test('host-timer: takes the hart from a guest that computes while its own timer is due, or others wait', () => {
    const lab = newLab();
    const guest = sourceGuest('.globl _start\n_start: j .');
    const vms = [lab.addVm({ technique, guest }), lab.addVm({ technique, guest })];
    for (const { id } of vms) lab.start(id);
    lab.hypervisor?.runSlice(5 * QUANTUM);
    const timers = of(recordsOf(lab.trace), 'host-timer');
    expect(timers.length).toBeGreaterThanOrEqual(4);
    expect(timers[0]).toMatchObject({ cause: 0x8000_0005, verdict: 'resume', instruction: 0, gva: undefined });
  });

  test('host-interrupt: a byte typed at a guest that computes', () => {
    const lab = newLab();
    const vm = lab.addVm({
      technique,
      guest: sourceGuest(`
        .globl  _start
_start: lui     t0, 0x10000
        li      t1, 1
        sb      t1, 1(t0)
        li      t2, 0x0c000028
        sw      t1, 0(t2)
        li      t2, 0x0c002080
        li      t1, 0x400
        sw      t1, 0(t2)
        j       .`),
    });
    lab.start(vm.id);
    const computer = lab.computerOf(vm);
    computer.runSlice(10_000);
    expect(of(recordsOf(lab.trace), 'host-interrupt')).toEqual([]);
    vm.receive(Uint8Array.of(65));
    computer.runSlice(10_000);
    expect(of(recordsOf(lab.trace), 'host-interrupt')).toEqual([
      expect.objectContaining({ cause: 0x8000_0001, verdict: 'resume', effects: [] }),
    ]);
  });

  test('guest-exception: nothing at an address, told to the guest’s own handler', () => {
    const records = exitsOf(
      technique,
      `la t0, 1f
        csrw    stvec, t0
        li      t0, 0x90000000
        lw      t1, 4(t0)
        .balign 4
1:      nop`,
    );
    const [fault] = of(records, 'guest-exception');
    expect(fault).toMatchObject({ verdict: 'reflect', cause: emulated ? 13 : 21, stval: 0x9000_0004 });
    expect(fault?.effects.at(-1)).toMatchObject({ kind: 'inject', what: exceptionRows.loadAccess.code });
    expect(fault?.resumePc).toBe((fault?.pc ?? 0) + 4);
  });

  test('system instructions of the kernel: exits in one technique, none in the other', () => {
    const records = exitsOf(
      technique,
      `csrr   a0, sstatus
        li      t0, 0x1234
        csrw    sscratch, t0
        sfence.vma
        la      t0, 1f
        csrw    sepc, t0
        la      t1, handler
        csrw    stvec, t1
        sret
1:      ecall                           # in user mode now
        .balign 4
handler: csrr   t0, scause`,
    );
    const reasons: readonly ExitReason[] = ['csr-access', 'address-fence', 'supervisor-return', 'system-call'];
    const counts = reasons.map((reason) => of(records, reason).length);
    if (!emulated) return expect(counts).toEqual([0, 0, 0, 0]);
    expect(counts).toEqual([5, 1, 1, 1]);
    const [read, write] = of(records, 'csr-access');
    expect(read?.effects).toContainEqual({ kind: 'read-csr', what: 0x100, before: 0, after: 0 });
    expect(write?.effects).toEqual([{ kind: 'write-csr', what: 0x140, before: 0, after: 0x1234 }]);
    expect(of(records, 'system-call')[0]).toMatchObject({ user: true, verdict: 'reflect', cause: 8 });
    expect(of(records, 'supervisor-return')[0]).toMatchObject({ user: false, verdict: 'resume' });
  });
});

describe('the trace', () => {
  /** Puts an exit into the trace as the hypervisor's loop does. */
  function put(trace: Trace, exit: Omit<ExitRecord, 'sequence'>): void {
    const { reason, gpa, gva, vm, vcpu, hart, at, instruction, stval, htval, htinst } = exit;
    trace.begin(
      vm,
      (gpa === undefined ? { reason } : { reason, gpa, gva, access: 0 }) as Exit,
      at,
      instruction,
      { pc: exit.pc, privilege: exit.user ? Privilege.user : exit.machine ? Privilege.machine : Privilege.supervisor },
      { csrs: { stval, htval, htinst, scause: exit.cause } },
      false,
      vcpu,
      hart,
    );
    for (const { kind, what, before, after } of exit.effects) trace.effect(Effect[kind], what, before, after);
    trace.handled(exit.verdict, exit.resumePc);
    trace.end(exit.nanoseconds ?? NaN);
  }

  const hasAddress = (reason: ExitReason | undefined) =>
    reason === 'device-access' || reason === 'missing-page' || reason === 'protected-page' || reason === 'code-access';

  const record = (index: number): Omit<ExitRecord, 'sequence'> => ({
    at: index * 2 ** 33 + 0.5,
    nanoseconds: index % 5 === 0 ? undefined : index + 0.25, // some are not timed
    virtualCost: index % 2,
    vm: 1 + (index % 3),
    vcpu: index % 8,
    hart: index % 7,
    reason: exitReasons[index % exitReasons.length] ?? 'host-timer',
    pc: 0xffff_fffc - index,
    instruction: 0x8000_0000 + index,
    gpa: hasAddress(exitReasons[index % exitReasons.length]) ? 2 ** 34 - 1 - index : undefined,
    gva: hasAddress(exitReasons[index % exitReasons.length]) ? 0xffff_ffff - index : undefined,
    stval: 0xffff_ffff,
    htval: 0xffff_ffff,
    htinst: 0x2020,
    cause: index % 2 === 0 ? 0x8000_0005 : 21,
    user: index % 2 === 1,
    machine: index % 3 === 2 && index % 2 === 0,
    verdict: 'reflect',
    resumePc: 0x8000_0000,
    effects: Array.from({ length: index % (EFFECT_LIMIT + 3) }, (_, what) => ({
      kind: effectKinds[what % effectKinds.length] ?? 'sbi',
      what,
      before: 0xffff_ffff,
      after: index,
    })),
  });

  test('gives back what was put in, bit for bit, the last of them when it has gone round', () => {
    const trace = new Trace(16);
    for (let index = 0; index < 100; index++) {
      expect(trace.total).toBe(index);
      put(trace, record(index));
      expect(trace.oldest).toBe(Math.max(0, index - 15));
      for (let sequence = trace.oldest; sequence <= index; sequence++) {
        const { effects, ...rest } = record(sequence);
        expect(trace.read(sequence)).toEqual({ ...rest, effects: effects.slice(0, EFFECT_LIMIT), sequence });
        expect(trace.reasonOf(sequence)).toBe(rest.reason);
        expect(trace.vmOf(sequence)).toBe(rest.vm);
      }
      expect(trace.read(trace.oldest - 1)).toBeUndefined();
      expect(trace.read(index + 1)).toBeUndefined();
    }
  });

  test('recording can be switched off and on: exits are counted all the same, and those kept are whole', () => {
    const trace = new Trace(8);
    const kept = Array.from({ length: 40 }, (_, index) => {
      trace.recording = index % 3 !== 0;
      put(trace, record(index));
      return trace.recording ? [record(index).at] : [];
    }).flat();
    expect(trace.total).toBe(kept.length);
    expect(recordsOf(trace).map(({ at }) => at)).toEqual(kept.slice(-8));
    const counts = [1, 2, 3].flatMap((vm) => Object.values(trace.statistics(vm)).map(({ count }) => count));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40);
  });

  test('the sums forget nothing', () => {
    const trace = new Trace(4);
    const all = Array.from({ length: 500 }, (_, index) => record(index));
    for (const each of all) put(trace, each);
    for (const vm of [1, 2, 3]) {
      for (const reason of exitReasons) {
        const own = all.filter((each) => each.vm === vm && each.reason === reason);
        const times = own.flatMap(({ nanoseconds }) => nanoseconds ?? []);
        expect(trace.statistics(vm)[reason]).toEqual({
          count: own.length,
          timed: times.length,
          minimum: times.length === 0 ? 0 : Math.min(...times),
          maximum: Math.max(0, ...times),
          sum: times.reduce((sum, value) => sum + value, 0),
        });
      }
    }
    expect(trace.statistics(9)['sbi-call'].count).toBe(0);
  });

  test('times a VM’s first exits all, then about one in sixteen, whatever the beat of a loop, and none while it does not record', () => {
    const trace = new Trace(4);
    const first = Array.from({ length: 1024 }, (_, index) => trace.times(index + 1));
    expect(first).not.toContain(false);
    for (const beat of [1, 2, 3, 4, 8, 16, 17]) {
      const timed = Array.from({ length: beat }, () => 0);
      const turns = 3_200;
      for (let exit = 0; exit < turns * beat; exit++) {
        if (trace.times(2_000 + exit)) timed[exit % beat] = (timed[exit % beat] ?? 0) + 1;
      }
      for (const count of timed) {
        expect(count, `one of ${beat}`).toBeGreaterThan(turns / 32);
        expect(count, `one of ${beat}`).toBeLessThan(turns / 8);
      }
    }
    trace.recording = false;
    expect(trace.times(1)).toBe(false);
  });
});

test('a VM’s count of exits begins with the VM and is not its neighbour’s', () => {
  const lab = newLab();
  const vms = hosted.map((technique) =>
    lab.addVm({ technique, guest: sourceGuest(`.globl _start\n_start: lui t0, 0x10000\n lbu t1, 5(t0)\n${SHUTDOWN}`) }),
  );
  for (const { id } of vms) lab.start(id);
  drive(lab.computerOf(vms[0] ?? vms[1] ?? lab.vm(1)));
  for (const vm of vms) {
    const statistics = lab.trace.statistics(vm.id);
    expect(Object.values(statistics).reduce((sum, { count }) => sum + count, 0)).toBe(vm.exits);
    expect(statistics['device-access'].count).toBe(1);
  }
});
