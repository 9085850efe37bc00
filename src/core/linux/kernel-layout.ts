// Where one build of the Linux kernel keeps what a look from outside needs: made by the recipe together with the image, and told
// apart from every other build by the build ID that lies in the kernel's own memory (ELF note NT_GNU_BUILD_ID).

/** What `inspection/make-layout.sh` found out; every name below must be in it. */
const OFFSETS = [
  'task_struct.tasks',
  'task_struct.pid',
  'task_struct.tgid',
  'task_struct.comm',
  'task_struct.flags',
  'task_struct.__state',
  'task_struct.exit_state',
  'task_struct.real_parent',
  'task_struct.start_time',
  'task_struct.utime',
  'task_struct.stime',
  'task_struct.thread_pid',
  'task_struct.real_cred',
  'task_struct.nsproxy',
  'task_struct.cgroups',
  'task_struct.mm',
  'task_struct.fs',
  'task_struct.signal',
  'signal_struct.nr_threads',
  'pid.level',
  'pid.numbers',
  'upid.size',
  'upid.nr',
  'upid.ns',
  'cred.uid',
  'cred.user_ns',
  'user_namespace.parent',
  'user_namespace.ns.inum',
  'user_namespace.uid_map.nr_extents',
  'user_namespace.uid_map.extent',
  'uid_gid_extent.first',
  'uid_gid_extent.lower_first',
  'uid_gid_extent.count',
  'nsproxy.uts_ns',
  'nsproxy.ipc_ns',
  'nsproxy.mnt_ns',
  'nsproxy.net_ns',
  'nsproxy.cgroup_ns',
  'pid_namespace.ns.inum',
  'pid_namespace.parent',
  'pid_namespace.level',
  'uts_namespace.ns.inum',
  'uts_namespace.name.nodename',
  'ipc_namespace.ns.inum',
  'cgroup_namespace.ns.inum',
  'mnt_namespace.ns.inum',
  'mnt_namespace.mounts',
  'net.ns.inum',
  'net.dev_base_head',
  'net_device.dev_list',
  'net_device.name',
  'fs_struct.root.mnt',
  'vfsmount.mnt_sb',
  'super_block.s_type',
  'file_system_type.name',
  'css_set.dfl_cgrp',
  'css_set.subsys',
  'cgroup_subsys.cpu',
  'cgroup_subsys.memory',
  'cgroup_subsys.pids',
  'cgroup.kn',
  'kernfs_node.name',
  'kernfs_node.parent',
  'mem_cgroup.css',
  'mem_cgroup.memory.usage',
  'mem_cgroup.memory.max',
  'pids_cgroup.css',
  'pids_cgroup.counter',
  'pids_cgroup.limit',
  'task_group.css',
  'task_group.cfs_bandwidth.quota',
  'task_group.cfs_bandwidth.period',
  'mm_struct.rss_stat.count',
  'rss_stat.counts',
  'rss_stat.swap',
  'zone_stat.free_pages',
] as const;
const SYMBOLS = ['init_task', 'init_nsproxy', '__start_notes', '__stop_notes', 'vm_zone_stat'] as const;

export type LayoutOffset = (typeof OFFSETS)[number];
export type LayoutSymbol = (typeof SYMBOLS)[number];

export interface KernelLayout {
  /** As `uname -r` prints it. */
  readonly release: string;
  /** Twenty bytes, as lower-case hexadecimal digits. */
  readonly buildId: string;
  /** Guest virtual addresses. */
  readonly symbols: Readonly<Record<LayoutSymbol, number>>;
  /** Bytes from the start of the structure; sizes in bytes, indices as they are. */
  readonly offsets: Readonly<Record<LayoutOffset, number>>;
}

const LARGEST_OFFSET = 65_536;

/**
 * Reads a layout file.
 * @throws Error, one line for a person: what was expected and what was found
 */
export function parseKernelLayout(text: string): KernelLayout {
  const refuse = (what: string): Error =>
    new Error(
      `expected a kernel layout made by src/guests/linux/build.sh, found ${what}: build the kernel and it anew`,
    );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refuse('something that is not JSON');
  }
  const { release, buildId, symbols, offsets } = (json ?? {}) as Record<string, unknown>;
  if (typeof release !== 'string') throw refuse('no release');
  if (typeof buildId !== 'string' || !/^[0-9a-f]{40}$/.test(buildId)) throw refuse('no build ID of 40 digits');
  const numbers = <Name extends string>(
    from: unknown,
    names: readonly Name[],
    largest: number,
  ): Record<Name, number> => {
    const given = (from ?? {}) as Record<string, unknown>;
    const bad = names.find((name) => {
      const value = given[name];
      return typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > largest;
    });
    if (bad !== undefined) throw refuse(`no number for ${bad}`);
    return Object.fromEntries(names.map((name) => [name, given[name]])) as Record<Name, number>;
  };
  return {
    release,
    buildId,
    symbols: numbers(symbols, SYMBOLS, 0xffff_ffff),
    offsets: numbers(offsets, OFFSETS, LARGEST_OFFSET),
  };
}
