// A frame's way in words: when, where, why; a station that is gone is still told apart.
import { expect, test } from 'vitest';
import type { JourneyStep } from '../../../protocol/frame.ts';
import { journeyLines } from './journey-lines.ts';

const PORTS = [
  { port: 0, name: 'gateway' },
  { port: 1, name: 'vm1' },
];
const lines = (steps: readonly JourneyStep[]) => journeyLines({ steps }, PORTS, 10_000_000);

test('a frame that was flooded and arrived at one of two', () => {
  const told = lines([
    { kind: 'sent', time: 15_000_000, port: 1, exit: 77 },
    { kind: 'entered', time: 15_000_107, port: 1 },
    { kind: 'forwarded', time: 15_000_107, port: 1, to: [0, 2], why: 'unknown-unicast' },
    { kind: 'delivered', time: 15_000_214, port: 0 },
    { kind: 'served', time: 15_000_214, port: 0, note: 'answered an echo' },
    { kind: 'taken', time: 15_000_214, port: 2, outcome: 'not-addressed' },
  ]);
  expect(told.map(({ when, text }) => `${when} ${text}`)).toEqual([
    '1.500000 s by vm1',
    '+10.7 µs the switch, from vm1',
    '+10.7 µs to gateway, port 2, now gone: flooded, since the switch does not know where it is',
    '+21.4 µs to gateway',
    '+21.4 µs answered an echo',
    '+21.4 µs port 2, now gone: the frame is not for this guest: nothing in it changes, and no interrupt is raised',
  ]);
  expect(told.map(({ exit }) => exit)).toEqual([77, undefined, undefined, undefined, undefined, undefined]);
  expect(told.some(({ bad }) => bad)).toBe(false);
});

test('what is lost is marked, and why', () => {
  const told = lines([
    { kind: 'dropped', time: 3, port: 1, half: 'to-switch', reason: 'link-down' },
    { kind: 'taken', time: 4, port: 1, outcome: 'no-buffer' },
  ]);
  expect(told.map(({ bad }) => bad)).toEqual([true, true]);
  expect(told[0]?.text).toBe('on the cable of vm1: the cable is unplugged');
});
