// Stepping: every way to go a little further, under every technique, and the promise that standing still, looking and
// going on change nothing (issue, section 5 "Stepping"; DESIGN.md "Looking changes nothing").

import { describe, expect, test } from 'vitest';
import { findCsrByName } from '../isa/csrs.ts';
import { Access } from '../machine/walker.ts';
import {
  consoleOf,
  drive,
  hashOf,
  hosted,
  newLab,
  recordsOf,
  runAlone,
  SHUTDOWN,
  shippedGuest,
  sourceGuest,
} from './guest-rig.test-support.ts';
import { walkGuest } from './inspection/inspect-memory.ts';
import type { Lab, StepKind } from './lab.ts';
import { techniques, type Technique, type VirtualMachine } from './virtual-machine.ts';

const START = 0x8040_0000;

/** Steps once and waits for the step's end. @returns where the guest stands then */
function step(lab: Lab, vm: VirtualMachine, kind: StepKind): number {
  lab.step(vm.id, kind);
  drive(lab.computerOf(vm), { until: () => !vm.control.running });
  return vm.look().pc;
}

function standing(technique: Technique, source: string) {
  const lab = newLab();
  const vm = lab.addVm({ technique, guest: sourceGuest(source) });
  const at = (index: number) => START + 4 * index;
  return { lab, vm, at, step: (kind: StepKind) => step(lab, vm, kind) };
}

const toEnd = (lab: Lab, vm: VirtualMachine) =>
  drive(lab.computerOf(vm), { until: () => vm.ending !== undefined || !vm.control.running });

