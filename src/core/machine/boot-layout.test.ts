// The boot layout against QEMU 7.2's rules (hw/riscv/boot.c) and, where it is installed, against QEMU's own memory.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HAS_QEMU, startQemuBoard } from '../devices/qemu-board.test-support.ts';
import { checkDeviceTree, DEVICE_TREE_LIMIT, dynamicInformation, planBoot } from './boot-layout.ts';
import { CODE, makeElf } from './elf-file.test-support.ts';
import { ImageError, parseElf } from './elf.ts';
import type { LinuxImage } from './image.ts';
import { readDeviceTree } from './device-tree-reader.test-support.ts';

const MIB = 2 ** 20;
const BASE = 0x80000000;
const ram = (mebibytes: number) => ({ base: BASE, size: mebibytes * MIB });
const elf = (...segments: [address: number, memorySize: number][]) =>
  parseElf(makeElf({ segments: segments.map(([address, memorySize]) => ({ address, bytes: CODE, memorySize })) }));
const program = elf([BASE, 4]);
const linux = (imageSize: number): LinuxImage => ({
  kind: 'linux-image',
  bytes: CODE,
  textOffset: 0x400000,
  imageSize,
});

describe('kernel', () => {
  it('lies, as an ELF, where its headers say', () => {
    const { loads, entry } = planBoot({
      mode: 'machine',
      image: elf([BASE, 4], [BASE + 0x1000, 0x2000]),
      ram: ram(16),
    });
    expect(entry).toBe(BASE);
    expect(loads).toEqual([
      { address: BASE, bytes: CODE, memorySize: 4 },
      { address: BASE + 0x1000, bytes: CODE, memorySize: 0x2000 },
    ]);
  });

  it('lies, as a Linux Image, at 0x80400000 under firmware and at 0x80000000 without', () => {
    const request = { image: linux(5 * MIB), ram: ram(64) };
    expect(planBoot({ ...request, mode: 'supervisor' })).toMatchObject({
      entry: 0x80400000,
      loads: [{ address: 0x80400000 }],
    });
    expect(planBoot({ ...request, mode: 'machine' })).toMatchObject({ entry: 0x80000000 });
  });

  it.each([
    ['a program outside RAM', elf([0x1000, 4]), 16, /in RAM, 0x80000000 to 0x80ffffff; found one at 0x1000/],
    ['an entry outside RAM', parseElf(makeElf({ entry: 0x20000000 })), 16, /start in RAM, .*; found entry 0x20000000/],
    [
      'a kernel beyond the end of RAM',
      linux(5 * MIB),
      8,
      /kernel at 0x80400000 to 0x808fffff; found only 0x80000000 to 0x807fffff. Give the machine more memory than 9 MiB/,
    ],
  ])('refuses %s', (_, image, mebibytes, message) => {
    const plan = () => planBoot({ mode: 'supervisor', image, ram: ram(mebibytes) });
    expect(plan).toThrow(ImageError);
    expect(plan).toThrow(message);
  });
});

describe('initrd', () => {
  const initrdAt = (mebibytes: number, image = program) =>
    planBoot({ mode: 'machine', image, ram: ram(mebibytes), initrdSize: 1000 }).initrd;

  it('lies half the memory, at most 128 MiB, behind the lowest byte of the kernel', () => {
    expect(initrdAt(64)).toEqual({ start: BASE + 32 * MIB, end: BASE + 32 * MIB + 1000 });
    expect(initrdAt(1024)).toEqual({ start: BASE + 128 * MIB, end: BASE + 128 * MIB + 1000 });
    expect(initrdAt(64, elf([BASE + 0x1000, 4]))?.start).toBe(BASE + 0x1000 + 32 * MIB);
  });

  it('is refused where it would leave RAM or overwrite the kernel', () => {
    const plan = (image: LinuxImage, initrdSize: number) => () =>
      planBoot({ mode: 'supervisor', image, ram: ram(32), initrdSize });
    expect(plan(linux(MIB), 13 * MIB)).toThrow(/initrd at 0x81400000 to 0x820fffff; found only/);
    expect(plan(linux(17 * MIB), MIB)).toThrow(/The initrd, .*, would overwrite the kernel/);
  });
});

