// A VM's RAM as the devices of its board reach it: by guest physical address, through the VM's own frames. What a guest writes
// into a descriptor can therefore name no byte that is not the guest's. What was swapped out comes back for it; a device that asks
// beforehand waits for it by itself, and no vCPU does.

import { BUS_ERROR } from '../../devices/device.ts';
import type { DmaMemory } from '../../devices/virtio/dma-memory.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import type { GuestMemory } from './guest-memory.ts';

/**
 * @param memory the VM's memory, asked for at each access: the board is built before it
 * @param swapLatency ticks that a page takes to come back
 */
export function guestDma(memory: () => GuestMemory, swapLatency = 0): DmaMemory {
  const scratch = new Uint8Array(4);
  const view = new DataView(scratch.buffer);
  return {
    holds: (address, length) => address >= RAM_BASE && address + length <= RAM_BASE + memory().size,
    read: (address, into) => {
      memory().bringBack(address, into.length);
      return memory().read(address, into);
    },
    write: (address, from) => memory().write(address, from),
    load: (address, width) => {
      memory().bringBack(address, width);
      if (!memory().read(address, scratch.subarray(0, width))) return BUS_ERROR;
      return width === 4 ? view.getUint32(0, true) : width === 2 ? view.getUint16(0, true) : view.getUint8(0);
    },
    store: (address, width, value) => {
      view.setUint32(0, value, true);
      return memory().write(address, scratch.subarray(0, width));
    },
    fetch: (access) => {
      const guest = memory();
      if (swapLatency === 0 || !guest.pages.anySwapped) return 0;
      const pages = guest.pages.fetchedBy(() => access((address, length) => guest.bringBack(address, length)));
      return pages * swapLatency;
    },
  };
}
