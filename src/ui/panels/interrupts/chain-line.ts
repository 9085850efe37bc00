// Lays one interrupt's way from the device to the guest's handler on a line of five stages. Pure.

import type { ChainStage, InterruptChain } from '../../../protocol/frame.ts';

export const chainStages: readonly ChainStage[] = ['raised', 'pending', 'injected', 'taken', 'acknowledged'];

export interface ChainStop {
  readonly stage: ChainStage;
  /** `skipped`: a later stage happened without it (a bare machine injects nothing); `open`: not yet. */
  readonly state: 'happened' | 'skipped' | 'open';
  /** Instructions of virtual time; undefined where it did not happen. */
  readonly at: number | undefined;
  /** Instructions since the stage that happened before it. */
  readonly after: number | undefined;
  readonly detail: string;
}

/** The five stops of a chain, in order, each with its time and its distance from the one before. */
export function chainLine(chain: InterruptChain): readonly ChainStop[] {
  const happened = new Map(chain.stages.map((entry) => [entry.stage, entry]));
  const last = Math.max(-1, ...chain.stages.map(({ stage }) => chainStages.indexOf(stage)));
  let previous: number | undefined;
  return chainStages.map((stage, position) => {
    const entry = happened.get(stage);
    if (entry === undefined) {
      return { stage, state: position < last ? 'skipped' : 'open', at: undefined, after: undefined, detail: '' };
    }
    const after = previous === undefined ? undefined : entry.at - previous;
    previous = entry.at;
    return { stage, state: 'happened', at: entry.at, after, detail: entry.detail };
  });
}
