import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assemble } from '../../../core/isa/assembly/assemble.ts';
import { isInWindow, movedBy, windowFollowing, windowShowing } from './address-window.ts';
import { explainWord } from './riscv-language.ts';
import { sourceLines } from './source-lines.ts';

describe('the window over the address space', () => {
  const address = fc.integer({ min: 0, max: 0x3fff_ffff }).map((number) => (number * 4) >>> 0);
  const rows = fc.integer({ min: 4, max: 90 });

  test('shows what it is asked to show, wherever it stood, also across the end of the space', () => {
    fc.assert(
      fc.property(address, rows, address, (top, height, gva) => {
        expect(isInWindow(windowShowing(top, height, gva), height, gva)).toBe(true);
        expect(isInWindow(windowFollowing(top, height, gva), height, gva)).toBe(true);
      }),
    );
  });

  test('does not move while the address is in sight', () => {
    expect(windowShowing(0x1000, 10, 0x1024)).toBe(0x1000);
    expect(windowFollowing(0x1000, 10, 0x1024)).toBe(0x1000);
  });

  test('follows by the smallest move', () => {
    expect(windowFollowing(0x1000, 10, 0x1028)).toBe(0x1004);
    expect(windowFollowing(0x1000, 10, 0x0ffc)).toBe(0x0ffc);
    expect(windowFollowing(0, 10, 0xffff_fffc)).toBe(0xffff_fffc);
  });

  test('an address that is not on the rows’ raster moves the window onto its raster', () => {
    expect(windowShowing(0x1000, 10, 0x1002) % 4).toBe(2);
  });

  test('moving wraps', () => {
    expect(movedBy(0xffff_fffc, 1)).toBe(0);
    expect(movedBy(0, -1)).toBe(0xffff_fffc);
  });
});

describe('lines and addresses', () => {
  const source = ['# comment', '_start: li a0, 0x12345678', '', '  nop', 'data: .word 1, 2'].join('\n');
  const result = assemble(source, { textAddress: 0x8040_0000 });
  if (!result.ok) throw new Error('the source of this test does not assemble');
  const lines = sourceLines(result.lines, 0x8040_0000 + 5 * 4);

  test('both halves of a pseudo-instruction belong to its line', () => {
    expect(lines.lineAt(0x8040_0000)).toBe(2);
    expect(lines.lineAt(0x8040_0004)).toBe(2);
    expect(lines.lineAt(0x8040_0008)).toBe(4);
  });

  test('data, and what lies outside, has no line', () => {
    expect(lines.lineAt(0x8040_000c)).toBeUndefined();
    expect(lines.lineAt(0x8040_0100)).toBeUndefined();
    expect(lines.lineAt(0x7fff_fffc)).toBeUndefined();
  });

  test('a line without code stands for the next that has some', () => {
    expect(lines.addressOf(1)).toBe(0x8040_0000);
    expect(lines.addressOf(3)).toBe(0x8040_0008);
    expect(lines.addressOf(5)).toBeUndefined();
  });
});

describe('words of the source', () => {
  test('instructions, pseudo-instructions, CSRs and registers explain themselves', () => {
    expect(explainWord('sltu')?.title).toBe('sltu rd, rs1, rs2');
    expect(explainWord('ret')?.sentence).toMatch(/jalr/);
    expect(explainWord('satp')?.sentence).toMatch(/page tables/);
    expect(explainWord('a0')?.sentence).toMatch(/x10/);
    expect(explainWord('fp')?.sentence).toMatch(/x8/);
    expect(explainWord('x31')?.sentence).toMatch(/x31/);
  });
  test('names of the person’s own do not', () => {
    expect(explainWord('my_label')).toBeUndefined();
    expect(explainWord('constructor')).toBeUndefined();
  });
});
