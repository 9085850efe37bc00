// Recognising what someone wants to boot; the Image header as in the kernel's Documentation/riscv/boot-image-header.rst.

import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { makeElf } from './elf-file.test-support.ts';
import { ImageError, recognizeImage } from './image.ts';

interface HeaderPlan {
  readonly fileSize?: number;
  readonly imageSize?: number;
  readonly textOffset?: number;
  readonly flags?: number;
}

function makeLinuxImage({ fileSize = 0x1000, imageSize = 0x1800, textOffset = 0x400000, flags = 0 }: HeaderPlan = {}) {
  const file = new Uint8Array(fileSize);
  const view = new DataView(file.buffer);
  view.setUint32(0x00, 0x0d40006f, true);
  view.setUint32(0x08, textOffset, true);
  view.setUint32(0x10, imageSize, true);
  view.setUint32(0x18, flags, true);
  view.setUint32(0x20, 2, true);
  file.set(new TextEncoder().encode('RISCV'), 0x30);
  file.set([0x52, 0x53, 0x43, 0x05], 0x38);
  return file;
}

/** The same with an EFI stub's PE header, whose one section ends with the file. */
function makeEfiImage(fileSize: number) {
  const file = makeLinuxImage({ fileSize });
  const view = new DataView(file.buffer);
  file.set([0x4d, 0x5a]);
  view.setUint32(0x3c, 0x40, true);
  file.set([0x50, 0x45, 0, 0], 0x40);
  view.setUint16(0x46, 1, true);
  view.setUint16(0x54, 0x20, true);
  view.setUint32(0x78 + 16, fileSize - 0x200, true);
  view.setUint32(0x78 + 20, 0x200, true);
  return file;
}

it('recognises an ELF program', () => {
  expect(recognizeImage(makeElf())).toMatchObject({ kind: 'elf', entry: 0x80000000 });
});

describe('a Linux Image', () => {
  it('is recognised with its sizes', () => {
    const file = makeLinuxImage();
    expect(recognizeImage(file)).toEqual({ kind: 'linux-image', bytes: file, textOffset: 0x400000, imageSize: 0x1800 });
  });

  it('takes at least the memory of its file (old kernels leave image_size 0)', () => {
    expect(recognizeImage(makeLinuxImage({ imageSize: 0 }))).toMatchObject({ imageSize: 0x1000 });
  });

  it('is recognised with an EFI stub', () => {
    expect(recognizeImage(makeEfiImage(0x1000))).toMatchObject({ kind: 'linux-image' });
  });
});

describe('what is neither is named', () => {
  const text = (content: string) => new TextEncoder().encode(content);
  it.each([
    ['nothing', new Uint8Array(0), /found an empty file/],
    ['gzip', gzipSync(makeLinuxImage()), /found gzip-compressed data. Decompress it first/],
    ['zstd', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0), /zstd-compressed data/],
    ['xz', Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), /xz-compressed data/],
    ['an initramfs', text('070701'), /a cpio archive. It is a root file system: give it as the initrd/],
    ['a device tree', Uint8Array.of(0xd0, 0x0d, 0xfe, 0xed), /a device tree blob/],
    ['an archive', text('!<arch>\n'), /a library of object files/],
    ['a script', text('#!/bin/sh\n'), /a script/],
    ['bytes', new Uint8Array(100), /found neither in 100 bytes/],
    ['an ELF of another machine', makeElf({ patches: [[18, 62, 0]] }), /found one for x86-64/],
    ['an Image cut in its header', makeLinuxImage().subarray(0, 0x3d), /header of 64 bytes; found 61 bytes/],
    [
      'an Image cut in half',
      makeLinuxImage().subarray(0, 0x800),
      /nearly the 6144 bytes.*found 2048. The file is cut off/,
    ],
    ['an Image with EFI stub cut at its end', makeEfiImage(0x1000).subarray(0, 0xfff), /of 4096 bytes.*found 4095/],
    ['a big-endian kernel', makeLinuxImage({ flags: 1 }), /found a big-endian one \(flags bit 0\)/],
    ['an RV64 kernel', makeLinuxImage({ textOffset: 0x200000 }), /found text_offset 0x200000, as an RV64 kernel has/],
  ])('%s', (_, file, message) => {
    expect(() => recognizeImage(file)).toThrow(ImageError);
    expect(() => recognizeImage(file)).toThrow(message);
  });
});
