// A place in a section: what a label stands for. Its address follows from the fragment it lies in.

export interface PlacedFragment {
  /** Where its bytes start in the section's buffer. */
  readonly start: number;
  /** Set by the layout. */
  address: number;
}

export interface Label {
  readonly section: { readonly name: string; readonly address: number; readonly fragments: readonly PlacedFragment[] };
  readonly fragment: number;
  /** In the section's buffer. */
  readonly offset: number;
}

/** The address of a label; 0-based before the layout, final after it. */
export function addressOf({ section, fragment, offset }: Label): number {
  const { address, start } = section.fragments[fragment] ?? { address: section.address, start: 0 };
  return address + offset - start;
}
