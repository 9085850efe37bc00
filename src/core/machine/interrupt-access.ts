// Who may reach an interrupt file through CSRs, and what a guest's own file means for the hart's interrupts (RISC-V Advanced
// Interrupt Architecture 1.0, sections 2.2 and 2.3; privileged manual, "hgeip" and "hgeie").

import { exceptionRows } from '../isa/causes.ts';
import { SGEIP, VSEIP } from '../isa/csr-bits.ts';
import { guestFileNumber, guestFileOf } from '../isa/csr-aia.ts';
import type { CsrPort } from '../isa/csrs.ts';
import { FileRegister } from '../isa/interrupt-files.ts';

const ILLEGAL = exceptionRows.illegalInstruction.code;
const VIRTUAL = exceptionRows.virtualInstruction.code;
const Address = {
  mireg: 0x351,
  mtopei: 0x35c,
  sireg: 0x151,
  stopei: 0x15c,
  vsireg: 0x251,
  vstopei: 0x25c,
} as const;
const VGEIN = 0x3_f000;

const isPriority = (select: number): boolean => select >= 0x30 && select <= 0x3f;
const isOfFile = (select: number): boolean => select >= FileRegister.eidelivery && select <= FileRegister.last;

/**
 * Whether a CSR of the AIA leads anywhere, where its privilege is enough.
 * @param number as the instruction has it: with V = 1 sireg and stopei stand for vsireg and vstopei
 * @returns 0, or the cause of the trap
 */
export function checkInterruptCsr(port: CsrPort, number: number, virtual: boolean): number {
  const { csrs, interruptFiles } = port;
  const refused = virtual ? VIRTUAL : ILLEGAL;
  switch (number) {
    case Address.mtopei:
      return interruptFiles?.machine === undefined ? ILLEGAL : 0;
    case Address.mireg:
      if (isOfFile(csrs.miselectHeld)) return interruptFiles?.machine === undefined ? ILLEGAL : 0;
      return isPriority(csrs.miselectHeld) ? 0 : ILLEGAL;
    case Address.sireg:
      if (virtual) return checkGuestRegister(port, refused);
      return isPriority(csrs.siselectHeld) || isOfFile(csrs.siselectHeld) ? 0 : ILLEGAL;
    case Address.vsireg:
      return checkGuestRegister(port, refused);
    case Address.stopei:
      return virtual && guestFileOf(port) === undefined ? VIRTUAL : 0;
    case Address.vstopei:
      return guestFileOf(port) === undefined ? refused : 0;
    default:
      return 0;
  }
}

/** A guest has no priorities of its own, and an interrupt file only where VGEIN names one; the rest is reserved. */
function checkGuestRegister(port: CsrPort, refused: number): number {
  const select = port.csrs.vsiselectHeld;
  if (isOfFile(select)) return guestFileOf(port) === undefined ? refused : 0;
  return isPriority(select) ? refused : ILLEGAL;
}

/** Bits that only guest interrupt files give to CSRs: hstatus.VGEIN, and SGEI in mie and hie. */
export function writeGuestFileBits(port: CsrPort, name: string, value: number): void {
  const { csrs } = port;
  const guestFiles = port.interruptFiles?.guestFiles ?? 0;
  if (guestFiles === 0) return;
  // A number that is no file's leaves VGEIN as it was (WLRL).
  if (name === 'hstatus' && guestFileNumber(value) <= guestFiles) {
    csrs.hstatus = (csrs.hstatus & ~VGEIN) | (value & VGEIN);
  }
  if (name === 'mie' || name === 'hie') csrs.mie = (csrs.mie & ~SGEIP) | (value & SGEIP);
}

/** VSEIP and SGEIP as the guest interrupt files drive them; other bits are 0. */
export function guestFileLines({ csrs, interruptFiles }: CsrPort): number {
  const pending = interruptFiles?.guestsPending ?? 0;
  const own = (pending >>> guestFileNumber(csrs.hstatus)) & 1;
  return (own === 1 ? VSEIP : 0) | ((pending & csrs.hgeieHeld) !== 0 ? SGEIP : 0);
}
