// The map of a guest's pages: every page is on it, the cursor reaches each and never leaves, and no state looks like another.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MOST_CELLS } from '../../../protocol/frame.ts';
import {
  bitsOf as bits,
  CELL,
  cellStates,
  columnsFor,
  movedPage,
  pageAt,
  pathsOf,
  scaleFor,
  stateOfCell,
  wholeScale,
} from './page-cells.ts';

const pages = fc.integer({ min: 1, max: 262_144 });
const columns = fc.constantFrom(16, 32, 64);
const scale = fc.integer({ min: 0, max: 10 }).map((power) => 2 ** power);

describe('the scale', () => {
  test('shows all of a guest on one map with as few pages in a cell as that takes', () => {
    // 1 MiB, 4 MiB, 64 MiB, 1 GiB
    expect([256, 1024, 16_384, 262_144].map(wholeScale)).toEqual([1, 1, 16, 256]);
    expect(scaleFor(16_384, undefined)).toBe(16);
    expect(scaleFor(16_384, 1)).toBe(1);
    expect(scaleFor(256, 16)).toBe(1);
  });

  test('has rows that begin at round addresses', () => {
    expect([200, 358, 700].map(columnsFor)).toEqual([16, 32, 64]);
  });
});

describe('the cursor', () => {
  test('goes where the keys say, and never leaves the guest’s memory', () => {
    fc.assert(
      fc.property(
        pages,
        columns,
        scale,
        fc.array(
          fc.constantFrom('ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End'),
        ),
        (all, across, pagesPerCell, keys) => {
          let page = 0;
          for (const key of keys) {
            page = movedPage(page, key, across, { pages: all, pagesPerCell }) ?? NaN;
            expect(page).toBeGreaterThanOrEqual(0);
            expect(page).toBeLessThan(all);
            expect(page % pagesPerCell).toBe(0);
          }
        },
      ),
    );
  });

  test('takes a row, a map or a cell at a time', () => {
    const guest = { pages: 16_384, pagesPerCell: 1 };
    expect(movedPage(100, 'ArrowDown', 64, guest)).toBe(164);
    expect(movedPage(100, 'PageDown', 64, guest)).toBe(100 + MOST_CELLS);
    expect(movedPage(0, 'ArrowLeft', 64, guest)).toBe(0);
    expect(movedPage(5, 'ArrowRight', 64, { ...guest, pagesPerCell: 16 })).toBe(16);
    expect(movedPage(5, 'End', 64, guest)).toBe(16_383);
    expect(movedPage(5, 'x', 64, guest)).toBeUndefined();
  });

  test('lands on the page under the pointer, for each page of the window', () => {
    fc.assert(
      fc.property(
        columns,
        scale,
        fc.nat(MOST_CELLS - 1),
        fc.double({ min: 0, max: 7.9, noNaN: true }),
        (across, pagesPerCell, cell, off) => {
          const first = MOST_CELLS * pagesPerCell;
          const window = { pages: 3 * first, first, pagesPerCell };
          const x = (cell % across) * CELL + off;
          const y = Math.floor(cell / across) * CELL + off;
          expect(pageAt(x, y, across, window)).toBe(first + cell * pagesPerCell);
        },
      ),
    );
    expect(pageAt(-1, 0, 64, { pages: 10, first: 0, pagesPerCell: 1 })).toBeUndefined();
    expect(pageAt(10 * CELL, 0, 64, { pages: 10, first: 0, pagesPerCell: 1 })).toBeUndefined();
  });
});

describe('a cell', () => {
  test('shows the state that matters most of its pages', () => {
    expect(stateOfCell(0)).toBe('untouched');
    expect(stateOfCell(bits('resident', 'huge'))).toBe('resident');
    expect(stateOfCell(bits('resident', 'ballooned'))).toBe('ballooned');
    expect(stateOfCell(bits('resident', 'shared', 'dirty'))).toBe('shared');
    expect(stateOfCell(bits('resident', 'shared', 'swapped'))).toBe('swapped');
  });

  test('has a shape that no other state has, huge and dirty ones too', () => {
    const kinds = [
      bits('resident'),
      bits('resident', 'huge'),
      bits('resident', 'dirty'),
      bits('ballooned'),
      bits('resident', 'shared'),
      bits('swapped'),
    ];
    const shapes = kinds.map((kind) => Object.values(pathsOf([kind], 64)).join(''));
    expect(new Set(shapes).size).toBe(kinds.length);
    expect(pathsOf([0, 0], 64)).toEqual({ resident: '', ballooned: '', shared: '', swapped: '', dirty: '' });
    expect(cellStates).toHaveLength(5);
  });

  test('stands in its column and row', () => {
    const cells = Array.from({ length: 40 }, (_, cell) => (cell === 33 ? bits('resident', 'huge') : 0));
    expect(pathsOf(cells, 32).resident).toBe('M8 8h8v8h-8z');
  });
});
