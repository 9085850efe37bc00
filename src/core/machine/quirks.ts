// Ways in which a machine can be made to depart from the manual, to show what the architecture owes to each of its rules.
// All are off unless somebody turns one on, and none costs anything then: each is asked about only where an instruction has
// already been refused. The switch belongs to the machine, so every hart of it obeys, the virtual ones included.

export interface Quirks {
  /**
   * SRET in user mode neither traps nor does anything: control goes on behind it. As POPF, which leaves the interrupt flag
   * alone in user mode on x86, and JRST 1 on the PDP-10 (Popek and Goldberg 1974, section 5).
   */
  sret: boolean;
  /**
   * A CSR instruction that only reads sstatus gives user mode the hart's own register. As SMSW, which shows the machine status
   * word to user mode on x86: a guest's kernel sees its host's, and no trap tells.
   */
  sstatus: boolean;
  /** SFENCE.VMA in user mode neither traps nor does anything: what a guest's kernel fences stays as it was. */
  sfence: boolean;
}
export type QuirkName = keyof Quirks;

/** One sentence for a person each. */
export const quirkRows: Readonly<Record<QuirkName, { readonly title: string; readonly meaning: string }>> = {
  sret: {
    title: 'sret in user mode does nothing',
    meaning: 'SRET in user mode is passed over instead of trapping, as POPF passes over the interrupt flag on x86.',
  },
  sstatus: {
    title: 'a read of sstatus in user mode gives the real register',
    meaning: 'A read of sstatus in user mode gives the hart’s own register instead of trapping, as SMSW does on x86.',
  },
  sfence: {
    title: 'sfence.vma in user mode does nothing',
    meaning: 'SFENCE.VMA in user mode is passed over instead of trapping.',
  },
};
export const quirkNames = Object.keys(quirkRows) as readonly QuirkName[];

/** A machine as the manual has it; with `names`, one that departs from it there. */
export const quirksOf = (names: readonly QuirkName[] = []): Quirks => ({
  sret: names.includes('sret'),
  sstatus: names.includes('sstatus'),
  sfence: names.includes('sfence'),
});

/** A machine whose switches nobody can reach. */
export const NO_QUIRKS: Readonly<Quirks> = Object.freeze(quirksOf());
