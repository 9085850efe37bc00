// The hart's side of its IMSIC, as the Advanced Interrupt Architecture 1.0 has it (chapters 2, 3 and 8), and guest external
// interrupts of the privileged manual ("hgeip", "hgeie", "hstatus").

import { describe, expect, test } from 'vitest';
import { aiaCsrs, findCsr, findCsrByName, readCsr } from '../isa/csrs.ts';
import { exceptionRows } from '../isa/causes.ts';
import { Privilege } from './hart-state.ts';
import { TestMachine } from './test-machine.test-support.ts';

const ILLEGAL = exceptionRows.illegalInstruction.code;
const VIRTUAL = exceptionRows.virtualInstruction.code;
const GUESTS = 7;
const SGEI = 1 << 12;
const VSEI = 1 << 10;
const SEI = 1 << 9;
const FILES = 0x2800_0000;

const numberOf = (name: string): number => {
  const csr = findCsrByName(name);
  if (csr === undefined) throw new Error(`no CSR ${name}`);
  return csr.row.number;
};

function mount(guestFiles = GUESTS) {
  const machine = new TestMachine({ harts: 2, messageInterrupts: { guestFiles, machineLevel: true } });
  const { state } = machine;
  const mode = (privilege: Privilege, virtual = false) => {
    state.privilege = privilege;
    state.virtual = virtual;
  };
  /** As CSRRW does; negative: the cause of its trap. */
  const swap = (name: string, value: number) => state.accessCsr(numberOf(name), 'write', value, true, true);
  const read = (name: string) => state.accessCsr(numberOf(name), 'set', 0, true, false);
  const put = (select: number, value: number, level: 's' | 'vs' | 'm' = 's') => {
    expect(swap(`${level}iselect`, select)).toBeGreaterThanOrEqual(0);
    expect(swap(`${level}ireg`, value)).toBeGreaterThanOrEqual(0);
  };
  const message = (hart: number, file: number, identity: number) =>
    expect(machine.board.bus.write(FILES + hart * 0x8000 + file * 0x1000, 4, identity)).toBe(true);
  return { machine, state, mode, swap, read, put, message };
}

describe('a hart without it', () => {
  test('has none of its CSRs, in any mode, and no guest external interrupts', () => {
    const { state } = new TestMachine();
    for (const { row, name } of aiaCsrs) {
      for (const [privilege, virtual] of [
        [Privilege.machine, false],
        [Privilege.supervisor, false],
        [Privilege.supervisor, true],
        [Privilege.user, true],
      ] as const) {
        state.privilege = privilege;
        state.virtual = virtual;
        expect([name, state.checkCsr(findCsr(row.number), false)]).toEqual([name, ILLEGAL]);
      }
    }
    state.privilege = Privilege.machine;
    state.virtual = false;
    for (const name of ['hgeie', 'hstatus', 'mie', 'mideleg', 'hie']) {
      state.accessCsr(numberOf(name), 'write', 0x1f_fffe, true, true);
    }
    expect(state.accessCsr(numberOf('hgeie'), 'set', 0, true, false)).toBe(0);
    expect(state.csrs.hstatus & 0x3_f000).toBe(0);
    expect((state.csrs.mie | state.csrs.mideleg) & SGEI).toBe(0);
  });
});

