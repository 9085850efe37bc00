// CSV as RFC 4180 says, JSON lines, and the window of the list.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ExitRow } from '../../../protocol/frame.ts';
import { windowAround } from './exit-window.ts';
import { exitsToCsv, exitsToJsonLines } from './export-rows.ts';

const row = (change: Partial<ExitRow> = {}): ExitRow => ({
  sequence: 7,
  vm: 1,
  reason: 'privileged-csr',
  gva: undefined,
  gpa: 0x3_8000_0000,
  pc: 0xc000_1028,
  instruction: 0x1805_1073,
  text: 'csrw satp, a0',
  verdict: 'resume',
  at: 123,
  virtualCost: 200,
  nanoseconds: 850,
  ...change,
});

describe('CSV', () => {
  test('a heading, then one line a row, each ended by CR LF', () => {
    const lines = exitsToCsv([row()]).split('\r\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^sequence,vm,reason,pc,/);
    expect(lines[1]).toBe('7,1,privileged-csr,0xc0001028,,0x380000000,0x18051073,"csrw satp, a0",resume,123,200,850');
  });

  test('quotes are doubled', () => {
    expect(exitsToCsv([row({ text: 'a "b"' })])).toContain('"a ""b"""');
  });

  test('a text that begins like a formula is not one', () => {
    expect(exitsToCsv([row({ text: '=HYPERLINK("x")' })])).toContain(`"'=HYPERLINK(""x"")"`);
  });

  test('no rows: the heading alone', () => {
    expect(exitsToCsv([]).trimEnd().split('\r\n')).toHaveLength(1);
  });
});

test('JSON lines read back as the rows', () => {
  const rows = [row(), row({ sequence: 8, text: 'a\nb' })];
  const lines = exitsToJsonLines(rows).trimEnd().split('\n');
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual(
    rows.map((one) => JSON.parse(JSON.stringify(one)) as unknown),
  );
});

describe('the window', () => {
  test('always holds the rows in sight, and stays where it is once it does', () => {
    const rows = fc.integer({ min: 0, max: 999_999 });
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 60 }),
        rows,
        fc.integer({ min: 1, max: 300 }),
        (first, height, skip, count) => {
          const last = first + height - 1;
          const wanted = windowAround(first, last, { skip, count });
          expect(wanted.skip).toBeLessThanOrEqual(first);
          expect(wanted.skip + wanted.count).toBeGreaterThan(last);
          expect(wanted.count).toBeLessThanOrEqual(height + 4 * 32);
          expect(windowAround(first, last, wanted)).toEqual(wanted);
        },
      ),
    );
  });
});
