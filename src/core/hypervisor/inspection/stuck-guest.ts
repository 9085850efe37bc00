// Why a guest is stuck in its trap handler, as far as its page tables and its image tell: kernels that have only ever run on
// QEMU's default CPU leave A and D to the walker, and code of another ISA stops at its first instruction.

import { exceptionRows, findCause } from '../../isa/causes.ts';
import { Access, NO_ENTRY, Pte, type TableMemory } from '../../machine/walker.ts';
import { stuck } from '../endings.ts';
import { guestContext, walkGuest } from './inspect-memory.ts';
import type { Ending, VirtualMachine } from '../virtual-machine.ts';

const ENTRIES = 1024;

/**
 * The ending of a guest whose trap handler traps into itself.
 * @param pc the handler's virtual address
 * @param cause of the trap
 */
export function stuckGuest(vm: VirtualMachine, hart: number, pc: number, cause: number): Ending {
  const ending = stuck(pc, cause);
  const advice = adviceFor(vm, hart, pc, cause);
  return advice === undefined ? ending : { ...ending, message: `${ending.message} ${advice}` };
}

function adviceFor(vm: VirtualMachine, hart: number, pc: number, cause: number): string | undefined {
  if (vm.guest.mayBeCompressed && cause !== exceptionRows.instructionPageFault.code) {
    return 'Its ELF says that it may have compressed instructions (C), which this machine lacks: build it with -march=rv32ima_zicsr_zifencei.';
  }
  if (findCause(cause)?.name.includes('page fault') !== true) return undefined;
  if (leavesAccessedClear(vm, hart, pc)) return letHardwareSet('A bits');
  const stored = cause === exceptionRows.storePageFault.code && leavesDirtyClear(vm, hart);
  return stored ? letHardwareSet('D bits of pages that it stores to') : undefined;
}

const letHardwareSet = (what: string): string =>
  `Its page tables leave the ${what} clear, for the hardware to set, as QEMU’s default CPU does: ` +
  'give it a board that sets them (Svadu; --ad-bits hardware, or “A and D bits set by hardware” where a VM is added).';

/** The store that faulted last was to a page that allows stores and has A set, but not D. */
function leavesDirtyClear(vm: VirtualMachine, hart: number): boolean {
  const { stval } = vm.look(hart).csrs;
  let leaf = 0;
  walkGuest(vm, stval >>> 0, Access.store, ({ stage, value }) => (leaf = stage === 1 ? value : leaf), hart);
  return (leaf & (Pte.V | Pte.W | Pte.A | Pte.D)) === (Pte.V | Pte.W | Pte.A);
}

/** The entry of the handler's page has A clear, or no entry at all has it set. */
function leavesAccessedClear(vm: VirtualMachine, hart: number, pc: number): boolean {
  const context = guestContext(vm, hart);
  if (context.satp >>> 31 === 0) return false;
  let leaf = 0;
  walkGuest(vm, pc, Access.fetch, ({ stage, value }) => (leaf = stage === 1 ? value : leaf), hart);
  if ((leaf & (Pte.V | Pte.X)) === (Pte.V | Pte.X)) return (leaf & Pte.A) === 0;
  // Under two stages the tables lie in memory that only a second walk reaches.
  return !context.twoStage && leavesAllAccessedClear(vm.memory, (context.satp & 0x3f_ffff) * 4096);
}

/** There are entries for pages, and none has A set. @param root guest physical */
function leavesAllAccessedClear(memory: Pick<TableMemory, 'readEntry'>, root: number): boolean {
  let pages = 0;
  const look = (table: number, below: boolean): boolean => {
    for (let index = 0; index < ENTRIES; index++) {
      const entry = memory.readEntry(table + 4 * index);
      if (entry === NO_ENTRY || (entry & Pte.V) === 0) continue;
      if ((entry & (Pte.R | Pte.X)) !== 0) {
        if ((entry & Pte.A) !== 0) return false;
        pages++;
      } else if (below && !look((entry >>> 10) * 4096, false)) return false;
    }
    return true;
  };
  return look(root, true) && pages > 0;
}
