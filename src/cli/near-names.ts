// "Did you mean": of some names, the one that a mistyped name most likely meant.

/** Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other (optimal string alignment). */
function distance(one: string, other: string): number {
  let before: readonly number[] = [];
  let row: readonly number[] = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1];
    for (let index = 1; index <= other.length; index++) {
      const same = one[at] === other[index - 1];
      const swapped = at > 0 && index > 1 && one[at] === other[index - 2] && one[at - 1] === other[index - 1];
      next.push(
        Math.min(
          (row[index - 1] ?? 0) + (same ? 0 : 1),
          (row[index] ?? 0) + 1,
          (next[index - 1] ?? 0) + 1,
          swapped ? (before[index - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    before = row;
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The nearest of the names, if it is near enough to have been meant. */
export function nearName(typed: string, names: readonly string[]): string | undefined {
  const word = typed.slice(0, 64).toLowerCase();
  const begun = names.filter((name) => word.length >= 3 && name.startsWith(word));
  if (begun.length === 1) return begun[0];
  const ranked = names
    .map((name) => ({ name, far: distance(word, name) }))
    .sort((one, other) => one.far - other.far || one.name.length - other.name.length);
  const [best] = ranked;
  return best !== undefined && best.far <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
}
