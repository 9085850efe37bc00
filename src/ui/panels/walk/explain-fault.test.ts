// Each step of "Virtual Address Translation Process" that can end a walk, with an entry that ends it there.

import { expect, test } from 'vitest';
import type { Access, PteFetch, RegistersAnswer } from '../../../protocol/frame.ts';
import { explainFault, rightsOf, type AccessRights } from './explain-fault.ts';

const kernel: AccessRights = { user: false, sum: false, mxr: false };
const user: AccessRights = { ...kernel, user: true };

/** An entry whose set flags are the letters given. */
const entry = (letters: string, change: Partial<PteFetch> = {}): PteFetch => ({
  table: 'guest',
  level: 0,
  index: 0,
  gpa: 0,
  hpa: 0,
  value: 0x8000_0 << 10,
  flags: {
    V: letters.includes('V'),
    R: letters.includes('R'),
    W: letters.includes('W'),
    X: letters.includes('X'),
    U: letters.includes('U'),
    G: letters.includes('G'),
    A: letters.includes('A'),
    D: letters.includes('D'),
  },
  pointsTo: 0x8000_0000,
  kind: 'leaf',
  nested: false,
  ...change,
});

test.each<[string, string, Access, AccessRights, RegExp]>([
  ['not valid', 'RWXAD', 'load', kernel, /^V is clear/],
  ['write without read', 'VWAD', 'store', kernel, /reserved/],
  ['a pointer at level 0', 'V', 'load', kernel, /level 0 is the last/],
  ['user mode, kernel page', 'VRWXAD', 'load', user, /^U is clear/],
  ['kernel, user page, SUM clear', 'VRWUAD', 'load', kernel, /SUM is clear/],
  ['kernel executes a user page, whatever SUM says', 'VRXUAD', 'fetch', { ...kernel, sum: true }, /may not execute/],
  ['execute', 'VRWAD', 'fetch', kernel, /^X is clear/],
  ['read', 'VXAD', 'load', kernel, /^R is clear/],
  ['write', 'VRAD', 'store', kernel, /^W is clear/],
  ['A clear', 'VRWX', 'load', kernel, /^A is clear/],
  ['D clear on a store', 'VRWXA', 'store', kernel, /^D is clear/],
])('%s', (_name, letters, access, rights, expected) => {
  expect(explainFault(entry(letters), access, rights)).toMatch(expected);
});

test('what is allowed has no reason', () => {
  expect(explainFault(entry('VRWXAD'), 'store', kernel)).toBeUndefined();
  expect(explainFault(entry('VRA'), 'load', kernel)).toBeUndefined();
  expect(explainFault(entry('VXAD'), 'load', { ...kernel, mxr: true })).toBeUndefined();
  expect(explainFault(entry('VRWUAD'), 'store', { ...kernel, sum: true })).toBeUndefined();
  expect(explainFault(entry('V', { level: 1, kind: 'pointer' }), 'load', kernel)).toBeUndefined();
});

test('a superpage that does not begin at 4 MiB', () => {
  const misaligned = entry('VRWXAD', { level: 1, value: 0x2010_0400 });
  expect(explainFault(misaligned, 'load', kernel)).toMatch(/multiple of 4 MiB/);
});

test('the second stage asks for U whoever runs', () => {
  expect(explainFault(entry('VRWXAD', { table: 'stage-2' }), 'load', kernel)).toMatch(/hypervisor’s tables/);
  expect(explainFault(entry('VRWXUAD', { table: 'stage-2' }), 'load', kernel)).toBeUndefined();
});

test('the rights are read from mode and sstatus', () => {
  const registers: RegistersAnswer = {
    mode: 'VU',
    pc: 0,
    x: [],
    guestCsrs: [{ name: 'sstatus', number: 0x100, meaning: '', value: 0x000c_0000, fields: [], real: undefined }],
    hypervisorCsrs: [],
  };
  expect(rightsOf(registers)).toEqual({ user: true, sum: true, mxr: true });
  expect(rightsOf(undefined)).toEqual(kernel);
});
