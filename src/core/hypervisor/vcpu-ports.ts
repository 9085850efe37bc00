// What a vCPU takes from the VM and the machine it belongs to.

import type { Board } from '../machine/board.ts';
import type { Hart } from '../machine/hart.ts';
import type { Machine } from '../machine/machine.ts';
import type { PrivilegedState } from '../machine/privileged-state.ts';
import type { Trace } from './exits/trace.ts';
import type { PreparedGuest } from './firmware/guest-boot.ts';
import type { Sbi } from './firmware/sbi.ts';
import type { UserCallObserver } from './inspection/user-call.ts';
import type { VmInterrupts } from './interrupts/vm-interrupts.ts';
import type { GuestMemory } from './memory/guest-memory.ts';
import type { World } from './techniques/world.ts';
import type { Ending, HostedTechnique } from './virtual-machine.ts';

/** A vCPU's VM as the vCPU sees it. */
export interface VcpuVm {
  readonly id: number;
  readonly technique: HostedTechnique;
  readonly board: Board;
  readonly guest: PreparedGuest;
  readonly memory: GuestMemory;
  readonly sbi: Sbi;
  readonly ending: Ending | undefined;
  readonly interruptLog: VmInterrupts;
  readonly userCalls: UserCallObserver | undefined;
  readonly breakpoints: ReadonlySet<number>;
  /** Guest time in ticks. */
  readonly now: number;
  /** Machine time minus guest time, in ticks. */
  readonly timeOrigin: number;
  /** What the VM as a whole has due happens. @returns false where no vCPU of it may execute */
  elapse(): boolean;
  /** Machine time in ticks at which `elapse` is due next. */
  deadline(): number;
  end(ending: Ending): void;
  /** One of its harts is stuck in the guest's trap handler. */
  endStuck(hart: number, pc: number, cause: number): void;
  /** A physical device has interrupted the hart. */
  deviceInterrupted(): void;
  /** Interrupt files of virtual CPUs that are not on this hart signal. */
  guestFileInterrupted(hart: Hart): void;
}

export interface VcpuOptions<Vm extends VcpuVm> {
  readonly vm: Vm;
  /** The number of the hart it is to its guest. */
  readonly index: number;
  readonly machine: Machine;
  /** Linear address of the block for its state. */
  readonly stateBase: number;
  readonly svadu: boolean;
  /** The guest has machine mode to itself; otherwise the hypervisor is its firmware. */
  readonly ownsMachineMode: boolean;
  readonly trace: Trace;
  readonly makeWorld: (vcpu: { readonly state: PrivilegedState; readonly index: number }) => World;
  /** While it is not on a hart, something has happened to it that may change when it can execute. */
  readonly disturbed: () => void;
}