describe.each(techniques)('%s', (technique) => {
  test('a new VM stands at its first instruction and says so', () => {
    const { vm, at } = standing(technique, '.globl _start\n_start: nop');
    expect(vm.look().pc).toBe(at(0));
    expect(vm.control.stop).toMatchObject({ kind: 'initial' });
  });

  test('instruction: one at a time, also where it exits, faults, waits or is a page the hypervisor has not mapped', () => {
    const {
      vm,
      at,
      step: go,
    } = standing(
      technique,
      `       .globl  _start
_start: li      t0, 1
        csrw    sscratch, t0
        lui     t1, 0x10000
        lbu     t2, 5(t1)
        lui     t3, 0x80500
        sw      t0, 0(t3)
        auipc   t4, 0
        addi    t4, t4, 16
        csrw    stvec, t4
        .word   0
        csrr    a0, scause
        j       .`,
    );
    expect(Array.from({ length: 12 }, () => go('instruction'))).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11].map(at),
    );
    expect(vm.look().x(10)).toBe(2);
    expect(vm.look().get('sepc')).toBe(at(9));
    expect(vm.control.stop).toMatchObject({ kind: 'step' });
  });

  test('instruction: through a whole run gives the state and the output of running', () => {
    for (const name of ['trap', 'paging']) {
      const whole = runAlone(technique, shippedGuest(name));
      const lab = newLab();
      const vm = lab.addVm({ technique, guest: shippedGuest(name) });
      for (let steps = 0; !vm.ending && steps < 20_000; steps++) step(lab, vm, 'instruction');
      expect(vm.ending).toEqual(whole.vm.ending);
      expect(consoleOf(vm)).toBe(whole.console);
      expect(hashOf(vm)).toBe(whole.hash);
      expect(vm.control.stop).toMatchObject({ kind: 'ended', sentence: whole.vm.ending?.message });
    }
  });

  test('over: a call, a firmware call; one instruction where nothing is called', () => {
    const {
      vm,
      at,
      step: go,
    } = standing(
      technique,
      `       .globl  _start
_start: li      s0, 7
        jal     ra, double
        li      a7, 0x10
        li      a6, 0
        ecall
        mv      s1, a1
        j       .
double: add     s0, s0, s0
        ret`,
    );
    expect(Array.from({ length: 6 }, () => go('over'))).toEqual([1, 2, 3, 4, 5, 6].map(at));
    expect(vm.look().x(8)).toBe(14);
    expect(vm.look().x(9) >>> 24).toBeGreaterThanOrEqual(1); // SBI specification version: major in bits 30:24
  });

  test('out: to the caller', () => {
    const { at, step: go } = standing(
      technique,
      `       .globl  _start
_start: jal     ra, inner
        j       .
inner:  nop
        nop
        ret`,
    );
    go('instruction');
    go('instruction');
    expect(go('out')).toBe(at(1));
  });

  test('interrupt: stands at the first instruction of the handler', () => {
    const { vm, step: go } = standing(
      technique,
      `       .globl  _start
_start: la      t0, handler
        csrw    stvec, t0
        li      t0, 2
        csrw    sie, t0
        csrw    sip, t0
        li      s0, 0
        csrsi   sstatus, 2
1:      addi    s0, s0, 1
        j       1b
        .balign 64
handler: csrw   sip, zero
        li      s1, 1
        sret`,
    );
    const handler = go('interrupt');
    expect(handler).toBe(START + 64);
    expect(vm.look().x(9)).toBe(0);
    expect(vm.look().get('scause')).toBe(0x8000_0001);
    expect(vm.control.stop).toMatchObject({ kind: 'interrupt' });
    expect(vm.control.stop?.sentence).toMatch(/software/i);
  });

  test('breakpoints: before the instruction, each time round a loop, and on where it stands it goes on', () => {
    const { lab, vm, at } = standing(
      technique,
      `       .globl  _start
_start: li      s0, 3
1:      addi    s0, s0, -1
        bnez    s0, 1b
        ${SHUTDOWN}`,
    );
    lab.setBreakpoints(vm.id, [at(0), at(1)]);
    const seen: number[] = [];
    for (let round = 0; round < 10 && !vm.ending; round++) {
      lab.start(vm.id);
      toEnd(lab, vm);
      if (!vm.ending) {
        expect(vm.control.stop).toMatchObject({ kind: 'breakpoint' });
        expect(vm.look().pc).toBe(at(1));
        seen.push(vm.look().x(8));
      }
    }
    expect(seen).toEqual([3, 2, 1]);
    expect(vm.ending).toMatchObject({ kind: 'shutdown', exitCode: 0 });
    expect(hashOf(vm)).toBe(
      runAlone(
        technique,
        sourceGuest(`       .globl  _start
_start: li      s0, 3
1:      addi    s0, s0, -1
        bnez    s0, 1b
        ${SHUTDOWN}`),
      ).hash,
    );
  });

  test('pause anywhere and go on: the same run', () => {
    const whole = runAlone(technique, shippedGuest('paging'));
    const lab = newLab();
    const vm = lab.addVm({ technique, guest: shippedGuest('paging') });
    const computer = lab.computerOf(vm);
    for (let round = 1; !vm.ending && round < 5000; round++) {
      lab.start(vm.id);
      computer.runSlice(1 + ((round * 37) % 200));
      if (vm.ending) break;
      lab.pause(vm.id);
      expect(vm.control.stop).toMatchObject({ kind: 'pause' });
      const idle = computer.idleUntil();
      if (idle !== undefined && idle < Infinity) computer.skipTo(idle);
      expect(computer.runSlice(1000)).not.toBe('budget');
    }
    expect(consoleOf(vm)).toBe(whole.console);
    expect(hashOf(vm)).toBe(whole.hash);
  });

  test('looking changes nothing', () => {
    for (const name of ['paging', 'timer']) {
      const whole = runAlone(technique, shippedGuest(name), { slice: 50 });
      const lab = newLab();
      const vm = lab.addVm({ technique, guest: shippedGuest(name) });
      lab.start(vm.id);
      let slices = 0;
      drive(lab.computerOf(vm), {
        slice: 50,
        until: () => {
          if (slices++ % 7 === 0) {
            const state = vm.look();
            for (const csr of ['sip', 'sstatus', 'satp', 'stimecmp', 'time']) {
              const found = findCsrByName(csr);
              if (found) state.read(found);
            }
            for (const address of [0, START, state.pc, 0x1000_0005, 0xffff_fffc]) {
              walkGuest(vm, address, Access.load);
              walkGuest(vm, address, Access.store);
            }
          }
          return vm.ending !== undefined;
        },
      });
      expect(consoleOf(vm)).toBe(whole.console);
      expect(hashOf(vm)).toBe(whole.hash);
      expect(vm.instructions).toBe(whole.vm.instructions);
      expect(vm.exits).toBe(whole.vm.exits);
      expect(lab.computerOf(vm).now).toBe(whole.lab.computerOf(whole.vm).now);
    }
  });
});

