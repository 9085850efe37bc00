// `containers`: the same program as a process, in a container, in a VM and in a container in a VM, measured and put side by side.

import { Lab } from '../core/hypervisor/lab.ts';
import { unmodifiedHosted } from '../core/hypervisor/virtual-machine.ts';
import { measureContainers, type Measured } from '../core/linux/measure.ts';
import type { Command } from './command.ts';
import { chooseGuest } from './guest-source.ts';
import { shippedLayouts } from './introspection.ts';
import { nodeHost } from './node-host.ts';
import { noOperands, option } from './options.ts';
import { oneOf } from '../protocol/option-values/values.ts';

const options = {
  technique: option(
    '--technique',
    'NAME',
    oneOf(unmodifiedHosted),
    `how the VMs are run: ${unmodifiedHosted.join(', ')}. Default: hardware-assisted`,
  ),
} as const;

const MACHINE_MEMORY = 96 * 2 ** 20;
const TICKS_PER_MILLISECOND = 10_000;
const EPOCH = { high: 0, low: 0 };

export const containersCommand: Command<typeof options> = {
  name: 'containers',
  operands: '',
  summary: 'measure a process, a container, a VM and a container in a VM',
  details: [
    'Boots the Linux that ships, on a machine of its own and in VMs, runs /bin/workload in each of the four ways, and prints what',
    'that took: read from outside, from the traps of the hart and the memory of the kernel. What each sees it says itself.',
  ],
  options,
  run(operands, { technique = 'hardware-assisted' }, { stdout }) {
    noOperands('containers', operands);
    const { guest } = chooseGuest([], { guest: 'linux' });
    const run = measureContainers({
      makeLab: () => new Lab({ host: nodeHost, memoryBytes: MACHINE_MEMORY, epochNanoseconds: EPOCH }),
      guest,
      technique,
      layouts: shippedLayouts(),
      now: () => performance.now(),
    });
    for (;;) {
      const { done, value } = run.next();
      if (done !== true) continue;
      stdout.write(tableOf(value));
      return 0;
    }
  },
};

/** One column a case. */
function tableOf(rows: readonly Measured[]): string {
  const milliseconds = (value: number): string => `${value.toFixed(1)} ms`;
  const lines: readonly (readonly string[])[] = [
    ['', ...rows.map(({ name }) => name)],
    ['technique', ...rows.map(({ technique }) => technique)],
    ['start: instructions', ...rows.map(({ start }) => `${(start.instructions / 1e6).toFixed(2)} M`)],
    ['start: virtual time', ...rows.map(({ start }) => milliseconds(start.ticks / TICKS_PER_MILLISECOND))],
    ['start: host time', ...rows.map(({ start }) => milliseconds(start.hostMilliseconds))],
    ['start: system calls', ...rows.map(({ start }) => String(start.systemCalls))],
    ['start: exits', ...rows.map(({ start }) => String(start.exits))],
    ['work: instructions', ...rows.map(({ work }) => `${(work.instructions / 1e6).toFixed(2)} M`)],
    ['work: host time', ...rows.map(({ work }) => milliseconds(work.hostMilliseconds))],
    ['work: system calls', ...rows.map(({ work }) => String(work.systemCalls))],
    ['work: exits', ...rows.map(({ work }) => String(work.exits))],
    ['memory', ...rows.map(({ memoryBytes }) => `${(memoryBytes / 1024).toFixed(0)} KiB`)],
    ...Object.keys(rows[0]?.sees ?? {}).map((key) => [`sees: ${key}`, ...rows.map(({ sees }) => sees[key] ?? '')]),
  ];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd((widths[column] ?? 0) + 2))
        .join('')
        .trimEnd(),
    )
    .join('\n')
    .concat('\n');
}
