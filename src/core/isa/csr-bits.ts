// Bits that more than one part of the machine tests or sets, by the manual's names. Unsigned.

/** menvcfgh, henvcfgh: the next lower mode has its own timer compare register (Sstc). */
export const STCE = 0x8000_0000;
/** menvcfgh, henvcfgh: the walker sets A and D bits itself (Svadu). */
export const ADUE = 0x2000_0000;

/** mip, sip, hvip: pending software, timer and external interrupts of the supervisor and of a guest's. */
export const SSIP = 1 << 1;
export const VSSIP = 1 << 2;
export const STIP = 1 << 5;
export const VSTIP = 1 << 6;
export const SEIP = 1 << 9;
export const VSEIP = 1 << 10;
/** mip, mie, mideleg, hip, hie: a guest interrupt file that the hypervisor watches signals. */
export const SGEIP = 1 << 12;
