// The live migration under way, or the last one, as the page shows it.

import type { MigrationAnswer } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

/** @returns nothing before the first migration */
export function migrationAnswer({ lab }: AnswerContext): MigrationAnswer | undefined {
  const { migration } = lab;
  if (migration === undefined) return undefined;
  const { vm: id, state, options, downtime } = migration;
  const { active, message, rounds, progress, converging, throttle, hashes } = migration;
  const vm = lab.vms.find((each) => each.id === id);
  const here = vm && lab.machineOf(vm);
  const there = here && (here === 'A' ? 'B' : 'A');
  return {
    ...{ vm: id, state, active, message, rounds, progress, converging, throttle, hashes },
    from: state === 'completed' ? there : here,
    to: state === 'completed' ? here : there,
    bytesPerSecond: options.link.bytesPerSecond,
    downtimeLimitTicks: options.downtimeLimitTicks,
    downtimeTicks: downtime,
  };
}
