// Lines of an assembly source and the addresses they became. Built from what the assembler returns; pure.

import type { AssembledLine } from '../../../core/isa/assembly/assemble.ts';

export interface SourceLines {
  /** The line whose code stands at this address; undefined for data and for addresses of other programs. */
  lineAt(gva: number): number | undefined;
  /** The first instruction of a line, or of the next line that has one; undefined behind the last. */
  addressOf(line: number): number | undefined;
}

/** `end` is the first address behind the program: the last entry reaches until there. */
export function sourceLines(entries: readonly AssembledLine[], end: number): SourceLines {
  const addresses = entries.map(({ address }) => address);
  const firstOfLine = new Map<number, number>();
  for (const { address, line, content } of entries) {
    if (content === 'code' && !firstOfLine.has(line)) firstOfLine.set(line, address);
  }
  const linesWithCode = [...firstOfLine.keys()].sort((one, other) => one - other);
  return {
    lineAt: (gva) => {
      if (gva >= end) return undefined;
      const entry = entries[lastAtOrBelow(addresses, gva)];
      return entry?.content === 'code' ? entry.line : undefined;
    },
    addressOf: (line) => {
      const next = linesWithCode.find((candidate) => candidate >= line);
      return next === undefined ? undefined : firstOfLine.get(next);
    },
  };
}

/** Index of the last number that is not above `wanted` in an ascending list; -1 where all are. */
function lastAtOrBelow(ascending: readonly number[], wanted: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
