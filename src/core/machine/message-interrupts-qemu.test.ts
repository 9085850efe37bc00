// A board with an APLIC and IMSICs next to QEMU 7.2's own (`-M virt,aia=aplic-imsic`): the same program prints the same on both,
// and the device trees say the same.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { assembled } from '../isa/assembly/assembled.test-support.ts';
import { HAS_QEMU } from '../devices/qemu-board.test-support.ts';
import { boardDeviceTree } from './device-tree-board.ts';
import type { DeviceTreeNode } from '../devices/device-tree-node.ts';
import { buildDeviceTree } from './device-tree.ts';
import { readDeviceTree } from './device-tree-reader.test-support.ts';
import { TestMachine } from './test-machine.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-messages-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function qemu(machine: string, ...options: readonly string[]): void {
  const common = ['-bios', 'none', '-display', 'none', '-monitor', 'none'];
  const { error } = spawnSync('qemu-system-riscv32', ['-M', machine, ...common, ...options], { timeout: 60_000 });
  if (error) throw error;
}

const SOURCE = readFileSync(new URL('interrupt-files.test-support.s', import.meta.url), 'utf8');

describe('what CSRs say of interrupt files', () => {
  const machine = new TestMachine({ messageInterrupts: { guestFiles: 7, machineLevel: true } });
  machine.load(SOURCE);
  const stop = machine.run(100_000);

  test('the program ends, having taken two interrupts as a guest: one of a wire, one of its own', () => {
    expect(stop.kind).toBe('finished');
    const lines = machine.console.split('\n');
    expect(lines.filter((line) => line.startsWith('009009'))).toEqual(['00900932', '00900931']);
    expect(lines.length).toBeGreaterThan(60);
  });

  test.skipIf(!HAS_QEMU)(
    'QEMU prints the same',
    () => {
      const image = join(folder, 'interrupt-files.elf');
      writeFileSync(image, assembled(SOURCE).image);
      // A file takes whatever is sent, however busy the host is; a pipe does not.
      const printed = join(folder, 'printed');
      qemu('virt,aia=aplic-imsic,aia-guests=7', '-kernel', image, '-serial', `file:${printed}`);
      expect(machine.console).toBe(readFileSync(printed, 'latin1'));
    },
    90_000,
  );
});

/** Nodes below /soc, with their properties, in their order. */
const devicesOf = (blob: Uint8Array) =>
  new Map(
    readDeviceTree(blob)
      .root.children.find(({ name }) => name === 'soc')
      ?.children.map(({ name, properties }: DeviceTreeNode) => [name, properties]),
  );

describe.skipIf(!HAS_QEMU)('the device tree', () => {
  test.each([
    [1, 0],
    [2, 0],
    [3, 7],
    [2, 1],
  ])(
    'of %i harts with %i guest interrupt files is as QEMU’s',
    (harts, guestFiles) => {
      const file = join(folder, `${harts}-${guestFiles}.dtb`);
      qemu(`virt,aia=aplic-imsic,aia-guests=${guestFiles},dumpdtb=${file}`, '-m', '128', '-smp', `${harts}`);
      const theirs = devicesOf(new Uint8Array(readFileSync(file)));
      const { board } = new TestMachine({ harts, messageInterrupts: { guestFiles, machineLevel: true } });
      const tree = boardDeviceTree({
        harts,
        isa: 'rv32imah_zicsr_zifencei_smaia_ssaia_sstc',
        memoryBase: 0x8000_0000,
        memorySize: 128 * 2 ** 20,
        mounts: board.mounts,
      });
      const ours = devicesOf(buildDeviceTree(tree));
      expect(ours.size).toBeGreaterThan(10);
      for (const [name, properties] of ours) expect([name, properties]).toEqual([name, theirs.get(name)]);
      const order = [...theirs.keys()].filter((name) => ours.has(name));
      expect([...ours.keys()]).toEqual(order);
    },
    90_000,
  );
});
