// The virtio slots of a guest's board, before its devices are put there.

import type { InSlot } from '../protocol/option-values/slot.ts';
import { UsageError } from './options.ts';

/** Slots of the board, from 0x10001000 on. */
export const VIRTIO_SLOTS = 8;

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
