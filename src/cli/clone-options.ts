// The options of `run` that copy a VM while it runs, and what the statistics and a person are told of the copy.

import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import type { DiskWord } from '../protocol/option-values/disk-words.ts';
import { quoted, UsageError } from './options.ts';
import type { FileWith } from '../protocol/option-values/values.ts';

/** What `run` was told of copying. */
export interface CloneChoice {
  /** Instructions of the guest. */
  readonly cloneAfter?: number;
  /** A file for what the copy prints. */
  readonly cloneConsole?: string;
  /** A file with what is typed into the copy. */
  readonly cloneInput?: string;
}

/** The devices that decide whether a VM can be copied. */
interface CopiedDevices {
  readonly disk?: readonly FileWith<DiskWord>[];
  readonly network?: { readonly model: string };
}

/** @throws UsageError for options that do not go together, or ask for a copy that cannot be */
export function checkClone(choice: CloneChoice & CopiedDevices, technique: Technique): void {
  const { cloneAfter, cloneConsole, cloneInput, disk = [], network } = choice;
  if (cloneAfter === undefined) {
    const stray =
      cloneConsole !== undefined ? '--clone-console' : cloneInput !== undefined ? '--clone-input' : undefined;
    if (stray === undefined) return;
    throw new UsageError(`--clone-after with ${stray}`, 'none', `add --clone-after N, or leave out ${stray}`);
  }
  if (technique === 'bare') {
    throw new UsageError(
      'a guest of the hypervisor with --clone-after',
      '--technique bare, where nobody is below it who could copy it',
      'add --technique hardware-assisted or trap-and-emulate',
    );
  }
  for (const { path, words } of disk) {
    if (words.has('model=passthrough')) {
      throw new UsageError(
        'disks of the hypervisor with --clone-after',
        `${quoted(path)} as a physical one`,
        'leave out model=passthrough: a physical device is in one VM',
      );
    }
    if (words.has('snapshot') || words.has('readonly')) continue;
    throw new UsageError(
      'disks that two VMs can have with --clone-after',
      `${quoted(path)}, which is written in place`,
      'add snapshot or readonly behind a comma: then each VM writes for itself, or none does',
    );
  }
  if (network === undefined || network.model === 'virtio') return;
  throw new UsageError(
    'a virtio network card with --clone-after',
    `model=${network.model}`,
    'leave the model out: no other card can be copied',
  );
}

/** A copy as the statistics have it. Frames are of 4 KiB. */
export interface CloneStatistics {
  /** Instructions of the guest. */
  readonly at: number;
  /** Host time that it took. */
  readonly milliseconds: number;
  /** Frames that the two had in common when it was made, and that had to be taken for it: tables, mostly. */
  readonly framesShared: number;
  readonly framesTaken: number;
  /** Frames copied since, because one of the two wrote. */
  readonly framesCopied: { readonly original: number; readonly clone: number };
}

/** The moment of the copy, in one line for a person. */
export const forkLine = ({ at, framesShared, framesTaken }: Omit<CloneStatistics, 'framesCopied'>): string =>
  `cloned at ${at} instructions: ${framesShared} frames of 4 KiB shared, ${framesTaken} taken`;

/** What has been copied since, in words for a person. */
export const copiedWords = ({ framesCopied: { original, clone } }: Pick<CloneStatistics, 'framesCopied'>): string =>
  `frames copied since: ${original} by the original, ${clone} by the clone`;
