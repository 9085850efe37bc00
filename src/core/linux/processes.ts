// What a Linux guest's kernel has in its memory about its processes, namespaces and control groups: read from outside, without
// asking the guest. Virtual-machine introspection. Everything read may be corrupt: a list that does not end, or an address that
// leads nowhere, becomes a sentence in `problem`, and what was read before it stands.

import type { KernelLayout, LayoutOffset } from './kernel-layout.ts';
import { UnreadableKernel, type KernelMemory } from './kernel-memory.ts';

const namespaceKinds = ['pid', 'mnt', 'uts', 'net', 'ipc', 'user', 'cgroup'] as const;
export type NamespaceKind = (typeof namespaceKinds)[number];

export interface LinuxProcess {
  /** Guest virtual address of its task_struct. */
  readonly task: number;
  /** As the initial PID namespace numbers it. */
  readonly pid: number;
  /** In each PID namespace that it is seen in, outermost first; the last is its own. */
  readonly pids: readonly number[];
  readonly parent: number;
  readonly name: string;
  readonly state: string;
  /** It has no user program. */
  readonly kernelThread: boolean;
  readonly threads: number;
  /** User ID outside every user namespace. */
  readonly user: number;
  /** Number of the namespace it is in, of each kind; undefined once it has exited. */
  readonly namespaces: Readonly<Record<NamespaceKind, number>> | undefined;
  readonly cgroup: string;
  /** File system type of its root directory; undefined once it has exited. */
  readonly rootFileSystem: string | undefined;
  readonly residentPages: number;
  /** Nanoseconds of the guest's time in user mode and in the kernel. */
  readonly cpuTime: number;
}

export interface LinuxNamespace {
  readonly kind: NamespaceKind;
  /** As `ls -l /proc/self/ns` shows it. */
  readonly number: number;
  /** The one that the kernel began with. */
  readonly initial: boolean;
  /** Processes in it. */
  readonly members: number;
  /** What it gives its members: a host name, network interfaces, mounts, user IDs. */
  readonly contents: string;
}

export interface LinuxCgroup {
  readonly path: string;
  readonly members: number;
  /** Pages charged to it, and the most it may have; undefined where there is no limit. */
  readonly memoryPages: number;
  readonly memoryLimitPages: number | undefined;
  readonly tasks: number;
  readonly tasksLimit: number | undefined;
  /** CPUs it may use: 0.5 is half of one; undefined where there is no limit. */
  readonly cpuLimit: number | undefined;
}

export interface LinuxPicture {
  readonly release: string;
  readonly processes: readonly LinuxProcess[];
  readonly namespaces: readonly LinuxNamespace[];
  readonly cgroups: readonly LinuxCgroup[];
  /** Pages nobody uses, as the kernel counts them. */
  readonly freePages: number;
  /** Why the picture is not whole, where it is not: one sentence. */
  readonly problem: string | undefined;
}

const MOST_PROCESSES = 4096;
const MOST_INTERFACES = 32;
const DEEPEST_PATH = 32;
const DEEPEST_PID = 32;
const COMM_BYTES = 16;
const NAME_BYTES = 64;
const KERNEL_THREAD = 0x0020_0000; // PF_KTHREAD
const NO_TASK_LIMIT = 0x8000; // PID_MAX_LIMIT of a 32-bit kernel; "max" is one more
const NO_PAGE_LIMIT = 0x7fff_ffff; // PAGE_COUNTER_MAX
const BUILD_ID_NOTE = 3;
const LONGEST_NOTES = 4096;

/** Which of the layouts is the running kernel's, told by the build ID in its memory; undefined where none is. */
export function findLayout(memory: KernelMemory, layouts: readonly KernelLayout[]): KernelLayout | undefined {
  return layouts.find(({ symbols, buildId }) => {
    const end = Math.min(symbols.__stop_notes, symbols.__start_notes + LONGEST_NOTES);
    return buildIdIn(memory, symbols.__start_notes, end) === buildId;
  });
}