describe('a supervisor-level interrupt file', () => {
  test('a message to its page becomes SEIP, STOPEI names and claims it (3.9, 3.10)', () => {
    const { state, read, swap, put, message, mode, machine } = mount();
    mode(Privilege.supervisor);
    put(0x70, 1);
    put(0xc1, 1 << 3);
    message(0, 0, 35);
    expect(state.pending & SEI).toBe(SEI);
    expect((machine.harts[1]?.state.pending ?? SEI) & SEI).toBe(0);
    expect(read('stopei')).toBe((35 << 16) | 35);
    expect(swap('stopei', 0)).toBe((35 << 16) | 35);
    expect(state.pending & SEI).toBe(0);
    expect(read('stopei')).toBe(0);
  });

  test('looking at stopei claims nothing', () => {
    const { state, put, message, mode, read } = mount();
    mode(Privilege.supervisor);
    put(0x70, 1);
    put(0xc0, 2);
    message(0, 0, 1);
    const stopei = findCsrByName('stopei');
    for (let look = 0; look < 3; look++) expect(stopei && readCsr(state, stopei)).toBe(0x1_0001);
    expect(read('stopei')).toBe(0x1_0001);
  });

  test('each level has its own (3.7)', () => {
    const { machine, state, put, read } = mount();
    put(0x70, 1, 'm');
    put(0xc0, 1 << 4, 'm');
    expect(machine.board.bus.write(0x2400_0000, 4, 4)).toBe(true);
    expect(state.pending & (SEI | (1 << 11))).toBe(1 << 11);
    expect([read('mtopei'), read('stopei')]).toEqual([0x4_0004, 0]);
  });

  test('selects of priorities are zero, reserved ones are refused (2.1, 2.2)', () => {
    const { mode, swap, read } = mount();
    mode(Privilege.supervisor);
    for (const [select, expected] of [
      [0x30, 0],
      [0x3f, 0],
      [0x71, 0],
      [0x00, -ILLEGAL],
      [0x2f, -ILLEGAL],
      [0x40, -ILLEGAL],
      [0x6f, -ILLEGAL],
      [0x100, -ILLEGAL],
    ] as const) {
      swap('siselect', select);
      expect([select, read('sireg')]).toEqual([select, expected]);
    }
    expect(read('siselect')).toBe(0x100);
  });

  test('stopi and mtopi name the most urgent interrupt of their level (5.2.2, 5.4.2)', () => {
    const { state, read } = mount();
    state.csrs.mideleg = state.csrs.mideleg | 0x222;
    state.csrs.mie = 0x222;
    expect(read('stopi')).toBe(0);
    state.csrs.mipSoftware = 0x222;
    for (const [code, bit] of [
      [9, SEI],
      [1, 2],
      [5, 32],
    ] as const) {
      expect(read('stopi')).toBe((code << 16) | 1);
      state.csrs.mipSoftware = state.csrs.mipSoftware & ~bit;
    }
    state.csrs.mideleg = 0;
    state.csrs.mipSoftware = 0x22;
    expect([read('stopi'), read('mtopi')]).toEqual([0, 0x1_0001]);
  });
});

