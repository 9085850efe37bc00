// Fetches the guests that ship with the lab and takes them out of their compression.

import { guests, type Guest } from '../guests/manifest.ts';
import type { GuestImage } from '../core/hypervisor/guest-boot.ts';
import type { VmOptions } from '../protocol/commands.ts';
import type { VmOrigin } from './frame-builder.ts';

const MEBIBYTE = 2 ** 20;
/** What a compressed image may grow to: more is a mistake or an attack. */
const UNPACKED_LIMIT = 256 * MEBIBYTE;

export interface LoadedGuest {
  readonly image: GuestImage;
  readonly origin: VmOrigin;
}

/** Where the page's public files lie: beside `assets/` in a build, at the root of the development server. */
const base = new URL(self.location.pathname.includes('/src/worker/') ? '../../' : '../', self.location.href);

/** Gets the bytes of what a person chose. @throws Error with one line for that person */
export async function loadGuest(options: VmOptions): Promise<LoadedGuest> {
  const { guest: choice, bootArguments } = options;
  const memoryBytes = options.memoryMiB * MEBIBYTE;
  if (!Number.isInteger(options.memoryMiB) || options.memoryMiB < 1 || options.memoryMiB > 1024) {
    throw new Error(`Expected 1 to 1024 MiB of memory, found ${options.memoryMiB}. Choose another size.`);
  }
  if (choice.kind === 'image') {
    const image = await unpack(choice.bytes, choice.title);
    return {
      image: {
        image,
        boot: choice.boot,
        memoryBytes,
        harts: 1,
        ...(bootArguments !== undefined && { bootArguments }),
      },
      origin: { title: choice.title, guest: undefined, boot: choice.boot },
    };
  }
  const guest = guests.find(({ name }) => name === choice.name);
  if (guest === undefined) {
    throw new Error(
      `Expected the name of a guest that ships with the lab, found “${choice.name}”. Pick one from the list.`,
    );
  }
  const [image, initrd] = await Promise.all([
    fetchFile(guest.image),
    guest.initrd ? fetchFile(guest.initrd) : undefined,
  ]);
  return {
    image: {
      image,
      boot: guest.boot,
      memoryBytes,
      harts: 1,
      ...(initrd && { initrd }),
      ...bootArgumentsOf(guest, bootArguments),
    },
    origin: { title: guest.title, guest: guest.name, boot: guest.boot },
  };
}

function bootArgumentsOf(guest: Guest, chosen: string | undefined): { bootArguments?: string } {
  const bootArguments = chosen ?? guest.bootArguments;
  return bootArguments === undefined ? {} : { bootArguments };
}

async function fetchFile(path: string): Promise<Uint8Array> {
  const response = await fetch(new URL(path, base)).catch(() => undefined);
  if (!response?.ok) {
    throw new Error(
      `Expected the guest’s file ${path}, found ${response ? `status ${response.status}` : 'no connection'}. Reload the page when its server answers.`,
    );
  }
  return unpack(new Uint8Array(await response.arrayBuffer()), path);
}

/** Some servers unpack .gz files on their way: the bytes themselves say what they are. */
async function unpack(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'))
    .getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Error(`Expected a whole gzip file, found a broken one: ${name}. Pack or fetch it again.`);
    });
    if (done) break;
    pieces.push(value);
    length += value.length;
    if (length > UNPACKED_LIMIT) {
      throw new Error(
        `Expected an image of at most ${UNPACKED_LIMIT / MEBIBYTE} MiB, found more in ${name}. Choose a smaller one.`,
      );
    }
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
