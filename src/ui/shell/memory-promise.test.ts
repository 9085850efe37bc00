// What the dialog says of a VM's memory: nothing where it fits, the consequence where more is promised than there is.

import { describe, expect, test } from 'vitest';
import { memoryPromise, type PromiseChoice } from './memory-promise.ts';

const MIB = 2 ** 20;
const machine = {
  name: 'A',
  memoryBytes: 384 * MIB,
  memoryUsedBytes: 84 * MIB,
  promisedBytes: 320 * MIB,
  swapCapacityBytes: 384 * MIB,
} as const;
const choice: PromiseChoice = { memoryMiB: 64, machineBytes: 384 * MIB, machine, physicalDevice: false };

describe('the promise', () => {
  test('that the machine can keep has no consequence', () => {
    expect(memoryPromise(choice)).toEqual({ room: '300 of 384 free, 320 promised', consequence: undefined });
    const first = { ...choice, machine: undefined, memoryMiB: 384 };
    expect(memoryPromise(first)).toEqual({ room: '384 of 384 free', consequence: undefined });
    expect(memoryPromise({ ...choice, memoryMiB: NaN }).consequence).toBeUndefined();
  });

  test('that is more than there is says when it will be felt, and how', () => {
    const { consequence } = memoryPromise({ ...choice, memoryMiB: 65 });
    expect(consequence).toMatch(/^More than there is: with this VM, 385 MiB are promised, and the machine has 384\./);
    expect(consequence).toMatch(/first touches.*swapped out \(up to 384 MiB\).*ended.*balloon/);
  });

  test('must be kept at once where a physical device writes into the memory', () => {
    expect(memoryPromise({ ...choice, physicalDevice: true }).consequence).toMatch(/all of it gets frames at once/);
    expect(memoryPromise({ ...choice, physicalDevice: true, memoryMiB: 301 }).consequence).toMatch(
      /expected at most 300 MiB, found 301\./,
    );
  });
});
