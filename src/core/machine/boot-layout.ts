// Where everything lies when the first instruction runs, as QEMU 7.2 places it for RV32 (hw/riscv/boot.c, hw/riscv/virt.c):
//
//   RAM base  0x80000000   an ELF at its own addresses; a Linux Image or a flat binary here (machine boot) …
//             0x80400000   … or here (supervisor boot: behind the firmware, aligned to the 4 MiB of an Sv32 megapage);
//                          firmware of the guest's own is an ELF or lies at the RAM base, and what it starts lies behind it
//             kernel + min(RAM / 2, 128 MiB)                              initrd
//             2 MiB-aligned, 1 MiB or more below min(RAM end, 3 GiB)      device tree
//   RAM end

import { elfLoads, ImageError, range } from './elf.ts';
import type { Elf, MemoryRange } from './elf.ts';
import type { FlatBinary, LinuxImage } from './image.ts';

const MEBIBYTE = 2 ** 20;

/** QEMU makes room for a device tree of this size, whatever its size is. */
export const DEVICE_TREE_LIMIT = MEBIBYTE;
const DEVICE_TREE_ALIGNMENT = 2 * MEBIBYTE;
/** Above, a 32-bit kernel could not address it. */
const DEVICE_TREE_CEILING = 3072 * MEBIBYTE;
/** How far behind the start of RAM supervisor boot loads a Linux Image. */
const SUPERVISOR_KERNEL_OFFSET = 4 * MEBIBYTE;
const INITRD_DISTANCE = 128 * MEBIBYTE;

/** `machine`: like `-bios none`, M-mode from the start. `supervisor`: firmware below, the kernel in S-mode. */
export type BootMode = 'machine' | 'supervisor';

export interface BootRequest {
  readonly mode: BootMode;
  readonly image: Elf | LinuxImage | FlatBinary;
  /** The guest's own firmware, which starts the image: QEMU's `-bios`. Only in machine boot. */
  readonly firmware?: Elf | FlatBinary;
  /** Physical. */
  readonly ram: MemoryRange;
  /** Bytes of the initial RAM disk, if there is one. */
  readonly initrdSize?: number;
}

/** Bytes to put at a physical address, then zeros up to `memorySize`. */
export interface BootLoad {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly memorySize: number;
}

export interface BootLayout {
  readonly loads: readonly BootLoad[];
  /** Physical address of the first instruction. */
  readonly entry: number;
  /** Physical addresses of the first byte and of the one behind the last, for `/chosen`. */
  readonly initrd?: { readonly start: number; readonly end: number };
  /** Physical address of the device tree; `checkDeviceTree` says whether a given one fits there. */
  readonly deviceTree: number;
  /** Physical address at which firmware of the guest's own is to start the kernel. */
  readonly next?: number;
}

/**
 * Places kernel, initrd and device tree.
 * @throws ImageError where something does not fit into RAM or would overlap
 */
export function planBoot({ mode, image, firmware, ram, initrdSize }: BootRequest): BootLayout {
  const deviceTree = deviceTreeAddress(ram);
  const below = firmware && placeKernel(ram.base, firmware, ram);
  const kernel = placeKernel(kernelAddress(mode, below?.loads, ram), image, ram);
  for (const part of below?.loads ?? []) {
    for (const load of kernel.loads) {
      refuseOverlap('The firmware', part.address, part.memorySize, load, 'Link one of the two for another place.');
    }
  }
  const loads = [...(below?.loads ?? []), ...kernel.loads];
  const layout = { loads, entry: below?.entry ?? kernel.entry, deviceTree, ...(below && { next: kernel.entry }) };
  if (initrdSize === undefined) return layout;
  const start = Math.min(...kernel.loads.map(({ address }) => address));
  const initrd = placeInitrd(start, initrdSize, ram);
  for (const load of loads) refuseOverlap('The initrd', initrd.start, initrdSize, load);
  return { ...layout, initrd };
}

