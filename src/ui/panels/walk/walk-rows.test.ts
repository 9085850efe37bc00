// The rows of a walk against "Virtual Address Translation Process" and "Two-Stage Address Translation" of the privileged manual.

import { describe, expect, test } from 'vitest';
import type { PteFetch, WalkAnswer } from '../../../protocol/frame.ts';
import { layoutBand } from './walk-layout.ts';
import { countReferences, describeFetch, flagLetters, splitSv32, walkBands } from './walk-rows.ts';

const clear = { V: false, R: false, W: false, X: false, U: false, G: false, A: false, D: false };
const fetch = (table: PteFetch['table'], level: number, change: Partial<PteFetch> = {}): PteFetch => ({
  table,
  level,
  index: level,
  gpa: table === 'guest' ? 0x8020_0000 + level : undefined,
  hpa: 0x8420_0000 + level,
  value: 1,
  flags: { ...clear, V: true },
  pointsTo: 0x8030_0000,
  kind: level === 0 ? 'leaf' : 'pointer',
  nested: false,
  ...change,
});
const answer = (change: Partial<WalkAnswer>): WalkAnswer => ({
  technique: 'bare',
  gva: 0xc000_1028,
  access: 'load',
  gpa: 0x8034_5028,
  hpa: 0x8434_5028,
  fetches: [],
  fault: undefined,
  ...change,
});
const stage2 = (nested: boolean) => [fetch('stage-2', 1, { nested }), fetch('stage-2', 0, { nested })];

test('splits an address as Sv32 does', () => {
  expect(splitSv32(0xc000_1028)).toEqual({ vpn1: 0x300, vpn0: 1, offset: 0x28 });
  expect(splitSv32(0xffff_ffff)).toEqual({ vpn1: 0x3ff, vpn0: 0x3ff, offset: 0xfff });
});

describe('one stage', () => {
  test('two entries, then the access', () => {
    const [band] = walkBands(answer({ fetches: [fetch('guest', 1), fetch('guest', 0)] }));
    expect(band?.rows.map(({ kind, faulted }) => [kind, faulted])).toEqual([
      ['entry', false],
      ['entry', false],
      ['access', false],
    ]);
  });

  test('a fault ends the walk at the last entry', () => {
    const walk = answer({
      fetches: [fetch('guest', 1, { kind: 'invalid' })],
      gpa: undefined,
      hpa: undefined,
      fault: 'x',
    });
    const [band] = walkBands(walk);
    expect(band?.rows).toHaveLength(1);
    expect(band?.rows[0]?.faulted).toBe(true);
    expect(countReferences(walk)).toBe(1);
  });
});

describe('two stages', () => {
  const fetches = [...stage2(true), fetch('guest', 1), ...stage2(true), fetch('guest', 0), ...stage2(false)];

  test('every guest entry has the second-stage entries that found it', () => {
    const [band, ...more] = walkBands(answer({ technique: 'hardware-assisted', fetches }));
    expect(more).toEqual([]);
    expect(band?.rows.map(({ kind, stage2: found, pte }) => [kind, found.length, pte?.level])).toEqual([
      ['entry', 2, 1],
      ['entry', 2, 0],
      ['access', 2, undefined],
    ]);
  });

  test('costs eight entries and the access: (2 + 1) × (2 + 1) − 1 + 1', () => {
    expect(countReferences(answer({ technique: 'hardware-assisted', fetches }))).toBe(9);
  });

  test('a guest-page fault while a table is looked for leaves a row without an entry', () => {
    const broken = [fetch('stage-2', 1, { nested: true, kind: 'invalid' })];
    const walk = answer({
      technique: 'hardware-assisted',
      fetches: broken,
      gpa: undefined,
      hpa: undefined,
      fault: 'x',
    });
    expect(walkBands(walk)[0]?.rows).toMatchObject([{ kind: 'entry', pte: undefined, faulted: true }]);
  });

  test('a guest-page fault of the access itself is drawn in its row', () => {
    const walk = answer({ technique: 'hardware-assisted', fetches, hpa: undefined, fault: 'x' });
    expect(walkBands(walk)[0]?.rows.at(-1)).toMatchObject({ kind: 'access', faulted: true });
  });
});

describe('shadow', () => {
  const fetches = [fetch('guest', 1), fetch('guest', 0), fetch('shadow', 1), fetch('shadow', 0)];

  test('two bands: what the hypervisor walks, and what the hart walks', () => {
    const bands = walkBands(answer({ technique: 'trap-and-emulate', fetches }));
    expect(bands.map(({ walker, rows }) => [walker, rows.length])).toEqual([
      ['hypervisor', 3],
      ['hart', 3],
    ]);
  });

  test('only the hart’s references count', () => {
    expect(countReferences(answer({ technique: 'trap-and-emulate', fetches }))).toBe(3);
  });

  test('a shadow that has no entry yet faults in the hart’s band, not in the guest’s', () => {
    const missing = [fetch('guest', 1), fetch('guest', 0), fetch('shadow', 1, { kind: 'invalid' })];
    const [guest, hart] = walkBands(answer({ technique: 'trap-and-emulate', fetches: missing, fault: 'x' }));
    expect(guest?.rows.some(({ faulted }) => faulted)).toBe(false);
    expect(hart?.rows).toMatchObject([{ kind: 'entry', faulted: true }]);
  });
});

test('flags stand in the order of the manual’s drawing, D to V', () => {
  expect(flagLetters({ ...clear, V: true, R: true, D: true })).toBe('D·····RV');
});

test('a leaf at level 1 is a superpage', () => {
  expect(describeFetch(fetch('guest', 1, { kind: 'leaf' }))).toContain('4 MiB');
});

describe('layout', () => {
  const [band] = walkBands(
    answer({
      technique: 'hardware-assisted',
      fetches: [...stage2(true), fetch('guest', 1), ...stage2(true), fetch('guest', 0), ...stage2(false)],
    }),
  );

  test.each([200, 400, 900])('%i px: boxes lie inside the drawing and do not overlap', (available) => {
    if (band === undefined) throw new Error('no band');
    const { boxes, width, height } = layoutBand(band, available);
    expect(boxes).toHaveLength(3 * 4);
    for (const box of boxes) {
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
      for (const other of boxes) {
        if (other === box) continue;
        const apart =
          other.x >= box.x + box.width ||
          box.x >= other.x + other.width ||
          other.y >= box.y + box.height ||
          box.y >= other.y + other.height;
        expect(apart).toBe(true);
      }
    }
  });

  test('fits the right column of a 1280 px page', () => {
    if (band === undefined) throw new Error('no band');
    expect(layoutBand(band, 400).width).toBeLessThanOrEqual(400);
  });
});
