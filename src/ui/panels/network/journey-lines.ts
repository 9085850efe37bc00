// The way of one frame as lines of text: when, which step, what it means. Pure.

import type { CardOutcome, DropReason, JourneyStep, NetworkFrameRow, NetworkPortRow } from '../../../protocol/frame.ts';
import type { GlossaryRow } from '../../glossary-row.ts';

export interface JourneyLine {
  readonly kind: JourneyStep['kind'];
  /** Seconds of board time at the first line; microseconds since the frame was sent at the others. */
  readonly when: string;
  readonly text: string;
  /** Number of the exit in which it happened. */
  readonly exit: number | undefined;
  /** It ends here, or was not let in: told apart from a frame that arrived. */
  readonly bad: boolean;
}

/** What the steps are called, and what they mean. */
export const stepTerms: Readonly<Record<JourneyStep['kind'], GlossaryRow>> = {
  sent: {
    title: 'sent',
    sentence: 'A station has handed the frame to its cable; a guest’s card took it out of the transmit virtqueue.',
    section: 'virtio 1.2, 5.1.6.2 "Packet Transmission"',
  },
  entered: { title: 'entered', sentence: 'The frame has gone along the cable and reached the switch.' },
  learned: {
    title: 'learned',
    sentence: 'The switch notes behind which port the sender’s address is.',
    section: 'IEEE 802.1Q, 8.7 "The Learning Process"',
  },
  forwarded: {
    title: 'forwarded',
    sentence: 'The switch passes the frame on: to the port of its destination if it knows it, else to all others.',
    section: 'IEEE 802.1Q, 8.6 "The Forwarding Process"',
  },
  dropped: { title: 'dropped', sentence: 'The frame, or this copy of it, goes no further.' },
  delivered: { title: 'delivered', sentence: 'The frame has gone along the cable to the station.' },
  taken: {
    title: 'taken',
    sentence: 'The card has written the frame into a buffer of the guest’s receive virtqueue, or could not.',
    section: 'virtio 1.2, 5.1.6.4 "Processing of Incoming Packets"',
  },
  served: { title: 'served', sentence: 'The gateway has looked at the frame: this is what it made of it.' },
};

const outcomes: Readonly<Record<CardOutcome, string>> = {
  interrupt: 'is in the guest’s memory, and its interrupt is raised',
  silent: 'is in the guest’s memory; the driver looks by itself and wants no interrupt',
  'no-buffer': 'is lost: the driver has given the card no buffer for it',
  'not-addressed': 'is not for this guest: nothing in it changes, and no interrupt is raised',
  kept: 'waits in the card: you hold this VM, and nothing may change in its memory',
  'no-room': 'is lost: you hold this VM, and its card keeps no more frames',
};

const drops: Readonly<Record<DropReason, string>> = {
  runt: 'it is shorter than an Ethernet header',
  'too-long': 'it is longer than 1518 octets',
  'group-source': 'its sender says to be a group',
  'reserved-destination': 'a bridge never passes this address on',
  'same-port': 'its destination is behind the port it came from',
  'link-down': 'the cable is unplugged',
  'queue-full': 'too many wait for the transmitter',
  'wire-full': 'too many are on the wire',
  lost: 'the cable has lost it',
  'port-gone': 'the VM was removed',
};

const reasons = {
  learned: 'the switch knows that it is there',
  'unknown-unicast': 'flooded, since the switch does not know where it is',
  multicast: 'flooded, since it is for a group',
  broadcast: 'flooded, since it is for everybody',
} as const;

export function journeyLines(
  { steps }: Pick<NetworkFrameRow, 'steps'>,
  ports: readonly Pick<NetworkPortRow, 'port' | 'name'>[],
  ticksPerSecond: number,
): readonly JourneyLine[] {
  const nameOf = (port: number) => ports.find((each) => each.port === port)?.name ?? `port ${port}, now gone`;
  const start = steps[0]?.time ?? 0;
  return steps.map((step, index) => ({
    kind: step.kind,
    when: index === 0 ? secondsText(start, ticksPerSecond) : `+${((step.time - start) * 1e6) / ticksPerSecond} µs`,
    text: textOf(step, nameOf),
    exit: step.kind === 'sent' ? step.exit : undefined,
    bad:
      step.kind === 'dropped' ||
      (step.kind === 'taken' && (step.outcome === 'no-buffer' || step.outcome === 'no-room')),
  }));
}

/** Board time to the microsecond, with its unit. */
export const secondsText = (ticks: number, ticksPerSecond: number): string =>
  `${(ticks / ticksPerSecond).toFixed(6)} s`;

function textOf(step: JourneyStep, nameOf: (port: number) => string): string {
  const name = nameOf(step.port);
  switch (step.kind) {
    case 'sent':
      return `by ${name}`;
    case 'entered':
      return `the switch, from ${name}`;
    case 'learned':
      return step.how === 'table-full'
        ? `nothing: the switch knows as many addresses behind ${name} as it can`
        : `the sender is behind ${name}${step.how === 'moved' ? ', where it was not before' : ''}`;
    case 'forwarded':
      return step.to.length === 0
        ? 'to nobody: there is no other port'
        : `to ${step.to.map(nameOf).join(', ')}: ${reasons[step.why]}`;
    case 'dropped':
      return `on the cable of ${name}: ${drops[step.reason]}`;
    case 'delivered':
      return `to ${name}`;
    case 'taken':
      return `${name}: the frame ${outcomes[step.outcome]}`;
    case 'served':
      return step.note;
  }
}
