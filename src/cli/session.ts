// One guest on one computer, ready to run: what the command line needs of the core.

import { BareMachine } from '../core/hypervisor/techniques/bare-machine.ts';
import type { Computer } from '../core/hypervisor/computer.ts';
import { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import { Lab } from '../core/hypervisor/lab.ts';
import type { LevelTrace } from '../core/hypervisor/inspection/level-trace.ts';
import type { Trace } from '../core/hypervisor/exits/trace.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import type { VirtualNetwork } from '../core/hypervisor/guest-devices/virtual-network.ts';
import { quirksOf, type QuirkName } from '../core/machine/quirks.ts';
import { ImageError } from '../core/machine/image.ts';
import { checkClone, type CloneChoice } from './clone-options.ts';
import type { ChosenGuest } from './guest-source.ts';
import { labVm, type LabVm } from './lab-vm.ts';
import { applyMemory, checkMemory, memoryOptionsOf, type MemoryChoice } from './memory-options.ts';
import { nodeHost } from './node-host.ts';
import { applyScheduling, checkScheduling, type SchedulingChoice } from './scheduling-options.ts';
import { checkMoves, restoreFrom, type MoveChoice } from './move-options.ts';
import { UsageError } from './options.ts';
import { sizeText } from '../protocol/option-values/values.ts';

export interface Session extends LabVm {
  readonly computer: Computer;
  readonly trace: Trace;
  /** Undefined where the guest does not own its machine. */
  readonly levels: LevelTrace | undefined;
  /** Undefined where the guest has no network card. */
  readonly network: VirtualNetwork | undefined;
}

/** Crossings between levels that are kept until they are written: more than there can be in one slice. */
const LEVELS = 1 << 16;
/** Clocks start at the epoch in every run, so that runs can be compared. */
const EPOCH = { high: 0, low: 0 };
/** What the physical machine has beyond the guest's RAM, for the hypervisor's page tables. */
const HYPERVISOR_BYTES = 64 * 2 ** 20;
/** Physical memory ends where 32 bits of address do. */
const MACHINE_LIMIT = 2 ** 31;

/** @throws ImageError, UsageError where the guest cannot be loaded or the host lacks memory */
export function openSession(
  { guest, technique }: ChosenGuest,
  broken: readonly QuirkName[] = [],
  scheduling: SchedulingChoice & MemoryChoice & MoveChoice & CloneChoice = {},
): Session {
  checkScheduling(scheduling, technique, guest.harts);
  checkMemory(scheduling, technique);
  checkMoves(scheduling, technique, guest);
  checkClone(scheduling, technique);
  const machineBytes = scheduling.machineMemory ?? guest.memoryBytes + HYPERVISOR_BYTES;
  if (technique === 'hardware-assisted' && guest.boot === 'machine') {
    throw new UsageError(
      'a guest in supervisor boot with --technique hardware-assisted',
      'one in machine boot, which the H extension does not virtualize',
      guest.firmware === undefined
        ? 'add --boot supervisor if it is a kernel for S-mode, or use --technique trap-and-emulate'
        : 'use --technique trap-and-emulate, or leave out --firmware',
    );
  }
  if (technique !== 'bare' && machineBytes > MACHINE_LIMIT) {
    throw new UsageError(
      `at most ${sizeText(MACHINE_LIMIT - HYPERVISOR_BYTES)} of memory with --technique ${technique}`,
      sizeText(guest.memoryBytes),
      'the hypervisor needs the rest for its page tables; give the guest less',
    );
  }
  const lab = new Lab({
    host: nodeHost,
    memoryBytes: machineBytes,
    epochNanoseconds: EPOCH,
    levelTraceCapacity: LEVELS,
    quirks: quirksOf(broken),
    memory: memoryOptionsOf(scheduling),
    messageInterrupts: guest.messageInterrupts ?? false,
    ...(scheduling.physicalHarts !== undefined && { physicalHarts: scheduling.physicalHarts }),
  });
  const vm = addVm(lab, { guest, technique });
  if (vm instanceof HostedVm && scheduling.restore !== undefined) restoreFrom(scheduling.restore, vm);
  if (vm instanceof HostedVm && lab.hypervisor) {
    applyScheduling(scheduling, lab.hypervisor, vm);
    applyMemory(scheduling, lab.hypervisor);
  }
  lab.start(vm.id);
  // Not spread into a literal: what moves with the VM is asked for each time.
  return Object.assign(labVm(lab, vm.id), {
    computer: lab.computerOf(vm),
    trace: lab.trace,
    levels: vm instanceof BareMachine ? vm.levels : undefined,
    network: lab.networkOf(vm),
  });
}

function addVm(lab: Lab, { guest, technique }: Pick<ChosenGuest, 'guest' | 'technique'>): VirtualMachine {
  try {
    return lab.addVm({ technique, guest });
  } catch (error) {
    // The lab speaks to people in plain Errors; anything else is a defect and must look like one.
    if (error instanceof Error && error.constructor === Error) throw new ImageError(error.message);
    throw error;
  }
}
