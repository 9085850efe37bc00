// Who may access which CSR: every row and every mode, against the manual's rules written down a second time.
// Privileged manual: "CSR Address Mapping Conventions", "Machine Counter-Enable", "Supervisor Timer (Sstc)", "Virtual
// Instruction Exception" (norm:H_cause_virtual_instruction).

import { describe, expect, test } from 'vitest';
import { csrs, findCsr, type Csr } from '../isa/csrs.ts';
import { Privilege } from './hart-state.ts';
import { RAM_BASE } from './layout.ts';
import { TestMachine } from './test-machine.test-support.ts';

const CODE = RAM_BASE + 0x1000;
const HANDLER = RAM_BASE;

interface Mode {
  readonly name: string;
  readonly privilege: Privilege;
  readonly virtual: boolean;
}
const modes: readonly Mode[] = [
  { name: 'M', privilege: Privilege.machine, virtual: false },
  { name: 'HS', privilege: Privilege.supervisor, virtual: false },
  { name: 'U', privilege: Privilege.user, virtual: false },
  { name: 'VS', privilege: Privilege.supervisor, virtual: true },
  { name: 'VU', privilege: Privilege.user, virtual: true },
];

interface Setting {
  readonly mcounteren: number;
  readonly scounteren: number;
  readonly hcounteren: number;
  readonly machineStce: boolean;
  readonly guestStce: boolean;
  readonly tvm: boolean;
  readonly vtvm: boolean;
}

const settings: readonly Setting[] = [
  { mcounteren: 0, scounteren: 0, hcounteren: 0, machineStce: false, guestStce: false, tvm: false, vtvm: false },
  { mcounteren: -1, scounteren: -1, hcounteren: -1, machineStce: true, guestStce: true, tvm: false, vtvm: false },
  { mcounteren: -1, scounteren: 0, hcounteren: -1, machineStce: true, guestStce: false, tvm: true, vtvm: false },
  { mcounteren: -1, scounteren: -1, hcounteren: 0, machineStce: false, guestStce: true, tvm: false, vtvm: true },
  { mcounteren: 0, scounteren: -1, hcounteren: -1, machineStce: true, guestStce: true, tvm: true, vtvm: true },
];

const NONE = 0;
const ILLEGAL = 2;
const VIRTUAL = 22;

const isCounter = (number: number) => (number >= 0xc00 && number <= 0xc1f) || (number >= 0xc80 && number <= 0xc9f);
const isCompare = (name: string) => /^v?stimecmph?$/.test(name);

/** Whether HS-mode could do it, TVM aside: what "HS-qualified" means. */
function allowedInSupervisor(csr: Csr, write: boolean, setting: Setting): boolean {
  const { number } = csr.row;
  if (((number >> 8) & 3) > 2) return false;
  if (write && number >> 10 === 3) return false;
  if (isCounter(number)) return (setting.mcounteren & (1 << (number & 31))) !== 0;
  if (isCompare(csr.name)) return setting.machineStce && (setting.mcounteren & 2) !== 0;
  return true;
}

function expectedCause(csr: Csr, write: boolean, { privilege, virtual }: Mode, setting: Setting): number {
  const { number } = csr.row;
  const level = (number >> 8) & 3;
  if (privilege === Privilege.machine) return write && number >> 10 === 3 ? ILLEGAL : NONE;
  const supervisor = privilege === Privilege.supervisor;
  const qualified = allowedInSupervisor(csr, write, setting);
  const counterBit = 1 << (number & 31);
  if (!virtual) {
    if (!qualified || level > (supervisor ? 2 : 0)) return ILLEGAL;
    if (supervisor && setting.tvm && (csr.name === 'satp' || csr.name === 'hgatp')) return ILLEGAL;
    if (!supervisor && isCounter(number) && (setting.scounteren & counterBit) === 0) return ILLEGAL;
    return NONE;
  }
  if (!qualified) return ILLEGAL;
  if (level === 2 || (level === 1 && !supervisor)) return VIRTUAL;
  if (isCounter(number)) {
    if ((setting.hcounteren & counterBit) === 0) return VIRTUAL;
    return !supervisor && (setting.scounteren & counterBit) === 0 ? VIRTUAL : NONE;
  }
  if (isCompare(csr.name)) return setting.guestStce && (setting.hcounteren & 2) !== 0 ? NONE : VIRTUAL;
  return csr.name === 'satp' && setting.vtvm ? VIRTUAL : NONE;
}

