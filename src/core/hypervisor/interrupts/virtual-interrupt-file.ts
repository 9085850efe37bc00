// The interrupt file that a virtual CPU takes for its own: kept in memory until it first comes to a hart, from then on in a guest
// interrupt file there, where devices and other virtual CPUs reach it without the hypervisor. Moving it to another hart follows
// the steps of "Migrating a virtual hart to a different guest interrupt file" (RISC-V AIA 1.0, section 8.1.2).

import { IDENTITIES, type InterruptFile } from '../../devices/interrupt-file.ts';
import { FileRegister } from '../../isa/interrupt-files.ts';
import type { Hart } from '../../machine/hart.ts';
import type { Gpa } from '../memory/addresses.ts';
import type { FileHolder, GuestFiles } from './guest-files.ts';
import type { SecondStage } from '../memory/second-stage.ts';

/** Registers of a file with a bit for each identity: so many of eip, and of eie. */
const WORDS = (IDENTITIES + 1) / 32;

export interface VirtualInterruptFilePorts {
  readonly files: GuestFiles;
  /** The file in memory. */
  readonly own: InterruptFile;
  /** Where the guest sees it. */
  readonly guestPage: Gpa;
  /** It is in another place: whoever sends messages to it must hear. */
  readonly placed: () => void;
  /** It signals while its virtual CPU is not on the hart. */
  readonly signalled: () => void;
}

export class VirtualInterruptFile implements FileHolder {
  readonly #ports: VirtualInterruptFilePorts;
  #place: { readonly hart: Hart; readonly number: number } | undefined;

  constructor(ports: VirtualInterruptFilePorts) {
    this.#ports = ports;
  }

  /** The guest interrupt file it is in; undefined while it is in memory. */
  get place(): { readonly hart: Hart; readonly number: number } | undefined {
    return this.#place;
  }

  /** Whether it has an interrupt for its virtual CPU. */
  get signals(): boolean {
    const place = this.#place;
    return place === undefined ? this.#ports.own.signals : this.#ports.files.signals(place.hart, place.number);
  }

  signalled(): void {
    this.#ports.signalled();
  }

  /**
   * Its virtual CPU comes to a hart.
   * @param stage leads the guest's stores to the file
   * @returns the number for hstatus.VGEIN
   * @throws Error where no memory is left for a table
   */
  putOn(hart: Hart, stage: SecondStage): number {
    const { files } = this.#ports;
    const before = this.#place;
    if (before?.hart !== hart) this.#move(hart, stage);
    const number = this.#place?.number ?? 0;
    files.watch(hart, number, false);
    return number;
  }

  /** Its virtual CPU has left the hart: from now on the hypervisor hears of what comes. */
  takenOff(): void {
    const place = this.#place;
    if (place && !this.signals) this.#ports.files.watch(place.hart, place.number, true);
  }

  /** Its second stage goes, and with it what it held: the file in memory is as after power-on. */
  forget(): void {
    const place = this.#place;
    this.#place = undefined;
    if (place) this.#ports.files.release(place.hart, place.number);
    this.#ports.own.reset();
  }

  #move(hart: Hart, stage: SecondStage): void {
    const { files, own, guestPage, placed } = this.#ports;
    const old = this.#place;
    const read = (select: number) => (old ? files.read(old.hart, old.number, select) : own.read(select));
    const delivery = read(FileRegister.eidelivery);
    const threshold = read(FileRegister.eithreshold);
    if (old) files.write(old.hart, old.number, FileRegister.eidelivery, 0);
    const number = files.allocate(hart, this);
    const write = (select: number, value: number) => files.write(hart, number, select, value);
    if (!stage.replace(guestPage, files.pageOf(hart, number))) {
      files.release(hart, number);
      throw new Error('expected free machine memory for the table that leads to an interrupt file, found none');
    }
    this.#place = { hart, number };
    placed();
    for (let word = 0; word < WORDS; word++) {
      // What has come since is in the new file already.
      write(
        FileRegister.eip0 + word,
        files.read(hart, number, FileRegister.eip0 + word) | read(FileRegister.eip0 + word),
      );
      write(FileRegister.eie0 + word, read(FileRegister.eie0 + word));
    }
    write(FileRegister.eithreshold, threshold);
    write(FileRegister.eidelivery, delivery);
    if (old) files.release(old.hart, old.number);
    else own.reset();
  }
}
