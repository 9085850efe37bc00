import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FrameRun } from '../../../protocol/frame.ts';
import { FRAME_BYTES, layoutFrameMap, sumByOwner } from './frame-map.ts';
import { hexRows, movedWithin, rowStart, spaceLimit } from './hex-rows.ts';
import { tableRows } from './table-rows.ts';

const owners: readonly FrameRun['owner'][] = [
  { kind: 'free' },
  { kind: 'hypervisor' },
  { kind: 'vm', vm: 1 },
  { kind: 'vm', vm: 2 },
];
const runs = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.constantFrom(...owners)), { minLength: 1, maxLength: 40 })
  .map((pieces) => {
    let hpa = 0x8000_0000;
    return pieces.map(([frames, owner]): FrameRun => {
      const run: FrameRun = { hpa, frames, owner, use: 'ram', sharers: 1 };
      hpa += frames * FRAME_BYTES;
      return run;
    });
  });

describe('the map of frames', () => {
  test('every frame is drawn once, and no piece leaves its row', () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 16 }), (all, rows) => {
        const map = layoutFrameMap(all, rows);
        expect(map.rows).toBeLessThanOrEqual(rows);
        let next = 0;
        for (const piece of map.pieces) {
          expect(piece.row * map.framesPerRow + piece.start).toBe(next);
          expect(piece.start + piece.frames).toBeLessThanOrEqual(map.framesPerRow);
          next += piece.frames;
        }
        expect(next).toBe(map.frames);
      }),
    );
  });

  test('the sums are the whole', () => {
    fc.assert(
      fc.property(runs, (all) => {
        const bytes = sumByOwner(all).reduce((sum, total) => sum + total.bytes, 0);
        expect(bytes).toBe(all.reduce((sum, run) => sum + run.frames, 0) * FRAME_BYTES);
      }),
    );
  });
});

describe('bytes', () => {
  test('rows of sixteen, text beside, holes kept', () => {
    const bytes = [...Array.from('Hello\n', (letter) => letter.charCodeAt(0)), undefined, 0x7f];
    expect(hexRows(0x8000_0000, bytes, undefined)).toMatchObject([{ address: 0x8000_0000, text: 'Hello· ·' }]);
    expect(
      hexRows(
        0,
        Array.from({ length: 33 }, () => 0),
        undefined,
      ).map(({ address }) => address),
    ).toEqual([0, 16, 32]);
  });

  test('marks bytes that differ from the stop before, and those that came or went', () => {
    const [row] = hexRows(0, [1, 2, undefined], [1, 3, 4]);
    expect(row?.bytes.map(({ changed }) => changed)).toEqual([false, true, true]);
  });

  test('a window stays inside its space', () => {
    expect(movedWithin(0, -16, spaceLimit('gva'))).toBe(0);
    expect(movedWithin(0xffff_fff0, 1600, spaceLimit('gva'))).toBe(0xffff_fff0);
    expect(movedWithin(0xffff_fff0, 16, spaceLimit('hpa'))).toBe(0x1_0000_0000);
    expect(rowStart(0x3_ffff_ffff)).toBe(0x3_ffff_fff0);
  });
});

test('children stand behind their parent and remember it', () => {
  const flags = { V: true, R: false, W: false, X: false, U: false, G: false, A: false, D: false };
  const leaf = { index: 3, address: 0, value: 0, kind: 'leaf', flags, pointsTo: 0, children: undefined } as const;
  const rows = tableRows([
    { ...leaf, index: 512, kind: 'pointer', children: [leaf] },
    { ...leaf, index: 513 },
  ]);
  expect(rows.map(({ entry, depth, rootIndex }) => [entry.index, depth, rootIndex])).toEqual([
    [512, 1, 512],
    [3, 2, 512],
    [513, 1, 513],
  ]);
});
