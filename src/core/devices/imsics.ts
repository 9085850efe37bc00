// The incoming MSI controllers of one level of all harts, as one window of pages: a message is a 32-bit store of an interrupt's
// identity into the page of an interrupt file (RISC-V Advanced Interrupt Architecture 1.0, sections 3.5 and 3.6; QEMU hw/intc/riscv_imsic.c).
//
//   hart 0: its own file, guest 1, guest 2 …, unused up to a power of two    hart 1: …

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, DeviceState, RegisterRow, RegisterValue } from './device.ts';
import { nodeName, registerWindow } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';
import { IDENTITIES, InterruptFile } from './interrupt-file.ts';

const PAGE = 4096;
const SET_BY_NUMBER = 0;

/** Who is interrupted: machine mode, or supervisor mode and its guests. */
export type InterruptLevel = 'machine' | 'supervisor';
/** Codes in `mip`. */
const EXTERNAL_INTERRUPT = { machine: 11, supervisor: 9 } as const;

export interface ImsicsPorts {
  readonly level: InterruptLevel;
  readonly harts: number;
  /** GEILEN, 0 to 31: files for guests, of each hart. */
  readonly guestFiles: number;
  /** A file's wire has changed. @param file 0: the hart's own; from 1 on its guests' */
  readonly signal: (hart: number, file: number, level: boolean) => void;
  readonly claimed?: (hart: number, identity: number) => void;
  /** The file that a hart's own is kept in instead, where a hypervisor does so: messages for it arrive there. */
  readonly elsewhere?: (hart: number) => InterruptFile | undefined;
}

/** Bits of an address by which the files of one hart differ. */
export const guestIndexBits = (guestFiles: number): number => 32 - Math.clz32(guestFiles);

export class Imsics implements DescribedDevice {
  readonly name = 'imsics';
  readonly provides = 'msi-controller';
  readonly size: number;
  readonly registers: readonly RegisterRow[];
  readonly #ports: ImsicsPorts;
  /** Bytes from one hart's files to the next one's. */
  readonly #stride: number;
  readonly #files: readonly (readonly InterruptFile[])[];
  /** Of each hart, a bit for each file. */
  readonly #signals: number[];

  constructor(ports: ImsicsPorts) {
    this.#ports = ports;
    this.#stride = PAGE << guestIndexBits(ports.guestFiles);
    this.size = this.#stride * ports.harts;
    this.#signals = new Array<number>(ports.harts).fill(0);
    const { claimed } = ports;
    this.#files = Array.from({ length: ports.harts }, (_, hart) =>
      Array.from(
        { length: 1 + ports.guestFiles },
        (__, file) =>
          new InterruptFile({
            signal: (level) => {
              const bit = 2 ** file;
              const before = this.#signals[hart] ?? 0;
              this.#signals[hart] = level ? (before | bit) >>> 0 : (before & ~bit) >>> 0;
              ports.signal(hart, file, level);
            },
            ...(claimed && file === 0 && { claimed: (identity: number) => claimed(hart, identity) }),
          }),
      ),
    );
    this.registers = this.#files.flatMap((files, hart) => files.map((_, file) => this.#row(hart, file)));
  }

  get level(): InterruptLevel {
    return this.#ports.level;
  }

  get guestFiles(): number {
    return this.#ports.guestFiles;
  }

  /** hgeip of a hart: bit n says that the file of its guest n signals. */
  guestsPending(hart: number): number {
    return ((this.#signals[hart] ?? 0) & ~1) >>> 0;
  }

  /** Offset of a file's page. */
  pageOf(hart: number, file = 0): number {
    return hart * this.#stride + file * PAGE;
  }

  /** @param file 0: the hart's own. @throws RangeError where there is none */
  file(hart: number, file = 0): InterruptFile {
    const found = this.#files[hart]?.[file];
    if (found === undefined) throw new RangeError(`expected an interrupt file, found none: hart ${hart}, file ${file}`);
    return found;
  }

  /** A hart's own file, wherever it is kept. */
  ownFile(hart: number): InterruptFile {
    return this.#at(hart, 0) ?? this.file(hart);
  }

  /** Everything in the window is zero, whatever it is. */
  read(offset: number, width: AccessWidth): number {
    return width !== 4 || offset < 0 || offset >= this.size || offset % 4 !== 0 ? BUS_ERROR : 0;
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset < 0 || offset >= this.size || offset % 4 !== 0) return false;
    if (offset % PAGE !== SET_BY_NUMBER) return true; // seteipnum_be too: this machine is little-endian only
    const hart = Math.floor(offset / this.#stride);
    const file = (offset % this.#stride) / PAGE;
    this.#at(hart, file)?.receive(value);
    return true;
  }

  reset(): void {
    for (const files of this.#files) for (const file of files) file.reset();
  }

  /** A file shows what it would offer its hart. */
  inspect(): readonly RegisterValue[] {
    return this.#files.flatMap((files, hart) =>
      files.map((_, file) => ({ row: this.#row(hart, file), value: (this.#at(hart, file)?.top ?? 0) >>> 16 })),
    );
  }

  snapshot(): DeviceState {
    const entries = this.#files.flatMap((files, hart) =>
      files.map((file, index): [string, DeviceState] => [
        fileKey(hart, index),
        (this.#at(hart, index) ?? file).snapshot(),
      ]),
    );
    return Object.fromEntries(entries);
  }

  restore(state: DeviceState): void {
    this.#files.forEach((files, hart) =>
      files.forEach((file, index) => {
        const saved = Object.hasOwn(state, fileKey(hart, index)) ? state[fileKey(hart, index)] : undefined;
        if (typeof saved !== 'object' || Array.isArray(saved)) {
          throw new Error(
            `The snapshot does not fit these IMSICs: expected ${fileKey(hart, index)}, found none. Take the snapshot from a board of the same shape.`,
          );
        }
        file.restore(saved as DeviceState);
      }),
    );
  }

  describe(mount: DeviceMount): DeviceDescription {
    const bits = guestIndexBits(this.#ports.guestFiles);
    return {
      node: {
        name: nodeName(this.name, mount.base),
        properties: {
          ...(mount.phandle === undefined ? {} : { phandle: [mount.phandle] }),
          ...(bits > 0 && { 'riscv,guest-index-bits': [bits] }),
          'riscv,ipi-id': [1],
          'riscv,num-ids': [IDENTITIES],
          reg: registerWindow(mount.base, this.size),
          'interrupts-extended': mount.hartInterruptControllers.flatMap((phandle) => [
            phandle,
            EXTERNAL_INTERRUPT[this.level],
          ]),
          'msi-controller': true,
          'interrupt-controller': true,
          '#interrupt-cells': [0],
          compatible: 'riscv,imsics',
        },
        children: [],
      },
    };
  }

  #at(hart: number, file: number): InterruptFile | undefined {
    return (file === 0 ? this.#ports.elsewhere?.(hart) : undefined) ?? this.#files[hart]?.[file];
  }

  #row(hart: number, file: number): RegisterRow {
    const owner = file === 0 ? `${this.level} mode of hart ${hart}` : `guest ${file} of hart ${hart}`;
    return {
      name: file === 0 ? `SETEIPNUM${hart}` : `SETEIPNUM${hart}.${file}`,
      offset: this.pageOf(hart, file),
      width: 4,
      access: 'write-only',
      meaning: `A store makes that identity pending for ${owner}. Shown: the identity it offers.`,
    };
  }
}

const fileKey = (hart: number, file: number): string => `hart ${hart}, file ${file}`;
