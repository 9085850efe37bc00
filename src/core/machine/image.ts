// What a file is that someone wants to boot: an ELF program, a Linux `Image`, or something else, which is then named.
//
// A Linux Image starts with this header (Documentation/riscv/boot-image-header.rst), little-endian:
//   0x00 code0   0x04 code1   0x08 text_offset (64 bits)   0x10 image_size (64)   0x18 flags (64)   0x20 version
//   0x24 res1    0x28 res2 (64)   0x30 magic "RISCV\0\0\0"   0x38 magic2 "RSC\x05"   0x3c res3

import { hex, ImageError, looksLikeElf, parseElf } from './elf.ts';
import type { Elf } from './elf.ts';

export { ImageError } from './elf.ts';

export interface LinuxImage {
  readonly kind: 'linux-image';
  /** The whole file; it is loaded as it is, and its first byte is its first instruction. */
  readonly bytes: Uint8Array;
  /** Where the kernel wants to lie from the start of RAM, in bytes: 0x400000 for RV32. */
  readonly textOffset: number;
  /** Bytes of memory the kernel takes, `.bss` included; at least the file's size. */
  readonly imageSize: number;
}

/** Bytes as they lie in memory, made with `objcopy -O binary`: nothing in them says where they belong. */
export interface FlatBinary {
  readonly kind: 'flat-binary';
  readonly bytes: Uint8Array;
}

const LINUX_HEADER_SIZE = 64;
const MAGIC2_OFFSET = 0x38;
const MAGIC2 = 0x05435352;
const BIG_ENDIAN_FLAG = 1;
/** "PE", NUL, NUL. */
const PE_MAGIC = 0x00004550;
const PE_SECTION_SIZE = 40;

/** Files that people try to boot, by their first bytes. */
const OTHER_KINDS: readonly (readonly [start: readonly number[], name: string, advice: string])[] = [
  [[0x1f, 0x8b], 'gzip-compressed data', 'Decompress it first (gunzip).'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd-compressed data', 'Decompress it first (unzstd).'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz-compressed data', 'Decompress it first (unxz).'],
  [[0x42, 0x5a, 0x68], 'bzip2-compressed data', 'Decompress it first (bunzip2).'],
  [[0x02, 0x21, 0x4c, 0x18], 'lz4-compressed data', 'Decompress it first (unlz4).'],
  [[0x27, 0x05, 0x19, 0x56], 'a U-Boot image', 'Take the Image or vmlinux it was made from.'],
  [
    [0x30, 0x37, 0x30, 0x37, 0x30],
    'a cpio archive',
    'It is a root file system: give it as the initrd, and a kernel as the image.',
  ],
  [[0xd0, 0x0d, 0xfe, 0xed], 'a device tree blob', 'The machine makes its own; give a kernel.'],
  [[0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e], 'a library of object files', 'Link it into a program.'],
  [[0x4d, 0x5a], 'a Windows or EFI program', 'Use the ELF program or the Linux Image.'],
  [[0x23, 0x21], 'a script', 'Compile and link a program.'],
];

/**
 * Recognises an ELF program or a Linux Image for RV32.
 * @param flat somebody has said that other bytes are a program too, and where they belong
 * @throws ImageError for anything else, named where its first bytes give it away
 */
export function recognizeImage(bytes: Uint8Array, flat: true): Elf | LinuxImage | FlatBinary;
export function recognizeImage(bytes: Uint8Array, flat?: false): Elf | LinuxImage;
export function recognizeImage(bytes: Uint8Array, flat = false): Elf | LinuxImage | FlatBinary {
  if (bytes.length === 0) {
    throw new ImageError('Expected an ELF program or a Linux Image; found an empty file. Build or copy it again.');
  }
  if (looksLikeElf(bytes)) return parseElf(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= MAGIC2_OFFSET + 4 && view.getUint32(MAGIC2_OFFSET, true) === MAGIC2)
    return linuxImage(bytes, view);
  for (const [start, name, advice] of OTHER_KINDS) {
    if (start.every((byte, index) => bytes[index] === byte)) {
      throw new ImageError(`Expected an ELF program or a Linux Image; found ${name}. ${advice}`);
    }
  }
  if (flat) return { kind: 'flat-binary', bytes };
  throw new ImageError(
    `Expected an ELF program (7f 45 4c 46 at its start) or a Linux Image ("RSC" and 05 at 0x38); found neither in ${bytes.length} bytes. Link a program as ELF; a flat binary does not say where it belongs: say it by how it boots (--boot).`,
  );
}

function linuxImage(bytes: Uint8Array, view: DataView): LinuxImage {
  if (bytes.length < LINUX_HEADER_SIZE) {
    throw new ImageError(
      `Expected a Linux Image with a header of ${LINUX_HEADER_SIZE} bytes; found ${bytes.length} bytes. The file is cut off: copy it again.`,
    );
  }
  // The kernel was built for its own byte order; the header's fields are little-endian either way.
  if ((view.getUint32(0x18, true) & BIG_ENDIAN_FLAG) !== 0) {
    throw new ImageError(
      'Expected a little-endian Linux kernel; found a big-endian one (flags bit 0). Build it for little-endian RV32.',
    );
  }
  const size64 = (offset: number): number => view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
  const textOffset = size64(0x08);
  const fileSize = executableFileSize(bytes, view);
  if (fileSize > bytes.length) throw cutOff(`${fileSize}`, bytes.length);
  const imageSize = size64(0x10);
  if (textOffset % 0x400000 !== 0) {
    throw new ImageError(
      `Expected a kernel for RV32, which lies a multiple of 4 MiB (0x400000) from the start of RAM; found text_offset ${hex(textOffset)}, as an RV64 kernel has. Build it with CONFIG_32BIT.`,
    );
  }
  // The header tells only the size in memory. What it has beyond the file is zeros (.bss), never most of a kernel.
  if (bytes.length < imageSize / 2) throw cutOff(`nearly the ${imageSize}`, bytes.length);
  return { kind: 'linux-image', bytes, textOffset, imageSize: Math.max(imageSize, bytes.length) };
}

/** A kernel with an EFI stub is a PE file too (its offset is in res3), and that header does tell the file's size; otherwise 0. */
function executableFileSize(bytes: Uint8Array, view: DataView): number {
  const at = view.getUint32(0x3c, true);
  if (bytes[0] !== 0x4d || bytes[1] !== 0x5a || at + 24 > bytes.length || view.getUint32(at, true) !== PE_MAGIC)
    return 0;
  const sections = view.getUint16(at + 6, true);
  const table = at + 24 + view.getUint16(at + 20, true);
  let end = table + PE_SECTION_SIZE * sections;
  if (end > bytes.length) return end;
  for (let section = table; section < table + PE_SECTION_SIZE * sections; section += PE_SECTION_SIZE) {
    end = Math.max(end, view.getUint32(section + 16, true) + view.getUint32(section + 20, true));
  }
  return end;
}

function cutOff(expected: string, found: number): ImageError {
  return new ImageError(
    `Expected a Linux Image of ${expected} bytes, as its header says; found ${found}. The file is cut off: copy it again.`,
  );
}
