// A source of random bytes (virtio 1.2, section 5.4), as /dev/hwrng reads it. What it gives comes from a port: in this lab a seeded
// generator, so that the same run has the same "random" numbers.

import type { DeviceState } from '../device.ts';
import type { QueueRole, VirtioFactory, VirtioFunction } from './virtio-function.ts';

export interface EntropySource {
  /** Overwrites all of `bytes`. */
  fill(bytes: Uint8Array): void;
  snapshot(): DeviceState;
  /** Another one that goes on with the same numbers. */
  fork(): EntropySource;
  restore(state: DeviceState): void;
}

/** Numbers that look random and are the same in every run (mulberry32, public domain). Not for secrets. */
export class SeededEntropy implements EntropySource {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  fill(bytes: Uint8Array): void {
    for (let index = 0; index < bytes.length; index++) {
      this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
      let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
      word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
      bytes[index] = (word ^ (word >>> 14)) >>> 13;
    }
  }

  snapshot(): DeviceState {
    return { state: this.#state };
  }

  fork(): SeededEntropy {
    return new SeededEntropy(this.#state);
  }

  restore(state: DeviceState): void {
    if (typeof state['state'] === 'number') this.#state = state['state'] >>> 0;
  }
}

/** Bytes given at once; a device may fill less than the driver left room for (section 5.4.6). */
const MOST_BYTES = 4096;

/** @returns an entropy device, to be put into a slot */
export const virtioEntropy =
  (source: EntropySource): VirtioFactory =>
  () =>
    new VirtioEntropy(source);

export class VirtioEntropy implements VirtioFunction {
  readonly deviceId = 4;
  readonly title = 'entropy device';
  readonly features = [];
  readonly queues: readonly QueueRole[];
  readonly #source: EntropySource;

  constructor(source: EntropySource) {
    this.#source = source;
    this.queues = [
      {
        name: 'requestq',
        serve: (chain) => {
          const bytes = new Uint8Array(Math.min(MOST_BYTES, chain.writableBytes));
          source.fill(bytes);
          const written = chain.write(0, bytes);
          return { written, operation: 'entropy', argument: written, status: written > 0 ? 'OK' : 'no room' };
        },
      },
    ];
  }

  configuration(): Uint8Array {
    return new Uint8Array(0);
  }

  reset(): void {
    // The numbers go on: a driver that resets the device does not get the same ones again.
  }

  fork(): VirtioFactory {
    return virtioEntropy(this.#source.fork());
  }

  snapshot(): DeviceState {
    return { source: this.#source.snapshot() };
  }

  restore(state: DeviceState): void {
    if (typeof state['source'] === 'object') this.#source.restore(state['source'] as DeviceState);
  }
}
