// The machine's RAM as its devices reach it: by physical address, checked, and as stores that caches of code hear of.

import { BUS_ERROR } from '../devices/device.ts';
import type { DmaMemory } from '../devices/virtio/dma-memory.ts';
import { WalkFailure, type IommuPorts } from '../devices/iommu.ts';
import { RAM_BASE } from './layout.ts';
import type { PhysicalMemory } from './physical-memory.ts';
import { Access, untranslated, Walker } from './walker.ts';

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

/** How an IOMMU walks a second stage: with the hart's own walker. */
export function secondStageWalk(ram: PhysicalMemory): IommuPorts['walk'] {
  const walker = new Walker(ram);
  const context = untranslated();
  context.twoStage = true;
  context.user = true;
  return (hgatp, address, store, update) => {
    context.hgatp = hgatp;
    context.updateStage2 = update;
    if (walker.walkStage2(context, address, store ? Access.store : Access.load)) return walker.physical;
    return walker.fault === 'guest-page' ? WalkFailure.page : WalkFailure.access;
  };
}
