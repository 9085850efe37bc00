// The cable between two machines, as migration uses it: so many bytes a second, so long on the way, in virtual time. It may be
// cut, and it may damage what it carries; both are a person's doing.
//
//   send → [ transmitter: bytes / bandwidth ] → [ wire: latency ] → arrive

import { TICKS_PER_SECOND } from '../computer.ts';

export interface MigrationLinkSettings {
  /** Bytes of virtual time's second. */
  readonly bytesPerSecond: number;
  /** Ticks on the wire, each way. */
  readonly latencyTicks: number;
}

/** 1 Gbit/s, 100 µs. */
export const DEFAULT_MIGRATION_LINK: MigrationLinkSettings = { bytesPerSecond: 125_000_000, latencyTicks: 1000 };

const SLOWEST = 1000;
const FASTEST = 1e12;
/** A minute. */
const LONGEST_LATENCY = 60 * TICKS_PER_SECOND;

/** @throws RangeError naming what is out of range, and the range */
function checkMigrationLink({ bytesPerSecond, latencyTicks }: MigrationLinkSettings): void {
  if (!(bytesPerSecond >= SLOWEST && bytesPerSecond <= FASTEST)) {
    throw new RangeError(`expected a bandwidth of ${SLOWEST} to ${FASTEST} bytes a second, found ${bytesPerSecond}`);
  }
  if (!(latencyTicks >= 0 && latencyTicks <= LONGEST_LATENCY)) {
    throw new RangeError(`expected a latency of 0 to ${LONGEST_LATENCY} ticks, found ${latencyTicks}`);
  }
}

/** Ticks that the transmitter takes for so many bytes. */
export const transferTicks = ({ bytesPerSecond }: MigrationLinkSettings, bytes: number): number =>
  (bytes / bytesPerSecond) * TICKS_PER_SECOND;

interface UnderWay {
  readonly bytes: Uint8Array;
  readonly arrival: number;
}

export class MigrationLink {
  readonly settings: MigrationLinkSettings;
  /** Ticks, not whole, at which the transmitter has sent everything it was given. */
  #freeAt = 0;
  #underWay: UnderWay[] = [];
  #sent = 0;
  #cut = false;
  #damageNext = false;

  /** @throws RangeError for settings out of range */
  constructor(settings: MigrationLinkSettings) {
    checkMigrationLink(settings);
    this.settings = settings;
  }

  /** Bytes given to the transmitter so far. */
  get sentBytes(): number {
    return this.#sent;
  }
  get isCut(): boolean {
    return this.#cut;
  }
  /** Ticks at which the transmitter can take more. */
  get freeAt(): number {
    return this.#freeAt;
  }
  /** Ticks at which the next bytes arrive; Infinity: none are under way. */
  get nextArrival(): number {
    return this.#underWay[0]?.arrival ?? Infinity;
  }

  /** Puts bytes behind those that wait already. @param now ticks */
  send(bytes: Uint8Array, now: number): void {
    const start = Math.max(now, this.#freeAt);
    this.#freeAt = start + transferTicks(this.settings, bytes.length);
    this.#sent += bytes.length;
    if (this.#cut) return;
    this.#underWay.push({ bytes: this.#damaged(bytes), arrival: this.#freeAt + this.settings.latencyTicks });
  }

  /** What has arrived by now, in order. */
  arrivals(now: number): readonly Uint8Array[] {
    const arrived = this.#underWay.filter(({ arrival }) => arrival <= now);
    this.#underWay = this.#underWay.slice(arrived.length);
    return arrived.map(({ bytes }) => bytes);
  }

  /** Somebody pulls the cable out: what is under way is lost, and nothing gets through any more. */
  cut(): void {
    this.#cut = true;
    this.#underWay = [];
  }

  /** The next bytes arrive with one bit turned over. */
  damageNext(): void {
    this.#damageNext = true;
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    if (!this.#damageNext || bytes.length === 0) return bytes;
    this.#damageNext = false;
    const damaged = bytes.slice();
    const middle = damaged.length >> 1;
    damaged[middle] = (damaged[middle] ?? 0) ^ 1;
    return damaged;
  }
}
