// A guest that is itself a hypervisor: the teaching hypervisor in src/guests/nested and the guest inside it, on the bare
// machine, as written down, whatever the host does, and as QEMU's own machine runs them.

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { HAS_QEMU } from '../../devices/qemu-board.test-support.ts';
import { expectedOutput, runAlone, shippedGuest } from '../guest-rig.test-support.ts';

const guest = shippedGuest('nested');

test('prints what is expected and turns the computer off', () => {
  const { vm, console } = runAlone('bare', guest);
  expect(console).toBe(expectedOutput('nested'));
  expect(vm.ending).toMatchObject({ kind: 'finisher', exitCode: 0 });
});

test('translated or interpreted, in large or small slices, it is the same run', () => {
  const whole = runAlone('bare', guest);
  const account = ({ vm, console, hash }: typeof whole) => ({ console, hash, instructions: vm.instructions });
  expect(account(runAlone('bare', guest, { translator: false }))).toEqual(account(whole));
  expect(account(runAlone('bare', guest, { slice: 97 }))).toEqual(account(whole));
});

test('every level served the one above it: pages, calls, devices, instructions, interrupts', () => {
  const { vm, console } = runAlone('bare', guest);
  expect(console.match(/stage-2 fault, gpa/g)).toHaveLength(7);
  expect(console).toContain('touched by the walk');
  // Of L2's timer M-mode takes MTI, HS-mode STI and VS-mode its own: the same three times over, less the last, which L2 polls.
  expect(vm.interrupts).toMatchObject({
    'machine timer interrupt': 3,
    'supervisor timer interrupt': 3,
    'virtual supervisor timer interrupt': 2,
  });
});

test.skipIf(!HAS_QEMU)('QEMU runs the same image to the same output', () => {
  const image = new URL('../../../../public/guests/nested.elf', import.meta.url).pathname;
  const output = execFileSync(
    'qemu-system-riscv32',
    ['-M', 'virt', '-cpu', 'rv32,h=true', '-m', '16M', '-nographic', '-bios', 'none', '-kernel', image],
    { encoding: 'latin1', timeout: 20_000, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  expect(output).toBe(expectedOutput('nested'));
});
