// The two-word arithmetic against BigInt.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { add, atLeast, fromNumber, multiply, subtract, toNumber } from './unsigned64.ts';
import type { Unsigned64 } from './unsigned64.ts';

const big = ({ high, low }: Unsigned64) => (BigInt(high) << 32n) | BigInt(low);
const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff));
const value = fc.record({ high: word, low: word });

it('agrees with BigInt modulo 2^64', () => {
  fc.assert(
    fc.property(value, value, fc.nat(2 ** 21 - 1), (a, b, factor) => {
      expect(big(add(a, b))).toBe(BigInt.asUintN(64, big(a) + big(b)));
      expect(big(subtract(a, b))).toBe(BigInt.asUintN(64, big(a) - big(b)));
      expect(atLeast(a, b)).toBe(big(a) >= big(b));
      expect(big(multiply(a, factor))).toBe(BigInt.asUintN(64, big(a) * BigInt(factor)));
      expect(toNumber(a)).toBe(Number(big(a)));
    }),
  );
});

it('takes every exact whole number', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (number) => {
      expect(toNumber(fromNumber(number))).toBe(number);
    }),
  );
});
