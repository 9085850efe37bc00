// Counters and what gates them, and the timers: mtimecmp, stimecmp and vstimecmp (Sstc), htimedelta.
// Privileged manual: "Hardware Performance Monitor", "Machine Counter-Inhibit Register", "Sstc", "htimedelta".

import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { Privilege } from './hart-state.ts';
import { RAM_BASE } from './layout.ts';
import { INSTRUCTIONS_PER_TICK } from './machine.ts';
import { referenceHost, TestMachine } from './test-machine.test-support.ts';

const CODE = RAM_BASE + 0x1000;
const NOP = 0x13;
const STCE = 0x8000_0000;

function program(source: string, instructions = 1000): TestMachine {
  const machine = new TestMachine();
  machine.load(source);
  machine.run(instructions);
  return machine;
}
const A0 = 10;
const A1 = 11;
const A2 = 12;

describe('counters', () => {
  test('a value written to minstret is what the next instruction reads ("Zicsr", CSR Instructions)', () => {
    const machine = program(
      '_start: li t0, 100\n csrw minstret, t0\n csrr a0, minstret\n nop\n csrr a1, instret\n1: j 1b',
    );
    expect([machine.state.x(A0), machine.state.x(A1)]).toEqual([100, 102]);
  });

  test('the same for mcycle; the halves are written apart and carry into each other', () => {
    const machine = program(`
_start: li t0, -1
        csrw mcycleh, zero
        csrw mcycle, t0
        csrr a0, mcycle
        csrr a1, mcycleh
        csrr a2, mcycle
1:      j 1b`);
    expect([machine.state.x(A0), machine.state.x(A1), machine.state.x(A2)]).toEqual([-1, 1, 1]);
  });

  test('a write of the upper half also takes the place of the increment (as riscv-tests’ instret_overflow has it)', () => {
    const machine = program(`
_start: li   t0, -1
        csrw minstret, t0
        csrw minstreth, t0
        nop
        csrr a0, minstret
        csrr a1, minstreth
1:      j 1b`);
    expect([machine.state.x(A0), machine.state.x(A1)]).toEqual([0, 0]);
  });

  test('mcountinhibit stops each on its own, and it goes on from where it stood', () => {
    const machine = program(`
_start: csrwi mcountinhibit, 4
        csrr a0, minstret
        nop
        nop
        csrr a1, minstret
        csrr s0, mcycle
        nop
        csrr s1, mcycle
        csrwi mcountinhibit, 0
        csrr a2, minstret
1:      j 1b`);
    expect(machine.state.x(A1)).toBe(machine.state.x(A0));
    expect(machine.state.x(9) - machine.state.x(8)).toBe(2);
    expect(machine.state.x(A2) - machine.state.x(A1)).toBeLessThanOrEqual(1);
  });

  test('time goes by one tick in so many instructions, also from one read to the next', () => {
    const machine = program(
      `
_start: csrr a0, time
        li   t0, 500
1:      addi t0, t0, -1
        bnez t0, 1b
        csrr a1, time
2:      j 2b`,
      5000,
    );
    const ticks = machine.state.x(A1) - machine.state.x(A0);
    expect(ticks).toBeGreaterThanOrEqual(Math.floor(1002 / INSTRUCTIONS_PER_TICK));
    expect(ticks).toBeLessThanOrEqual(Math.ceil(1002 / INSTRUCTIONS_PER_TICK));
  });
});

describe('time with V = 1', () => {
  test('is mtime plus htimedelta, modulo 2^64', () => {
    const machine = new TestMachine();
    machine.poke(CODE, 0xc010_2573, 0xc810_25f3); // csrr a0, time; csrr a1, timeh
    machine.setCsrs({ mcounteren: 2, hcounteren: 2, htimedelta: 0xffff_fff0, htimedeltah: 0xffff_ffff });
    machine.enter(Privilege.supervisor, true, CODE);
    machine.run(2);
    expect([machine.state.x(A0), machine.state.x(A1)]).toEqual([-16, -1]);
    machine.setCsrs({ htimedelta: 5, htimedeltah: 7 });
    machine.enter(Privilege.supervisor, true, CODE);
    machine.run(2);
    expect([machine.state.x(A0), machine.state.x(A1)]).toEqual([5, 7]);
  });
});

