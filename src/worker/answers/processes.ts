// Processes, namespaces, control groups and system calls of the Linux in the VM being looked at.

import { Privilege } from '../../core/machine/hart-state.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { KernelMemory } from '../../core/linux/kernel-memory.ts';
import type { KernelLayout } from '../../core/linux/kernel-layout.ts';
import { findLayout, identify, lookAtLinux } from '../../core/linux/processes.ts';
import type { SystemCallLog } from '../../core/linux/system-call-log.ts';
import type { ProcessesAnswer } from '../../protocol/frame.ts';

const CALLS_LIMIT = 256;
const COUNTS_LIMIT = 64;
const TP = 4;

/**
 * @param layouts kernels whose memory can be read
 * @param log the VM's system calls, where they are recorded
 * @param calls how many of them are wanted at most
 */
export function processesAnswer(
  vm: VirtualMachine,
  layouts: readonly KernelLayout[],
  log: SystemCallLog | undefined,
  calls: number,
): ProcessesAnswer {
  const recorded: ProcessesAnswer['calls'] = {
    watching: vm.userCalls !== undefined,
    total: log?.total ?? 0,
    recent: log?.recent(Math.min(CALLS_LIMIT, Math.max(0, Math.floor(calls)))) ?? [],
    counts: log?.counts.slice(0, COUNTS_LIMIT) ?? [],
  };
  const without = (missing: string): ProcessesAnswer => ({
    picture: undefined,
    missing,
    current: [],
    calls: recorded,
  });
  const memory = new KernelMemory(vm.memory, vm.look().get('satp'));
  if (!memory.paging)
    return without('The guest has not turned paging on: there is no kernel yet whose memory could be read.');
  const layout = findLayout(memory, layouts);
  if (layout === undefined) {
    return without(
      'This is not a Linux kernel that was built with the lab, so nobody knows where it keeps its processes. Add the Linux that ships.',
    );
  }
  return {
    picture: lookAtLinux(memory, layout),
    missing: undefined,
    current: Array.from({ length: vm.harts }, (_, hart) => identify(memory, layout, taskOn(vm, hart)).pid ?? 0),
    calls: recorded,
  };
}

/** Linux on RISC-V keeps the running task in tp in its kernel, and in sscratch while a program runs (arch/riscv/kernel/entry.S). */
function taskOn(vm: VirtualMachine, hart: number): number {
  const state = vm.look(hart);
  return (state.privilege === Privilege.user ? state.csrs.sscratch : state.x(TP)) >>> 0;
}
