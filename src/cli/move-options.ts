// The options of `run` that take a VM elsewhere while it runs: to a second machine, or into a file and out of it again.

import {
  DEFAULT_DOWNTIME_TICKS,
  type Divergence,
  type LiveMigration,
  type MigrationOptions,
  type MigrationRound,
} from '../core/hypervisor/migration/live-migration.ts';
import { DEFAULT_MIGRATION_LINK } from '../core/hypervisor/migration/migration-link.ts';
import { StreamError } from '../core/hypervisor/migration/migration-stream.ts';
import { restoreVm } from '../core/hypervisor/migration/vm-stream.ts';
import type { GuestImage } from '../core/hypervisor/firmware/guest-boot.ts';
import type { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import { TICKS_PER_SECOND } from '../core/hypervisor/computer.ts';
import { readBytes } from './files.ts';
import type { DiskWord } from '../protocol/option-values/disk-words.ts';
import { quoted, UsageError } from './options.ts';
import type { FileWith } from '../protocol/option-values/values.ts';

/** What `run` was told of moving. */
export interface MoveChoice {
  /** Instructions of the guest. */
  readonly migrateAfter?: number;
  /** Bytes a second. */
  readonly bandwidth?: number;
  /** Milliseconds. */
  readonly downtime?: number;
  readonly diverge?: Divergence;
  /** A file. */
  readonly save?: string;
  /** Instructions of the guest. */
  readonly saveAfter?: number;
  /** A file. */
  readonly restore?: string;
}

/** @throws UsageError for options that do not go together, or ask for a hypervisor that there is not */
export function checkMoves(
  choice: MoveChoice & { readonly disk?: readonly FileWith<DiskWord>[] },
  technique: Technique,
  guest: Pick<GuestImage, 'scratchSectors'>,
): void {
  const { migrateAfter, save, saveAfter, restore } = choice;
  const given = (
    [
      ['--migrate-after', migrateAfter],
      ['--save', save],
      ['--restore', restore],
    ] as const
  ).find(([, value]) => value !== undefined);
  if (given !== undefined && technique === 'bare') {
    throw new UsageError(
      `a guest of the hypervisor with ${given[0]}`,
      '--technique bare, where nobody is below it who could move it',
      'add --technique hardware-assisted or trap-and-emulate',
    );
  }
  const stray = (
    [
      ['--bandwidth', choice.bandwidth],
      ['--downtime', choice.downtime],
      ['--diverge', choice.diverge],
    ] as const
  ).find(([, value]) => value !== undefined);
  if (stray !== undefined && migrateAfter === undefined) {
    throw new UsageError(`--migrate-after with ${stray[0]}`, 'none', `add --migrate-after N, or leave out ${stray[0]}`);
  }
  if ((save === undefined) !== (saveAfter === undefined)) {
    const [there, missing, value] =
      save === undefined ? ['--save-after', '--save', 'FILE'] : ['--save', '--save-after', 'N'];
    throw new UsageError(`${missing} with ${there}`, 'none', `add ${missing} ${value}`);
  }
  if (save === undefined && restore === undefined) return;
  const option = save === undefined ? '--restore' : '--save';
  const disks = choice.disk ?? [];
  refuseDisks(disks, option);
  if (guest.scratchSectors !== undefined && !disks.some(({ words }) => words.has('model=pio'))) {
    throw new UsageError(
      `disks whose writes are kept with ${option}`,
      'the guest’s own disk in memory',
      'give it a file with --disk FILE,model=pio',
    );
  }
}

/** What a disk holds is not in the file of a saved VM: it must be in a file of its own. */
function refuseDisks(disks: readonly FileWith<DiskWord>[], option: string): void {
  for (const { path, words } of disks) {
    if (words.has('model=passthrough')) {
      throw new UsageError(
        `disks of the hypervisor with ${option}`,
        `${quoted(path)} as a physical one`,
        'leave out model=passthrough: a physical device cannot be saved',
      );
    }
    if (words.has('snapshot')) {
      throw new UsageError(
        `disks whose writes are kept with ${option}`,
        `${quoted(path)} as a snapshot`,
        'leave out snapshot and use a copy of the file: what the guest writes goes into it',
      );
    }
  }
}

export const migrationOptionsOf = ({ bandwidth: bytes, downtime, diverge }: MoveChoice): MigrationOptions => ({
  link: { ...DEFAULT_MIGRATION_LINK, ...(bytes !== undefined && { bytesPerSecond: bytes }) },
  downtimeLimitTicks: downtime === undefined ? DEFAULT_DOWNTIME_TICKS : (downtime * TICKS_PER_SECOND) / 1000,
  divergence: diverge ?? 'report',
});

/**
 * What the core says to people in plain Errors and RangeErrors, as a message of the command line. Anything else is a defect.
 * @param option whose doing it was
 */
export function refused(option: string, error: unknown): unknown {
  if (!(error instanceof Error) || (error.constructor !== Error && error.constructor !== RangeError)) return error;
  return new MoveError(`${option}: ${error.message}`);
}

/** The VM cannot go where it was to go; one line. */
export class MoveError extends UsageError {
  constructor(line: string) {
    super('', '', '');
    this.message = line;
  }
}

/** Makes a VM that has not run yet go on as the one in a file. @throws UsageError */
export function restoreFrom(path: string, vm: HostedVm): void {
  const stream = readBytes('a saved VM', path);
  try {
    restoreVm(vm, stream);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    throw new MoveError(
      `--restore ${quoted(path)}: ${error.message.replace(/(?:Save or s|S)end it again\.$/, 'Save it again.')}`,
    );
  }
}

/** A migration as the statistics have it. Times in seconds of the machines' clocks. */
export interface MigrationStatistics {
  readonly state: LiveMigration['state'];
  readonly message: string;
  readonly bandwidth: number;
  /** From its beginning until it was over; absent while it is under way. */
  readonly seconds?: number;
  /** For which the VM stood still; absent where it never did. */
  readonly downtime?: number;
  readonly rounds: readonly (Omit<MigrationRound, 'startedAt' | 'endedAt'> & { readonly seconds: number })[];
  readonly hashes: { readonly source?: string; readonly destination?: string };
}

const seconds = (ticks: number): number => ticks / TICKS_PER_SECOND;

export function migrationStatisticsOf(migration: LiveMigration): MigrationStatistics {
  const { state, message, options, startedAt, endedAt, downtime, rounds, hashes } = migration;
  return {
    state,
    message,
    bandwidth: options.link.bytesPerSecond,
    ...(endedAt !== undefined && { seconds: seconds(endedAt - startedAt) }),
    ...(downtime !== undefined && { downtime: seconds(downtime) }),
    rounds: rounds.map((round) => ({
      number: round.number,
      seconds: seconds(round.endedAt - round.startedAt),
      pages: round.pages,
      zeroPages: round.zeroPages,
      bytes: round.bytes,
      dirtyPages: round.dirtyPages,
      expectedDowntime: seconds(round.expectedDowntime),
      throttle: round.throttle,
    })),
    hashes: {
      ...(hashes.source !== undefined && { source: hashes.source }),
      ...(hashes.destination !== undefined && { destination: hashes.destination }),
    },
  };
}

/** How a migration went, in one line for a person. */
export function migrationLine(migration: LiveMigration): string {
  const { state, message, rounds, downtime } = migration;
  const bytes = rounds.reduce((sum, round) => sum + round.bytes, 0);
  const many = `${rounds.length} round${rounds.length === 1 ? '' : 's'}, ${(bytes / 1e6).toFixed(1)} MB`;
  const stood = downtime === undefined ? '' : `, stood still for ${(seconds(downtime) * 1000).toFixed(1)} ms`;
  return `migration ${migration.active ? 'still under way' : state}: ${many}${stood}. ${message}`;
}
