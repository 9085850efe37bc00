// Console traffic: nothing is lost silently, a flood is held back, what the guest does not take is kept.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CoreClient } from '../core-client.ts';
import { createConsoles } from './consoles.ts';

function setUp(accept: (bytes: Uint8Array) => number = (bytes) => bytes.length) {
  const arrived: number[] = [];
  const send = vi.fn((_command: string, { bytes }: { bytes: Uint8Array }) => {
    const accepted = accept(bytes);
    arrived.push(...bytes.subarray(0, accepted));
    return Promise.resolve({ accepted });
  });
  const consoles = createConsoles({ send } as unknown as CoreClient);
  const drawn: (() => void)[] = [];
  const written: number[] = [];
  const notices: string[] = [];
  consoles.attach(1, {
    write: (bytes, done) => {
      for (const byte of bytes) written.push(byte);
      drawn.push(done);
    },
    notice: (text) => notices.push(text),
  });
  const answer = (from: number, ...bytes: number[]) =>
    consoles.deliver(consoles.questions(), [{ vm: 1, from, bytes: Uint8Array.from(bytes), more: false }]);
  return { consoles, answer, arrived, written, notices, drawn };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('asks on from where it read', () => {
  const { consoles, answer, written } = setUp();
  expect(consoles.questions()).toEqual([{ vm: 1, since: 0 }]);
  answer(0, 72, 105);
  expect(consoles.questions()).toEqual([{ vm: 1, since: 2 }]);
  expect(written).toEqual([72, 105]);
});

test('says how much older output was dropped', () => {
  const { answer, notices } = setUp();
  answer(1000, 1);
  expect(notices).toEqual(['1000 bytes of older output were dropped']);
});

test('asks nothing more while a quarter of a megabyte is not drawn yet', () => {
  const { consoles, drawn } = setUp();
  consoles.deliver(consoles.questions(), [{ vm: 1, from: 0, bytes: new Uint8Array(300_000), more: true }]);
  expect(consoles.questions()).toEqual([]);
  drawn[0]?.();
  expect(consoles.questions()).toEqual([{ vm: 1, since: 300_000 }]);
});

test('after a reset the output goes on where the count does, or from zero where the count began anew', () => {
  const { consoles, answer, written, notices } = setUp();
  answer(0, 1, 2, 3);
  consoles.restarted(1);
  expect(notices).toEqual(['reset: the guest begins from its first instruction']);
  answer(3, 4);
  expect(written).toEqual([1, 2, 3, 4]);

  answer(2);
  expect(consoles.questions()).toEqual([{ vm: 1, since: 0 }]);
  answer(0, 9, 8);
  expect(written).toEqual([1, 2, 3, 4, 9, 8]);
  expect(notices).toHaveLength(1);
});

test('an answer to an older question is dropped', () => {
  const { consoles, answer, written } = setUp();
  const asked = consoles.questions();
  answer(0, 1, 2);
  consoles.deliver(asked, [{ vm: 1, from: 0, bytes: Uint8Array.of(1, 2), more: false }]);
  expect(written).toEqual([1, 2]);
});

test('what the guest does not take is sent again, in order', async () => {
  let room = 2;
  const { consoles, arrived } = setUp((bytes) => {
    const accepted = Math.min(room, bytes.length);
    room = accepted === 0 ? 2 : 0;
    return accepted;
  });
  consoles.type(1, Uint8Array.of(1, 2, 3));
  consoles.type(1, Uint8Array.of(4, 5));
  await vi.advanceTimersByTimeAsync(1000);
  expect(arrived).toEqual([1, 2, 3, 4, 5]);
});

test('a guest that never reads does not fill the page’s memory, and the person is told', async () => {
  const { consoles, notices } = setUp(() => 0);
  for (let count = 0; count < 10; count += 1) consoles.type(1, new Uint8Array(10_000));
  await vi.advanceTimersByTimeAsync(100);
  expect(notices).toHaveLength(4);
  expect(notices[0]).toContain('does not read');
});
