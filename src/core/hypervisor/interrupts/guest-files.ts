// The guest interrupt files of the machine's harts, dealt out to virtual CPUs (RISC-V Advanced Interrupt Architecture 1.0, chapter
// 8; KVM's arch/riscv/kvm/aia.c). A virtual CPU has one on the hart it is on, or was on last. While it is on the hart, the file
// interrupts it without an exit; while it is not, the hypervisor has itself woken by it: hgeie, SGEI.

import { guestFileNumber } from '../../isa/csr-aia.ts';
import { findCsrByName, readCsr } from '../../isa/csrs.ts';
import { FileRegister } from '../../isa/interrupt-files.ts';
import { IMSIC_BASE } from '../../machine/board-interrupts.ts';
import type { Hart } from '../../machine/hart.ts';
import type { Machine } from '../../machine/machine.ts';
import type { Hpa } from '../memory/addresses.ts';

const VGEIN = 0x3_f000;
const VGEIN_SHIFT = 12;

/** Whom a guest interrupt file is dealt out to. */
export interface FileHolder {
  /** Its file signals, and it is not on the hart. */
  signalled(): void;
}

export class GuestFiles {
  readonly #machine: Machine;
  /** Of each hart, by the file's number. */
  readonly #holders: readonly Map<number, FileHolder>[];
  /** Virtual CPUs of each VM that may need one on any hart. */
  readonly #promised = new Map<number, number>();

  /** @param machine with IMSICs */
  constructor(machine: Machine) {
    this.#machine = machine;
    this.#holders = machine.harts.map(() => new Map());
  }

  /** Files of each hart. */
  get count(): number {
    return this.#machine.board.imsics?.guestFiles ?? 0;
  }

  /**
   * Each of a VM's virtual CPUs is to find a file on whichever hart it comes to.
   * @throws Error, one line for a person, where there are not so many
   */
  promise(vm: number, vcpus: number): void {
    let others = 0;
    for (const [id, count] of this.#promised) if (id !== vm) others += count;
    if (others + vcpus > this.count) {
      throw new Error(
        `expected at most ${this.count} virtual CPUs with interrupt files of their own, as many as a hart has for guests, found ${others + vcpus}: remove a VM, or run this one with a PLIC`,
      );
    }
    this.#promised.set(vm, vcpus);
  }

  withdraw(vm: number): void {
    this.#promised.delete(vm);
  }

  /** A free file of a hart, with nothing in it. @returns its number, from 1 on */
  allocate(hart: Hart, holder: FileHolder): number {
    const holders = this.#holdersOf(hart);
    for (let number = 1; number <= this.count; number++) {
      if (holders.has(number)) continue;
      holders.set(number, holder);
      return number;
    }
    throw new Error('no guest interrupt file is left: more were dealt out than were promised');
  }

  /** The file is somebody else's from now on, and empty. */
  release(hart: Hart, number: number): void {
    this.watch(hart, number, false);
    for (let select: number = FileRegister.eidelivery; select <= FileRegister.last; select++) {
      this.write(hart, number, select, 0);
    }
    this.#holdersOf(hart).delete(number);
  }

  /** Host physical address of a file's page. */
  pageOf(hart: Hart, number: number): Hpa {
    return IMSIC_BASE.supervisor + (this.#machine.board.imsics?.pageOf(hart.id, number) ?? 0);
  }

  /** A file's register, as the hypervisor reads it on that hart: through vsiselect and vsireg, with VGEIN set to the file. */
  read(hart: Hart, number: number, select: number): number {
    return this.#through(hart, number, select, () => (vsireg === undefined ? 0 : readCsr(hart.state, vsireg)));
  }

  write(hart: Hart, number: number, select: number, value: number): void {
    this.#through(hart, number, select, () => {
      if (vsireg !== undefined) hart.state.writeChecked(vsireg, value);
      return 0;
    });
  }

  /** Whether a file signals now: hgeip. */
  signals(hart: Hart, number: number): boolean {
    return (((hart.state.interruptFiles?.guestsPending ?? 0) >>> number) & 1) === 1;
  }

  /** Whether the file's signal interrupts the hypervisor. */
  watch(hart: Hart, number: number, on: boolean): void {
    const { csrs } = hart.state;
    const bit = 2 ** number;
    csrs.hgeieHeld = on ? (csrs.hgeieHeld | bit) >>> 0 : (csrs.hgeieHeld & ~bit) >>> 0;
    hart.guestExternalChanged();
  }

  /** Files that are watched may signal: their virtual CPUs hear of it, once. @returns whether one did */
  serve(hart: Hart): boolean {
    const pending = (hart.state.interruptFiles?.guestsPending ?? 0) & hart.state.csrs.hgeieHeld;
    if (pending === 0) return false;
    for (const [number, holder] of this.#holdersOf(hart)) {
      if (((pending >>> number) & 1) === 0) continue;
      this.watch(hart, number, false);
      holder.signalled();
    }
    return true;
  }

  #through(hart: Hart, number: number, select: number, access: () => number): number {
    const { csrs } = hart.state;
    const { hstatus, vsiselectHeld } = csrs;
    if (guestFileNumber(hstatus) !== number) csrs.hstatus = (hstatus & ~VGEIN) | (number << VGEIN_SHIFT);
    csrs.vsiselectHeld = select;
    const value = access();
    csrs.hstatus = hstatus;
    csrs.vsiselectHeld = vsiselectHeld;
    hart.guestExternalChanged();
    return value;
  }

  #holdersOf(hart: Hart): Map<number, FileHolder> {
    const holders = this.#holders[hart.id];
    if (holders === undefined) throw new RangeError(`hart ${hart.id} of ${this.#holders.length}`);
    return holders;
  }
}

const vsireg = findCsrByName('vsireg');