/** The build ID among ELF notes: name length, data length, type, name and data padded to four bytes. */
function buildIdIn(memory: KernelMemory, start: number, end: number): string | undefined {
  for (let at = start; at + 12 <= end;) {
    const name = memory.wordIfMapped(at);
    const data = memory.wordIfMapped(at + 4);
    const type = memory.wordIfMapped(at + 8);
    if (name === undefined || data === undefined || type === undefined) return undefined;
    const from = at + 12 + ((name + 3) & ~3);
    if (name > LONGEST_NOTES || data > LONGEST_NOTES) return undefined;
    if (type === BUILD_ID_NOTE && memory.wordIfMapped(at + 12) === GNU) {
      let digits = '';
      for (let offset = 0; offset < data; offset += 4) {
        const word = memory.wordIfMapped(from + offset);
        if (word === undefined) return undefined;
        for (let byte = 0; byte < 4; byte++) digits += ((word >>> (8 * byte)) & 0xff).toString(16).padStart(2, '0');
      }
      return digits.slice(0, 2 * data);
    }
    at = from + ((data + 3) & ~3);
  }
  return undefined;
}
const GNU = 0x0055_4e47;

/** Reads the picture. Looking changes nothing. */
export function lookAtLinux(memory: KernelMemory, layout: KernelLayout): LinuxPicture {
  return new Look(memory, layout).picture();
}

/** Who a task_struct belongs to: enough for one line about a system call. */
export function identify(memory: KernelMemory, layout: KernelLayout, task: number) {
  const at = (offset: LayoutOffset): number => task + layout.offsets[offset];
  return {
    pid: memory.wordIfMapped(at('task_struct.tgid')),
    name: memory.textIfMapped(at('task_struct.comm'), COMM_BYTES) ?? '',
  };
}

class Look {
  readonly #memory: KernelMemory;
  readonly #layout: KernelLayout;
  readonly #namespaces = new Map<number, { kind: NamespaceKind; number: number; members: number; contents: string }>();
  readonly #cgroups = new Map<number, { -readonly [Key in keyof LinuxCgroup]: LinuxCgroup[Key] }>();
  readonly #initial = new Set<number>();

  constructor(memory: KernelMemory, layout: KernelLayout) {
    this.#memory = memory;
    this.#layout = layout;
  }

