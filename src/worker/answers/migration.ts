// The live migration under way, or the last one, as the page shows it.

import type { MigrationAnswer } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

/** @returns nothing before the first migration */
export function migrationAnswer({ lab }: AnswerContext): MigrationAnswer | undefined {
  const { migration } = lab;
  if (migration === undefined) return undefined;
  const { vm: id, state, active, message, options, progress, converging, throttle, downtime, hashes } = migration;
  const vm = lab.vms.find((each) => each.id === id);
  const here = vm && lab.machineOf(vm);
  const there = here && (here === 'A' ? 'B' : 'A');
  return {
    ...{ vm: id, state, active, message, progress, converging, throttle, hashes },
    from: state === 'completed' ? there : here,
    to: state === 'completed' ? here : there,
    bytesPerSecond: options.link.bytesPerSecond,
    rounds: migration.rounds.map((round) => ({
      round: round.number,
      pages: round.pages,
      zeroPages: round.zeroPages,
      bytes: round.bytes,
      dirtyPages: round.dirtyPages,
      ticks: round.endedAt - round.startedAt,
      expectedDowntimeTicks: round.expectedDowntime,
      throttle: round.throttle,
    })),
    downtimeLimitTicks: options.downtimeLimitTicks,
    downtimeTicks: downtime,
  };
}
