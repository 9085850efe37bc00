// QEMU's own `virt` board as the reference: its stopped machine answers reads and writes over the "qtest" protocol on stdio.
// Tests that need it are skipped where Debian's qemu-system-misc is not installed.

import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { AccessWidth } from './device.ts';

export const HAS_QEMU = spawnSync('qemu-system-riscv32', ['--version']).status === 0;

const LETTER: Readonly<Record<AccessWidth, string>> = { 1: 'b', 2: 'w', 4: 'l' };

/** QEMU's name for the board's interrupt controller. */
const PLIC = '/machine/unattached/device[2]';

export interface QemuBoard {
  /** @param address physical address on the board */
  read(address: number, width: AccessWidth): Promise<number>;
  write(address: number, width: AccessWidth, value: number): Promise<void>;
  /** Drives a source of the interrupt controller. @param controller QEMU's name for it. Default: that of the PLIC */
  drive(source: number, level: boolean, controller?: string): Promise<void>;
  /** From now on `outputs` follows the interrupt controller's outputs, and the harts no longer see them. */
  watchOutputs(): Promise<void>;
  /** First every hart's supervisor output, then every hart's machine output. */
  readonly outputs: ReadonlyMap<number, boolean>;
  close(): void;
}

export function startQemuBoard(options: readonly string[] = [], machine = 'virt'): QemuBoard {
  const board = '-bios none -display none -monitor none -serial null -S -qtest stdio -qtest-log /dev/null';
  const qemu = spawn('qemu-system-riscv32', ['-M', machine, ...board.split(' '), ...options], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const waiting: ((answer: string) => void)[] = [];
  const outputs = new Map<number, boolean>();
  createInterface(qemu.stdout).on('line', (line) => {
    const [, level, output] = /^IRQ (raise|lower) (\d+)$/.exec(line) ?? [];
    if (output === undefined) waiting.shift()?.(line);
    else outputs.set(Number(output), level === 'raise');
  });
  qemu.on('exit', () => waiting.splice(0).forEach((answer) => answer('FAIL: QEMU has ended')));

  async function command(line: string): Promise<string> {
    const answer = await new Promise<string>((resolve) => {
      waiting.push(resolve);
      qemu.stdin.write(`${line}\n`);
    });
    if (!answer.startsWith('OK')) throw new Error(`QEMU answered "${line}" with "${answer}"`);
    return answer.slice(3);
  }

  return {
    read: async (address, width) => Number(await command(`read${LETTER[width]} ${address}`)),
    write: async (address, width, value) => {
      await command(`write${LETTER[width]} ${address} ${value}`);
    },
    drive: async (source, level, controller = PLIC) => {
      await command(`set_irq_in ${controller} unnamed-gpio-in ${source} ${level ? 1 : 0}`);
    },
    watchOutputs: async () => {
      await command(`irq_intercept_out ${PLIC}`);
    },
    outputs,
    close: () => qemu.kill(),
  };
}