describe.each(hosted)('%s: into the hypervisor', (technique) => {
  const source = `       .globl  _start
_start: lui     t1, 0x10000
        li      t0, 65
        sb      t0, 0(t1)
        sb      t0, 0(t1)
        ${SHUTDOWN}`;

  function toDevice() {
    const rig = standing(technique, source);
    rig.step('exit'); // the page of the program itself
    for (let round = 0; round < 5 && rig.lab.hypervisor?.openExit?.exit.reason !== 'device-access'; round++) {
      rig.step('exit');
    }
    return rig;
  }

  test('exit: stands before the handler has acted', () => {
    const { lab, vm, at } = toDevice();
    expect(lab.hypervisor?.openExit).toMatchObject({
      stage: 'trapped',
      exit: { reason: 'device-access', gpa: 0x1000_0000 },
    });
    expect(vm.look().pc).toBe(at(2));
    expect(consoleOf(vm)).toBe('');
    expect(vm.control.stop).toMatchObject({ kind: 'exit' });
  });

  test('stage: trapped, handled, resumed', () => {
    const { lab, vm, at, step: go } = toDevice();
    const before = lab.trace.total;
    expect(go('stage')).toBe(at(3));
    expect(lab.hypervisor?.openExit?.stage).toBe('handled');
    expect(consoleOf(vm)).toBe('A');
    expect(lab.trace.total).toBe(before);
    expect(go('stage')).toBe(at(3));
    expect(lab.hypervisor?.openExit).toBeUndefined();
    expect(lab.trace.read(before)).toMatchObject({ reason: 'device-access', verdict: 'resume', resumePc: at(3) });
    expect(vm.control.stop).toMatchObject({ kind: 'stage' });
    expect(go('stage')).toBe(at(3)); // no exit is open: on to the next
    expect(lab.hypervisor?.openExit?.stage).toBe('trapped');
  });

  test('instruction: from inside an exit, to its end and no further', () => {
    const { lab, vm, at, step: go } = toDevice();
    expect(go('instruction')).toBe(at(3));
    expect(lab.hypervisor?.openExit).toBeUndefined();
    expect(consoleOf(vm)).toBe('A');
  });

  test('continue from inside the last exit: the VM ends, and says so', () => {
    const { lab, vm, step: go } = toDevice();
    for (let round = 0; round < 9 && lab.hypervisor?.openExit?.exit.reason !== 'sbi-call'; round++) go('exit');
    lab.start(vm.id);
    toEnd(lab, vm);
    expect(vm.ending).toMatchObject({ exitCode: 0 });
    expect(vm.control).toMatchObject({ running: false, stop: { kind: 'ended' } });
  });

  test('a whole run from exit to exit, and stage by stage, is the same run', () => {
    for (const kind of ['exit', 'stage'] as const) {
      const whole = runAlone(technique, shippedGuest('trap'));
      const lab = newLab();
      const vm = lab.addVm({ technique, guest: shippedGuest('trap') });
      for (let steps = 0; steps < 5000 && !vm.ending; steps++) step(lab, vm, kind);
      if (lab.hypervisor?.openExit) step(lab, vm, 'stage');
      expect(hashOf(vm)).toBe(whole.hash);
      expect(consoleOf(vm)).toBe(whole.console);
      expect(vm.exits).toBe(whole.vm.exits);
      expect(recordsOf(lab.trace).map(({ reason, pc }) => `${reason} ${pc}`)).toEqual(
        recordsOf(whole.lab.trace).map(({ reason, pc }) => `${reason} ${pc}`),
      );
    }
  });

  test('while an exit stands open time stands still, and nothing is asked of the host', () => {
    const { lab, vm } = toDevice();
    const { hypervisor } = lab;
    const now = hypervisor?.now;
    const lines = vm.look().get('mipLines');
    expect(hypervisor?.idleUntil()).toBe(Infinity);
    hypervisor?.skipTo(1e9);
    expect(hypervisor?.runSlice(1000)).toBe('stopped');
    expect(hypervisor?.now).toBe(now);
    expect(vm.look().get('mipLines')).toBe(lines);
  });

  test('a VM can be reset or removed while its exit stands open', () => {
    const { lab, vm, at } = toDevice();
    lab.reset(vm.id);
    expect(lab.hypervisor?.openExit).toBeUndefined();
    expect(vm.look().pc).toBe(at(0));
    const second = toDevice();
    second.lab.removeVm(second.vm.id);
    expect(second.lab.hypervisor?.openExit).toBeUndefined();
    expect(second.lab.vms).toEqual([]);
  });

  test('breakpoints of one VM are none of another', () => {
    const lab = newLab();
    const guest = sourceGuest(`       .globl  _start
_start: li      s0, 0
1:      addi    s0, s0, 1
        j       1b`);
    const [a, b] = [lab.addVm({ technique, guest }), lab.addVm({ technique, guest })];
    lab.setBreakpoints(a.id, [START + 4]);
    lab.start(a.id);
    lab.start(b.id);
    const computer = lab.computerOf(a);
    for (let slice = 0; slice < 5; slice++) computer.runSlice(200_000);
    expect(a.control.stop).toMatchObject({ kind: 'breakpoint' });
    expect(a.look().x(8)).toBe(0);
    expect(b.control.running).toBe(true);
    expect(b.look().x(8)).toBeGreaterThan(100_000);
    lab.setBreakpoints(b.id, [START + 8]);
    computer.runSlice(1000);
    expect(b.control.stop).toMatchObject({ kind: 'breakpoint' });
    expect(b.look().pc).toBe(START + 8);
  });
});

test('a guest on the bare machine has no exits to step to', () => {
  const { step: go } = standing('bare', '.globl _start\n_start: nop');
  expect(() => go('exit')).toThrow(/expected .* found .*/);
  expect(() => go('stage')).toThrow(/expected .* found .*/);
});
