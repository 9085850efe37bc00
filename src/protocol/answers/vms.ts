// VMs as their hypervisor sees each as a whole: the time it has on the harts, its way to another machine, what is patched
// in its code, the processes in it, what a scenario expects of it.

import type { Judgement } from '../../core/hypervisor/expectations.ts';
import type { MachineName } from '../../core/hypervisor/machines.ts';
import type { LiveMigration } from '../../core/hypervisor/migration/live-migration.ts';
import type { PatchReport, PatchSite } from '../../core/hypervisor/techniques/patching/code-patches.ts';
import type { LinuxPicture } from '../../core/linux/processes.ts';
import type { SystemCallCount, SystemCallRecord } from '../../core/linux/system-call-log.ts';

export type { MigrationRound, MigrationState } from '../../core/hypervisor/migration/live-migration.ts';
export type {
  LinuxCgroup,
  LinuxNamespace,
  LinuxPicture,
  LinuxProcess,
  NamespaceKind,
} from '../../core/linux/processes.ts';
export type { SystemCallCount, SystemCallRecord } from '../../core/linux/system-call-log.ts';

export interface SchedulerQuestion {
  /** How far back, in instructions of virtual time. */
  readonly span: number;
}

/** Times in instructions of virtual time, since the vCPU was made. */
export interface VcpuTimesRow {
  readonly vm: number;
  readonly vcpu: number;
  readonly doing: 'run' | 'wait' | 'steal' | 'swap' | 'off';
  readonly run: number;
  readonly wait: number;
  /** It could have executed, but had no hart. */
  readonly steal: number;
  /** It needed a page that its hypervisor had swapped out. */
  readonly swap: number;
  readonly weight: number;
  /** Percent of a hart. */
  readonly cap: number;
  /** Physical harts it may use, a bit each. */
  readonly pin: number;
}

export interface SchedulerAnswer {
  readonly now: number;
  readonly since: number;
  /** Physical harts of the machine that the hypervisor shares out. */
  readonly harts: number;
  readonly vcpus: readonly VcpuTimesRow[];
  /** Which vCPU was on which hart between `since` and `now`. `to` is undefined while it lasts. */
  readonly intervals: readonly {
    readonly from: number;
    readonly to: number | undefined;
    readonly hart: number;
    readonly vm: number;
    readonly vcpu: number;
  }[];
}

/** A VM whose code the hypervisor patches. */
export interface PatchedVm extends Omit<PatchReport, 'pages'> {
  readonly vm: number;
  /** Replaced instructions in all, and in how many pages. */
  readonly sites: number;
  readonly pages: number;
  /** Those that trapped most often; `live`: its page has a copy now. */
  readonly shown: readonly (PatchSite & { readonly live: boolean; readonly withdrawn: number })[];
}

export type { Judgement } from '../../core/hypervisor/expectations.ts';

export interface ScenarioVmRow {
  readonly name: string;
  /** Undefined for a copy that has not been made yet. */
  readonly vm: number | undefined;
  /** In the order of the command line. */
  readonly judgements: readonly Judgement[];
}

/** A scenario of which VMs are there. */
export interface ScenarioAnswer {
  readonly run: number;
  readonly title: string;
  readonly about: string;
  readonly vms: readonly ScenarioVmRow[];
}

/** Times in ticks of the 10 MHz board clock. */
export interface MigrationAnswer extends Pick<
  LiveMigration,
  'vm' | 'state' | 'active' | 'message' | 'rounds' | 'progress' | 'converging' | 'throttle' | 'hashes'
> {
  /** Undefined where the VM has been removed since. */
  readonly from: MachineName | undefined;
  readonly to: MachineName | undefined;
  readonly bytesPerSecond: number;
  readonly downtimeLimitTicks: number;
  /** For which the VM stood still, or has so far; undefined before it was stopped. */
  readonly downtimeTicks: number | undefined;
}

/** What the VM's kernel has in its memory about its processes; nothing of it is asked of the guest. */
export interface ProcessesAnswer {
  /** Undefined where the kernel is not one whose layout is known; `missing` says why. */
  readonly picture: LinuxPicture | undefined;
  /** One sentence. */
  readonly missing: string | undefined;
  /** For each hart, the PID of the process whose program or system call it is in; 0 while the kernel idles. */
  readonly current: readonly number[];
  readonly calls: {
    readonly watching: boolean;
    /** Since watching began. */
    readonly total: number;
    /** Newest first. */
    readonly recent: readonly SystemCallRecord[];
    /** The most frequent first. */
    readonly counts: readonly SystemCallCount[];
  };
}
