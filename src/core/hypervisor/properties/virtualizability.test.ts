// The sets as the manuals have them, held against the sets as the trials drew them (Popek and Goldberg, "Formal Requirements
// for Virtualizable Third Generation Architectures", 1974; privileged manual; unprivileged manual for the rest).

import { expect, test } from 'vitest';
import { nodeHost } from '../../../cli/node-host.ts';
import { csrs } from '../../isa/csrs.ts';
import { quirksOf, type QuirkName } from '../../machine/quirks.ts';
import { VirtualizabilityTest, subjectName, verdictOf, type SubjectResult } from './virtualizability.ts';

const resultsOf = (quirks: readonly QuirkName[] = [], countersGranted = false): readonly SubjectResult[] =>
  new VirtualizabilityTest({ host: nodeHost, quirks: quirksOf(quirks), countersGranted }).run();
const real = resultsOf();
const named = (name: string, kind: SubjectResult['kind'] = 'instruction') => {
  const found = real.find((each) => each.name === name && each.kind === kind);
  if (found === undefined) throw new Error(`nobody tried ${name}`);
  return found;
};

test('the real machine: every sensitive instruction is privileged, so a hypervisor can be built (theorem 1)', () => {
  const { violations, virtualizable, hybridVirtualizable, counts } = verdictOf(real);
  expect(violations.map(subjectName)).toEqual([]);
  expect(virtualizable).toBe(true);
  expect(hybridVirtualizable).toBe(true);
  expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(real.length);
});

test('the innocuous instructions are those of the unprivileged manual, without its two traps by intent', () => {
  const innocuous = real.filter(({ set }) => set === 'innocuous');
  expect(innocuous.every(({ kind, modes }) => kind === 'instruction' && modes.U.kind === 'executes')).toBe(true);
  // RV32I has 40 instructions, ECALL and EBREAK among them; M has 8, A has 11; Zifencei has 1.
  expect(innocuous).toHaveLength(40 - 2 + 8 + 11 + 1);
  for (const name of ['ecall', 'ebreak']) expect(named(name).set).toBe('always traps');
});

test.each([
  ['sret', 'S', true],
  ['mret', 'M', true],
  ['wfi', 'S', false],
  ['sfence.vma', 'S', false],
  ['hfence.vvma', 'S', false],
  ['hfence.gvma', 'S', false],
  ['hsv.w', 'S', true],
] as const)('%s is privileged, and control-sensitive', (name, mode, behaves) => {
  const result = named(name);
  expect(result).toMatchObject({ set: 'privileged and sensitive', privileged: true, userSensitive: false });
  expect(result.modes.U.kind).toBe('traps');
  expect(result.modes[mode].kind).toBe('executes');
  expect(result.controlSensitive).toBeDefined();
  if (behaves) expect(result.behaviourSensitive).toBeDefined();
});

test('what each of them changes is what its chapter says', () => {
  expect(named('sret').modes.S.changes).toEqual(expect.arrayContaining(['mode', 'mstatus']));
  expect(named('wfi').modes.S.changes).toEqual(['waiting']);
  expect(named('sfence.vma').modes.S.changes).toEqual(['translations']);
  expect(named('hlv.w')).toMatchObject({ controlSensitive: undefined });
  expect(named('hlv.w').behaviourSensitive).toMatch(/where it lies in real memory/);
  expect(named('satp', 'csr-read').behaviourSensitive).toMatch(/where it lies in real memory/);
  expect(named('time', 'csr-read').behaviourSensitive).toMatch(/the time and the counters/);
  expect(named('sip', 'csr-read').behaviourSensitive).toMatch(/pending interrupts/);
});

test('the address of a CSR says who may access it ("CSR Address Mapping Conventions")', () => {
  for (const { name, row } of csrs) {
    const level = (row.number >>> 8) & 3;
    const readOnly = row.number >>> 10 === 3;
    const read = named(name, 'csr-read');
    const write = named(name, 'csr-write');
    // The unprivileged ones are counters, which the hypervisor does not grant (scounteren).
    expect(read.modes.U.kind, name).toBe('traps');
    expect(read.modes.S.kind, name).toBe(level === 3 ? 'traps' : 'executes');
    expect(read.modes.M.kind, name).toBe('executes');
    for (const mode of ['U', 'S', 'M'] as const) {
      expect(write.modes[mode].kind, `${name} in ${mode}`).toBe(readOnly ? 'traps' : read.modes[mode].kind);
    }
  }
});

test('with the H extension the guest’s kernel changes its own copies only, but for the two CSRs that have none', () => {
  // KVM on RISC-V swaps scounteren and senvcfg for the same reason.
  const others = new Set(
    real
      .filter(({ modes }) => modes.VS.kind === 'executes')
      .flatMap(({ modes }) => modes.VS.changes)
      .filter((what) => !what.startsWith('vs') && what !== 'mode' && what !== 'translations'),
  );
  // sie and sip of the guest are bits of mie and hvip.
  expect([...others].sort()).toEqual(['hvip', 'mie', 'scounteren', 'senvcfg']);
  expect(named('wfi').modes.VS).toMatchObject({ kind: 'traps', traps: ['virtual instruction'] });
  expect(named('hfence.gvma').modes.VS.traps).toEqual(['virtual instruction']);
  expect(named('mret').modes.VS.traps).toEqual(['illegal instruction']);
  expect(named('cycle', 'csr-read').modes.VS.traps).toEqual(['virtual instruction']);
  expect(named('time', 'csr-read').modes.VS.kind).toBe('executes');
});

test('sret passed over in user mode: sensitive, not privileged, and yet not user-sensitive, as JRST 1 on the PDP-10', () => {
  const broken = resultsOf(['sret']);
  const { violations, virtualizable, hybridVirtualizable } = verdictOf(broken);
  expect(violations.map(subjectName)).toEqual(['sret']);
  expect(violations[0]).toMatchObject({ userSensitive: false, modes: { U: { kind: 'executes', changes: [] } } });
  expect(violations[0]?.behaviourSensitive).toMatch(/^the mode, U or S/);
  expect(virtualizable).toBe(false);
  expect(hybridVirtualizable).toBe(true);
  // Nothing else has moved.
  expect(broken.filter(({ name }) => name !== 'sret')).toEqual(real.filter(({ name }) => name !== 'sret'));
});

test('counters granted to user mode: the guest’s kernel would read the host’s time, and no trap would tell', () => {
  const { violations, virtualizable, hybridVirtualizable } = verdictOf(resultsOf([], true));
  expect(violations.map(subjectName).sort()).toEqual(
    ['cycle', 'cycleh', 'instret', 'instreth', 'time', 'timeh'].map((name) => `${name}, read`),
  );
  expect(virtualizable).toBe(false);
  expect(hybridVirtualizable).toBe(false);
});
