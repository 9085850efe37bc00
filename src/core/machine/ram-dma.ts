// The machine's RAM as its devices reach it: by physical address, checked, and as stores that caches of code hear of.

import { BUS_ERROR } from '../devices/device.ts';
import type { DmaMemory } from '../devices/virtio/dma-memory.ts';
import { RAM_BASE } from './layout.ts';
import type { PhysicalMemory } from './physical-memory.ts';

export function ramDma(ram: PhysicalMemory): DmaMemory {
  const holds = (address: number, length: number) => address >= RAM_BASE && address + length <= RAM_BASE + ram.size;
  return {
    holds,
    read: (address, into) => {
      if (!holds(address, into.length)) return false;
      into.set(ram.view(address, into.length));
      return true;
    },
    write: (address, from) => {
      if (!holds(address, from.length)) return false;
      ram.write(address, from);
      return true;
    },
    load: (address, width) => (holds(address, width) ? ram.load(ram.linearOf(address), width) : BUS_ERROR),
    store: (address, width, value) => {
      if (!holds(address, width)) return false;
      ram.store(ram.linearOf(address), width, value);
      return true;
    },
  };
}
