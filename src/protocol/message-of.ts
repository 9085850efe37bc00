// Why something failed, in the one line that crosses from the core to the page and that a person reads there.

/** What to show of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