describe('guest interrupt files', () => {
  test('VGEIN takes the numbers there are, and no other ("hstatus")', () => {
    const { swap, read } = mount();
    for (const number of [0, 1, GUESTS]) {
      swap('hstatus', number << 12);
      expect((read('hstatus') >>> 12) & 0x3f).toBe(number);
    }
    swap('hstatus', (GUESTS + 1) << 12);
    expect((read('hstatus') >>> 12) & 0x3f).toBe(GUESTS);
  });

  test('the guest’s own is VSEIP; the others wake the hypervisor where hgeie says so ("hgeip", "hgeie")', () => {
    const { state, swap, read, put, message } = mount();
    for (const file of [1, 2]) {
      swap('hstatus', file << 12);
      put(0x70, 1, 'vs');
      put(0xc0, -2, 'vs');
    }
    expect(read('hgeip')).toBe(0);
    message(0, 2, 9);
    expect(read('hgeip')).toBe(1 << 2);
    expect(state.pending & (SGEI | VSEI)).toBe(VSEI);
    swap('hstatus', 1 << 12);
    expect(state.pending & (SGEI | VSEI)).toBe(0);
    swap('hgeie', 0xffff_ffff);
    expect(read('hgeie')).toBe(0b1111_1110);
    expect(state.pending & (SGEI | VSEI)).toBe(SGEI);
    expect(read('hip')).toBe(SGEI);
    swap('hgeie', 0);
    expect(state.pending & SGEI).toBe(0);
    swap('hie', SGEI);
    expect(read('mie') & SGEI).toBe(SGEI);
    expect(read('mideleg') & SGEI).toBe(SGEI);
  });

  test('the guest reaches its own through the supervisor’s CSRs, and none without VGEIN (2.3, 8.1)', () => {
    const { mode, swap, read, message, state } = mount();
    const GUEST = [Privilege.supervisor, true] as const;
    mode(Privilege.supervisor);
    swap('hstatus', 3 << 12);
    mode(...GUEST);
    swap('siselect', 0x70);
    swap('sireg', 1);
    swap('siselect', 0xc0);
    swap('sireg', 1 << 6);
    message(0, 3, 6);
    expect(read('stopei')).toBe(0x6_0006);
    expect(state.csrs.siselectHeld).toBe(0);
    // No priorities of its own; reserved selects.
    swap('siselect', 0x30);
    expect(read('sireg')).toBe(-VIRTUAL);
    swap('siselect', 0x2f);
    expect(read('sireg')).toBe(-ILLEGAL);
    expect(read('vsireg')).toBe(-VIRTUAL);
    mode(Privilege.user, true);
    for (const name of ['sireg', 'stopei', 'siselect', 'stopi']) expect(read(name)).toBe(-VIRTUAL);
    mode(Privilege.supervisor);
    expect(read('vstopei')).toBe(0x6_0006);
    swap('hstatus', 0);
    swap('vsiselect', 0x70);
    expect([read('vstopei'), read('vsireg')]).toEqual([-ILLEGAL, -ILLEGAL]);
    mode(...GUEST);
    expect([read('stopei'), read('sireg')]).toEqual([-VIRTUAL, -VIRTUAL]);
    expect(read('siselect')).toBe(0x70);
  });

  test('an interrupt of the guest’s own file is taken in VS-mode, without the hypervisor', () => {
    const { machine, state, swap, put, message, mode } = mount();
    swap('hideleg', VSEI);
    swap('mie', VSEI | SGEI);
    swap('hgeie', 0b100);
    swap('hstatus', 1 << 12);
    put(0x70, 1, 'vs');
    put(0xc0, 2, 'vs');
    swap('vstvec', 0x8000_0100);
    swap('stvec', 0x8000_0200);
    mode(Privilege.user, true);
    state.pc = 0x8000_0000;
    machine.poke(0x8000_0000, 0x13, 0x13, 0x13);
    machine.poke(0x8000_0100, 0x6f); // j .
    machine.hart.changed('translation');
    message(0, 1, 1);
    machine.run(5);
    expect([state.virtual, state.pc, state.csrs.vscause]).toEqual([true, 0x8000_0100, 0x8000_0009]);
    expect(state.csrs.scause).toBe(0);
    // VSTOPI says it in the guest's code.
    const vstopi = findCsrByName('vstopi');
    expect(vstopi && readCsr(state, vstopi)).toBe(0x9_0001);
  });

  test('one that is watched traps into the hypervisor as SGEI, whatever the guest does', () => {
    const { machine, state, swap, put, message, mode } = mount();
    swap('mie', SGEI);
    swap('hgeie', 1 << 2);
    swap('hstatus', 2 << 12);
    put(0x70, 1, 'vs');
    put(0xc0, 2, 'vs');
    swap('hstatus', 1 << 12);
    swap('stvec', 0x8000_0200);
    mode(Privilege.supervisor, true);
    machine.poke(0x8000_0000, 0x13, 0x13, 0x13);
    machine.poke(0x8000_0200, 0x6f);
    state.pc = 0x8000_0000;
    machine.hart.changed('translation');
    message(0, 2, 1);
    machine.run(5);
    expect([state.virtual, state.pc, state.csrs.scause]).toEqual([false, 0x8000_0200, 0x8000_000c]);
  });
});
