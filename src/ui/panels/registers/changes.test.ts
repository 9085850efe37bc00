import { expect, test } from 'vitest';
import type { CsrValue, RegistersAnswer } from '../../../protocol/frame.ts';
import { changedBits, compareRegisters, csrKey } from './changes.ts';

const csr = (name: string, value: number, real?: number): CsrValue => ({
  name,
  number: 0x180,
  meaning: '',
  value,
  fields: [],
  real: real === undefined ? undefined : { name, value: real },
});
const answer = (change: Partial<RegistersAnswer> = {}): RegistersAnswer => ({
  mode: 'S',
  pc: 0x8040_0000,
  x: Array.from({ length: 32 }, () => 0),
  guestCsrs: [csr('satp', 1, 2)],
  hypervisorCsrs: [csr('satp', 2)],
  ...change,
});

test('without a stop before nothing is marked', () => {
  const changes = compareRegisters(undefined, answer());
  expect(changes.pc || changes.mode).toBe(false);
  expect(changes.x.size + changes.csrs.size).toBe(0);
});

test('marks exactly what differs', () => {
  const x = Array.from({ length: 32 }, (_, index) => (index === 10 ? 7 : 0));
  const changes = compareRegisters(answer(), answer({ x, pc: 0x8040_0004, mode: 'U' }));
  expect([...changes.x]).toEqual([10]);
  expect(changes.pc).toBe(true);
  expect(changes.mode).toBe(true);
  expect(changes.csrs.size).toBe(0);
});

test('keeps the guest’s register, the real one beside it and the hypervisor’s of the same name apart', () => {
  const changes = compareRegisters(
    answer(),
    answer({ guestCsrs: [csr('satp', 1, 3)], hypervisorCsrs: [csr('satp', 3)] }),
  );
  expect(changes.csrs).toEqual(new Set([csrKey('real', 'satp'), csrKey('hypervisor', 'satp')]));
});

test('a register that was not there before is not marked', () => {
  expect(compareRegisters(answer({ guestCsrs: [] }), answer()).csrs.size).toBe(0);
});

test('changed bits are a mask, bit 31 included', () => {
  expect(changedBits(0x8000_0001, 0)).toBe(0x8000_0001);
});
