// Where a virtio device stands on the board: `slot=N`, behind the value of any option that puts one there. Kernels that do not
// read the device tree look for each device at one address.

import { UsageError } from './options.ts';
import { ValueError, type Reader } from './values.ts';

/** Slots of the board, from 0x10001000 on. */
export const VIRTIO_SLOTS = 8;

/** For the help of each option that takes it. */
export const SLOT_HELP = 'slot=N: in virtio slot 0 to 7';

/** A device that may ask for a slot. */
export interface InSlot {
  /** 0 to 7; the highest that is free where absent. */
  readonly slot?: number;
}

/** What `read` takes, with `slot=N` behind a comma or without. A comma that belongs to the value is written twice, as for QEMU. */
export function inSlot<Value extends object>(read: Reader<Value>): Reader<Value & InSlot> {
  return (text) => {
    const parts = text.split(/(?<!,),(?!,)/);
    const [chosen, ...more] = parts.slice(1).filter((part) => part.startsWith('slot='));
    const rest = parts.filter((part, index) => index === 0 || !part.startsWith('slot=')).join(',');
    let value: Value;
    try {
      value = read(rest);
    } catch (error) {
      if (!(error instanceof ValueError) || parts.length < 2) throw error;
      throw new ValueError(`${error.expected}, or slot=N`, error.advice);
    }
    if (chosen === undefined) return value;
    if (more.length > 0) throw new ValueError('slot=N once behind the commas', 'leave one out');
    const slot = /^slot=[0-7]$/.test(chosen) ? Number(chosen.slice(-1)) : undefined;
    if (slot === undefined) throw new ValueError('slot=0 to slot=7 behind a comma', 'choose one of these');
    return { ...value, slot };
  };
}

/**
 * @param devices each with what a person calls it
 * @throws UsageError where there are more than slots, or two want the same
 */
export function checkSlots(devices: readonly (InSlot & { readonly what: string })[]): void {
  if (devices.length > VIRTIO_SLOTS) {
    throw new UsageError(`at most ${VIRTIO_SLOTS} virtio devices`, `${devices.length}`, 'leave some out');
  }
  for (const [index, { slot, what }] of devices.entries()) {
    const other = devices.slice(0, index).find((each) => slot !== undefined && each.slot === slot);
    if (other === undefined) continue;
    throw new UsageError(
      'one device in each virtio slot',
      `${other.what} and ${what} with slot=${slot}`,
      'choose another slot for one of them',
    );
  }
}
