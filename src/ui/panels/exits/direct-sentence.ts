// The third property in one sentence: what share of a guest's instructions ran on the hart itself, without the hypervisor.

import type { ExitSummaryRow } from '../../../protocol/frame.ts';
import { formatCount, formatNanoseconds } from '../../format.ts';

/** An interrupt comes between two instructions; every other exit took one of the guest's away from the hart. */
const interrupts = ['host-timer', 'host-interrupt'];

export function directSentence(
  instructions: number,
  summary: readonly Pick<ExitSummaryRow, 'reason' | 'samples' | 'meanNanoseconds'>[],
): string {
  const exited = summary.reduce((sum, { reason, samples }) => sum + (interrupts.includes(reason) ? 0 : samples), 0);
  const time = summary.reduce((sum, { samples, meanNanoseconds }) => sum + samples * (meanNanoseconds ?? 0), 0);
  const share = instructions === 0 ? 1 : Math.max(0, 1 - exited / instructions);
  return `${(share * 100).toFixed(3)} % of its ${formatCount(instructions)} instructions ran directly; ${formatCount(exited)} led to an exit. All exits took about ${formatNanoseconds(time)} of host time.`;
}
