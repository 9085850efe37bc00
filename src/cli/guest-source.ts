// Which guest to run and how: from the options, from the manifest where --guest names a row of it, and from what the image is.
// What is typed wins over the manifest, the manifest over the defaults.

import { fileURLToPath } from 'node:url';
import type { GuestImage } from '../core/hypervisor/firmware/guest-boot.ts';
import { sensitiveOn } from '../core/hypervisor/techniques/patching/sensitive-instructions.ts';
import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import type { BootMode } from '../core/machine/boot-layout.ts';
import type { ElfSegment } from '../core/machine/elf.ts';
import { recognizeImage } from '../core/machine/image.ts';
import { RAM_BASE } from '../core/machine/layout.ts';
import { filesOf, findGuest, guests, type Guest } from '../guests/manifest.ts';
import type { Repair } from '../protocol/option-values/repair.ts';
import { readDecompressed } from './files.ts';
import type { GuestDevices } from './guest-devices.ts';
import { nearName } from './near-names.ts';
import { oneOperand, quoted, UsageError } from './options.ts';
import { techniqueOf, twinOf } from './repair.ts';

/** What `run` was told, as far as it is about the guest. */
export interface GuestChoice {
  readonly boot?: BootMode;
  readonly technique?: Technique;
  readonly adBits?: 'software' | 'hardware';
  readonly aia?: 'none' | 'aplic-imsic';
  readonly memory?: number;
  readonly harts?: number;
  /** What it is asked to give back through a balloon, in bytes. */
  readonly balloon?: { readonly targetBytes: number; readonly slot?: number };
  readonly firmware?: string;
  readonly initrd?: string;
  readonly append?: string;
  readonly guest?: string;
  /** What makes up for instructions that do not trap. */
  readonly repair?: Repair;
}

export interface ChosenGuest {
  /** For people: the file's or the guest's name. */
  readonly name: string;
  readonly technique: Technique;
  readonly guest: GuestImage;
  /** Files that were read. */
  readonly files: readonly string[];
}

export const DEFAULT_MEMORY = 128 * 2 ** 20;
/** Memory at the start of RAM that belongs to the firmware on QEMU's board: OpenSBI's own domain. */
export const FIRMWARE_BYTES = 512 * 2 ** 10;

/** Where a file that ships lies. @param path below `public/` */
export const shippedFile = (path: string): string => fileURLToPath(new URL(`../../public/${path}`, import.meta.url));

/**
 * Reads everything the guest is made of.
 * @throws UsageError, ImageError
 */
export function chooseGuest(
  operands: readonly string[],
  choice: GuestChoice,
  devices?: Pick<GuestDevices, 'board' | 'assigned' | 'files' | 'network'>,
): ChosenGuest {
  const named = choice.guest === undefined ? undefined : shippedGuest(choice.guest);
  const row = choice.repair === 'paravirtualization' ? twinOf(named) : named;
  const harts = choice.harts ?? 1;
  const imagePath =
    row !== undefined && operands.length === 0
      ? shippedFile(filesOf(row, harts).image)
      : oneOperand('run', 'IMAGE', operands);
  const technique = techniqueOf(choice.repair, choice.technique);
  const image = readDecompressed('an image', imagePath);
  const initrdPath = choice.initrd ?? (row?.initrd === undefined ? undefined : shippedFile(row.initrd));
  const bootArguments = choice.append ?? row?.bootArguments;
  if (choice.firmware !== undefined && choice.boot === 'supervisor') {
    throw new UsageError('--boot machine with --firmware', '--boot supervisor', 'leave out one of the two');
  }
  const boot =
    choice.firmware === undefined ? (choice.boot ?? row?.boot ?? bootModeOf(image)) : ('machine' satisfies BootMode);
  return {
    name: row !== undefined && operands.length === 0 ? row.name : imagePath,
    technique,
    guest: {
      image,
      ...(initrdPath !== undefined && { initrd: readDecompressed('an initrd', initrdPath) }),
      ...(bootArguments !== undefined && { bootArguments }),
      boot,
      // Whoever says how it starts has said where a flat binary belongs.
      ...((choice.boot !== undefined || choice.firmware !== undefined) && { flat: true }),
      ...(choice.firmware !== undefined && { firmware: readDecompressed('firmware', choice.firmware) }),
      memoryBytes: choice.memory ?? (row === undefined ? DEFAULT_MEMORY : row.memoryMiB * 2 ** 20),
      harts,
      ...(choice.adBits === 'hardware' && { svadu: true }),
      ...(choice.aia === 'aplic-imsic' && { messageInterrupts: true }),
      ...(choice.repair === 'patching' && { binaryPatching: sensitiveOn }),
      ...(row?.scratchSectors !== undefined && operands.length === 0 && { scratchSectors: row.scratchSectors }),
      ...(choice.balloon !== undefined && { balloon: choice.balloon }),
      ...(devices && { devices: devices.board, assigned: devices.assigned }),
      ...(devices?.network && { network: devices.network }),
    },
    files: [
      imagePath,
      ...[choice.firmware, initrdPath].filter((path) => path !== undefined),
      ...(devices?.files ?? []),
    ],
  };
}

function shippedGuest(name: string): Guest {
  const row = findGuest(name);
  if (row !== undefined) return row;
  const near = nearName(
    name,
    guests.map((guest) => guest.name),
  );
  throw new UsageError(
    'the name of a guest that ships',
    quoted(name),
    `${near === undefined ? '' : `did you mean ${near}? `}see ringside guests`,
  );
}

/**
 * How an image wants to start when nobody says: a program that lies where the firmware would cannot have any below it.
 * @throws ImageError
 */
export function bootModeOf(image: Uint8Array): BootMode {
  const found = recognizeImage(image);
  const overFirmware =
    found.kind === 'elf' && found.segments.some((segment) => contentAddress(segment) < RAM_BASE + FIRMWARE_BYTES);
  return overFirmware ? 'machine' : 'supervisor';
}

/** Where a segment begins to be more than the file's headers. */
const contentAddress = ({ address, headerSize, memorySize }: ElfSegment): number =>
  headerSize < memorySize ? address + headerSize : Infinity;
