// Ways in which a machine can be made to depart from the manual, to show what the architecture owes to each of its rules.
// All are off unless somebody turns one on, and none costs anything then: each is asked about only where an instruction has
// already been refused. The switch belongs to the machine, so every hart of it obeys, the virtual ones included.

export interface Quirks {
  /**
   * SRET in user mode neither traps nor does anything: control goes on behind it. As POPF, which leaves the interrupt flag
   * alone in user mode on x86, and JRST 1 on the PDP-10 (Popek and Goldberg 1974, section 5).
   */
  sret: boolean;
}
export type QuirkName = keyof Quirks;

/** One sentence for a person each. */
export const quirkRows: Readonly<Record<QuirkName, { readonly title: string; readonly meaning: string }>> = {
  sret: {
    title: 'sret in user mode does nothing',
    meaning: 'SRET in user mode is passed over instead of trapping, as POPF passes over the interrupt flag on x86.',
  },
};
export const quirkNames = Object.keys(quirkRows) as readonly QuirkName[];

/** A machine as the manual has it; with `names`, one that departs from it there. */
export const quirksOf = (names: readonly QuirkName[] = []): Quirks => ({ sret: names.includes('sret') });

/** A machine whose switches nobody can reach. */
export const NO_QUIRKS: Readonly<Quirks> = Object.freeze(quirksOf());
