// The way of each frame, step by step, from the card that sent it to the card or service that took it. For drawings only: a
// bounded memory of the last frames, which nothing decides by.
//
//   sent (in which exit) → entered → learned? → forwarded | dropped, why → delivered → taken: with an interrupt, or without

import type { FrameEvent } from '../../network/frame-event.ts';

/** What became of a frame at the card of a VM. */
export type CardOutcome =
  /** In the guest's memory, and its interrupt is raised. */
  | 'interrupt'
  /** In the guest's memory; the driver has asked not to be interrupted, it looks by itself. */
  | 'silent'
  /** The driver has given the card no buffer that the frame fits in. */
  | 'no-buffer'
  /** Flooded, and addressed to another card that is known: that card alone takes it. */
  | 'not-addressed'
  /** A person holds the VM: the card keeps the frame until it goes on. */
  | 'kept'
  /** A person holds the VM, and the card keeps as many frames as it can. */
  | 'no-room';

type Plain<Event> = Event extends FrameEvent ? Omit<Event, 'frame' | 'octets'> : never;

/** Times in ticks of the network's clock, ports by their numbers. */
export type JourneyStep =
  | Plain<Exclude<FrameEvent, { readonly kind: 'sent' }>>
  /** `exit` is the number, in the trace, of the guest's exit that brought the frame. */
  | { readonly kind: 'sent'; readonly time: number; readonly port: number; readonly exit?: number }
  | { readonly kind: 'taken'; readonly time: number; readonly port: number; readonly outcome: CardOutcome }
  /** The gateway did something with it, or why it did not. */
  | { readonly kind: 'served'; readonly time: number; readonly port: number; readonly note: string };

export interface FrameJourney {
  readonly frame: number;
  /** From the destination address on; shared: read, do not write. */
  readonly octets: Uint8Array;
  readonly steps: readonly JourneyStep[];
}

interface OpenJourney extends FrameJourney {
  readonly steps: JourneyStep[];
}

const KEPT = 256;

export class FrameJourneys {
  readonly #journeys = new Map<number, OpenJourney>();

  /** To be told each event of the switch. @param exit the exit in which it happens */
  observe(event: FrameEvent, exit?: number): void {
    switch (event.kind) {
      case 'sent': {
        const { frame, octets, kind, time, port } = event;
        this.#journeys.set(frame, {
          frame,
          octets,
          steps: [{ kind, time, port, ...(exit !== undefined && { exit }) }],
        });
        if (this.#journeys.size > KEPT) this.#journeys.delete(frame - KEPT); // numbers are given out in a row
        break;
      }
      case 'delivered': {
        const { frame, kind, time, port } = event;
        this.add(frame, { kind, time, port });
        break;
      }
      default: {
        const { frame, ...step } = event;
        this.add(frame, step);
      }
    }
  }

  /** A step that the switch does not see. */
  add(frame: number, step: JourneyStep): void {
    this.#journeys.get(frame)?.steps.push(step);
  }

  /** The last frames, newest first. */
  recent(count: number): readonly FrameJourney[] {
    return [...this.#journeys.values()].slice(-count).reverse();
  }
}
