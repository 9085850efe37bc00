// What a VM's memory costs the machine that it will share, in words: how much is free, and what follows where more is promised
// than there is. The core gives a guest a frame when it first touches a page, so it may be promised more (as `ringside run` may be
// given less with --machine-memory). Pure.

import type { MachineMemory } from '../../protocol/frame.ts';

const MEBIBYTE = 2 ** 20;

export interface MemoryPromise {
  /** Behind the field. */
  readonly room: string;
  /** Where the choice has a consequence that a person should know. */
  readonly consequence: string | undefined;
}

export interface PromiseChoice {
  /** Of the new VM; NaN while nothing is written. */
  readonly memoryMiB: number;
  /** Bytes of the machine that it will share. */
  readonly machineBytes: number;
  /** That machine, where it is switched on. */
  readonly machine: MachineMemory | undefined;
  /** A physical device may write anywhere in its memory: all of it must have frames from the start. */
  readonly physicalDevice: boolean;
}

export function memoryPromise({ memoryMiB, machineBytes, machine, physicalDevice }: PromiseChoice): MemoryPromise {
  const total = machineBytes / MEBIBYTE;
  const free = Math.floor((machineBytes - (machine?.memoryUsedBytes ?? 0)) / MEBIBYTE);
  const promised = Math.round((machine?.promisedBytes ?? 0) / MEBIBYTE);
  const room = `${free} of ${total} free${promised > 0 ? `, ${promised} promised` : ''}`;
  if (physicalDevice) {
    const consequence =
      `A physical device may write anywhere in this VM’s memory, so all of it gets frames at once and none of it can be swapped out` +
      (memoryMiB > free
        ? `: expected at most ${free} MiB, found ${memoryMiB}. Choose less, or another disk model.`
        : '.');
    return { room, consequence };
  }
  if (!(promised + memoryMiB > total)) return { room, consequence: undefined };
  const swap = Math.round((machine?.swapCapacityBytes ?? machineBytes) / MEBIBYTE);
  return {
    room,
    consequence:
      `More than there is: with this VM, ${promised + memoryMiB} MiB are promised, and the machine has ${total}. A guest gets a frame when it ` +
      `first touches a page, so that goes well as long as they do not touch it all. After that, pages that nobody has used lately are ` +
      `swapped out (up to ${swap} MiB), which makes their guests slower; and when that is full as well, the VM that asks for a frame is ` +
      `ended. A balloon lets you ask a guest for memory back.`,
  };
}