describe('timer interrupts', () => {
  let machine: TestMachine;
  const pending = () => machine.state.pending;
  beforeEach(() => {
    machine = new TestMachine();
    machine.poke(CODE, 0x0000_006f); // j .
    machine.enter(Privilege.machine, false, CODE);
  });
  const write = (word: number, value: number) => {
    machine.poke(CODE + 8, word, 0x0000_006f);
    machine.state.setX(6, value | 0);
    machine.state.privilege = Privilege.machine;
    machine.state.pc = CODE + 8;
    machine.run(1);
    machine.state.pc = CODE;
  };
  const csrWrite = (number: number, value: number) => write((number << 20) | (6 << 15) | (1 << 12) | 0x73, value);
  const ticks = (count: number) => machine.run(count * INSTRUCTIONS_PER_TICK);

  test('MTIP rises when mtime reaches mtimecmp, and falls when that is moved on', () => {
    machine.board.bus.write(0x0200_4004, 4, 0);
    machine.board.bus.write(0x0200_4000, 4, machine.now + 20);
    ticks(19);
    expect(pending() & 0x80).toBe(0);
    ticks(2);
    expect(pending() & 0x80).toBe(0x80);
    machine.board.bus.write(0x0200_4004, 4, 1);
    expect(pending() & 0x80).toBe(0);
  });

  test('STIP follows stimecmp while menvcfg.STCE is 1, at once when it is written', () => {
    csrWrite(0x15d, 0);
    csrWrite(0x14d, 0);
    expect(pending() & 0x20).toBe(0); // Sstc is off
    csrWrite(0x31a, STCE);
    expect(pending() & 0x20).toBe(0x20);
    csrWrite(0x14d, machine.now + 30);
    expect(pending() & 0x20).toBe(0);
    ticks(31);
    expect(pending() & 0x20).toBe(0x20);
    csrWrite(0x31a, 0);
    expect(pending() & 0x20).toBe(0);
  });

  test('VSTIP compares with guest time, needs henvcfg.STCE, and adds to hvip.VSTIP', () => {
    csrWrite(0x31a, STCE);
    csrWrite(0x61a, STCE);
    csrWrite(0x615, 0xffff_ffff);
    csrWrite(0x605, -(machine.now + 50)); // guest time starts below zero: far beyond any compare value
    csrWrite(0x25d, 0);
    csrWrite(0x24d, 100);
    expect(pending() & 0x40).toBe(0x40);
    ticks(60); // guest time has wrapped around to 0 and a little
    expect(pending() & 0x40).toBe(0);
    ticks(100);
    expect(pending() & 0x40).toBe(0x40);
    csrWrite(0x61a, 0);
    expect(pending() & 0x40).toBe(0);
    csrWrite(0x645, 0x40);
    expect(pending() & 0x40).toBe(0x40);
  });

  test('a compare value of all ones never comes', () => {
    csrWrite(0x31a, STCE);
    expect(machine.state.get('stimecmp')).toBe(0xffff_ffff);
    ticks(10_000);
    expect(pending() & 0x20).toBe(0);
  });

  test('an interrupt by the timer comes after the same instruction however time is cut, fast and by the rows', () => {
    const source = `
_start: la   t0, handler
        csrw mtvec, t0
        li   t0, 0x2004000
        li   t1, 37
        sw   zero, 4(t0)
        sw   t1, 0(t0)
        li   t1, 0x80
        csrw mie, t1
        csrsi mstatus, 8
1:      addi a0, a0, 1
        addi a1, a1, 3
        j 1b
        .balign 4
handler:
        csrr a2, mepc
        csrr a3, time
2:      j 2b
`;
    const final = (host: TestMachine, piece: number) => {
      host.load(source);
      while (host.elapsed < 2000) host.run(Math.min(piece, 2000 - host.elapsed));
      return host.image();
    };
    const whole = final(new TestMachine(), 2000);
    expect(final(new TestMachine(), 1)).toEqual(whole);
    expect(final(new TestMachine(), 7)).toEqual(whole);
    expect(final(new TestMachine({ host: referenceHost }), 2000)).toEqual(whole);
  });

  test('while all wait, time is skipped to what comes next', () => {
    const waiting = new TestMachine();
    waiting.load(`
_start: li   t0, 0x2004000
        li   t1, 5000
        sw   zero, 4(t0)
        sw   t1, 0(t0)
        li   t1, 0x80
        csrw mie, t1
        wfi
        csrr a0, time
1:      j 1b`);
    const stop = waiting.run(1000);
    expect(stop).toEqual({ kind: 'idle', until: 5000 });
    waiting.skipTo(5000);
    waiting.run(10);
    expect(waiting.state.x(A0)).toBe(5000);
  });
});

test('RAM is what it was when nothing is done', () => {
  const machine = new TestMachine();
  machine.poke(CODE, ...Array<number>(16).fill(NOP));
  const before = Buffer.from(machine.ram.view(RAM_BASE, machine.ram.size));
  machine.enter(Privilege.machine, false, CODE);
  machine.run(16);
  expect(Buffer.compare(before, machine.ram.view(RAM_BASE, machine.ram.size))).toBe(0);
});

test('vstimecmp is compared with a sum modulo 2^64, and the machine knows when it will be reached', () => {
  const corner = fc.oneof(fc.constantFrom(0, 1, 2, 0xffff_ffff, 0xffff_fffe, 0x8000_0000), fc.nat(100));
  const machine = new TestMachine();
  fc.assert(
    fc.property(corner, corner, corner, corner, fc.nat(50), (deltaHigh, deltaLow, compareHigh, compareLow, wait) => {
      machine.setCsrs({
        menvcfgh: STCE,
        henvcfghWritten: STCE,
        htimedeltah: deltaHigh,
        htimedelta: deltaLow,
        vstimecmph: compareHigh,
        vstimecmp: compareLow,
      });
      machine.state.waiting = true;
      machine.state.csrs.mie = 0;
      const VSTIP = 1 << 6;
      const wide = (high: number, low: number) => (BigInt(high) << 32n) | BigInt(low);
      const due = () =>
        BigInt.asUintN(64, BigInt(machine.now) + wide(deltaHigh, deltaLow)) >= wide(compareHigh, compareLow);
      const pending = () => (machine.state.pending & VSTIP) !== 0;
      expect(pending()).toBe(due());
      const until = machine.now + wait;
      for (let next = machine.idleUntil() ?? until; next <= until; next = machine.idleUntil() ?? until + 1) {
        machine.skipTo(next - 1);
        expect(pending()).toBe(due());
        machine.skipTo(next);
        expect(pending()).toBe(due());
      }
      machine.skipTo(until);
      expect(pending()).toBe(due());
    }),
  );
});
