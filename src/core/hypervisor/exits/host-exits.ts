// Exits that have nothing to do with the guest: the host's own interrupts, the same under every technique.

import { interruptRows } from '../../isa/causes.ts';
import type { Exit } from './exits.ts';

/** The exit an interrupt into HS-mode means. @param cause scause, bit 31 set */
export function interruptExit(cause: number): Exit {
  const code = cause & 0x7fff_ffff;
  if (code === interruptRows.supervisorTimer.code) return hostTimer;
  if (code === interruptRows.supervisorGuestExternal.code) return guestFileInterrupt;
  return code === interruptRows.supervisorExternal.code ? deviceInterrupt : hostInterrupt;
}

const hostTimer: Exit = { reason: 'host-timer' };
const deviceInterrupt: Exit = { reason: 'device-interrupt' };
const guestFileInterrupt: Exit = { reason: 'guest-file-interrupt' };
const hostInterrupt: Exit = { reason: 'host-interrupt' };
