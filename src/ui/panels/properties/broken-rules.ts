// The rules of the manual that a machine can be made to break, as switches: in the order of the page, and as the lab has them.

import { useState } from 'react';
import type { QuirkName } from '../../../protocol/vocabulary.ts';

export const brokenRules: readonly {
  readonly quirk: QuirkName;
  readonly instruction: string;
  readonly does: string;
}[] = [
  { quirk: 'sret', instruction: 'sret', does: 'in user mode does nothing' },
  { quirk: 'sfence', instruction: 'sfence.vma', does: 'in user mode does nothing' },
  { quirk: 'sstatus', instruction: 'csrr sstatus', does: 'in user mode reads the real register' },
];

/** The list with or without one of them. */
export const withRule = (broken: readonly QuirkName[], quirk: QuirkName, on: boolean): readonly QuirkName[] => [
  ...broken.filter((each) => each !== quirk),
  ...(on ? [quirk] : []),
];

/**
 * Which rules all machines of the lab break, and the switch of each. What the lab says holds; what has just been switched is shown
 * until it has said so.
 * @param there those of the last frame
 * @param send throws a switch of the lab, and calls `undo` where that is refused
 */
export function useBrokenRules(
  there: readonly QuirkName[] = [],
  send: (quirk: QuirkName, on: boolean, undo: () => void) => void,
): readonly [readonly QuirkName[], (quirk: QuirkName, on: boolean) => void] {
  const said = there.join();
  const [switched, setSwitched] = useState<{ readonly over: string; readonly broken: readonly QuirkName[] }>();
  const broken = switched?.over === said ? switched.broken : there;
  const breakIt = (quirk: QuirkName, on: boolean) => {
    setSwitched({ over: said, broken: withRule(broken, quirk, on) });
    send(quirk, on, () => setSwitched(undefined));
  };
  return [broken, breakIt];
}
