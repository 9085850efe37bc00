// A word as the page explains it: one sentence, where the manual says it, and what Intel and Arm call it.

export interface GlossaryRow {
  readonly title: string;
  readonly sentence: string;
  readonly section?: string | undefined;
  readonly intel?: string | undefined;
  readonly arm?: string | undefined;
}

/** A row as the glossary's files write it. */
export const explained = (
  title: string,
  sentence: string,
  section?: string,
  intel?: string,
  arm?: string,
): GlossaryRow => ({ title, sentence, section, intel, arm });