const machine = new TestMachine({ ramBytes: 1 << 16 });
machine.poke(HANDLER, 0x0000_0013);

/** Executes CSRRS x1, csr, x0 (a read) or CSRRS x0, csr, x2 with x2 = 0 (a write, by Zicsr table 9). @returns the cause, or 0 */
function attempt(number: number, write: boolean, mode: Mode, setting: Setting): number {
  const { state } = machine;
  machine.poke(
    CODE,
    write ? (number << 20) | (2 << 15) | (2 << 12) | 0x73 : (number << 20) | (2 << 12) | (1 << 7) | 0x73,
  );
  for (const name of ['medeleg', 'mie', 'hedeleg', 'satp', 'vsatp', 'hgatp', 'mcause', 'mtval', 'vsstatus'] as const) {
    state.set(name, 0);
  }
  state.set('mtvec', HANDLER);
  state.set('mcounteren', setting.mcounteren);
  state.set('scounteren', setting.scounteren);
  state.set('hcounteren', setting.hcounteren);
  state.set('menvcfgh', setting.machineStce ? 0x8000_0000 : 0);
  state.set('henvcfghWritten', setting.guestStce ? 0x8000_0000 : 0);
  state.set('mstatus', setting.tvm ? 1 << 20 : 0);
  state.set('hstatus', setting.vtvm ? 1 << 20 : 0);
  state.setX(2, 0);
  machine.enter(mode.privilege, mode.virtual, CODE);
  machine.run(1);
  if (state.pc === CODE + 4) return 0;
  expect(state.pc).toBe(HANDLER);
  expect(state.get('mtval')).toBe(machine.peek(CODE)); // the instruction, as KVM and others expect
  return state.get('mcause');
}

describe.each(modes)('from $name', (mode) => {
  test.each(settings)('every CSR, read and written: %o', (setting) => {
    const wrong: string[] = [];
    for (const csr of csrs) {
      for (const write of [false, true]) {
        const expected = expectedCause(csr, write, mode, setting);
        const found = attempt(csr.row.number, write, mode, setting);
        if (found !== expected)
          wrong.push(`${write ? 'write' : 'read'} ${csr.name}: expected ${expected}, found ${found}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('a CSR that is not there is illegal', () => {
    const [, setting] = settings;
    if (setting === undefined) throw new Error('no setting');
    const wrong: number[] = [];
    // All of them from M-mode; every third from the others.
    const [start, stride] = mode.name === 'M' ? [0, 1] : [mode.name.length + (mode.virtual ? 1 : 0), 3];
    for (let number = start; number < 0x1000; number += stride) {
      if (findCsr(number) === undefined && attempt(number, false, mode, setting) !== ILLEGAL) wrong.push(number);
    }
    expect(wrong).toEqual([]);
  });
});

describe('Zicsr: what reads and what writes (table "Conditions determining whether a CSR instruction reads or writes")', () => {
  const user: Mode = { name: 'M', privilege: Privilege.machine, virtual: false };
  const run = (word: number, x2: number): number => {
    const { state } = machine;
    machine.poke(CODE, word);
    state.set('mtvec', HANDLER);
    state.set('mstatus', 0);
    state.set('mcause', 0);
    state.setX(2, x2);
    machine.enter(user.privilege, user.virtual, CODE);
    machine.run(1);
    return state.pc === CODE + 4 ? 0 : state.get('mcause');
  };
  const csrInstruction = (funct3: number, rd: number, rs1: number) =>
    (0xc00 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | 0x73;

  test.each([
    ['csrrw x0, cycle, x0', csrInstruction(1, 0, 0), ILLEGAL],
    ['csrrs x1, cycle, x0', csrInstruction(2, 1, 0), NONE],
    ['csrrc x1, cycle, x0', csrInstruction(3, 1, 0), NONE],
    ['csrrs x1, cycle, x2 with x2 = 0', csrInstruction(2, 1, 2), ILLEGAL],
    ['csrrwi x1, cycle, 0', csrInstruction(5, 1, 0), ILLEGAL],
    ['csrrsi x1, cycle, 0', csrInstruction(6, 1, 0), NONE],
    ['csrrci x1, cycle, 0', csrInstruction(7, 1, 0), NONE],
    ['csrrsi x1, cycle, 1', csrInstruction(6, 1, 1), ILLEGAL],
  ])('%s', (_, word, cause) => {
    expect(run(word, 0)).toBe(cause);
  });
});
