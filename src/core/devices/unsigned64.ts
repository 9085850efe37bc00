// 64-bit unsigned numbers as two 32-bit words, for timers that a 32-bit hart sets half by half. All arithmetic wraps at 2^64.

const WORD = 2 ** 32;

export interface Unsigned64 {
  readonly high: number;
  readonly low: number;
}

export const ZERO: Unsigned64 = { high: 0, low: 0 };

/** @param value a whole number from 0 to 2^53 */
export function fromNumber(value: number): Unsigned64 {
  return { high: Math.floor(value / WORD) >>> 0, low: value >>> 0 };
}

/** Exact up to 2^53; above that rounded as a JavaScript number is. */
export function toNumber(value: Unsigned64): number {
  return value.high * WORD + value.low;
}

export function add(a: Unsigned64, b: Unsigned64): Unsigned64 {
  const low = a.low + b.low;
  return { high: (a.high + b.high + (low >= WORD ? 1 : 0)) >>> 0, low: low >>> 0 };
}

export function subtract(a: Unsigned64, b: Unsigned64): Unsigned64 {
  return { high: (a.high - b.high - (a.low < b.low ? 1 : 0)) >>> 0, low: (a.low - b.low) >>> 0 };
}

export function atLeast(a: Unsigned64, b: Unsigned64): boolean {
  return a.high === b.high ? a.low >= b.low : a.high > b.high;
}

/** `value * factor` for a factor below 2^21, so that no partial product leaves the exact range. */
export function multiply(value: Unsigned64, factor: number): Unsigned64 {
  const low = fromNumber(value.low * factor);
  return { high: (low.high + ((value.high * factor) % WORD)) >>> 0, low: low.low };
}
