// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the kernel that was just built keeps what a look from outside needs. make-layout.sh compiles this file with that
 * kernel's own configuration and reads the numbers out of the assembly, as the kernel does it for its asm-offsets.h.
 */
#include <linux/kbuild.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/ipc_namespace.h>
#include <linux/kernfs.h>
#include <linux/memcontrol.h>
#include <linux/mmzone.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>
#include "../../../fs/mount.h"
#include "../../../kernel/sched/sched.h"
#include "../../../kernel/cgroup/pids.c"

#define AT(type, member) DEFINE(type.member, offsetof(struct type, member))

int main(void);
int main(void)
{
	AT(task_struct, tasks);
	AT(task_struct, pid);
	AT(task_struct, tgid);
	AT(task_struct, comm);
	AT(task_struct, flags);
	AT(task_struct, __state);
	AT(task_struct, exit_state);
	AT(task_struct, real_parent);
	AT(task_struct, start_time);
	AT(task_struct, utime);
	AT(task_struct, stime);
	AT(task_struct, thread_pid);
	AT(task_struct, real_cred);
	AT(task_struct, nsproxy);
	AT(task_struct, cgroups);
	AT(task_struct, mm);
	AT(task_struct, fs);
	AT(task_struct, signal);
	AT(signal_struct, nr_threads);
	AT(pid, level);
	AT(pid, numbers);
	DEFINE(upid.size, sizeof(struct upid));
	AT(upid, nr);
	AT(upid, ns);
	AT(cred, uid);
	AT(cred, user_ns);
	AT(user_namespace, parent);
	AT(user_namespace, ns.inum);
	DEFINE(user_namespace.uid_map.nr_extents, offsetof(struct user_namespace, uid_map.nr_extents));
	DEFINE(user_namespace.uid_map.extent, offsetof(struct user_namespace, uid_map.extent));
	AT(uid_gid_extent, first);
	AT(uid_gid_extent, lower_first);
	AT(uid_gid_extent, count);
	AT(nsproxy, uts_ns);
	AT(nsproxy, ipc_ns);
	AT(nsproxy, mnt_ns);
	AT(nsproxy, net_ns);
	AT(nsproxy, cgroup_ns);
	AT(pid_namespace, ns.inum);
	AT(pid_namespace, parent);
	AT(pid_namespace, level);
	AT(uts_namespace, ns.inum);
	AT(uts_namespace, name.nodename);
	AT(ipc_namespace, ns.inum);
	AT(cgroup_namespace, ns.inum);
	AT(mnt_namespace, ns.inum);
	AT(mnt_namespace, mounts);
	AT(net, ns.inum);
	AT(net, dev_base_head);
	AT(net_device, dev_list);
	AT(net_device, name);
	AT(fs_struct, root.mnt);
	AT(vfsmount, mnt_sb);
	AT(super_block, s_type);
	AT(file_system_type, name);
	AT(css_set, dfl_cgrp);
	AT(css_set, subsys);
	DEFINE(cgroup_subsys.cpu, cpu_cgrp_id);
	DEFINE(cgroup_subsys.memory, memory_cgrp_id);
	DEFINE(cgroup_subsys.pids, pids_cgrp_id);
	AT(cgroup, kn);
	AT(kernfs_node, name);
	AT(kernfs_node, parent);
	DEFINE(mem_cgroup.memory.usage, offsetof(struct mem_cgroup, memory.usage));
	DEFINE(mem_cgroup.memory.max, offsetof(struct mem_cgroup, memory.max));
	AT(mem_cgroup, css);
	AT(pids_cgroup, css);
	AT(pids_cgroup, counter);
	AT(pids_cgroup, limit);
	AT(task_group, css);
	DEFINE(task_group.cfs_bandwidth.quota, offsetof(struct task_group, cfs_bandwidth.quota));
	DEFINE(task_group.cfs_bandwidth.period, offsetof(struct task_group, cfs_bandwidth.period));
	AT(mm_struct, pgd);
	AT(mm_struct, total_vm);
	AT(mm_struct, arg_start);
	AT(mm_struct, arg_end);
	DEFINE(mm_struct.rss_stat.count, offsetof(struct mm_struct, rss_stat.count));
	DEFINE(rss_stat.counts, NR_MM_COUNTERS);
	DEFINE(rss_stat.swap, MM_SWAPENTS);
	DEFINE(zone_stat.free_pages, NR_FREE_PAGES);
	return 0;
}
