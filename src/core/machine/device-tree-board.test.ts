// The board's device tree, node by node, against the one that QEMU 7.2 makes:
//   qemu-system-riscv32 -M virt,dumpdtb=f.dtb -m 128 -smp 2 -bios none -kernel x.elf -initrd (1,000,000 bytes) -append "console=ttyS0 quiet"
//   dtc -I dtb -O dts f.dtb > device-tree-board.qemu-7.2.dts

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Aclint } from '../devices/aclint.ts';
import type { DescribedDevice } from '../devices/device-tree-node.ts';
import { GoldfishRtc } from '../devices/goldfish-rtc.ts';
import { Plic } from '../devices/plic.ts';
import { TestFinisher } from '../devices/test-finisher.ts';
import { Uart16550 } from '../devices/uart16550.ts';
import { VirtioMmio } from '../devices/virtio/virtio-mmio.ts';
import { boardDeviceTree } from './device-tree-board.ts';
import type { BoardDescription, BoardMount } from './device-tree-board.ts';
import { buildDeviceTree } from './device-tree.ts';
import { formatDeviceTree, readDeviceTree } from './device-tree-reader.test-support.ts';

const ignore = () => undefined;

function mounts(harts: number): BoardMount[] {
  const at = (base: number, device: DescribedDevice, interrupt?: number): BoardMount => ({ device, base, ...(interrupt !== undefined && { interrupt }) }); // prettier-ignore
  const clock = () => 0;
  const memory = { holds: () => false, read: () => false, write: () => false, load: () => -1, store: () => false };
  const empty = () => new VirtioMmio({ version: 'legacy', memory, interrupt: ignore, clock });
  const slots = [1, 2, 3, 4, 5, 6, 7, 8].map((slot) => at(0x10000000 + 0x1000 * slot, empty(), slot));
  return [
    at(0x2000000, new Aclint({ harts, clock, software: ignore, timer: ignore })),
    at(0xc000000, new Plic({ contexts: 2 * harts, sources: 96, interrupt: ignore })),
    ...slots,
    at(0x100000, new TestFinisher({ finish: ignore })),
    at(0x10000000, new Uart16550({ interrupt: ignore, transmit: ignore }), 10),
    at(0x101000, new GoldfishRtc({ interrupt: ignore, clock, epochNanoseconds: { high: 0, low: 0 } }), 11),
  ];
}

function board(changes: Partial<BoardDescription> = {}): BoardDescription {
  return {
    harts: 2,
    isa: 'rv32imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc',
    memoryBase: 0x80000000,
    memorySize: 128 * 2 ** 20,
    mounts: mounts(2),
    bootargs: 'console=ttyS0 quiet',
    initrd: { start: 0x84000000, end: 0x84000000 + 1_000_000 },
    ...changes,
  };
}

/** Every node by path, with its property lines, of text as `dtc -O dts` prints it. */
function nodes(source: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const path: string[] = [];
  for (const line of source.split('\n').map((text) => text.trim())) {
    if (line.endsWith(' {')) {
      path.push(line.slice(0, -2));
      found.set(path.join('/').replace('//', '/'), []);
    } else if (line === '};') path.pop();
    else if (path.length > 0 && line !== '') found.get(path.join('/').replace('//', '/'))?.push(line);
  }
  for (const lines of found.values()) lines.sort();
  return found;
}

/** What QEMU has beyond us: no guest of ours should look for it. */
const NOT_MOUNTED = ['/pmu', '/fw-cfg@10100000', '/flash@20000000', '/platform-bus@4000000', '/soc/pci@30000000'];

describe('the board’s device tree', () => {
  const qemu = nodes(readFileSync(new URL('device-tree-board.qemu-7.2.dts', import.meta.url), 'utf8'));
  for (const path of NOT_MOUNTED) it(`leaves out ${path}`, () => expect(qemu.delete(path)).toBe(true));
  const chosen = qemu.get('/chosen') ?? [];
  qemu.set('/chosen', chosen.filter((line) => !line.startsWith('rng-seed'))); // prettier-ignore

  for (const lines of qemu.values()) lines.forEach((line, index) => (lines[index] = line.replaceAll('\\0', '", "')));
  // dtc takes the number 3686400 for text.
  const uart = qemu.get('/soc/serial@10000000') ?? [];
  qemu.set('/soc/serial@10000000', uart.map((line) => line.replace('"", "8@"', '<0x384000>'))); // prettier-ignore

  const ours = nodes(formatDeviceTree(readDeviceTree(buildDeviceTree(boardDeviceTree(board()))).root));

  /** The newer form of `riscv,isa`, which QEMU 7.2 does not write yet. */
  const NEWER = /^riscv,isa-(base|extensions) =/;

  it('says the extensions in the newer form too', () => {
    expect(ours.get('/cpus/cpu@0')).toContain('riscv,isa-base = "rv32i";');
    expect(ours.get('/cpus/cpu@0')?.find((line) => line.startsWith('riscv,isa-extensions'))).toMatch(
      /^riscv,isa-extensions = "i", "m", "a", .*"h", "zicsr", "zifencei", .*"sstc";$/,
    );
  });

  it.each([...qemu.keys()].filter((path) => !NOT_MOUNTED.includes(path)))('has %s as QEMU has it', (path) => {
    expect(ours.get(path)?.filter((line) => !NEWER.test(line))).toEqual(qemu.get(path));
  });

  it('has nothing else, and its devices in QEMU’s order', () => {
    expect([...ours.keys()].sort()).toEqual([...qemu.keys()].sort());
    const devices = (all: Map<string, string[]>) => [...all.keys()].filter((path) => path.startsWith('/soc/'));
    expect(devices(ours)).toEqual(devices(qemu));
  });
});

describe('what is not there is not listed', () => {
  it('a board without devices, command line and initrd', () => {
    const text = formatDeviceTree(
      boardDeviceTree({ harts: 1, isa: 'rv32ima', memoryBase: 0x80000000, memorySize: 2 ** 20, mounts: [] }),
    );
    for (const absent of ['serial', 'stdout-path', 'bootargs', 'initrd', 'poweroff', 'plic', 'core1']) {
      expect(text).not.toContain(absent);
    }
    expect(text).toContain('cpu@0');
  });

  it('a device without interrupt controller has no interrupt', () => {
    const [uart] = mounts(1).filter(({ device }) => device.name === 'serial');
    const text = formatDeviceTree(boardDeviceTree(board({ harts: 1, mounts: uart ? [uart] : [] })));
    expect(text).toContain('stdout-path = "/soc/serial@10000000"');
    expect(text).not.toContain('interrupts =');
  });
});

it('passes the seed of the random numbers on as it is', () => {
  const rngSeed = Uint8Array.from({ length: 32 }, (_, index) => index);
  const root = readDeviceTree(buildDeviceTree(boardDeviceTree(board({ rngSeed })))).root;
  expect(root.children.find(({ name }) => name === 'chosen')?.properties['rng-seed']).toEqual(rngSeed);
});

it('describes eight harts, each with both contexts at the interrupt controller', () => {
  const found = nodes(formatDeviceTree(boardDeviceTree(board({ harts: 8, mounts: mounts(8) }))));
  expect(found.get('/cpus/cpu@7')).toContain('phandle = <0x01>;');
  expect(found.get('/cpus/cpu@0/interrupt-controller')).toContain('phandle = <0x10>;');
  const wiring = found.get('/soc/plic@c000000')?.find((line) => line.startsWith('interrupts-extended'));
  expect(wiring?.match(/0x0b/g)).toHaveLength(8);
  expect(wiring?.match(/0x09/g)).toHaveLength(8);
});
