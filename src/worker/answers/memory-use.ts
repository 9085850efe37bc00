// Memory as a resource, as the page shows it: what each VM of the hypervisor was promised and what became of it.

import type { GuestMemory } from '../../core/hypervisor/memory/guest-memory.ts';
import type { MemoryUseAnswer, VmMemoryUse } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

/** Pieces of a VM's memory in its map. */
const PIECES = 256;

export function memoryUseAnswer({ lab, vm: seen }: AnswerContext): MemoryUseAnswer | undefined {
  const hypervisor = (seen && lab.hypervisorOf(seen)) ?? lab.hypervisor;
  const machine = (seen && lab.machineOf(seen)) ?? 'A';
  if (hypervisor === undefined) return undefined;
  const { memory, frames } = hypervisor;
  const tables = new Map<number, number>();
  let saved = 0;
  for (const { owner, frames: count, sharers } of frames.runs()) {
    if (owner?.use === 'shared') saved += count * (sharers - 1);
    else if (owner !== undefined && owner.use !== 'ram') tables.set(owner.vm, (tables.get(owner.vm) ?? 0) + count);
  }
  const vms = [...hypervisor.vms.values()].map((vm): VmMemoryUse => {
    const { pinned: _, dirty, ...use } = vm.memory.use;
    return {
      vm: vm.id,
      ...use,
      tables: tables.get(vm.id) ?? 0,
      dirty: vm.memory.dirtyLog.active ? dirty : undefined,
      balloon: vm.balloon?.use,
      map: mapOf(vm.memory),
    };
  });
  return {
    machine,
    vms,
    totalBytes: frames.count * 4096,
    usedBytes: frames.usedBytes,
    swapBytes: memory.swap.bytes,
    swapCapacityBytes: memory.swap.capacityPages * 4096,
    hugePages: memory.hugePages,
    merging: { ...memory.merging.use, saved },
  };
}

function mapOf(memory: GuestMemory): string {
  const pages = Math.ceil(memory.pages.count / PIECES);
  return Array.from({ length: Math.ceil(memory.pages.count / pages) }, (_, piece) =>
    memory.pages.stateOf(piece * pages, pages),
  ).join('');
}
