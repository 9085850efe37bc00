// Processor time of another process, which other programs on the machine do not lengthen as they do wall time.

import { readdirSync, readFileSync } from 'node:fs';

/**
 * Milliseconds that the threads of a process have spent on a processor (Linux: Documentation/scheduler/sched-stats.rst).
 * @returns undefined where the system does not tell
 */
export function processorTimeOf(pid: number): number | undefined {
  try {
    const tasks = `/proc/${pid}/task`;
    const nanoseconds = (task: string) => Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]);
    return readdirSync(tasks).reduce((sum, task) => sum + nanoseconds(task), 0) / 1e6;
  } catch {
    return undefined;
  }
}
