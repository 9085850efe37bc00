// Expectations of a VM while it runs: what is met, and what the guest can no longer change.

import { expect, test } from 'vitest';
import { assembled } from '../isa/assembly/assembled.test-support.ts';
import { Expectations, sentenceOf, type ExpectedOfVm, type KnownState } from './expectations.ts';
import { drive, MIB, newLab } from './guest-rig.test-support.ts';

/** Prints "ab" in two steps, with four million instructions before each, and ends with code 0. */
const SOURCE = `
_start: li s1, 0x10000000
        li s2, 'a'
again:  li t0, 2000000
1:      addi t0, t0, -1
        bnez t0, 1b
        sb s2, 0(s1)
        addi s2, s2, 1
        li t0, 'c'
        bltu s2, t0, again
        li t0, 0x100000
        li t1, 0x5555
        sw t1, 0(t0)
2:      j 2b
`;

const encode = (text: string) => new TextEncoder().encode(text);
const running: KnownState = { kind: 'running' };

function watched(expected: ExpectedOfVm) {
  const lab = newLab({ memoryMiB: 40 });
  const { image } = assembled(SOURCE, { textAddress: 0x8040_0000 });
  const vm = lab.addVm({
    technique: 'hardware-assisted',
    guest: { image, boot: 'supervisor', memoryBytes: 16 * MIB, harts: 1 },
  });
  const expectations = new Expectations({ vm }, expected, encode);
  lab.start(vm.id);
  const judge = (states: readonly [KnownState, KnownState] = [running, running]) =>
    expectations
      .judge({ stateOf: (name) => states[name === undefined ? 0 : 1], migration: undefined })
      .map(({ met, settled }) => [met, settled]);
  return {
    judge,
    sentences: () => expectations.judge({ stateOf: () => running, migration: undefined }).map(sentenceOf),
    until: (printed: number) => {
      drive(lab.computerOf(vm), { until: () => vm.console.count >= printed || vm.ending !== undefined, limit: 1e7 });
      expectations.watch();
    },
    end: () => {
      drive(lab.computerOf(vm), { until: () => vm.ending !== undefined, limit: 1e7 });
      expectations.watch();
    },
  };
}

test('a text is met once it is printed, missed once the guest has ended; one that must not come holds until then', () => {
  const { judge, until, end, sentences } = watched({ console: ['a', 'ab', 'x'], consoleLacks: ['b', 'y'] });
  expect(judge()).toEqual([
    [false, false],
    [false, false],
    [false, false],
    [true, false],
    [true, false],
  ]);
  until(1);
  expect(judge()).toEqual([
    [true, true],
    [false, false],
    [false, false],
    [true, false],
    [true, false],
  ]);
  end();
  expect(judge()).toEqual([
    [true, true],
    [true, true],
    [false, true],
    [false, true],
    [true, true],
  ]);
  expect(sentences()).toEqual([
    'the console contains "a"',
    'the console contains "ab"',
    'the console contains "x", which it never printed',
    'the console does not contain "b", which it printed',
    'the console does not contain "y"',
  ]);
});

test('counts are reached for good, or passed for good; a code is known at the end', () => {
  const { judge, end } = watched({
    exitCode: 0,
    instructions: { least: 100, most: 1000 },
    exits: { least: 1e6, most: 1e6 },
  });
  expect(judge()).toEqual([
    [false, false],
    [false, false],
    [true, false],
    [false, false],
    [true, false],
  ]);
  end();
  expect(judge()).toEqual([
    [true, true],
    [true, true],
    [false, true],
    [false, true],
    [true, true],
  ]);
});

test('a migration that does not come is missed at the end', () => {
  const { judge, end } = watched({ migration: 'completed' });
  expect(judge()).toEqual([[false, false]]);
  end();
  expect(judge()).toEqual([[false, true]]);
});

test('two states are compared once both are known, and settled once both VMs have ended', () => {
  const { judge } = watched({ sameStateAs: 'other' });
  const hash = (text: string, final: boolean): KnownState => ({ kind: 'hash', hash: text, final });
  expect(judge()).toEqual([[false, false]]);
  expect(judge([hash('1', true), running])).toEqual([[false, false]]);
  expect(judge([hash('1', true), { kind: 'absent' }])).toEqual([[false, false]]);
  expect(judge([hash('1', true), hash('1', false)])).toEqual([[true, false]]);
  expect(judge([hash('1', true), hash('1', true)])).toEqual([[true, true]]);
  expect(judge([hash('1', true), hash('2', true)])).toEqual([[false, true]]);
});
