// A stream of random choices that is the same for the same seed on every machine.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5851_f42d) | 1;
    for (let round = 0; round < 4; round++) this.word();
  }

  /** 32 random bits, unsigned (xorshift32). */
  word(): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return Math.imul(state, 0x2c1b_3c6d) >>> 0;
  }

  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number {
    return Math.floor((this.word() / 2 ** 32) * limit);
  }

  chance(probability: number): boolean {
    return this.word() / 2 ** 32 < probability;
  }

  pick<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('nothing to pick from');
    return value;
  }

  /** Some of the bits of `mask`, each with the given probability. */
  bits(mask: number, probability = 0.5): number {
    let chosen = 0;
    for (let bit = 0; bit < 32; bit++) if ((mask >>> bit) & 1 && this.chance(probability)) chosen |= 1 << bit;
    return chosen >>> 0;
  }
}