/** Where a kernel goes that does not say where it belongs. */
function kernelAddress(mode: BootMode, firmware: readonly BootLoad[] | undefined, ram: MemoryRange): number {
  if (firmware === undefined) return ram.base + (mode === 'supervisor' ? SUPERVISOR_KERNEL_OFFSET : 0);
  const end = Math.max(...firmware.map(({ address, memorySize }) => address + memorySize));
  return ram.base + Math.ceil((end - ram.base) / SUPERVISOR_KERNEL_OFFSET) * SUPERVISOR_KERNEL_OFFSET;
}

/**
 * Checks that a device tree of so many bytes fits where the layout puts it.
 * @throws ImageError
 */
export function checkDeviceTree(layout: BootLayout, size: number): void {
  if (size > DEVICE_TREE_LIMIT) {
    throw new ImageError(
      `Expected a device tree of at most ${DEVICE_TREE_LIMIT} bytes; found ${size}. Shorten the command line or mount fewer devices.`,
    );
  }
  for (const load of layout.loads) refuseOverlap('The device tree', layout.deviceTree, size, load);
  if (layout.initrd === undefined) return;
  const { start, end } = layout.initrd;
  if (start < layout.deviceTree + size && layout.deviceTree < end) {
    throw new ImageError(
      `The device tree, ${range(layout.deviceTree, size)}, would overwrite the initrd, ${range(start, end - start)}. Give the machine more memory or a smaller initrd.`,
    );
  }
}

/** OpenSBI's struct fw_dynamic_info: magic "OSBI", version 2, address and mode (S) of the next stage, options, boot hart. */
export const dynamicInformation = (next: number): readonly number[] => [0x4942534f, 2, next, 1, 0, 0];

function deviceTreeAddress(ram: MemoryRange): number {
  const ceiling = Math.min(ram.base + ram.size, DEVICE_TREE_CEILING);
  const address = Math.floor((ceiling - DEVICE_TREE_LIMIT) / DEVICE_TREE_ALIGNMENT) * DEVICE_TREE_ALIGNMENT;
  if (ram.size > 0 && address >= ram.base) return address;
  throw new ImageError(
    `Expected at least ${DEVICE_TREE_LIMIT / MEBIBYTE} MiB of RAM, for the device tree alone; found ${ram.size} bytes. Give the machine more memory.`,
  );
}

function placeKernel(
  address: number,
  image: Elf | LinuxImage | FlatBinary,
  ram: MemoryRange,
): { loads: readonly BootLoad[]; entry: number } {
  if (image.kind === 'elf') {
    const loads = elfLoads(image, ram);
    if (image.entry >= ram.base && image.entry < ram.base + ram.size) return { loads, entry: image.entry };
    throw new ImageError(
      `Expected the program to start in RAM, ${range(ram.base, ram.size)}; found entry 0x${image.entry.toString(16)}. Set the linker's entry symbol (-e, ENTRY) to the first instruction.`,
    );
  }
  const size = image.kind === 'linux-image' ? image.imageSize : image.bytes.length;
  const end = address + size;
  if (end > ram.base + ram.size) {
    const needed = Math.ceil((end - ram.base) / MEBIBYTE);
    throw new ImageError(
      `Expected RAM for the kernel at ${range(address, size)}; found only ${range(ram.base, ram.size)}. Give the machine more memory than ${needed} MiB.`,
    );
  }
  return { loads: [{ address, bytes: image.bytes, memorySize: size }], entry: address };
}

function placeInitrd(kernel: number, size: number, ram: MemoryRange): { start: number; end: number } {
  const start = kernel + Math.min(Math.floor(ram.size / 2), INITRD_DISTANCE);
  const end = start + size;
  if (end <= ram.base + ram.size) return { start, end };
  throw new ImageError(
    `Expected RAM for the initrd at ${range(start, size)}; found only ${range(ram.base, ram.size)}. Give the machine more memory or a smaller initrd.`,
  );
}

function refuseOverlap(
  what: string,
  start: number,
  size: number,
  load: BootLoad,
  advice = 'Give the machine more memory.',
): void {
  if (start >= load.address + load.memorySize || load.address >= start + size) return;
  throw new ImageError(
    `${what}, ${range(start, size)}, would overwrite the kernel, ${range(load.address, load.memorySize)}. ${advice}`,
  );
}
