// qemu-system-riscv32, where it is installed, with the lab's own guest image. It stands still (SIGSTOP) while it has no work,
// because the guest polls its serial port.

import { spawn, spawnSync } from 'node:child_process';
import type { Clock } from '../engine.ts';
import { processorTimeOf } from '../hosts/processor-time.ts';
import { AwaitedLine } from './awaited-line.ts';
import { boardOrder, HEAP_MEBIBYTES, kernelOrder } from './dialogue.ts';
import type { Peer } from './peer.ts';

const COMMAND = 'qemu-system-riscv32';

/** Its version, or undefined where it is not installed or processes cannot be stopped. */
export function qemuVersion(): string | undefined {
  if (process.platform === 'win32') return undefined;
  const { status, stdout } = spawnSync(COMMAND, ['--version'], { encoding: 'utf8' });
  return status === 0 ? /version (\S+)/.exec(stdout)?.[1] : undefined;
}

const argumentsFor = (image: string): readonly string[] => [
  ...['-M', 'virt', '-m', '64', '-bios', 'none', '-display', 'none', '-monitor', 'none', '-serial', 'stdio'],
  ...['-device', `loader,file=${image},cpu-num=0`],
];

/** @param clock `cpu` takes the processor time of QEMU's threads, where the system tells it */
export async function openQemu(image: string, paging: boolean, clock: Clock): Promise<Peer> {
  const child = spawn(COMMAND, argumentsFor(image), { stdio: ['pipe', 'pipe', 'ignore'] });
  const { stdin, stdout } = child;
  const end = () => void child.kill('SIGKILL');
  process.once('exit', end); // one that stands still would outlive us
  const lines = new AwaitedLine(
    clock === 'cpu' ? () => processorTimeOf(child.pid ?? 0) ?? performance.now() : () => performance.now(),
  );
  stdout.on('data', (bytes: Uint8Array) => bytes.forEach((byte) => lines.take(byte)));
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${COMMAND} ended with status ${code}`)));
  });
  failed.catch(() => undefined); // its end is awaited below, or nobody waits any more
  await Promise.race([lines.next(), failed]);
  const ask = (order: string) => Promise.race([lines.answer(() => void stdin.write(order)), failed]);
  if (paging) await ask(boardOrder('pagingOn', HEAP_MEBIBYTES));
  child.kill('SIGSTOP');
  return {
    run: async (kernel, rounds) => {
      child.kill('SIGCONT');
      const run = await ask(kernelOrder(kernel, rounds));
      child.kill('SIGSTOP');
      return run;
    },
    close: () => {
      process.off('exit', end);
      end();
      return Promise.resolve();
    },
  };
}
