// A hart's interrupt files, as its CSRs reach them (RISC-V Advanced Interrupt Architecture 1.0, chapter 3): where message-signaled
// interrupts arrive. What they are is the device's affair (core/devices/interrupt-file.ts).

/** Numbers that *iselect selects by (section 3.7). Others from 0x70 to 0xff are reserved and read as zero. */
export const FileRegister = { eidelivery: 0x70, eithreshold: 0x72, eip0: 0x80, eie0: 0xc0, last: 0xff } as const;

/** One interrupt file. */
export interface InterruptFilePort {
  /** A register by its number in *iselect, without side effects. */
  read(select: number): number;
  write(select: number, value: number): void;
  /** *topei: the most urgent identity that is pending and enabled, twice; 0 where there is none (section 3.9). */
  readonly top: number;
  /** A write to *topei: what `top` says is no longer pending. */
  claim(): void;
}

/** All interrupt files of a hart. */
export interface InterruptFiles {
  /** GEILEN: guest interrupt files, numbered from 1. */
  readonly guestFiles: number;
  /** hgeip: bit n says that guest interrupt file n signals. */
  readonly guestsPending: number;
  readonly machine: InterruptFilePort | undefined;
  readonly supervisor: InterruptFilePort;
  /** Undefined for a number that is no guest interrupt file's. */
  guest(number: number): InterruptFilePort | undefined;
}
