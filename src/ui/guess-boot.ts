// In which mode a file of the person's wants to start.

import type { BootMode } from '../protocol/commands.ts';

/** Where firmware lies on the board: a program that starts there expects to be it. */
const FIRMWARE = { start: 0x8000_0000, end: 0x8008_0000 } as const;

/**
 * An ELF that starts where firmware would expects machine mode; one linked behind that place, and a Linux Image (which is no
 * ELF), supervisor mode.
 */
export function guessBoot(bytes: Uint8Array): BootMode {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elf = bytes.length >= 28 && view.getUint32(0) === 0x7f45_4c46;
  const entry = elf ? view.getUint32(24, true) : 0;
  return entry >= FIRMWARE.start && entry < FIRMWARE.end ? 'machine' : 'supervisor';
}
