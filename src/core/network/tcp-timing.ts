// How long TCP waits before it sends again (RFC 6298), and how much it dares to have under way (RFC 5681, RFC 6582).

import type { PlainState, StateReader } from './plain-state.ts';
import { sequenceDistance } from './tcp-segment.ts';

/** RFC 6298, 2.1: before the first measurement. */
const INITIAL_TIMEOUT_SECONDS = 1;
/** RFC 6298, 2.4 says one second; Linux takes 0.2, and virtual seconds are dear. */
const LEAST_TIMEOUT_SECONDS = 0.2;
/** RFC 6298, 2.5 */
const LONGEST_TIMEOUT_SECONDS = 60;
/** RFC 6928, 2: the initial window, in segments. */
const INITIAL_SEGMENTS = 10;
/** RFC 5681, 3.2: so many repeated acknowledgments mean a loss. */
const DUPLICATES_FOR_LOSS = 3;
const LARGEST_WINDOW = 2 ** 20;

/** The retransmission timeout; times in ticks. */
export class RetransmissionTimeout {
  readonly #ticksPerSecond: number;
  #smoothed = 0;
  #variation = 0;
  #measured = false;
  #timeout: number;

  constructor(ticksPerSecond: number) {
    this.#ticksPerSecond = ticksPerSecond;
    this.#timeout = INITIAL_TIMEOUT_SECONDS * ticksPerSecond;
  }

  get ticks(): number {
    return this.#timeout;
  }

  /** A round trip of a segment that was sent only once (Karn's algorithm, RFC 6298, 3). */
  measure(roundTrip: number): void {
    if (this.#measured) {
      this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#smoothed - roundTrip);
      this.#smoothed = 0.875 * this.#smoothed + 0.125 * roundTrip;
    } else {
      this.#smoothed = roundTrip;
      this.#variation = roundTrip / 2;
      this.#measured = true;
    }
    this.#set(this.#smoothed + 4 * this.#variation);
  }

  /** It ran out: the next lasts twice as long (RFC 6298, 5.5). */
  backOff(): void {
    this.#set(this.#timeout * 2);
  }

  /**
   * New data was acknowledged: the path lives, so the doubling ends. Stricter readings of Karn's algorithm wait for a measurement;
   * where everything under way is a repetition that would never come, and Linux does as here.
   */
  answered(): void {
    if (this.#measured) this.#set(this.#smoothed + 4 * this.#variation);
  }

  snapshot(): PlainState {
    return {
      smoothed: this.#smoothed,
      variation: this.#variation,
      measured: this.#measured,
      timeout: this.#timeout,
    };
  }

  restore(state: StateReader): void {
    this.#smoothed = state.number('smoothed', 0, Number.MAX_SAFE_INTEGER);
    this.#variation = state.number('variation', 0, Number.MAX_SAFE_INTEGER);
    this.#measured = state.boolean('measured');
    this.#set(state.number('timeout', 0, Number.MAX_SAFE_INTEGER));
  }

  #set(ticks: number): void {
    const least = LEAST_TIMEOUT_SECONDS * this.#ticksPerSecond;
    this.#timeout = Math.ceil(Math.min(LONGEST_TIMEOUT_SECONDS * this.#ticksPerSecond, Math.max(least, ticks)));
  }
}

/** The congestion window, in octets: slow start, congestion avoidance, fast recovery. */
export class CongestionWindow {
  #segment: number;
  #window: number;
  #threshold = LARGEST_WINDOW;
  #duplicates = 0;
  #recovering = false;
  /** The highest sequence number sent when the last loss was found (RFC 6582, 3.2). */
  #recover: number;

  /** @param segment octets of a full segment @param sequence the initial send sequence number */
  constructor(segment: number, sequence: number) {
    this.#segment = segment;
    this.#window = INITIAL_SEGMENTS * segment;
    this.#recover = sequence;
  }

  get window(): number {
    return this.#window;
  }

  /**
   * New data was acknowledged up to `acknowledgment`.
   * @returns true when the segment there is missing too and is to be sent at once (a partial acknowledgment)
   */
  acknowledged(octets: number, acknowledgment: number): boolean {
    this.#duplicates = 0;
    if (this.#recovering) {
      if (sequenceDistance(acknowledgment, this.#recover) >= 0) {
        this.#recovering = false;
        this.#window = this.#threshold;
        return false;
      }
      this.#window = Math.max(this.#segment, this.#window - octets + this.#segment);
      return true;
    }
    const slowStart = this.#window < this.#threshold;
    const growth = slowStart ? Math.min(octets, this.#segment) : Math.ceil(this.#segment ** 2 / this.#window);
    this.#window = Math.min(LARGEST_WINDOW, this.#window + growth);
    return false;
  }

  /** An acknowledgment came again. @returns true when the first segment is to be sent again (RFC 5681, 3.2) */
  duplicate(acknowledgment: number, sendNext: number, flight: number): boolean {
    this.#duplicates += 1;
    if (this.#recovering) {
      this.#window = Math.min(LARGEST_WINDOW, this.#window + this.#segment);
      return false;
    }
    if (this.#duplicates !== DUPLICATES_FOR_LOSS || sequenceDistance(acknowledgment, this.#recover) <= 0) return false;
    this.#recovering = true;
    this.#recover = sendNext;
    this.#threshold = Math.max(flight / 2, 2 * this.#segment);
    this.#window = this.#threshold + DUPLICATES_FOR_LOSS * this.#segment;
    return true;
  }

  /** The timer ran out: begin again with one segment (RFC 5681, 3.1). */
  timedOut(flight: number, highest: number): void {
    this.#threshold = Math.max(flight / 2, 2 * this.#segment);
    this.#window = this.#segment;
    this.#recovering = false;
    this.#recover = highest;
    this.#duplicates = 0;
  }

  snapshot(): PlainState {
    return {
      segment: this.#segment,
      window: this.#window,
      threshold: this.#threshold,
      duplicates: this.#duplicates,
      recovering: this.#recovering,
      recover: this.#recover,
    };
  }

  restore(state: StateReader): void {
    this.#segment = state.integer('segment', 1, 0xffff);
    this.#window = state.number('window', 1, LARGEST_WINDOW * 2);
    this.#threshold = state.number('threshold', 1, LARGEST_WINDOW);
    this.#duplicates = state.integer('duplicates', 0, Number.MAX_SAFE_INTEGER);
    this.#recovering = state.boolean('recovering');
    this.#recover = state.integer('recover', 0, 2 ** 32 - 1);
  }
}
