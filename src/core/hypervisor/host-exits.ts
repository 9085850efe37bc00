// Exits that have nothing to do with the guest: the host's own interrupts, the same under every technique.

import { interruptRows } from '../isa/causes.ts';
import type { Exit } from './exits.ts';

/** The exit an interrupt into HS-mode means. @param cause scause, bit 31 set */
export const interruptExit = (cause: number): Exit =>
  (cause & 0x7fff_ffff) === interruptRows.supervisorTimer.code ? hostTimer : hostInterrupt;

const hostTimer: Exit = { reason: 'host-timer' };
const hostInterrupt: Exit = { reason: 'host-interrupt' };
