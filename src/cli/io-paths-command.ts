// `io-paths`: the same work on each path to a disk and to a network card, as a table of what was measured.

import { ioPaths, measureIoPaths, type IoPath, type IoPathRow } from '../core/hypervisor/measurements/io-paths.ts';
import { techniques } from '../core/hypervisor/virtual-machine.ts';
import type { Command } from './command.ts';
import { readDecompressed } from './files.ts';
import { shippedFile } from './guest-source.ts';
import { nodeHost } from './node-host.ts';
import { noOperands, option } from './options.ts';
import { oneOf } from '../protocol/option-values/values.ts';

const options = {
  technique: option('--technique', 'NAME', oneOf(techniques), `${techniques.join(', ')}. Default: hardware-assisted`),
  format: option('--format', 'HOW', oneOf(['table', 'json'] as const), 'table or json. Default: table'),
} as const;

const NAMES: { readonly [Path in IoPath]: string } = {
  'programmed-io': 'programmed I/O',
  virtio: 'virtio',
  passthrough: 'passthrough',
  'passthrough-imsic': 'passthrough, IMSIC',
};

export const ioPathsCommand: Command<typeof options> = {
  name: 'io-paths',
  operands: '',
  summary: 'measure programmed I/O, virtio and passthrough, each at the same work',
  details: [
    `The guest io-paths moves the same blocks and frames by ${ioPaths.map((path) => NAMES[path]).join(', ')}: one run for each,`,
    'with that device alone on its board, less a run without any. With IMSIC the board has an APLIC and IMSICs in its PLIC’s place.',
    'Exits an interrupt are counted from the first of the data to the last. Virtual time is of a hart of 100 MHz.',
  ],
  options,
  run(operands, { technique = 'hardware-assisted', format = 'table' }, { stdout }) {
    noOperands('io-paths', operands);
    const image = readDecompressed('the guest io-paths', shippedFile('guests/io-paths.elf'));
    const rows = measureIoPaths({ host: nodeHost, image, technique });
    stdout.write(format === 'json' ? `${JSON.stringify(rows, undefined, 2)}\n` : table(rows));
    return 0;
  },
};

/** The one that nothing stands behind. */
const LAST_COLUMN = 9;

function table(rows: readonly IoPathRow[]): string {
  const head = [
    'device',
    'path',
    'bytes',
    'exits',
    'bytes/exit',
    'exits/interrupt',
    'instructions',
    'virtual µs',
    'host ms',
    'exits by reason',
  ];
  const lines = rows.map((row) => {
    const { device, path, refused } = row;
    if (refused !== undefined) return [device, NAMES[path], '–', '–', '–', '–', '–', '–', '–', refused];
    const reasons = Object.entries(row.exitsByReason).map(([reason, count]) => `${reason} ${count}`);
    return [
      device,
      NAMES[path],
      `${row.bytes}`,
      `${row.exits}`,
      row.exits > 0 ? (row.bytes / row.exits).toFixed(1) : '∞',
      (row.atWork.exits / row.atWork.interrupts).toFixed(1),
      `${row.instructions}`,
      (row.ticks / 10).toFixed(0),
      (row.nanoseconds / 1e6).toFixed(1),
      reasons.join(', '),
    ];
  });
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => (column === LAST_COLUMN ? 0 : (line[column]?.length ?? 0)))),
  );
  const text = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column < 2 || column === LAST_COLUMN ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return `${[head, ...lines].map(text).join('\n')}\n`;
}
