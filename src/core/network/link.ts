// One direction of a cable: a queue, a transmitter that takes time for each bit, and a wire that takes time for the way and may lose a frame.
//
//   offer → [ queue, finite ] → transmitter (bits/s) → wire (delay, loss) → the far end, in the order of the offers

import { LONGEST_FRAME_BYTES, MINIMUM_FRAME_BYTES } from './ethernet.ts';
import type { PlainState, StateReader } from './plain-state.ts';
import { SeededRandom } from './seeded-random.ts';

export interface LinkSettings {
  /** Time on the wire, each way, in ticks; at least 1, so that no answer comes at the time of its question. */
  readonly delayTicks: number;
  /** Of each frame, each way: 0 to 1. */
  readonly lossProbability: number;
  /** 0 stands for a transmitter that takes no time. */
  readonly bitsPerSecond: number;
  /** Octets of frames that may wait for the transmitter, each way; a frame that finds no room is dropped (tail drop). */
  readonly queueBytes: number;
  /** Whether the cable is plugged in. */
  readonly connected: boolean;
}

/** A short cable of 1 Gbit/s; 100 ticks of the board's 10 MHz are 10 µs. */
export const DEFAULT_LINK: LinkSettings = {
  delayTicks: 100,
  lossProbability: 0,
  bitsPerSecond: 1_000_000_000,
  queueBytes: 256 * 1024,
  connected: true,
};

/** The most that may be under way at once in one direction, so that a long, fast wire holds no unbounded memory. */
export const IN_FLIGHT_LIMIT_FRAMES = 4096;
/** A room of one longest frame: with less, a link would pass nothing that has to wait. */
const SMALLEST_QUEUE_BYTES = LONGEST_FRAME_BYTES;
/** More than a day of 10 MHz ticks. */
const LONGEST_DELAY_TICKS = 2 ** 40;
/** Preamble and start delimiter 8, frame check sequence 4, gap between frames 12 octets (IEEE 802.3, 3.1.1, 4.4.2). */
const UNSEEN_BYTES = 24;

/** Why a link does not take a frame. */
export type LinkDrop = 'link-down' | 'queue-full' | 'wire-full';

/** A frame under way. Times in ticks. */
export interface FrameInFlight {
  readonly id: number;
  readonly octets: Uint8Array;
  /** Orders frames that arrive at the same tick, over all links of a switch. */
  readonly order: number;
  /** When its first bit leaves the queue. */
  readonly start: number;
  readonly arrival: number;
  /** The wire will lose it: at its arrival nothing arrives. */
  readonly lost: boolean;
}

/** @throws RangeError naming the setting that is out of range, and the range */
export function checkLinkSettings(settings: LinkSettings): void {
  const check = (name: keyof LinkSettings, minimum: number, maximum: number, whole: boolean): void => {
    const value = settings[name];
    if (typeof value === 'number' && value >= minimum && value <= maximum && (!whole || Number.isInteger(value)))
      return;
    throw new RangeError(
      `Expected ${name} to be a ${whole ? 'whole ' : ''}number from ${minimum} to ${maximum}, found ${value}.`,
    );
  };
  check('delayTicks', 1, LONGEST_DELAY_TICKS, true);
  check('lossProbability', 0, 1, false);
  check('bitsPerSecond', 0, 1e12, false);
  check('queueBytes', SMALLEST_QUEUE_BYTES, 2 ** 24, true);
}

/**
 * Ticks for which a frame keeps the transmitter busy: with preamble, check sequence and gap, a short frame padded to 60 octets, as
 * on a real cable (1,488,095 shortest frames a second at 1 Gbit/s).
 * @returns not rounded, so that a fast link loses nothing to rounding
 */
export function transmissionTicks(frameBytes: number, bitsPerSecond: number, ticksPerSecond: number): number {
  if (bitsPerSecond === 0) return 0;
  return ((Math.max(frameBytes, MINIMUM_FRAME_BYTES) + UNSEEN_BYTES) * 8 * ticksPerSecond) / bitsPerSecond;
}

