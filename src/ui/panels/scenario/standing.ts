// How an expectation stands, in a word for a person.

import type { Judgement } from '../../../protocol/frame.ts';

/** `holding`: met, but what the guest does yet may change that. */
export type Standing = 'met' | 'holding' | 'open' | 'missed';

export const standings: Readonly<Record<Standing, { readonly words: string; readonly mark: string }>> = {
  met: { words: 'met', mark: '✓' },
  holding: { words: 'so far', mark: '◔' },
  open: { words: 'not yet', mark: '○' },
  missed: { words: 'not met', mark: '✗' },
};

export const standingOf = ({ met, settled }: Judgement): Standing =>
  met ? (settled ? 'met' : 'holding') : settled ? 'missed' : 'open';

/** All of them in a line: `3 of 5 met, 1 met so far, 1 not yet.` */
export function summaryOf(judgements: readonly Judgement[]): string {
  const count = (standing: Standing) => judgements.filter((each) => standingOf(each) === standing).length;
  const total = judgements.length;
  if (total === 0) return 'Nothing is expected.';
  if (count('met') === total) return total === 1 ? 'What is expected is met.' : `All ${total} expectations are met.`;
  const parts = [
    `${count('met')} of ${total} met`,
    ...(count('holding') > 0 ? [`${count('holding')} met so far`] : []),
    ...(count('open') > 0 ? [`${count('open')} not yet`] : []),
    ...(count('missed') > 0 ? [`${count('missed')} not met`] : []),
  ];
  return `${parts.join(', ')}.`;
}
