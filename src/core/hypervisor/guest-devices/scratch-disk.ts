// An empty disk in memory for a guest that wants one to try things on: programmed I/O, and hypercalls where there are any.

import { MemoryStore, SECTOR_BYTES } from '../../devices/block-store.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';

/** The guest with its disk, unless it has one of that kind already. */
export function withScratchDisk(guest: GuestImage): GuestImage {
  const { devices, scratchSectors } = guest;
  if (scratchSectors === undefined || devices?.programmedIo?.disk !== undefined) return guest;
  const store = new MemoryStore(new Uint8Array(scratchSectors * SECTOR_BYTES));
  return { ...guest, devices: { ...devices, programmedIo: { ...devices?.programmedIo, disk: { store } } } };
}
