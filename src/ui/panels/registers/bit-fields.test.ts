// Bits of a CSR against the register drawings of the privileged manual.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldsOf } from '../../../core/isa/csr-fields.ts';
import { describeCause, describeCsr, describeField, extractBits, splitIntoRuns } from './bit-fields.ts';

const word = fc.integer({ min: 0, max: 0xffff_ffff });

describe('extractBits', () => {
  test('takes fields of every width, the whole word included', () => {
    expect(extractBits(0x8008_0200, 31, 31)).toBe(1);
    expect(extractBits(0x8008_0200, 21, 0)).toBe(0x8_0200);
    expect(extractBits(0xffff_ffff, 31, 0)).toBe(0xffff_ffff);
    expect(extractBits(-1, 31, 0)).toBe(0xffff_ffff);
  });
});

describe('splitIntoRuns', () => {
  test.each(Object.entries(fieldsOf))('%s: the runs put together are the word', (_name, fields) => {
    fc.assert(
      fc.property(word, (value) => {
        const runs = splitIntoRuns(value, fields);
        let rebuilt = 0n;
        let next = 31;
        for (const run of runs) {
          expect(run.high).toBe(next);
          next = run.low - 1;
          rebuilt |= BigInt(run.value) << BigInt(run.low);
        }
        expect(next).toBe(-1);
        expect(Number(rebuilt)).toBe(value);
      }),
    );
  });

  test('keeps every field of sstatus, and calls the rest reserved', () => {
    const runs = splitIntoRuns(0, fieldsOf.sstatus);
    expect(runs.flatMap(({ field }) => field?.name ?? [])).toEqual(['MXR', 'SUM', 'SPP', 'SPIE', 'SIE']);
    expect(runs[0]).toMatchObject({ high: 31, low: 20, field: undefined });
  });
});

describe('words', () => {
  test('satp as "Supervisor Address Translation and Protection" lays it out', () => {
    expect(describeCsr('satp', 0x8008_0200, fieldsOf.satp)).toBe('Sv32, root table at 8020_0000');
    expect(describeCsr('satp', 0x0008_0200, fieldsOf.satp)).toMatch(/^Bare/);
  });

  test('a root above 4 GiB keeps its 34 bits', () => {
    expect(describeCsr('hgatp', 0x803f_fffc, fieldsOf.hgatp)).toBe('Sv32x4, root table at 3_ffff_c000');
  });

  test('causes by the table of scause; unknown ones say so', () => {
    expect(describeCause(13)).toBe('load page fault');
    expect(describeCause(0x8000_0005)).toBe('supervisor timer interrupt');
    expect(describeCause(14)).toMatch(/exception 14.*not defined/);
    expect(describeCause(0x8000_003f)).toMatch(/interrupt 63.*not defined/);
  });

  test('named values by name, set bits by name, clear ones not at all', () => {
    expect(describeCsr('sstatus', 0x0004_0120, fieldsOf.sstatus)).toBe('SPIE SPP=S SUM');
    expect(describeCsr('sie', 0, fieldsOf.sie)).toBe('all clear');
    const [spp] = fieldsOf.sstatus.filter(({ name }) => name === 'SPP');
    expect(spp && describeField(spp, 0x100)).toBe('S');
    expect(spp && describeField(spp, 0)).toBe('U');
  });

  test('stvec: the mode bits are not part of the address', () => {
    expect(describeCsr('stvec', 0xc000_1201, fieldsOf.tvec)).toBe('vectored, handler at c000_1200');
  });
});
