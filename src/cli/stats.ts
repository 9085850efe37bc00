// What --stats writes: how a run went, as one JSON object.

import { BareMachine } from '../core/hypervisor/techniques/bare-machine.ts';
import { asleep } from '../core/hypervisor/endings.ts';
import type { Hypervisor } from '../core/hypervisor/hypervisor.ts';
import type { ReasonStatistics, Trace } from '../core/hypervisor/exits/trace.ts';
import { directExecution } from '../core/hypervisor/properties/direct-execution.ts';
import type { PatchReport } from '../core/hypervisor/techniques/patching/code-patches.ts';
import { hashOfVm } from '../core/hypervisor/inspection/state-hash.ts';
import { DEAD_EXIT_CODE, type VirtualMachine } from '../core/hypervisor/virtual-machine.ts';
import { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import type { Vcpu } from '../core/hypervisor/vcpu.ts';
import { INSTRUCTIONS_PER_TICK } from '../core/machine/machine.ts';
import type { LiveMigration } from '../core/hypervisor/migration/live-migration.ts';
import type { Outcome } from './drive.ts';
import { virtioStatisticsOf, type VirtioStatistics } from './virtio-statistics.ts';
import type { ChosenGuest } from './guest-source.ts';
import type { CloneStatistics } from './clone-options.ts';
import type { OpenFile } from './files.ts';
import { levelCounts, type LevelCount } from './level-lines.ts';
import { migrationStatisticsOf, type MigrationStatistics } from './move-options.ts';
import { memoryStatisticsOf, type MemoryStatistics } from './memory-options.ts';

/** A run that reached --max-instructions, as `timeout` reports it. */
const LIMIT_EXIT_CODE = 124;

const TICKS_PER_SECOND = 10_000_000;
const INSTRUCTIONS_PER_SECOND = INSTRUCTIONS_PER_TICK * TICKS_PER_SECOND;

/** Host time in nanoseconds. */
export interface ExitStatistics {
  readonly count: number;
  /** How many of them were timed: not every one is. The times are of these; 0 where none was. */
  readonly timed: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

export interface Statistics {
  /** The file, or the name of the guest that ships. */
  readonly image: string;
  readonly technique: string;
  readonly boot: string;
  /** Bytes. */
  readonly memory: number;
  readonly harts: number;
  readonly stopped: 'finisher' | 'shutdown' | 'limit' | 'dead' | 'interrupted' | 'saved';
  /** The guest's own code, whole; the exit status has only eight bits for it. */
  readonly exitCode: number;
  /** One sentence: how it ended. */
  readonly message: string;
  /** Of the guest. */
  readonly instructions: number;
  /** Host time from the first instruction to the last, waiting included. */
  readonly seconds: number;
  /** Millions of instructions a second of host time. */
  readonly mips: number;
  /** What ran on the hart without the hypervisor, and what share of the time went to exits (estimated from the timed ones). */
  readonly direct: { readonly share: number; readonly exited: number; readonly exitTimeShare: number };
  /** By reason; those that did not happen are left out. */
  readonly exits: Readonly<Record<string, ExitStatistics>>;
  /** Interrupts that the guest took, by cause. */
  readonly interrupts: Readonly<Record<string, number>>;
  /** Of each virtio device, in the order of the guest's slots. */
  readonly virtio: readonly VirtioStatistics[];
  /** Of each virtual CPU; absent on the bare machine. */
  readonly vcpus?: readonly VcpuStatistics[];
  /** How much of its memory is where. */
  readonly memoryUse: MemoryStatistics;
  /** Of --migrate-after. */
  readonly migration?: MigrationStatistics;
  /** Of --repair patching: what was replaced in the guest's code, where, and how often it trapped. */
  readonly patches?: PatchReport;
  /** Traps and returns from level to level, where they were recorded. */
  readonly levels?: readonly LevelCount[];
  /** Of --clone-after. */
  readonly clone?: CopyStatistics;
  /** Of memory and the state of all harts: see core/hypervisor/inspection/state-hash.ts. */
  readonly stateHash: string;
}

export interface CopyStatistics extends CloneStatistics {
  /** How it went from there, where the copy has no place of its own in the statistics. */
  readonly vm?: Statistics;
  /** What the copy is called where it has one. */
  readonly name?: string;
}

/** Times in seconds of the machine's clock. */
export interface VcpuStatistics {
  readonly instructions: number;
  readonly exits: number;
  /** It was on a physical hart. */
  readonly run: number;
  /** It waited for an interrupt. */
  readonly wait: number;
  /** It could have executed, but had no hart. */
  readonly steal: number;
  /** It waited for pages that the hypervisor had swapped out. */
  readonly swap: number;
}

/** What the file of the statistics says of a run that broke off: whoever reads it finds JSON, and why. */
export function writeFailure(file: OpenFile | undefined, error: unknown): void {
  if (file?.empty !== true || !(error instanceof Error)) return;
  file.write(Buffer.from(`${JSON.stringify({ stopped: 'failed', message: error.message }, undefined, 2)}\n`));
}

export type Verdict = Pick<Statistics, 'stopped' | 'exitCode' | 'message'>;

/** How a run ended, in the words of the statistics. */
export function verdictOf(outcome: Outcome, limit: number): Verdict {
  switch (outcome.kind) {
    case 'ended': {
      const { kind, exitCode, message } = outcome.ending;
      return { stopped: kind, exitCode, message };
    }
    case 'limit':
      return {
        stopped: 'limit',
        exitCode: LIMIT_EXIT_CODE,
        message: `The guest reached the limit of ${limit} instructions.`,
      };
    case 'saved':
      return { stopped: 'saved', exitCode: 0, message: outcome.message };
    case 'interrupted':
      return {
        stopped: 'interrupted',
        exitCode: outcome.by.status,
        message: outcome.by.message ?? 'The reader of the console has gone.',
      };
  }
}

/** How a copy of the guest ended, where the run was over with `outcome`. */
export function verdictOfCopy(
  { ending, instructions }: Pick<VirtualMachine, 'ending' | 'instructions'>,
  outcome: Outcome,
  limit: number,
): Verdict {
  if (ending !== undefined) return verdictOf({ kind: 'ended', ending }, limit);
  if (instructions >= limit) return verdictOf({ kind: 'limit' }, limit);
  if (outcome.kind === 'ended') return verdictOf({ kind: 'ended', ending: asleep() }, limit);
  return { ...verdictOf(outcome, limit), message: 'It had not ended when the run was over.' };
}

/**
 * The exit status: the guest's code as far as eight bits hold it, as with any process; but what failed never reports 0.
 */
export function exitStatusOf({ stopped, exitCode }: Pick<Statistics, 'stopped' | 'exitCode'>): number {
  if (stopped === 'dead') return DEAD_EXIT_CODE;
  const low = exitCode & 0xff;
  return low === 0 && exitCode !== 0 ? 255 : low;
}

export interface Run {
  readonly chosen: ChosenGuest;
  readonly vm: VirtualMachine;
  readonly trace: Trace;
  readonly verdict: Verdict;
  readonly seconds: number;
  /** Undefined on the bare machine. */
  readonly hypervisor: Hypervisor | undefined;
  /** Undefined where the VM was not to move. */
  readonly migration?: LiveMigration | undefined;
  /** Undefined where it was not copied. */
  readonly clone?: CopyStatistics | undefined;
}

export function statisticsOf({ chosen, vm, trace, verdict, seconds, hypervisor, migration, clone }: Run): Statistics {
  const { guest, technique, name } = chosen;
  return {
    image: name,
    technique,
    boot: guest.boot,
    memory: guest.memoryBytes,
    harts: guest.harts,
    ...verdict,
    instructions: vm.instructions,
    seconds,
    mips: seconds > 0 ? vm.instructions / seconds / 1e6 : 0,
    direct: directOf(vm.instructions, trace.statistics(vm.id), seconds),
    exits: Object.fromEntries(
      Object.entries(trace.statistics(vm.id))
        .filter(([, { count }]) => count > 0)
        .map(([reason, sums]) => [reason, summary(sums)]),
    ),
    interrupts: vm.interrupts,
    virtio: virtioStatisticsOf(vm, hypervisor),
    ...(vm instanceof HostedVm && { vcpus: vm.vcpus.map((vcpu) => vcpuStatistics(vcpu, vm.physical.elapsed)) }),
    memoryUse: memoryStatisticsOf(vm, hypervisor),
    ...(migration && { migration: migrationStatisticsOf(migration) }),
    ...(vm instanceof HostedVm && vm.patches && { patches: vm.patches.report }),
    ...(clone && { clone }),
    ...(vm instanceof BareMachine && vm.levels.recording && { levels: levelCounts(vm.levels) }),
    stateHash: hashOfVm(vm),
  };
}

function vcpuStatistics({ schedule, instructions, exits }: Vcpu, now: number): VcpuStatistics {
  const { run, wait, steal, swap } = schedule.timesAt(now);
  const seconds = (time: number) => time / INSTRUCTIONS_PER_SECOND;
  return { instructions, exits, run: seconds(run), wait: seconds(wait), steal: seconds(steal), swap: seconds(swap) };
}

const directOf = (
  instructions: number,
  statistics: Parameters<typeof directExecution>[1],
  seconds: number,
): Statistics['direct'] => {
  const { share, exited, exitNanoseconds } = directExecution(instructions, statistics);
  return { share, exited, exitTimeShare: seconds > 0 ? Math.min(1, exitNanoseconds / 1e9 / seconds) : 0 };
};

const summary = ({ count, timed, minimum, maximum, sum }: Readonly<ReasonStatistics>): ExitStatistics => ({
  count,
  timed,
  min: minimum,
  mean: timed > 0 ? sum / timed : 0,
  max: maximum,
});
