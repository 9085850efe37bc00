// The worlds of one VM's vCPUs: what its technique makes of the VM's memory and board, and the page tables that takes. The
// tables of the second stage are one set for all of its vCPUs; shadow tables are each vCPU's own.

import type { BlockStore } from '../../devices/block-store.ts';
import type { Board } from '../../machine/board.ts';
import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { Machine } from '../../machine/machine.ts';
import type { PrivilegedState } from '../../machine/privileged-state.ts';
import type { GuestImage, PreparedGuest } from '../firmware/guest-boot.ts';
import type { AssignedDevices } from '../guest-devices/passthrough.ts';
import type { SerialConsole } from '../guest-devices/serial-console.ts';
import type { VirtualInterruptFile } from '../interrupts/virtual-interrupt-file.ts';
import type { VmInterrupts } from '../interrupts/vm-interrupts.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { HostFrames } from '../memory/host-frames.ts';
import { SecondStage } from '../memory/second-stage.ts';
import { ShadowTables } from '../memory/shadow-tables.ts';
import { TablePages } from '../memory/table-pages.ts';
import { DEAD_EXIT_CODE, type Ending, type HostedTechnique } from '../virtual-machine.ts';
import { HardwareAssisted } from './hardware-assisted.ts';
import { Paravirtual } from './paravirtual.ts';
import type { CodePatches } from './patching/code-patches.ts';
import { PatchedKernel } from './patching/patched-kernel.ts';
import { TrapAndEmulate } from './trap-and-emulate.ts';
import type { World } from './world.ts';

/**
 * Page tables a VM may have. The second stage is one root and a table for each 4 MiB of RAM, whatever the guest does. Shadows
 * are dropped and made again where the guest would need more; Linux has about 50 at its prompt.
 */
export const tablesOf = (
  technique: HostedTechnique,
  { memoryBytes, harts, messageInterrupts }: Pick<GuestImage, 'memoryBytes' | 'harts' | 'messageInterrupts'>,
): number => {
  const regions = Math.ceil(memoryBytes / 2 ** 22);
  // One more for the registers of physical devices, one for interrupt files.
  return technique === 'hardware-assisted'
    ? 5 + (messageInterrupts === true ? 1 : 0) + regions
    : harts * (256 + 4 * regions);
};

/** Copies of patched pages a VM may have: one for 16 of its pages. Where it needs more, the oldest is given up. */
export const patchCopiesOf = ({ memoryBytes }: Pick<GuestImage, 'memoryBytes'>): number =>
  Math.max(64, Math.ceil(memoryBytes / PAGE_SIZE / 16));

/** The VM as its worlds see it. */
export interface WorldlyVm {
  readonly id: number;
  readonly technique: HostedTechnique;
  readonly harts: number;
  readonly memoryBytes: number;
  readonly guest: PreparedGuest;
  readonly memory: GuestMemory;
  readonly board: Board;
  readonly console: SerialConsole;
  readonly interruptLog: VmInterrupts;
  end(ending: Ending): void;
}

export interface VmWorldsPorts {
  readonly vm: WorldlyVm;
  readonly machine: Machine;
  readonly frames: HostFrames;
  /** Page tables that all of its worlds may have together. */
  readonly tables: number;
  readonly patches: CodePatches | undefined;
  readonly assigned: AssignedDevices | undefined;
  /** Of a hart of the guest, where the machine's own interrupt files serve it. */
  readonly interruptFile: (hart: number) => VirtualInterruptFile | undefined;
  /** The disk of its programmed I/O, which hypercalls reach as well. */
  readonly disk: BlockStore | undefined;
}

export class VmWorlds {
  readonly #ports: VmWorldsPorts;
  #secondStage: SecondStage | undefined;

  constructor(ports: VmWorldsPorts) {
    this.#ports = ports;
  }

  /** Entries of the second stage that map 4 MiB each; none where there is no second stage. */
  get hugeEntries(): number {
    return this.#secondStage?.hugeEntries ?? 0;
  }

  /** The world of one of its vCPUs, with tables that begin anew. @throws Error where an assigned device needs more memory than there is */
  make({ state, index }: { readonly state: PrivilegedState; readonly index: number }): World {
    const { vm, machine, frames, tables, patches } = this.#ports;
    const { id, technique, memory, board } = vm;
    const limit = tables / (technique === 'hardware-assisted' ? 1 : vm.harts);
    const pages = (use: 'stage-2 tables' | 'shadow tables') => new TablePages(machine.ram, frames, id, use, limit);
    const fenceHart = () => {
      for (const hart of machine.harts) hart.access.translations.flush();
    };
    const ports = {
      vm: id,
      state,
      memory,
      interruptFile: this.#ports.interruptFile(index),
      isDevice: (gpa: number) => board.bus.covers(gpa),
      timeDelta: () => board.time() - machine.board.time(),
      fenceHart,
    };
    const { mappings } = memory;
    if (technique === 'hardware-assisted') {
      this.#secondStage ??= this.#makeSecondStage(pages('stage-2 tables'), fenceHart);
      mappings.add(this.#secondStage);
      return new HardwareAssisted(ports, this.#secondStage);
    }
    const frameOf = (page: number) => memory.hostAddress(RAM_BASE + page * PAGE_SIZE);
    const copyOf = patches && ((page: number) => patches.copyOf(page));
    const shadows = new ShadowTables(pages('shadow tables'), fenceHart, frameOf, copyOf);
    mappings.add(shadows);
    const deprivileged = {
      ...ports,
      ownsMachineMode: !vm.guest.supervisor,
      interruptTaken: (cause: number, handler: number) => vm.interruptLog.taken(cause & 0x7fff_ffff, handler, index),
    };
    if (patches) return new PatchedKernel({ ...deprivileged, ram: machine.ram, patches }, shadows);
    if (technique === 'trap-and-emulate') return new TrapAndEmulate(deprivileged, shadows);
    return new Paravirtual(
      {
        ...deprivileged,
        time: () => board.time(),
        writeConsole: (byte) => vm.console.write(byte),
        disk: this.#ports.disk,
        die: (message) => vm.end({ kind: 'dead', exitCode: DEAD_EXIT_CODE, message }),
      },
      shadows,
    );
  }

  /** The tables that all vCPUs share go back; each world gives back its own. */
  dispose(): void {
    this.#secondStage?.dispose();
    this.#secondStage = undefined;
  }

  /** @throws Error where an assigned device needs more memory than there is */
  #makeSecondStage(pages: TablePages, fence: () => void): SecondStage {
    const { vm, assigned } = this.#ports;
    const stage = new SecondStage(vm.id, pages, fence);
    if (assigned === undefined || assigned.attach(stage, vm.memory)) return stage;
    throw new Error(
      `expected ${vm.memoryBytes / 2 ** 20} MiB of free machine memory, all of it at once because a physical device may use it, found less: remove a VM, give this one less, or the machine more`,
    );
  }
}
