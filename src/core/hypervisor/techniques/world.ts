// A technique as one object behind one interface: how a vCPU gets onto the hart and off it, what each trap means, and who
// keeps the page tables. The handlers (handlers.ts) are written once, against this.

import type { Hart } from '../../machine/hart.ts';
import type { PrivilegedState, Trap } from '../../machine/privileged-state.ts';
import type { Exit, Exits, Verdict } from '../exits/exits.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { HypercallCaller } from './hypercall-caller.ts';
import type { AccessingVm, ModifiedPrivilege } from './modified-privilege.ts';
import type { VirtualInterruptFile } from '../interrupts/virtual-interrupt-file.ts';

/** Exits on the guest's own memory: the page is not in the hypervisor's tables, or it is and stores to it are not let through. */
export type MappedExit = Extract<Exit, { reason: 'missing-page' | 'protected-page' }>;

export interface World {
  /** Performs loads and stores that no table can allow exactly, where the guest can have a machine mode. */
  readonly modifiedPrivilege?: ModifiedPrivilege;
  /** Performs a load or store of the guest's to a page of code, where code is patched. @returns the fault it ends in, if it does */
  accessCode?(vm: AccessingVm, hart: Hart, exit: Exits['code-access']): Trap | undefined;
  /** Answers a hypercall, where the technique has them. */
  hypercall?(caller: HypercallCaller): Verdict;
  /** What the guest and its hypervisor have agreed on by hypercalls, as plain words, where there is anything. */
  agreement?(): readonly number[];
  /** Takes over an agreement, with the guest's memory as it was. @throws Error where it does not fit */
  agree?(words: readonly number[]): void;
  /** Puts everything on the hart that stays there while this vCPU is the current one: address space, guest CSRs. */
  load(hart: Hart): void;
  /** Brings the guest's CSRs back into the vCPU's state; may be called at any time while it is loaded. */
  save(hart: Hart): void;
  /** The vCPU leaves the hart, after `save`. */
  unload?(hart: Hart): void;
  /** The guest has set the clock of its board: the hart's view of it must follow. */
  keepTime(hart: Hart): void;
  /** Enters the guest: registers onto the hart, what is pending injected, then the hart's own SRET. */
  enter(hart: Hart): void;
  /** The hart has just trapped into HS-mode: registers, pc and mode into the vCPU's state. */
  leave(hart: Hart): void;
  /** As `leave`, for a hart that was halted between two guest instructions and not by a trap. */
  halt(hart: Hart): void;
  /** Puts a halted guest back, in the middle of its own code. */
  unhalt(hart: Hart): void;
  /** Names the trap the hart has just taken. */
  exitOf(hart: Hart): Exit;
  /** Delivers an exception to the guest's own handler. */
  reflect(hart: Hart, trap: Trap): void;
  /** Adds the page, or the right to store to it, to the hypervisor's tables. @returns false where no frame or no table memory is left */
  mapPage(hart: Hart, exit: MappedExit): boolean;
  /** What the trapped access was: the transformed instruction in htinst, or the instruction itself; undefined where neither is known. */
  instruction(hart: Hart): number | undefined;
  /** How far the faulting address lies behind the one the instruction asked for: not 0 where a misaligned access met a second page. */
  accessOffset(hart: Hart, gva: number): number;
  /** The guest's instruction at its pc, read as the hypervisor can read it; undefined where it cannot be fetched. For the record. */
  fetchInstruction(hart: Hart): number | undefined;
  /** The guest's translations have changed. */
  fence(hart: Hart, address: number | undefined, addressSpace: number | undefined): void;
  /** The guest's machine mode has set physical memory protection up anew. */
  protectionChanged?(): void;
  /** Gives the tables back. */
  dispose(): void;
}

/** What a world needs of its VM. */
export interface WorldPorts {
  readonly vm: number;
  /** The guest's hart as it sees it. */
  readonly state: PrivilegedState;
  /** The guest's physical memory. */
  readonly memory: GuestMemory;
  /** The guest's interrupt file, where it has one that hardware keeps. */
  readonly interruptFile?: VirtualInterruptFile | undefined;
  /** Whether a device of the guest's board lies at this address. */
  readonly isDevice: (gpa: Gpa) => boolean;
  /** Guest time minus board time, in ticks. */
  readonly timeDelta: () => number;
  /** The hart forgets every translation: due before the frames of a table that it may have walked are used again. */
  readonly fenceHart: () => void;
}