export class LinkDirection {
  readonly #ticksPerSecond: number;
  readonly #random: SeededRandom;
  #inFlight: FrameInFlight[] = [];
  /** Index of the first frame that had not left the queue at the last look, and the octets from there on. */
  #firstWaiting = 0;
  #waitingBytes = 0;
  /** When the transmitter is free, in fractions of ticks. */
  #freeAt = 0;
  #lastArrival = 0;

  constructor(ticksPerSecond: number, seed: number) {
    this.#ticksPerSecond = ticksPerSecond;
    this.#random = new SeededRandom(seed);
  }

  /** Takes a frame at `time`. Settings that change later do not reach it any more, and nothing overtakes it. */
  offer(id: number, octets: Uint8Array, order: number, time: number, settings: LinkSettings): LinkDrop | undefined {
    if (!settings.connected) return 'link-down';
    if (this.#inFlight.length >= IN_FLIGHT_LIMIT_FRAMES) return 'wire-full';
    this.#advanceQueue(time);
    const start = Math.max(time, this.#freeAt);
    if (start > time && this.#waitingBytes + octets.length > settings.queueBytes) return 'queue-full';
    this.#freeAt = start + transmissionTicks(octets.length, settings.bitsPerSecond, this.#ticksPerSecond);
    const arrival = Math.max(Math.ceil(this.#freeAt) + settings.delayTicks, this.#lastArrival);
    this.#lastArrival = arrival;
    const lost = settings.lossProbability > 0 && this.#random.nextFraction() < settings.lossProbability;
    this.#inFlight.push({ id, octets, order, start, arrival, lost });
    this.#waitingBytes += octets.length;
    return undefined;
  }

  /** The frame that arrives next. */
  get head(): FrameInFlight | undefined {
    return this.#inFlight[0];
  }

  /** Takes the head off. */
  take(): void {
    const head = this.#inFlight.shift();
    if (head === undefined) return;
    if (this.#firstWaiting > 0) this.#firstWaiting -= 1;
    else this.#waitingBytes -= head.octets.length;
  }

  /** Octets that wait for the transmitter at `time`. */
  waitingBytes(time: number): number {
    this.#advanceQueue(time);
    return this.#waitingBytes;
  }

  snapshot(): PlainState {
    return {
      random: this.#random.state,
      freeAt: this.#freeAt,
      lastArrival: this.#lastArrival,
      inFlight: this.#inFlight.map((frame) => ({ ...frame, octets: [...frame.octets] })),
    };
  }

  restore(state: StateReader): void {
    const inFlight = state.groups('inFlight', IN_FLIGHT_LIMIT_FRAMES).map((frame) => ({
      id: frame.integer('id', 0, Number.MAX_SAFE_INTEGER),
      octets: frame.octets('octets', LONGEST_FRAME_BYTES),
      order: frame.integer('order', 0, Number.MAX_SAFE_INTEGER),
      start: frame.number('start', 0, Number.MAX_SAFE_INTEGER),
      arrival: frame.number('arrival', 0, Number.MAX_SAFE_INTEGER),
      lost: frame.boolean('lost'),
    }));
    if (inFlight.some((frame, index) => frame.arrival < (inFlight[index - 1]?.arrival ?? 0))) {
      state.fail('inFlight', 'frames in the order of their arrival');
    }
    this.#random.state = state.integer('random', 0, 2 ** 32 - 1);
    this.#freeAt = state.number('freeAt', 0, Number.MAX_SAFE_INTEGER);
    this.#lastArrival = state.number('lastArrival', 0, Number.MAX_SAFE_INTEGER);
    this.#inFlight = inFlight;
    this.#firstWaiting = 0;
    this.#waitingBytes = inFlight.reduce((sum, frame) => sum + frame.octets.length, 0);
  }

  #advanceQueue(time: number): void {
    for (;;) {
      const frame = this.#inFlight[this.#firstWaiting];
      if (frame === undefined || frame.start > time) return;
      this.#waitingBytes -= frame.octets.length;
      this.#firstWaiting += 1;
    }
  }
}
