// What a panel compares with: the stop before the one on the screen.
import { expect, test } from 'vitest';
import type { Frame, VmSummary } from '../protocol/frame.ts';
import { createStopHistory } from './stop-history.ts';

const VM: VmSummary = {
  vm: 1,
  title: 'hello',
  guest: 'hello',
  technique: 'trap-and-emulate',
  boot: 'supervisor',
  memoryBytes: 2 ** 24,
  state: 'paused',
  machine: 'A',
  vcpus: [],
  stopReason: { kind: 'pause', sentence: 'You paused it.' },
  stepping: false,
  mode: 'S',
  runner: 'guest-kernel',
  pc: 0x8000_0000,
  instructions: 10,
  exits: 0,
  lastExit: undefined,
  ending: undefined,
};

const frameOf = (sequence: number): Frame => ({
  sequence,
  vms: [],
  machines: [],
  machine: { time: 0, mips: 0, exitsPerSecond: 0 },
  answers: {},
});

test('the first stop has nothing before it, the second has the first', () => {
  const history = createStopHistory();
  expect(history.note(frameOf(1), VM)).toBeUndefined();
  expect(history.note(frameOf(2), { ...VM, instructions: 11, pc: 0x8000_0004 })).toEqual(frameOf(1));
});

test('asking again at the same stop compares with the same stop, and the next compares with the latest answer', () => {
  const history = createStopHistory();
  history.note(frameOf(1), VM);
  history.note(frameOf(2), { ...VM, instructions: 11 });
  expect(history.note(frameOf(3), { ...VM, instructions: 11 })).toEqual(frameOf(1));
  expect(history.note(frameOf(4), { ...VM, instructions: 12 })).toEqual(frameOf(3));
});

test('while it moves nothing is compared, and the stop after it compares with the stop before', () => {
  const history = createStopHistory();
  history.note(frameOf(1), VM);
  expect(history.note(frameOf(2), { ...VM, state: 'running', instructions: 500 })).toBeUndefined();
  expect(history.note(frameOf(3), { ...VM, state: 'paused', stepping: true, instructions: 600 })).toBeUndefined();
  expect(history.note(frameOf(4), { ...VM, instructions: 900 })).toEqual(frameOf(1));
});

test('each VM has its own history, and a reset begins a new one', () => {
  const history = createStopHistory();
  history.note(frameOf(1), VM);
  expect(history.note(frameOf(2), { ...VM, vm: 2, instructions: 99 })).toBeUndefined();
  expect(history.note(frameOf(3), { ...VM, instructions: 0 })).toBeUndefined();
  history.forget(2);
  expect(history.note(frameOf(4), { ...VM, vm: 2, instructions: 100 })).toBeUndefined();
  history.clear();
  expect(history.note(frameOf(5), { ...VM, instructions: 1 })).toBeUndefined();
});
