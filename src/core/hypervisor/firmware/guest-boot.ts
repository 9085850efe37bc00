// Puts a guest into its memory as QEMU's `virt` board would: image, initrd, device tree. The bytes are the same under
// every technique, so the guest cannot tell from them, and states can be compared.

import { buildDeviceTree } from '../../machine/device-tree.ts';
import type { BoardDevices, VirtioDevice } from '../../machine/board.ts';
import { boardDeviceTree, type BoardMount } from '../../machine/device-tree-board.ts';
import { checkDeviceTree, dynamicInformation, planBoot, type BootMode } from '../../machine/boot-layout.ts';
import type { Elf } from '../../machine/elf.ts';
import { ImageError, recognizeImage, type FlatBinary, type LinuxImage } from '../../machine/image.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import type { FindSensitive } from '../techniques/patching/sensitive-instructions.ts';
import type { NetworkChoice } from '../guest-devices/virtual-network.ts';
import type { BalloonChoice } from '../memory/vm-balloon.ts';

/** What runs in a VM, however it is run. */
export interface GuestImage {
  /** An ELF or a Linux Image, not compressed. */
  readonly image: Uint8Array;
  /** Bytes that are neither are a program too: a flat binary, for where QEMU's `-kernel` puts one. */
  readonly flat?: boolean;
  /**
   * In machine boot: firmware of the guest's own, an ELF or a flat binary, which starts the image in S-mode. It finds in a2
   * where that is, as OpenSBI's `fw_dynamic` wants it.
   */
  readonly firmware?: Uint8Array;
  readonly initrd?: Uint8Array;
  readonly bootArguments?: string;
  readonly boot: BootMode;
  readonly memoryBytes: number;
  readonly harts: number;
  /**
   * The walker sets A and D bits itself, as QEMU's default CPU does (Svadu); otherwise a clear bit is a page fault (Svade).
   * Kernels that only ever ran on QEMU may leave the bits clear and rely on it.
   */
  readonly svadu?: boolean;
  /**
   * In machine boot: the harts have the H extension (default). A hosted guest's never have, so a bare machine that is to be
   * compared with one must do without.
   */
  readonly hypervisorExtension?: boolean;
  /**
   * Where a sensitive instruction does not trap on the machine it runs on, its code is patched so that one does: under
   * trap-and-emulate only, where its kernel is deprivileged and nothing else would tell. The function says for what
   * (`sensitiveOn`).
   */
  readonly binaryPatching?: FindSensitive;
  /**
   * Its harts have IMSICs and its wires end at an APLIC, where otherwise there is a PLIC: QEMU's `-M virt,aia=aplic-imsic`
   * (RISC-V Advanced Interrupt Architecture). Hardware-assisted it wants a machine that has them too.
   */
  readonly messageInterrupts?: boolean;
  /** What is on its board besides the usual. */
  readonly devices?: BoardDevices;
  /** Sectors of an empty disk by programmed I/O; a guest that makes hypercalls reaches the same by those. */
  readonly scratchSectors?: number;
  /**
   * Physical devices of the machine that are its own: their registers lie in its memory map, their DMA goes through the IOMMU.
   * In the highest virtio slots that are left. Only with two-stage translation; on the bare machine all devices are.
   */
  readonly assigned?: readonly VirtioDevice[];
  /** It has a card on the network of its computer. */
  readonly network?: NetworkChoice;
  /** It has a balloon, behind all other virtio devices where no slot is said. */
  readonly balloon?: BalloonChoice;
}

/** A guest ready to be put into memory, as often as it is reset. */
export interface PreparedGuest {
  readonly loads: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  readonly entry: number;
  /** Physical address of the device tree, for a1. */
  readonly deviceTree: number;
  /** Physical address of what firmware of the guest's own is told about the next stage, for a2; 0 if there is none. */
  readonly firmwareInformation: number;
  /** Address of the `tohost` word of an ELF made for Spike's host interface. */
  readonly toHost: number | undefined;
  /** Address of its `fromhost` word. */
  readonly fromHost: number | undefined;
  readonly symbols: SymbolTable;
  /** Its ELF says that there may be compressed instructions in it. */
  readonly mayBeCompressed: boolean;
  /** It starts in S-mode, with firmware below. */
  readonly supervisor: boolean;
}