  picture(): LinuxPicture {
    const processes: LinuxProcess[] = [];
    let problem: string | undefined;
    let freePages = 0;
    try {
      freePages = this.#memory.word(
        this.#layout.symbols.vm_zone_stat + 4 * this.#offset('zone_stat.free_pages'),
        'the count of free pages',
      );
      for (const task of this.#tasks()) processes.push(this.#process(task));
    } catch (error) {
      if (!(error instanceof UnreadableKernel)) throw error;
      problem = error.message;
    }
    const order = (kind: NamespaceKind): number => namespaceKinds.indexOf(kind);
    return {
      release: this.#layout.release,
      processes,
      namespaces: [...this.#namespaces]
        .map(([address, each]) => ({ ...each, initial: this.#initial.has(address) }))
        .sort((a, b) => order(a.kind) - order(b.kind) || Number(b.initial) - Number(a.initial) || a.number - b.number),
      cgroups: [...this.#cgroups.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
      freePages,
      problem,
    };
  }

  #offset(name: LayoutOffset): number {
    return this.#layout.offsets[name];
  }

  /** A pointer or a number in a structure. */
  #field(base: number, name: LayoutOffset): number {
    return this.#memory.word(base + this.#offset(name), name);
  }

  /** Every thread group's leader, init_task (the idle task, PID 0) first. */
  *#tasks(): Iterable<number> {
    const first = this.#layout.symbols.init_task;
    const list = this.#offset('task_struct.tasks');
    const seen = new Set<number>();
    for (let task = first; ;) {
      if (seen.has(task) || seen.size >= MOST_PROCESSES) {
        throw new UnreadableKernel(
          `The kernel’s list of processes runs in a circle after ${seen.size}: its memory is corrupt, or it is being changed just now.`,
        );
      }
      seen.add(task);
      yield task;
      task = (this.#memory.word(task + list, 'the next process') - list) >>> 0;
      if (task === first) return;
    }
  }

  #process(task: number): LinuxProcess {
    const memory = this.#memory;
    const nsproxy = this.#field(task, 'task_struct.nsproxy');
    const pid = this.#field(task, 'task_struct.thread_pid');
    const cred = this.#field(task, 'task_struct.real_cred');
    const mm = this.#field(task, 'task_struct.mm');
    const { pids, namespace } = this.#pids(pid);
    const parent = this.#field(task, 'task_struct.real_parent');
    return {
      task,
      pid: this.#field(task, 'task_struct.pid'),
      pids,
      parent: this.#field(parent, 'task_struct.tgid'),
      name: memory.text(task + this.#offset('task_struct.comm'), COMM_BYTES, 'task_struct.comm'),
      state: stateName(this.#field(task, 'task_struct.__state'), this.#field(task, 'task_struct.exit_state')),
      kernelThread: (this.#field(task, 'task_struct.flags') & KERNEL_THREAD) !== 0,
      threads: this.#field(this.#field(task, 'task_struct.signal'), 'signal_struct.nr_threads'),
      user: this.#field(cred, 'cred.uid'),
      namespaces: nsproxy === 0 ? undefined : this.#join(nsproxy, namespace, this.#field(cred, 'cred.user_ns'), task),
      cgroup: this.#joinCgroup(this.#field(task, 'task_struct.cgroups')),
      rootFileSystem: this.#rootFileSystem(this.#field(task, 'task_struct.fs')),
      residentPages: mm === 0 ? 0 : this.#residentPages(mm),
      cpuTime:
        memory.long(task + this.#offset('task_struct.utime'), 'task_struct.utime') +
        memory.long(task + this.#offset('task_struct.stime'), 'task_struct.stime'),
    };
  }

  /** The numbers of a struct pid, and the PID namespace of the innermost. */
  #pids(pid: number): { pids: readonly number[]; namespace: number } {
    if (pid === 0) return { pids: [], namespace: 0 }; // it has exited and was waited for
    const level = this.#field(pid, 'pid.level');
    if (level > DEEPEST_PID) {
      throw new UnreadableKernel(`Expected PID namespaces at most ${DEEPEST_PID} deep, found ${level}.`);
    }
    const numbers = pid + this.#offset('pid.numbers');
    const size = this.#offset('upid.size');
    const pids = Array.from({ length: level + 1 }, (_, index) => this.#field(numbers + index * size, 'upid.nr'));
    return { pids, namespace: this.#field(numbers + level * size, 'upid.ns') };
  }

  /** Counts a process into its namespaces. */
  #join(nsproxy: number, pidNamespace: number, userNamespace: number, task: number) {
    const addresses: Readonly<Record<NamespaceKind, number>> = {
      pid: pidNamespace,
      mnt: this.#field(nsproxy, 'nsproxy.mnt_ns'),
      uts: this.#field(nsproxy, 'nsproxy.uts_ns'),
      net: this.#field(nsproxy, 'nsproxy.net_ns'),
      ipc: this.#field(nsproxy, 'nsproxy.ipc_ns'),
      user: userNamespace,
      cgroup: this.#field(nsproxy, 'nsproxy.cgroup_ns'),
    };
    const numbers: Partial<Record<NamespaceKind, number>> = {};
    for (const kind of namespaceKinds) {
      const address = addresses[kind];
      let known = this.#namespaces.get(address);
      if (known === undefined) {
        const number = address === 0 ? 0 : this.#field(address, `${structures[kind]}.ns.inum`);
        known = { kind, number, members: 0, contents: this.#contents(kind, address) };
        this.#namespaces.set(address, known);
      }
      known.members++;
      numbers[kind] = known.number;
      // The idle task is in the namespaces that the kernel began with.
      if (task === this.#layout.symbols.init_task) this.#initial.add(address);
    }
    return numbers as Readonly<Record<NamespaceKind, number>>;
  }

  #contents(kind: NamespaceKind, address: number): string {
    switch (kind) {
      case 'uts':
        return this.#memory.text(
          address + this.#offset('uts_namespace.name.nodename'),
          NAME_BYTES,
          'uts_namespace.name.nodename',
        );
      case 'net':
        return this.#interfaces(address).join(' ');
      case 'mnt':
        return `${this.#field(address, 'mnt_namespace.mounts')} mounts`;
      case 'pid':
        return `level ${this.#field(address, 'pid_namespace.level')}`;
      case 'user':
        return this.#userMap(address);
      default:
        return '';
    }
  }

  #interfaces(net: number): readonly string[] {
    const head = net + this.#offset('net.dev_base_head');
    const list = this.#offset('net_device.dev_list');
    const names: string[] = [];
    for (let at = this.#memory.word(head, 'the list of interfaces'); at !== head;) {
      if (names.length >= MOST_INTERFACES) return [...names, '…'];
      names.push(this.#memory.text(at - list + this.#offset('net_device.name'), COMM_BYTES, 'net_device.name'));
      at = this.#memory.word(at, 'the next interface');
    }
    return names;
  }

  /** Which user IDs inside are which outside. */
  #userMap(namespace: number): string {
    if (this.#field(namespace, 'user_namespace.uid_map.nr_extents') !== 1) return '';
    const extent = namespace + this.#offset('user_namespace.uid_map.extent');
    const first = this.#field(extent, 'uid_gid_extent.first');
    const outside = this.#field(extent, 'uid_gid_extent.lower_first');
    return `user ${first} is ${outside} outside`;
  }

  /** Counts a process into its control group. @returns the group's path */
  #joinCgroup(set: number): string {
    const cgroup = this.#field(set, 'css_set.dfl_cgrp');
    let known = this.#cgroups.get(cgroup);
    if (known === undefined) {
      known = { path: this.#path(this.#field(cgroup, 'cgroup.kn')), members: 0, ...this.#limits(set) };
      this.#cgroups.set(cgroup, known);
    }
    known.members++;
    return known.path;
  }

  #path(node: number): string {
    const names: string[] = [];
    for (let at = node; at !== 0; at = this.#field(at, 'kernfs_node.parent')) {
      if (names.length > DEEPEST_PATH) throw new UnreadableKernel('The path of a control group does not end.');
      names.unshift(this.#memory.text(this.#field(at, 'kernfs_node.name'), NAME_BYTES, 'kernfs_node.name'));
    }
    return names.join('/') || '/';
  }

  #limits(set: number): Omit<LinuxCgroup, 'path' | 'members'> {
    const subsystem = (name: LayoutOffset, css: LayoutOffset): number =>
      this.#memory.word(set + this.#offset('css_set.subsys') + 4 * this.#offset(name), name) - this.#offset(css);
    const memory = subsystem('cgroup_subsys.memory', 'mem_cgroup.css');
    const pids = subsystem('cgroup_subsys.pids', 'pids_cgroup.css');
    const cpu = subsystem('cgroup_subsys.cpu', 'task_group.css');
    const memoryLimit = this.#field(memory, 'mem_cgroup.memory.max');
    const tasksLimit = this.#field(pids, 'pids_cgroup.limit');
    const quotaAt = cpu + this.#offset('task_group.cfs_bandwidth.quota');
    const quota = this.#memory.long(quotaAt, 'task_group.cfs_bandwidth.quota');
    const period = this.#memory.long(
      cpu + this.#offset('task_group.cfs_bandwidth.period'),
      'task_group.cfs_bandwidth.period',
    );
    return {
      memoryPages: this.#field(memory, 'mem_cgroup.memory.usage'),
      memoryLimitPages: memoryLimit >= NO_PAGE_LIMIT ? undefined : memoryLimit,
      tasks: this.#field(pids, 'pids_cgroup.counter'),
      tasksLimit: tasksLimit > NO_TASK_LIMIT ? undefined : tasksLimit,
      cpuLimit: quota >= 2 ** 63 || period === 0 ? undefined : quota / period,
    };
  }

  #rootFileSystem(fs: number): string | undefined {
    if (fs === 0) return undefined;
    const mount = this.#field(fs, 'fs_struct.root.mnt');
    if (mount === 0) return undefined;
    const type = this.#field(this.#field(mount, 'vfsmount.mnt_sb'), 'super_block.s_type');
    return this.#memory.text(this.#field(type, 'file_system_type.name'), COMM_BYTES, 'file_system_type.name');
  }

  #residentPages(mm: number): number {
    const counts = mm + this.#offset('mm_struct.rss_stat.count');
    let pages = 0;
    for (let index = 0; index < Math.min(8, this.#offset('rss_stat.counts')); index++) {
      // A count may be below zero for a moment, while a thread still has its share of it.
      if (index !== this.#offset('rss_stat.swap'))
        pages += this.#memory.word(counts + 4 * index, 'mm_struct.rss_stat') | 0;
    }
    return Math.max(0, pages);
  }
}

const structures = {
  pid: 'pid_namespace',
  mnt: 'mnt_namespace',
  uts: 'uts_namespace',
  net: 'net',
  ipc: 'ipc_namespace',
  user: 'user_namespace',
  cgroup: 'cgroup_namespace',
} as const satisfies Record<NamespaceKind, string>;

/** As `ps` says it (include/linux/sched.h of Linux 6.1). */
function stateName(state: number, exitState: number): string {
  if ((exitState & 0x20) !== 0) return 'zombie';
  if ((exitState & 0x10) !== 0) return 'dead';
  if (state === 0) return 'runnable';
  if ((state & 0x1) !== 0) return 'sleeping';
  if ((state & 0x402) === 0x402) return 'idle';
  if ((state & 0x2) !== 0) return 'waiting for a device';
  if ((state & 0x4) !== 0) return 'stopped';
  if ((state & 0x8) !== 0) return 'traced';
  return 'dead';
}
