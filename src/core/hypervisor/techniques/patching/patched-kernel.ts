// Trap-and-emulate on a machine where some sensitive instruction does not trap: the shadows lead fetches to patched copies of
// the guest's code (code-patches.ts), loads and stores to what the guest has written. Which frame the hart has fetched from is
// read in its own shadow, so that a trap is taken for a patch exactly where the hart executed one.

import { exceptionRows } from '../../../isa/causes.ts';
import { decode, type Decoded } from '../../../isa/instructions.ts';
import type { Hart } from '../../../machine/hart.ts';
import { PAGE_SIZE, RAM_BASE } from '../../../machine/layout.ts';
import type { PhysicalMemory } from '../../../machine/physical-memory.ts';
import type { Trap } from '../../../machine/privileged-state.ts';
import { Access, Pte } from '../../../machine/walker.ts';
import type { Gpa, Hpa } from '../../memory/addresses.ts';
import type { Exit, Exits } from '../../exits/exits.ts';
import { ModifiedPrivilege, type AccessingVm } from '../modified-privilege.ts';
import type { ShadowTables } from '../../memory/shadow-tables.ts';
import { targetOf } from '../../memory/table-pages.ts';
import { TrapAndEmulate, type TrapAndEmulatePorts } from '../trap-and-emulate.ts';
import type { MappedExit } from '../world.ts';
import type { CodePatches } from './code-patches.ts';

export interface PatchedKernelPorts extends TrapAndEmulatePorts {
  readonly ram: PhysicalMemory;
  /** Shared by all vCPUs of the VM. */
  readonly patches: CodePatches;
}

export class PatchedKernel extends TrapAndEmulate {
  readonly #ports: PatchedKernelPorts;
  /** Performs accesses by the instruction's own row; the reservation it works with is the hart's. */
  readonly #performer = new ModifiedPrivilege((gva, access, width) => this.locate(gva, access, width));

  constructor(ports: PatchedKernelPorts, shadows: ShadowTables) {
    super(ports, shadows);
    this.#ports = ports;
  }

  override exitOf(hart: Hart): Exit {
    const exit = super.exitOf(hart);
    switch (exit.reason) {
      case 'guest-exception': {
        const decoded = exit.trap.cause === exceptionRows.breakpoint.code ? this.#patched() : undefined;
        return decoded === undefined ? exit : { reason: 'patched-instruction', decoded };
      }
      case 'missing-page':
      case 'protected-page': {
        const word = exit.access === Access.fetch ? undefined : this.#wordToPerform(exit);
        if (word === undefined) return exit;
        const { gva, gpa, access } = exit;
        return { reason: 'code-access', gva, gpa, access, word };
      }
      default:
        return exit;
    }
  }

  override mapPage(hart: Hart, exit: MappedExit): boolean {
    const { memory, patches } = this.#ports;
    const { mode } = this;
    const { gva, access } = exit;
    if (!this.#covered) {
      const mapped = super.mapPage(hart, exit);
      if (memory.mayStore(exit.gpa)) patches.storesGranted(exit.gpa);
      return mapped;
    }
    const gpa = this.translate(gva, access);
    if (gpa === undefined) return false;
    const page = gpa - (gpa % PAGE_SIZE);
    const target = access === Access.fetch ? patches.examine(page) : memory.touch(page, access === Access.store);
    if (target === undefined) return false;
    const rights = this.#rights(access, page, patches.originalOf(target) !== undefined);
    if ((rights & Pte.W) !== 0) patches.storesGranted(page);
    const { superpage } = this.walker;
    let before = this.shadows.mapWith(mode, gva, target, rights, superpage);
    if (before === undefined) {
      this.shadows.dropAll(mode);
      before = this.shadows.mapWith(mode, gva, target, rights, superpage);
    }
    // Another frame for the same page: what the hart knows of the one before must go.
    if (before !== undefined && (before & Pte.V) !== 0 && targetOf(before) !== target) {
      hart.access.translations.flush(gva);
    }
    return before !== undefined;
  }

  /** Performs a load, store or atomic that touches the page it is fetched from, or a page that is as much code as data. */
  accessCode(vm: AccessingVm, hart: Hart, { gpa, word }: Exits['code-access']): Trap | undefined {
    const { memory, patches, ram } = this.#ports;
    const kind = decode(word)?.row.effect.kind;
    const reserves = kind === 'load-reserved' || kind === 'store-conditional';
    const performer = this.#performer;
    const linearOf = (address: Gpa) => ram.linearOf(memory.hostAddress(address) ?? 0);
    performer.reservation = reserves && hart.state.reservation === linearOf(gpa) ? gpa : undefined;
    const fault = patches.perform(gpa, () => performer.perform(vm, word));
    if (reserves) hart.state.reservation = performer.reservation === undefined ? 0 : linearOf(performer.reservation);
    return fault;
  }

  /** Code of the mode the guest is in is patched. */
  get #covered(): boolean {
    const { mode } = this;
    return this.#ports.patches.covers(mode.user && mode.satp >>> 31 === 1);
  }

  /** The frame that the instruction at pc was fetched from; undefined where the shadow does not have it any more. */
  #codeFrame(): Hpa | undefined {
    const leaf = this.shadows.leafOf(this.mode, this.#ports.state.pc);
    return (leaf & (Pte.V | Pte.X)) === (Pte.V | Pte.X) ? targetOf(leaf) : undefined;
  }

  #patched(): Decoded | undefined {
    const frame = this.#codeFrame();
    return frame === undefined ? undefined : this.#ports.patches.trapped(frame, this.#ports.state.pc & 0xffc);
  }

  /** The instruction that makes an access which cannot be let through, or had better not be; undefined where it can. */
  #wordToPerform({ gva, gpa, access }: MappedExit): number | undefined {
    const { patches, ram, state } = this.#ports;
    const frame = this.#covered ? this.#codeFrame() : undefined;
    if (frame === undefined) return undefined;
    // While a page is executed, its translation cannot lead loads elsewhere, and no store can withdraw it.
    const performs =
      access === Access.load
        ? patches.originalOf(frame) !== undefined && gva >>> 12 === state.pc >>> 12
        : this.#isBehind(frame, gpa) || patches.performs(gpa);
    return performs ? ram.readEntry(frame + (state.pc & 0xffc)) : undefined;
  }

  /** Whether fetches that reach this frame execute the guest's page at `gpa`. */
  #isBehind(frame: Hpa, gpa: Gpa): boolean {
    const original = this.#ports.patches.originalOf(frame);
    if (original !== undefined) return original === Math.floor((gpa - RAM_BASE) / PAGE_SIZE);
    return this.#ports.memory.hostAddress(gpa - (gpa % PAGE_SIZE)) === frame;
  }

  /** What a leaf gives for an access: never stores and fetches at once, and for a copy fetches alone. */
  #rights(access: Access, page: Gpa, copy: boolean): number {
    const { readable, writable, executable } = this.walker;
    const { fetchOnly } = this.mode;
    const read = readable && !fetchOnly ? Pte.R : 0;
    if (access === Access.fetch) return copy ? Pte.X : Pte.X | read;
    const stores = writable && !fetchOnly && (access === Access.store || !executable);
    return stores && this.#ports.memory.mayStore(page) ? read | Pte.W : read;
  }
}
