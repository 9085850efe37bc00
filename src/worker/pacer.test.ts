// The pacer: idle time passes at the pace of the wall clock, a frozen computer stands still, and nobody spins.

import { describe, expect, test } from 'vitest';
import type { Computer, SliceEnd } from '../core/hypervisor/computer.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import { Pacer } from './pacer.ts';

const TICKS_PER_MILLISECOND = 10_000;

/** A computer that does as it is told, and a clock and a queue that stand in for the browser's. */
function rig(plan: { idleUntil: () => number | undefined; end?: SliceEnd; frozen?: boolean }) {
  let now = 0;
  let ticks = 0;
  const soon: (() => void)[] = [];
  const naps: number[] = [];
  let slices = 0;
  const computer: Computer = {
    get now() {
      return ticks;
    },
    get frozen() {
      return plan.frozen ?? false;
    },
    runSlice: () => {
      slices++;
      now += 6;
      return plan.end ?? 'budget';
    },
    idleUntil: plan.idleUntil,
    skipTo: (until) => {
      ticks = Math.max(ticks, until);
    },
  };
  const lab = { computers: [computer], vms: [], trace: { total: 0 } } as unknown as Lab;
  const pacer = new Pacer({
    lab,
    now: () => now,
    soon: (callback) => soon.push(callback),
    later: (_, milliseconds) => {
      naps.push(milliseconds);
      return () => undefined;
    },
  });
  return {
    pacer,
    naps,
    pass: (milliseconds: number) => (now += milliseconds),
    turn: () => soon.shift()?.(),
    pending: () => soon.length,
    slices: () => slices,
    ticks: () => ticks,
  };
}

describe('a computer with work', () => {
  test('runs slice after slice, and lets messages in between', () => {
    const { pacer, turn, slices, pending, naps } = rig({ idleUntil: () => undefined });
    pacer.wake();
    for (let index = 0; index < 5; index++) turn();
    expect(slices()).toBe(5);
    expect(pending()).toBe(1);
    expect(naps).toEqual([]);
  });

  test('is looked at again after a VM of its has stopped: another may go on', () => {
    const { pacer, turn, slices } = rig({ idleUntil: () => undefined, end: 'stopped' });
    pacer.wake();
    turn();
    turn();
    expect(slices()).toBe(2);
  });
});

describe('a computer whose guests all wait', () => {
  test('lets board time pass as fast as the wall clock, and naps until it is due', () => {
    const due = 20 * TICKS_PER_MILLISECOND;
    const { pacer, turn, ticks, pass, naps } = rig({ idleUntil: () => due });
    pacer.wake();
    turn();
    expect(ticks()).toBe(0);
    expect(naps).toEqual([20]);
    pass(5);
    pacer.wake();
    turn();
    expect(ticks()).toBe(5 * TICKS_PER_MILLISECOND);
    expect(naps.at(-1)).toBe(15);
  });

  test('never skips beyond what is due, however late the browser calls back', () => {
    const due = 3 * TICKS_PER_MILLISECOND;
    const { pacer, turn, ticks, pass } = rig({ idleUntil: () => due });
    pacer.wake();
    turn();
    pass(1000);
    pacer.wake();
    turn();
    expect(ticks()).toBe(due);
  });

  test('sleeps without a timer when nothing will happen by itself', () => {
    const { pacer, turn, naps, pending } = rig({ idleUntil: () => Infinity });
    pacer.wake();
    turn();
    expect(naps).toEqual([]);
    expect(pending()).toBe(0);
  });
});

test('a frozen computer neither runs nor ages', () => {
  const { pacer, turn, slices, ticks, pass, pending } = rig({ idleUntil: () => undefined, frozen: true });
  pacer.wake();
  pass(40);
  turn();
  expect([slices(), ticks(), pending()]).toEqual([0, 0, 0]);
});
