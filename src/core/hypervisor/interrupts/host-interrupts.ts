// How the hypervisor itself hears of the wires of the machine's devices, on hart 0: through the PLIC, or, on a machine with
// message-signaled interrupts, through the APLIC and the hart's own interrupt file.

import { SourceMode, targetOf } from '../../devices/aplic-registers.ts';
import { findCsrByName, readCsr } from '../../isa/csrs.ts';
import { FileRegister } from '../../isa/interrupt-files.ts';
import type { Machine } from '../../machine/machine.ts';

export interface HostInterrupts {
  /** Lets a source interrupt the hypervisor, or no longer. */
  enable(source: number, on: boolean): void;
  /** Takes the next one that is pending. @returns its source, or 0 */
  claim(): number;
  /** What a source asked for was done: it may ask again. */
  complete(source: number): void;
}

const PLIC = 0x0c00_0000;
/** Context 1 is S-mode of hart 0. */
const PLIC_ENABLE = PLIC + 0x2080;
const PLIC_THRESHOLD = PLIC + 0x20_1000;
const PLIC_CLAIM = PLIC_THRESHOLD + 4;

/** The supervisor's domain. */
export const APLIC = 0x0d00_0000;

export const hostInterrupts = (machine: Machine): HostInterrupts =>
  machine.board.aplic === undefined ? throughPlic(machine) : throughInterruptFile(machine);

function throughPlic({ board: { bus } }: Machine): HostInterrupts {
  bus.write(PLIC_THRESHOLD, 4, 0);
  return {
    enable: (source, on) => {
      const word = PLIC_ENABLE + 4 * Math.floor(source / 32);
      const enabled = bus.read(word, 4);
      const bit = 2 ** (source % 32);
      bus.write(PLIC + 4 * source, 4, on ? 1 : 0);
      bus.write(word, 4, on ? (enabled | bit) >>> 0 : (enabled & ~bit) >>> 0);
    },
    claim: () => bus.read(PLIC_CLAIM, 4),
    complete: (source) => void bus.write(PLIC_CLAIM, 4, source),
  };
}

/** A source has its own number as identity. */
function throughInterruptFile({ board: { bus }, harts }: Machine): HostInterrupts {
  const state = harts[0]?.state;
  const [siselect, sireg, stopei] = ['siselect', 'sireg', 'stopei'].map(findCsrByName);
  if (state === undefined || siselect === undefined || sireg === undefined || stopei === undefined) {
    throw new Error('expected a hart with an interrupt file, found none');
  }
  const write = (select: number, value: (before: number) => number) => {
    state.writeChecked(siselect, select);
    state.writeChecked(sireg, value(readCsr(state, sireg)));
  };
  write(FileRegister.eidelivery, () => 1);
  bus.write(APLIC + 0x0000, 4, 0x100);
  return {
    enable: (source, on) => {
      const bit = 2 ** (source % 32);
      write(FileRegister.eie0 + (source >>> 5), (before) => (on ? before | bit : before & ~bit) >>> 0);
      directSource(bus, source, on ? SourceMode.level1 : SourceMode.inactive, targetOf(0, 0, source), on);
    },
    claim: () => {
      const identity = readCsr(state, stopei) >>> 16;
      state.writeChecked(stopei, 0);
      return identity;
    },
    // The wire may have stayed high meanwhile ("Special consideration for level-sensitive interrupt sources").
    complete: (source) => void bus.write(APLIC + 0x1cdc, 4, source),
  };
}

/** Says at the machine's APLIC what a source's wire means, and where its messages go. */
export function directSource(
  bus: Machine['board']['bus'],
  source: number,
  mode: SourceMode,
  target: number,
  enabled: boolean,
): void {
  const configuration = APLIC + 4 * source;
  bus.write(APLIC + 0x1fdc, 4, source); // clrienum: nothing leaves half-way
  if (bus.read(configuration, 4) !== mode) bus.write(configuration, 4, mode);
  bus.write(APLIC + 0x3000 + 4 * source, 4, target);
  if (enabled) bus.write(APLIC + 0x1edc, 4, source); // setienum
}
