// The settings of a cable as a person types them: milliseconds, percent, megabits a second.

import type { LinkSettings } from '../../../protocol/frame.ts';
import { TICKS_PER_MILLISECOND } from '../../../protocol/virtual-time.ts';

export interface LinkField {
  readonly name: string;
  readonly title: string;
  readonly sentence: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly read: (settings: LinkSettings) => number;
  readonly write: (value: number) => Partial<LinkSettings>;
}

export const linkFields: readonly LinkField[] = [
  {
    name: 'delay',
    title: 'Delay, ms',
    sentence: 'Time a frame is on the wire, each way.',
    minimum: 0,
    maximum: 3_600_000,
    read: ({ delayTicks }) => delayTicks / TICKS_PER_MILLISECOND,
    // One tick is the least: no answer comes at the very time of its question.
    write: (milliseconds) => ({ delayTicks: Math.max(1, Math.round(milliseconds * TICKS_PER_MILLISECOND)) }),
  },
  {
    name: 'loss',
    title: 'Loss, %',
    sentence: 'Of a hundred frames the wire loses as many, each way; which ones is the same in every run.',
    minimum: 0,
    maximum: 100,
    read: ({ lossProbability }) => Math.round(lossProbability * 1e8) / 1e6,
    write: (percent) => ({ lossProbability: percent / 100 }),
  },
  {
    name: 'rate',
    title: 'Mbit/s',
    sentence:
      'What the transmitters at both ends send; frames wait for them in a queue, and where it is full they are dropped.',
    minimum: 0.001,
    maximum: 1_000_000,
    read: ({ bitsPerSecond }) => bitsPerSecond / 1e6,
    write: (megabits) => ({ bitsPerSecond: megabits * 1e6 }),
  },
];