/** Function symbols of an image, sorted by address. */
export type SymbolTable = readonly { readonly name: string; readonly address: number }[];

const ISA = { withHypervisor: 'rv32imah_zicsr_zifencei_sstc', without: 'rv32ima_zicsr_zifencei_sstc' } as const;

/** The guest's harts, as its device tree names them: a kernel in S-mode has no hypervisor extension of its own to see. */
function isaOf({ boot, hypervisorExtension, messageInterrupts }: GuestImage): string {
  const isa = boot === 'machine' && hypervisorExtension !== false ? ISA.withHypervisor : ISA.without;
  if (messageInterrupts !== true) return isa;
  return isa.replace('_sstc', boot === 'machine' ? '_smaia_ssaia_sstc' : '_ssaia_sstc');
}

/**
 * Works out where everything goes.
 * @throws ImageError in one line: what was expected, what was found, what to do
 */
export function prepareGuest(guest: GuestImage, mounts: readonly BoardMount[]): PreparedGuest {
  const image = guest.flat === true ? recognizeImage(guest.image, true) : recognizeImage(guest.image);
  const firmware = guest.firmware && recognizeFirmware(guest.firmware);
  refuseCompressed(image);
  if (firmware) refuseCompressed(firmware);
  const ram = { base: RAM_BASE, size: guest.memoryBytes };
  const layout = planBoot({
    mode: guest.boot,
    image,
    ram,
    ...(firmware && { firmware }),
    ...(guest.initrd && { initrdSize: guest.initrd.length }),
  });
  const blob = buildDeviceTree(
    boardDeviceTree({
      harts: guest.harts,
      isa: isaOf(guest),
      memoryBase: RAM_BASE,
      memorySize: guest.memoryBytes,
      mounts,
      ...(guest.bootArguments !== undefined && { bootargs: guest.bootArguments }),
      ...(layout.initrd && { initrd: layout.initrd }),
    }),
  );
  // On QEMU's board this lies in the mask ROM; here it goes behind the device tree, where it is counted as part of it.
  const information = layout.next === undefined ? [] : dynamicInformation(layout.next);
  const informationAt = layout.deviceTree + Math.ceil(blob.length / 8) * 8;
  checkDeviceTree(layout, informationAt + 4 * information.length - layout.deviceTree);
  return {
    loads: [
      ...layout.loads,
      ...(layout.initrd && guest.initrd ? [{ address: layout.initrd.start, bytes: guest.initrd }] : []),
      { address: layout.deviceTree, bytes: blob },
      ...(information.length > 0 ? [{ address: informationAt, bytes: littleEndian(information) }] : []),
    ],
    entry: layout.entry,
    deviceTree: layout.deviceTree,
    firmwareInformation: information.length > 0 ? informationAt : 0,
    supervisor: guest.boot === 'supervisor',
    toHost: image.kind === 'elf' ? image.symbol('tohost') : undefined,
    fromHost: image.kind === 'elf' ? image.symbol('fromhost') : undefined,
    mayBeCompressed: image.kind === 'elf' && image.mayBeCompressed,
    symbols: image.kind === 'elf' ? [...image.functions].sort((a, b) => a.address - b.address) : [],
  };
}

/** @throws ImageError */
function recognizeFirmware(bytes: Uint8Array): Elf | FlatBinary {
  const found = recognizeImage(bytes, true);
  if (found.kind !== 'linux-image') return found;
  throw new ImageError(
    'Expected firmware, an ELF or a flat binary for machine mode; found a Linux Image. Give it as the image, which the firmware starts.',
  );
}

/** @throws ImageError */
function refuseCompressed(image: Elf | LinuxImage | FlatBinary): void {
  if (image.kind !== 'elf' || !image.compressed) return;
  throw new ImageError(
    'Expected an ELF for RV32IMA; found one with compressed instructions (C). Build it with -march=rv32ima_zicsr_zifencei.',
  );
}

function littleEndian(words: readonly number[]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, index) => bytes.setUint32(4 * index, word, true));
  return new Uint8Array(bytes.buffer);
}
