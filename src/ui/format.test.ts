// Numbers as a person reads them.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatHex, formatLarge, formatNanoseconds, parseHex } from './format.ts';

test('words are eight digits in groups of four, and 34-bit addresses grow a group', () => {
  expect(formatHex(0x8040_1a2c)).toBe('8040_1a2c');
  expect(formatHex(0)).toBe('0000_0000');
  expect(formatHex(0x3_8040_1a2c)).toBe('3_8040_1a2c');
  expect(formatHex(-1)).toBe('ffff_ffff');
  expect(formatHex(0x8040_1a2c, false)).toBe('80401a2c');
  expect(formatHex(0xa, true, 2)).toBe('0a');
});

test('what is shown can be typed back', () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 34 - 1 }), fc.boolean(), (value, grouping) => {
      expect(parseHex(formatHex(value, grouping))).toBe(value);
      expect(parseHex(`0x${value.toString(16).toUpperCase()}`)).toBe(value);
    }),
  );
});

test.each(['', '0x', 'g', '12 34', '-1', '1234567890'])('%j is no address', (text) => {
  expect(parseHex(text)).toBeUndefined();
});

test('amounts keep the digits that matter', () => {
  expect(formatCount(1234567)).toBe('1,234,567');
  expect(formatLarge(9999)).toBe('9,999');
  expect(formatLarge(12345)).toBe('12.3 k');
  expect(formatLarge(1.5e9)).toBe('1.50 G');
  expect(formatBytes(128 * 2 ** 20)).toBe('128 MiB');
  expect(formatBytes(4096)).toBe('4 KiB');
  expect(formatNanoseconds(840)).toBe('840 ns');
  expect(formatNanoseconds(3_140_000)).toBe('3.1 ms');
});
