// What the text of an option may be.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address, count, size, sizeText, ValueError, wholeNumber } from './values.ts';

const memory = size({ minimum: 2 * 2 ** 20, maximum: 2 ** 31, multipleOf: 4096 });

describe('size', () => {
  test.each([
    ['128M', 134217728],
    ['128m', 134217728],
    ['128MiB', 134217728],
    ['1G', 1073741824],
    ['2G', 2147483648],
    ['4096K', 4194304],
    ['4194304', 4194304],
  ])('%s is %i bytes', (text, bytes) => {
    expect(memory(text)).toBe(bytes);
  });

  test.each(['', '0', 'M', '1T', '-1M', '1.5M', '1 M', '0x10M', '1M1', '1K', '3G', '99999999999999999999G', '2097153'])(
    '"%s" is refused',
    (text) => {
      expect(() => memory(text)).toThrow(ValueError);
    },
  );

  test('a number that was meant in MiB is answered with how to write it', () => {
    expect(() => memory('128')).toThrow('write 128M for 128 MiB');
  });

  test('sizeText is read back as the same size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 512, max: 2 ** 19 }), (pages) => {
        expect(memory(sizeText(pages * 4096))).toBe(pages * 4096);
      }),
    );
  });
});

test.each([
  ['0', 0],
  ['12345678901', 12345678901],
  ['500M', 5e8],
  ['2k', 2000],
  ['1G', 1e9],
])('count: %s is %i', (text, value) => {
  expect(count(text)).toBe(value);
});

test.each(['', '-1', '1.5', '1e9', 'K', '9007199254740992', '10000000G', 'Infinity', 'NaN'])(
  'count: "%s" is refused',
  (text) => {
    expect(() => count(text)).toThrow(ValueError);
  },
);

test.each([
  ['0x80400000', 0x8040_0000],
  ['0XfffffFFC', 0xffff_fffc],
  ['4096', 4096],
])('address: %s', (text, value) => {
  expect(address(text)).toBe(value);
});

test.each(['', '0x', '0x80000002', '0x100000000', '-4', '80400000h', '1e3'])('address: "%s" is refused', (text) => {
  expect(() => address(text)).toThrow(ValueError);
});

test('wholeNumber takes exactly what lies within its limits', () => {
  fc.assert(
    fc.property(fc.integer({ min: -20, max: 20 }), (value) => {
      const read = () => wholeNumber(1, 8)(String(value));
      if (value >= 1 && value <= 8) expect(read()).toBe(value);
      else expect(read).toThrow(ValueError);
    }),
  );
});
