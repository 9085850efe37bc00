// Turns: everybody gets one, nobody holds the page for longer than a share of a frame.
import { expect, test } from 'vitest';
import { createTurns } from './turns.ts';

function setUp() {
  let now = 0;
  const frames: (() => void)[] = [];
  const turns = createTurns({
    nextFrame: (callback) => frames.push(callback),
    now: () => now,
    share: () => 4,
    run: (part) => part(),
  });
  const served: string[] = [];
  const part = (name: string, milliseconds: number, first = false) =>
    turns.subscribe(() => {
      served.push(name);
      now += milliseconds;
    }, first);
  /** What is served in the next frame. */
  const frame = () => {
    served.length = 0;
    frames.shift()?.();
    return [...served];
  };
  return { turns, part, frame, pending: () => frames.length };
}

test('parts that are quick share a frame; a slow one ends it', () => {
  const { turns, part, frame, pending } = setUp();
  part('a', 1);
  part('b', 1);
  part('slow', 30);
  part('c', 1);
  turns.announce();
  expect(frame()).toEqual(['a', 'b', 'slow']);
  expect(frame()).toEqual(['c']);
  expect(pending()).toBe(0);
});

test('changes that come faster than turns starve nobody and pile up nothing', () => {
  const { turns, part, frame } = setUp();
  for (const name of ['a', 'b', 'c']) part(name, 10);
  const order: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    turns.announce();
    order.push(...frame());
  }
  expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
});

test('who is first comes before the others of a change, and starves nobody', () => {
  const { turns, part, frame } = setUp();
  for (const name of ['a', 'b']) part(name, 10);
  part('first', 10, true);
  const order: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    turns.announce();
    order.push(...frame());
  }
  expect(order).toEqual(['first', 'a', 'b', 'first', 'a', 'b']);
});

test('who has left gets no turn that was still due', () => {
  const { turns, part, frame } = setUp();
  part('slow', 10);
  const leave = part('gone', 1);
  turns.announce();
  expect(frame()).toEqual(['slow']);
  leave();
  expect(frame()).toEqual([]);
});
