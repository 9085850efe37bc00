// What the trap panel says, against the privileged manual: "stval", "htval", "Transformed Instruction or Pseudoinstruction".

import { describe, expect, test } from 'vitest';
import type { ExitDetail } from '../../../protocol/frame.ts';
import { describeResume, isRead, stepNames, stepState, transition } from './stages.ts';
import { describeHtinst, trapValues } from './trap-values.ts';

const exit = (change: Partial<ExitDetail>): ExitDetail => ({
  sequence: 1,
  vm: 1,
  reason: 'x',
  gva: undefined,
  gpa: undefined,
  pc: 0xc000_0000,
  instruction: undefined,
  text: '',
  verdict: 'resume',
  at: 0,
  virtualCost: 0,
  nanoseconds: 0,
  mode: 'VS',
  cause: 23,
  causeName: 'store/AMO guest-page fault',
  stval: 0xc040_1003,
  htval: 0x0400_0001,
  htinst: 0,
  effects: [],
  resumePc: 0xc000_0004,
  sentence: '',
  ...change,
});

describe('trap values', () => {
  test('htval is the guest physical address divided by four; its low bits come from stval', () => {
    const htval = trapValues(exit({})).find(({ name }) => name === 'htval');
    expect(htval?.address).toEqual({ space: 'gpa', address: 0x1000_0007 });
  });

  test('a guest physical address above 4 GiB keeps its 34 bits', () => {
    const htval = trapValues(exit({ htval: 0xffff_ffff, stval: 3 })).find(({ name }) => name === 'htval');
    expect(htval?.address?.address).toBe(0x3_ffff_ffff);
  });

  test('htval zero leads nowhere', () => {
    expect(trapValues(exit({ htval: 0 })).find(({ name }) => name === 'htval')?.address).toBeUndefined();
  });

  test('without the H extension there are two registers', () => {
    expect(trapValues(exit({ htval: undefined, htinst: undefined })).map(({ name }) => name)).toEqual([
      'scause',
      'stval',
    ]);
  });

  test('stval is an address for page faults, the instruction word for illegal instructions', () => {
    const find = (change: Partial<ExitDetail>) => trapValues(exit(change)).find(({ name }) => name === 'stval');
    expect(find({ cause: 13 })?.address).toEqual({ space: 'gva', address: 0xc040_1003 });
    expect(find({ cause: 2, stval: 0x1805_1073 })).toMatchObject({
      address: undefined,
      meaning: expect.stringContaining('satp') as string,
    });
    expect(find({ cause: 0x8000_0005, stval: 0 })?.address).toBeUndefined();
  });

  test('an interrupt is called one', () => {
    expect(trapValues(exit({ cause: 0x8000_0005, causeName: 'supervisor timer interrupt' }))[0]?.meaning).toMatch(
      /^interrupt 5:/,
    );
  });
});

describe('htinst', () => {
  test('pseudoinstructions of the walker', () => {
    expect(describeHtinst(0x2000)).toMatch(/read an entry/);
    expect(describeHtinst(0x2020)).toMatch(/updated A or D/);
  });
  test('a transformed store names itself and its offset', () => {
    expect(describeHtinst(0x00b0_0023)).toMatch(/transformed sb/);
    expect(describeHtinst(0x00b1_0023)).toMatch(/2 bytes into a misaligned/);
  });
  test('zero says that the handler must fetch', () => {
    expect(describeHtinst(0)).toMatch(/must fetch/);
  });
});

describe('stages', () => {
  test('a past exit is done in all four', () => {
    expect(stepNames.map((name) => stepState(name, 'past'))).toEqual(['done', 'done', 'done', 'done']);
  });
  test('trapped: only the cause is known', () => {
    expect(stepNames.map((name) => stepState(name, 'trapped'))).toEqual(['now', 'to come', 'to come', 'to come']);
  });
  test('handled: the resume is still to come', () => {
    expect(stepNames.map((name) => stepState(name, 'handled'))).toEqual(['done', 'done', 'now', 'to come']);
  });
});

test('reads are told from writes', () => {
  expect(isRead({ kind: 'read-csr', what: 'scause', before: undefined, after: 1 })).toBe(true);
  expect(isRead({ kind: 'inject', what: 'VSTIP', before: undefined, after: undefined })).toBe(false);
});

test('where the guest resumes, in words; pc wraps', () => {
  expect(describeResume(4, 4)).toMatch(/same/);
  expect(describeResume(0xffff_fffc, 0)).toMatch(/next/);
  expect(describeResume(0, 0x100)).toBe('elsewhere');
});

describe('values of an effect', () => {
  const effect = (kind: ExitDetail['effects'][number]['kind'], before?: number, after?: number) =>
    transition({ kind, what: '', before, after }, true);
  test('a write from one to the other; an unchanged one says so', () => {
    expect(effect('write-csr', 0, 0x8008_0200)).toBe('0000_0000 → 8008_0200');
    expect(effect('write-csr', 1, 1)).toBe('0000_0001, as before');
  });
  test('a read has one value', () => {
    expect(effect('read-csr', 5, 5)).toBe('0000_0005');
  });
  test('an SBI call has an answer', () => {
    expect(effect('sbi', undefined, 0xffff_fffe)).toBe('answered ffff_fffe');
  });
  test('a mapping and a flush say all in their name', () => {
    expect(effect('map', undefined, 0x8440_0000)).toBe('');
    expect(effect('flush', 0, 0)).toBe('');
  });
});
