// Processes, namespaces, control groups and system calls of the Linux in the VM being looked at.

import { Privilege } from '../../core/machine/hart-state.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { KernelMemory } from '../../core/linux/kernel-memory.ts';
import { findLayout, identify, lookAtLinux } from '../../core/linux/processes.ts';
import type { ProcessesAnswer } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

const CALLS_LIMIT = 256;
const COUNTS_LIMIT = 64;
const TP = 4;

export function processesAnswer(context: AnswerContext, calls: number): ProcessesAnswer | undefined {
  const { vm, layouts, systemCalls } = context;
  if (vm === undefined) return undefined;
  const log = systemCalls.get(vm.id);
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
  if (layouts === undefined) return without('The layouts of the kernels that ship are on their way.');
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
