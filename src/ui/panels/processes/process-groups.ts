// Processes grouped as a container engine would: those that see the same files, host name, network, IPC and users belong together.
// Linux knows no containers, only processes that share namespaces; the groups are worked out here, as anyone would have to.

import type {
  LinuxCgroup,
  LinuxNamespace,
  LinuxPicture,
  LinuxProcess,
  NamespaceKind,
} from '../../../protocol/frame.ts';

export interface ProcessGroup {
  readonly key: string;
  /** The host name that its members see. */
  readonly title: string;
  /** It has none but the namespaces that the kernel began with. */
  readonly initial: boolean;
  /** The namespaces its members are in; of the PID kind there may be several. */
  readonly namespaces: readonly LinuxNamespace[];
  readonly processes: readonly LinuxProcess[];
  readonly cgroups: readonly LinuxCgroup[];
}

/** What a group shares. Whoever starts a PID namespace is not in it himself, so it does not count. */
const SHARED: readonly NamespaceKind[] = ['mnt', 'uts', 'net', 'ipc', 'user'];

/** @returns the group of the kernel's first process first, then by their lowest PID; kernel threads and the exited left out */
export function groupProcesses(picture: LinuxPicture): readonly ProcessGroup[] {
  const groups = new Map<string, LinuxProcess[]>();
  for (const process of picture.processes) {
    const { namespaces } = process;
    if (process.kernelThread || namespaces === undefined) continue;
    const key = SHARED.map((kind) => namespaces[kind]).join(' ');
    const group = groups.get(key);
    if (group) group.push(process);
    else groups.set(key, [process]);
  }
  return [...groups].map(([key, processes]) => {
    const inside = picture.namespaces.filter(({ kind, number }) =>
      processes.some(({ namespaces }) => namespaces?.[kind] === number),
    );
    return {
      key,
      title: inside.find(({ kind }) => kind === 'uts')?.contents ?? '',
      initial: SHARED.every((kind) => inside.some((each) => each.kind === kind && each.initial)),
      namespaces: inside,
      processes,
      cgroups: picture.cgroups.filter(({ path }) => processes.some(({ cgroup }) => cgroup === path)),
    };
  });
}

const PAGE_KIB = 4;

/** A control group in words: its limits, or how many are in it where it has none: `/web: 2 of 8 tasks, 96 KiB of 4 MiB, 25 % of a CPU`. */
export function cgroupText(cgroup: LinuxCgroup): string {
  const { tasks, tasksLimit, memoryPages, memoryLimitPages, cpuLimit } = cgroup;
  if ([tasksLimit, memoryLimitPages, cpuLimit].every((limit) => limit === undefined)) {
    return `${cgroup.members} processes, no limits`;
  }
  const of = (limit: string | undefined): string => (limit === undefined ? '' : ` of ${limit}`);
  return [
    `${tasks}${of(tasksLimit?.toString())} tasks`,
    `${pagesText(memoryPages)}${of(memoryLimitPages === undefined ? undefined : pagesText(memoryLimitPages))}`,
    cpuLimit === undefined ? 'any CPU time' : `${Number((100 * cpuLimit).toFixed(1))} % of a CPU`,
  ].join(', ');
}

export function pagesText(pages: number): string {
  const kibibytes = pages * PAGE_KIB;
  return kibibytes < 1024 ? `${kibibytes} KiB` : `${Number((kibibytes / 1024).toFixed(1))} MiB`;
}
