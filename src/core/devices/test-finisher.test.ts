// The finisher's three words, and the widths at which QEMU's answers (0x2 to 0x4 bytes, hw/misc/sifive_test.c).

import { expect, it } from 'vitest';
import { BUS_ERROR } from './device.ts';
import { TestFinisher } from './test-finisher.ts';
import type { FinisherOutcome } from './test-finisher.ts';

function mount() {
  const outcomes: FinisherOutcome[] = [];
  return { finisher: new TestFinisher({ finish: (outcome) => outcomes.push(outcome) }), outcomes };
}

it.each([
  [4, 0x5555, { kind: 'pass' }],
  [4, 0xdead5555, { kind: 'pass' }],
  [2, 0x5555, { kind: 'pass' }],
  [4, 0x00073333, { kind: 'fail', code: 7 }],
  [4, 0xffff3333, { kind: 'fail', code: 0xffff }],
  [2, 0x00073333, { kind: 'fail', code: 0 }],
  [4, 0x7777, { kind: 'reset' }],
] as const)('a %i-byte store of %i means %o', (width, value, outcome) => {
  const { finisher, outcomes } = mount();
  expect(finisher.write(0, width, value)).toBe(true);
  expect(outcomes).toEqual([outcome]);
});

it('ignores other words and other offsets, reads as zero', () => {
  const { finisher, outcomes } = mount();
  expect(finisher.write(0, 4, 0x1234)).toBe(true);
  expect(finisher.write(4, 4, 0x5555)).toBe(true);
  expect(finisher.read(0, 4)).toBe(0);
  expect(outcomes).toEqual([]);
});

it('refuses bytes, misaligned accesses and what lies outside', () => {
  const { finisher, outcomes } = mount();
  for (const [offset, width] of [
    [0, 1],
    [1, 2],
    [2, 4],
    [0x1000, 4],
  ] as const) {
    // prettier-ignore
    expect(finisher.write(offset, width, 0x5555)).toBe(false);
    expect(finisher.read(offset, width)).toBe(BUS_ERROR);
  }
  expect(outcomes).toEqual([]);
});
