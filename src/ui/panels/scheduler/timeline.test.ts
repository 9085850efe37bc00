import { describe, expect, test } from 'vitest';
import { barsOf, WIDTH } from './timeline.ts';

const answer = { now: 2000, since: 1000, harts: 2, vcpus: [] };

describe('the timeline', () => {
  test('one path for each vCPU, on the row of its hart, cut at the beginning, open to now', () => {
    const bars = barsOf({
      ...answer,
      intervals: [
        { from: 500, to: 1250, hart: 0, vm: 2, vcpu: 0 },
        { from: 1250, to: 1500, hart: 0, vm: 1, vcpu: 0 },
        { from: 1500, to: undefined, hart: 1, vm: 2, vcpu: 0 },
      ],
    });
    expect(bars.map(({ vm, vcpu }) => [vm, vcpu])).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(bars[0]?.path).toBe('M250.00 0h250.00v14h-250.00z');
    expect(bars[1]?.path).toBe('M0.00 0h250.00v14h-250.00zM500.00 18h500.00v14h-500.00z');
  });

  test('nothing has run: no bars, and no division by nothing', () => {
    expect(barsOf({ ...answer, now: 0, since: 0, intervals: [] })).toEqual([]);
    const [bar] = barsOf({ ...answer, now: 0, since: 0, intervals: [{ from: 0, to: 0, hart: 0, vm: 1, vcpu: 0 }] });
    expect(bar?.path).toBe('M0.00 0h0.20v14h-0.20z');
    expect(WIDTH).toBe(1000);
  });
});