describe('device tree', () => {
  const at = (mebibytes: number, base = BASE) => planBoot({ mode: 'machine', image: elf([base, 4]), ram: { base, size: mebibytes * MIB } }).deviceTree; // prettier-ignore

  it.each([[2, 0x80000000], [3, 0x80200000], [4, 0x80200000], [128, 0x87e00000], [1024, 0xbfe00000], [2047, 0xbfe00000]])('with %i MiB lies at %i', (mebibytes, address) => expect(at(mebibytes)).toBe(address)); // prettier-ignore

  it('always fits into RAM and lies below 3 GiB', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2047 }), (mebibytes) => {
        const address = at(mebibytes);
        expect(address % (2 * MIB)).toBe(0);
        expect(address).toBeGreaterThanOrEqual(BASE);
        expect(address + DEVICE_TREE_LIMIT).toBeLessThanOrEqual(Math.min(BASE + mebibytes * MIB, 0xc0000000));
      }),
    );
  });

  it('is refused without RAM for it', () => {
    expect(() => planBoot({ mode: 'machine', image: program, ram: { base: BASE, size: MIB / 2 } })).toThrow(
      /at least 1 MiB of RAM, for the device tree alone; found 524288 bytes/,
    );
  });

  it('is refused when it is too big or would overwrite something', () => {
    const layout = planBoot({ mode: 'machine', image: program, ram: ram(128), initrdSize: 62 * MIB });
    expect(() => checkDeviceTree(layout, DEVICE_TREE_LIMIT)).not.toThrow();
    expect(() => checkDeviceTree(layout, DEVICE_TREE_LIMIT + 1)).toThrow(/at most 1048576 bytes; found 1048577/);
    const large = planBoot({ mode: 'machine', image: program, ram: ram(128), initrdSize: 63 * MIB });
    expect(() => checkDeviceTree(large, 4096)).toThrow(
      /The device tree, 0x87e00000 to 0x87e00fff, would overwrite the initrd/,
    );
    const tiny = planBoot({ mode: 'machine', image: program, ram: ram(2) });
    expect(() => checkDeviceTree(tiny, 4096)).toThrow(/would overwrite the kernel/);
  });
});

/** Physical address of the mask ROM of QEMU's board. */
const MASK_ROM_BASE = 0x1000;

/**
 * The words at the start of the mask ROM: load a0 (hart), a1 (device tree) and a2 (a description for the firmware), jump to `start`.
 * @param start physical address to jump to
 * @param kernel where the description says that the next stage is; 0 if there is none
 */
function maskRom(start: number, deviceTree: number, kernel: number): readonly number[] {
  return [
    0x00000297, // auipc t0, 0
    0x02828613, // addi  a2, t0, 40
    0xf1402573, // csrr  a0, mhartid
    0x0202a583, // lw    a1, 32(t0)
    0x0182a283, // lw    t0, 24(t0)
    0x00028067, // jr    t0
    start,
    0,
    deviceTree,
    0,
    ...dynamicInformation(kernel),
  ];
}

describe.skipIf(!HAS_QEMU)('QEMU', () => {
  it('puts kernel, initrd, device tree and reset vector there too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'boot-layout-'));
    try {
      const kernel = makeElf({
        segments: [
          { address: BASE + 0x1000, bytes: CODE, memorySize: 0x100 },
          { address: BASE + 0x3000, bytes: Uint8Array.of(1, 2, 3, 4) },
        ],
        entry: BASE + 0x1000,
      });
      const initrd = Uint8Array.from({ length: 100 }, (_, index) => index + 1);
      writeFileSync(join(folder, 'kernel'), kernel);
      writeFileSync(join(folder, 'initrd'), initrd);
      for (const mebibytes of [8, 33, 64, 129, 600, 1025]) {
        const layout = planBoot({ mode: 'machine', image: parseElf(kernel), ram: ram(mebibytes), initrdSize: 100 });
        const files = ['-kernel', join(folder, 'kernel'), '-initrd', join(folder, 'initrd')];
        const qemu = startQemuBoard(['-m', `${mebibytes}M`, ...files]);
        const memory = async (address: number, size: number) => {
          const words: number[] = [];
          for (let at = 0; at < size; at += 4) words.push(await qemu.read(address + at, 4));
          return new Uint8Array(Uint32Array.from(words).buffer).subarray(0, size);
        };
        try {
          for (const { address, bytes } of layout.loads) expect(await memory(address, bytes.length)).toEqual(bytes);
          expect(await memory(layout.initrd?.start ?? 0, 100)).toEqual(initrd);
          const vector = maskRom(BASE, layout.deviceTree, BASE + 0x1000);
          expect(new Uint32Array((await memory(MASK_ROM_BASE, 4 * vector.length)).slice().buffer)).toEqual(
            Uint32Array.from(vector),
          );
          const header = new DataView((await memory(layout.deviceTree, 8)).slice().buffer);
          expect(header.getUint32(0)).toBe(0xd00dfeed);
          const { root } = readDeviceTree(await memory(layout.deviceTree, header.getUint32(4)));
          const chosen = root.children.find(({ name }) => name === 'chosen')?.properties ?? {};
          const cell = (name: string) => new DataView((chosen[name] as Uint8Array).slice().buffer).getUint32(0);
          expect({ start: cell('linux,initrd-start'), end: cell('linux,initrd-end') }).toEqual(layout.initrd);
        } finally {
          qemu.close();
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
