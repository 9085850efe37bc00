// Which vCPU has been on which physical hart, and how the time of each has gone.

import type { SchedulerAnswer, SchedulerQuestion } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';

/** Instructions of virtual time at most. */
const LONGEST = 10_000_000_000;

export function schedulerAnswer({ lab, vm: seen }: AnswerContext, { span }: SchedulerQuestion): SchedulerAnswer {
  const hypervisor = (seen && lab.hypervisorOf(seen)) ?? lab.hypervisor;
  const now = hypervisor?.machine.elapsed ?? 0;
  const since = Math.max(0, now - Math.min(LONGEST, Math.max(1, Math.floor(span))));
  return {
    now,
    since,
    harts: hypervisor?.hosts.length ?? lab.physicalHarts,
    vcpus: [...(hypervisor?.vms.values() ?? [])].flatMap((vm) =>
      vm.vcpus.map(({ index, schedule }) => ({
        vm: vm.id,
        vcpu: index,
        doing: schedule.doing,
        ...schedule.timesAt(now),
        ...schedule.entitlement,
      })),
    ),
    intervals: hypervisor?.scheduler.intervals.from(since) ?? [],
  };
}
