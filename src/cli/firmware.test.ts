// Firmware of the guest's own below a kernel (QEMU's -bios), and flat binaries, which only the person knows the place of.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseElf } from '../core/machine/elf.ts';
import { command } from './streams.test-support.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside-firmware-'));
const at = (name: string) => join(folder, name);
const HAS_QEMU = spawnSync('qemu-system-riscv32', ['--version']).status === 0;

/** `objcopy -O binary` of a program of one segment, and more bytes behind it. */
function makeFlat(from: string, to: string, size = 0): void {
  const [segment] = parseElf(readFileSync(at(from))).segments;
  const bytes = segment?.bytes ?? new Uint8Array();
  writeFileSync(at(to), Buffer.concat([bytes, Buffer.alloc(Math.max(0, size - bytes.length))]));
}

beforeAll(async () => {
  for (const [name, text] of [
    ['next-stage', '0x80000000'],
    ['flat-kernel', '0x80200000'],
  ] as const) {
    const source = new URL(`fixtures/${name}.s`, import.meta.url).pathname;
    expect(await command(['assemble', source, '-o', at(`${name}.elf`), '--text', text])).toMatchObject({ status: 0 });
  }
  makeFlat('next-stage.elf', 'next-stage.bin');
  makeFlat('next-stage.elf', 'large.bin', 5 * 2 ** 20);
  makeFlat('flat-kernel.elf', 'kernel.bin');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MAGIC = 'edfe0dd0';

describe('firmware', () => {
  const cases = [
    ['an ELF, and an ELF where it is linked', 'next-stage.elf', 'flat-kernel.elf', '80200000'],
    ['a flat binary, and another at the next 4 MiB', 'next-stage.bin', 'kernel.bin', '80400000'],
    ['one of more than 4 MiB', 'large.bin', 'kernel.bin', '80800000'],
  ] as const;

  test.each(cases)('%s', async (_, firmware, kernel, address) => {
    for (const technique of ['bare', 'trap-and-emulate']) {
      const run = await command(['run', at(kernel), '--firmware', at(firmware), '--technique', technique]);
      expect(run).toMatchObject({ status: 0, complaints: [], stdout: `${address}\n${MAGIC}\n` });
    }
  });

  test.skipIf(!HAS_QEMU).each(cases)('%s, on QEMU as well', (_, firmware, kernel, address) => {
    const machine = ['-M', 'virt', '-nographic', '-bios', at(firmware), '-kernel', at(kernel)];
    const { stdout } = spawnSync('qemu-system-riscv32', machine, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 20_000,
    });
    expect(stdout.replaceAll('\r', '')).toBe(`${address}\n${MAGIC}\n`);
  });

  test.each([
    [['--firmware', 'next-stage.elf', '--boot', 'supervisor'], /expected --boot machine with --firmware/],
    [
      ['--firmware', 'next-stage.elf', '--technique', 'hardware-assisted'],
      /expected a guest in supervisor boot .*: use --technique trap-and-emulate, or leave out --firmware/,
    ],
    [['--firmware', 'absent.bin'], /expected firmware at .*absent.bin.*, found none/],
    [
      ['--firmware', 'flat-kernel.elf'],
      /The firmware, 0x80200000 .* would overwrite the kernel, .* Link one of the two for another place/,
    ],
  ])('%j', async (options, message) => {
    const [, firmware = '', ...rest] = options;
    const { status, complaints } = await command(['run', at('flat-kernel.elf'), '--firmware', at(firmware), ...rest]);
    expect(status).toBe(2);
    expect(complaints[0]).toMatch(message);
  });
});

test('compare: firmware and kernel are the same deprivileged as bare, on harts without the H extension', async () => {
  const compare = ['compare', at('flat-kernel.elf'), '--firmware', at('next-stage.elf'), '--every', '7'];
  const { status, stdout, complaints } = await command(compare);
  expect(complaints).toEqual([]);
  expect(stdout).toMatch(/^No difference between bare and trap-and-emulate: \d+ points .* all of RAM at/);
  expect(status).toBe(0);
  expect((await command([...compare, '--inject', '100:5'])).stdout).toMatch(
    /^trap-and-emulate differs from bare after/,
  );
  expect(await command([...compare, '--technique', 'hardware-assisted'])).toMatchObject({
    status: 2,
    complaints: [
      expect.stringMatching(/a guest in supervisor boot with --technique hardware-assisted, found one in machine boot/),
    ],
  });
});

describe('a flat binary', () => {
  test.each([
    ['machine', '80000000'],
    ['supervisor', '80400000'],
  ])('for %s boot lies at %s', async (boot, address) => {
    const run = await command(['run', at('kernel.bin'), '--boot', boot]);
    expect(run).toMatchObject({ status: 0, complaints: [], stdout: `${address}\n${MAGIC}\n` });
  });

  test('is refused while nobody says how it boots', async () => {
    const { status, complaints } = await command(['run', at('kernel.bin')]);
    expect(status).toBe(2);
    expect(complaints[0]).toMatch(/a flat binary does not say where it belongs: say it by how it boots \(--boot\)/);
  });

  test('is refused where its first bytes say what else it is', async () => {
    writeFileSync(at('script.bin'), '#!/bin/sh\n');
    const { status, complaints } = await command(['run', at('script.bin'), '--boot', 'machine']);
    expect(status).toBe(2);
    expect(complaints[0]).toMatch(/found a script/);
  });
});
