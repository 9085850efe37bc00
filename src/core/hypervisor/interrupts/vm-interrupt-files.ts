// The interrupt files of one VM's vCPUs, where the machine's own guest interrupt files serve them: hardware-assisted only, and only
// for a guest whose interrupts are messages.

import type { Board } from '../../machine/board.ts';
import { IMSIC_BASE } from '../../machine/board-interrupts.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import type { HostedTechnique } from '../virtual-machine.ts';
import type { GuestFiles } from './guest-files.ts';
import { VirtualInterruptFile } from './virtual-interrupt-file.ts';

export interface VmInterruptFilesPorts {
  readonly id: number;
  readonly technique: HostedTechnique;
  /** The guest interrupt files of the machine's harts, where they have any. */
  readonly files: GuestFiles | undefined;
  readonly board: Board;
  /** The file of a hart of the guest signals while that hart's virtual CPU is not on a physical one. */
  readonly signalled: (hart: number) => void;
}

/** @throws Error, one line for a person, where the machine has none for its guests, or too few */
export function interruptFilesOf(
  { messageInterrupts, harts }: Pick<GuestImage, 'messageInterrupts' | 'harts'>,
  { id, technique, files, board, signalled }: VmInterruptFilesPorts,
): readonly VirtualInterruptFile[] {
  const { imsics, aplic } = board;
  if (messageInterrupts !== true || technique !== 'hardware-assisted' || imsics === undefined) return [];
  if (files === undefined) {
    throw new Error(
      'expected a machine with IMSICs for a guest that has them, found one with a PLIC: switch the machine’s on, or run the guest with a PLIC',
    );
  }
  files.promise(id, harts);
  return Array.from(
    { length: harts },
    (_, hart) =>
      new VirtualInterruptFile({
        files,
        own: imsics.file(hart),
        guestPage: IMSIC_BASE.supervisor + imsics.pageOf(hart),
        placed: () => aplic?.redirect(),
        signalled: () => signalled(hart),
      }),
  );
}
