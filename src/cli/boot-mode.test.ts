// How an ELF wants to start when nobody says: by where its content lies.

import { expect, test } from 'vitest';
import { CODE, makeElf } from '../core/machine/elf-file.test-support.ts';
import { bootModeOf } from './guest-source.ts';

test.each([
  [0x80000000, 'machine'],
  [0x80200000, 'supervisor'],
  [0x80080000, 'supervisor'],
])('a program at %i starts in %s mode', (address, mode) => {
  expect(bootModeOf(makeElf({ entry: address, segments: [{ address, bytes: CODE }] }))).toBe(mode);
});

test('the headers a linker puts into the page below do not count', () => {
  const file = new Uint8Array(0x1004);
  const plan = { address: 0x8007f000, fileOffset: 0, fileSize: 0x1004, bytes: new Uint8Array(0) };
  file.set(makeElf({ entry: 0x80080000, segments: [plan] }).subarray(0, 84));
  file.set(CODE, 0x1000);
  expect(bootModeOf(file)).toBe('supervisor');
});
