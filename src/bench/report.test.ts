// What is printed and what is written.

import { expect, test } from 'vitest';
import type { KernelSection } from './kernel-section.ts';
import { isRight, reportJson, reportText } from './report.ts';

const section = (wrong: readonly string[]): KernelSection => ({
  rows: [{ key: 'bareSv32', title: 'bare, Sv32', kind: { kind: 'wasm' }, size: 'large' }],
  kernels: [
    { kernel: 'sieve', peers: [{ key: 'bareSv32', peerMs: [3, 3, 3], baselineMs: [2, 2, 2], mips: [1] }], wrong },
  ],
  pairs: 3,
  notes: ['a note'],
});
const report = (wrong: readonly string[] = []) => ({
  about: ['an engine'],
  quick: true,
  kernels: section(wrong),
  groups: [{ title: 'A group', figures: [{ name: 'a figure', value: 1234.5, unit: 'ns' }], failure: undefined }],
});

test('the quick form says that it is one', () => {
  expect(reportText(report())).toContain('medians of 3 pairs, quick form');
});

test('every row, note and figure is in the table', () => {
  const text = reportText(report());
  expect(text).toMatch(/^bare, Sv32 +1\.50 +1\.50/m);
  expect(text).toMatch(/^a note$/m);
  expect(text).toMatch(/^ {2}a figure +1235 ns$/m);
  expect(text).toContain('checksums: all right');
});

test('wrong checksums are told one by one', () => {
  expect(reportText(report(['sieve is wrong']))).toContain('checksums: 1 wrong\nsieve is wrong');
  expect(isRight(report(['sieve is wrong']))).toBe(false);
  expect(isRight(report())).toBe(true);
});

test('a group that failed says why, and the whole is not right', () => {
  const failed = { ...report(), groups: [{ title: 'A group', figures: [], failure: 'no prompt' }] };
  expect(reportText(failed)).toContain('A group\n  failed: no prompt');
  expect(isRight(failed)).toBe(false);
});

test('the JSON has the ratios by the names of the goals', () => {
  const written = JSON.parse(JSON.stringify(reportJson(report()))) as { ratios: Record<string, number> };
  expect(written.ratios['bareSv32OverWasm']).toBeCloseTo(1.5);
});
