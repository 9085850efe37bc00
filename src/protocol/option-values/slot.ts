// Where a virtio device stands on the board: `slot=N`, behind the value of any option that puts one there. Kernels that do not
// read the device tree look for each device at one address.

import { ValueError, type Reader } from './values.ts';

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
