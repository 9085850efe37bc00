// The pace of a guest that a person watches: in step with the wall clock over time, never longer than its own timer asks.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Pace, TICKS_PER_MILLISECOND } from './pace.ts';

test('a wait alone takes as long as the guest asked for', () => {
  expect(new Pace().sleep(5000, 70_000_000, 70_000_000 + 250 * TICKS_PER_MILLISECOND)).toBe(250);
});

test('never sleeps longer than the timer asks, and never less than no time', () => {
  const step = fc.record({ busy: fc.nat(300), ran: fc.nat(3_000_000), wait: fc.nat(3_000_000), late: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const pace = new Pace();
      let wall = 1000;
      let ticks = 0;
      for (const { busy, ran, wait, late } of steps) {
        wall += busy;
        ticks += ran;
        const sleep = pace.sleep(wall, ticks, ticks + wait);
        expect(sleep).toBeGreaterThanOrEqual(0);
        expect(sleep).toBeLessThanOrEqual(wait / TICKS_PER_MILLISECOND + 1e-6);
        wall += sleep + late;
        ticks += wait;
      }
    }),
  );
});

test('a clock in the guest keeps time although the host always wakes late', () => {
  const pace = new Pace();
  const tick = 4 * TICKS_PER_MILLISECOND;
  let wall = 0;
  let ticks = 0;
  for (let count = 0; count < 2500; count++) {
    wall += pace.sleep(wall, ticks, ticks + tick) + 1;
    ticks += tick;
  }
  expect(ticks / TICKS_PER_MILLISECOND).toBe(10_000);
  expect(Math.abs(wall - 10_000)).toBeLessThan(10);
});

test('a guest that was busy for long is not rushed afterwards', () => {
  const pace = new Pace();
  pace.sleep(0, 0, TICKS_PER_MILLISECOND);
  // Ten seconds of the wall for one of the guest's.
  expect(pace.sleep(10_000, 1000 * TICKS_PER_MILLISECOND, 1004 * TICKS_PER_MILLISECOND)).toBe(4);
});
