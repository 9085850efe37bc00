// Gets the bytes of what a person chose to run: a guest that ships, or an image of theirs.

import { filesOf, guests, type Guest } from '../guests/manifest.ts';
import type { GuestImage } from '../core/hypervisor/firmware/guest-boot.ts';
import type { VmOptions } from '../protocol/commands.ts';
import type { VmOrigin } from './frame-builder.ts';
import { unpack, type GuestFiles } from './guest-files.ts';

const MEBIBYTE = 2 ** 20;
/** Names of flat binaries: where such a file belongs, the choice of how it boots says. */
const FLAT = /\.bin(\.gz)?$/i;

export interface LoadedGuest {
  readonly image: GuestImage;
  readonly origin: VmOrigin;
}

/** Gets the bytes of what a person chose. @throws Error with one line for that person */
export async function loadGuest(options: VmOptions, files: GuestFiles): Promise<LoadedGuest> {
  const { guest: choice, bootArguments } = options;
  const [initrd, firmware] = await Promise.all([
    options.initrd && unpacked(options.initrd, 'the initrd'),
    options.firmware && unpacked(options.firmware, 'the firmware'),
  ]);
  // Firmware is what starts, and it starts in machine mode.
  const chosenBoot = firmware ? 'machine' : options.boot;
  const board = {
    svadu: options.adBits === 'hardware',
    ...(options.aia === 'aplic-imsic' && { messageInterrupts: true }),
    ...(firmware && { firmware }),
  };
  const memoryBytes = options.memoryMiB * MEBIBYTE;
  if (!Number.isInteger(options.memoryMiB) || options.memoryMiB < 1 || options.memoryMiB > 1024) {
    throw new Error(`Expected 1 to 1024 MiB of memory, found ${options.memoryMiB}. Choose another size.`);
  }
  const harts = options.harts ?? 1;
  if (!Number.isInteger(harts) || harts < 1 || harts > 8) {
    throw new Error(`Expected 1 to 8 harts, found ${harts}. Choose another number.`);
  }
  if (choice.kind === 'image') {
    const image = await unpacked(choice.bytes, choice.title);
    const boot = chosenBoot ?? choice.boot;
    return {
      image: {
        image,
        boot,
        flat: firmware !== undefined || FLAT.test(choice.title),
        memoryBytes,
        harts,
        ...board,
        ...(initrd && { initrd }),
        ...(bootArguments !== undefined && { bootArguments }),
      },
      origin: { title: options.title ?? choice.title, guest: undefined, boot },
    };
  }
  const guest = guests.find(({ name }) => name === choice.name);
  if (guest === undefined) {
    throw new Error(
      `Expected the name of a guest that ships with the lab, found “${choice.name}”. Pick one from the list.`,
    );
  }
  const paths = filesOf(guest, harts);
  const [image, own] = await Promise.all([
    files.get(paths.image),
    paths.initrd && initrd === undefined ? files.get(paths.initrd) : initrd,
  ]);
  return {
    image: {
      image,
      boot: chosenBoot ?? guest.boot,
      memoryBytes,
      harts,
      ...board,
      ...(own && { initrd: own }),
      ...(guest.scratchSectors !== undefined && { scratchSectors: guest.scratchSectors }),
      ...bootArgumentsOf(guest, bootArguments),
    },
    origin: { title: options.title ?? guest.title, guest: guest.name, boot: chosenBoot ?? guest.boot },
  };
}

const unpacked = (bytes: Uint8Array, what: string): Promise<Uint8Array> =>
  unpack(new Blob([bytes as Uint8Array<ArrayBuffer>]).stream(), what);

function bootArgumentsOf(guest: Guest, chosen: string | undefined): { bootArguments?: string } {
  const bootArguments = chosen ?? guest.bootArguments;
  return bootArguments === undefined ? {} : { bootArguments };
}
