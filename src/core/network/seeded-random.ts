// A generator of numbers that look random and are the same in every run (mulberry32, Tommy Ettinger, public domain): its whole
// state is one 32-bit word. Not for secrets.

export class SeededRandom {
  /** 32 bits, unsigned; reading and setting it is the snapshot. */
  state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 to 2^32 − 1 */
  next32(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let word = this.state;
    word = Math.imul(word ^ (word >>> 15), word | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  }

  /** At least 0, less than 1. */
  nextFraction(): number {
    return this.next32() / 2 ** 32;
  }
}
