// When the board has something to do by itself: what it answers, and remembers, is what its devices say, whatever was written
// to them and however time has passed since.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TimedDevice } from '../devices/device.ts';
import { ramDma } from './ram-dma.ts';
import { Board } from './board.ts';
import { TestMachine } from './test-machine.test-support.ts';

const ACLINT = 0x0200_0000;
const RTC = 0x0010_1000;
/** Time in ticks and nanoseconds, near enough to meet each other. */
const soon = fc.integer({ min: 0, max: 300_000 });

/** A store to a register that keeps time: mtimecmp, mtime, the real-time clock's time and alarm. */
const store = fc.record({
  kind: fc.constant('store' as const),
  address: fc.constantFrom(
    ACLINT + 0x4000,
    ACLINT + 0x4004,
    ACLINT + 0xbff8,
    RTC + 0x00,
    RTC + 0x08,
    RTC + 0x0c,
    RTC + 0x10,
    RTC + 0x14,
    RTC + 0x1c,
  ),
  value: fc.oneof(soon, fc.constantFrom(0, 0xffff_ffff)),
});
const wait = fc.record({ kind: fc.constant('wait' as const), ticks: fc.integer({ min: 1, max: 2000 }) });
const reset = fc.record({ kind: fc.constant('reset' as const) });

test('deadline is the earliest of its devices’, after any stores, waits and resets', () => {
  const { ram } = new TestMachine();
  const anyHistory = fc.array(fc.oneof({ weight: 5, arbitrary: store }, { weight: 4, arbitrary: wait }, reset));
  fc.assert(
    fc.property(anyHistory, (history) => {
      let now = 0;
      const lines: boolean[] = [];
      const board = new Board({
        harts: 1,
        clock: () => now,
        drive: (_, line, level) => (lines[line] = level),
        timeWritten: () => undefined,
        transmit: () => undefined,
        finish: () => undefined,
        epochNanoseconds: { high: 0, low: 0 },
        memory: ramDma(ram),
      });
      board.reset();
      const rtc = board.mounts.find(({ base }) => base === RTC)?.device as unknown as TimedDevice;
      for (const step of history) {
        if (step.kind === 'store') board.bus.write(step.address, 4, step.value);
        else if (step.kind === 'reset') board.reset();
        else now += step.ticks;
        // The host is never late: what is due happens before anybody looks.
        board.elapse();
        const expected = Math.min(board.aclint.deadline(), rtc.deadline());
        expect(board.deadline()).toBe(expected);
        expect(expected).toBeGreaterThanOrEqual(now);
      }
    }),
  );
});
