// The programs that are compared with QEMU (machine/differential) once more, those that need no H extension: in M-, S- and
// U-mode, with page tables, delegated traps, interrupts and CSRs at random. On the bare machine and under trap-and-emulate,
// where none of those modes is real, each must log the same traps and leave the same registers and memory.

import { expect, test } from 'vitest';
import { assembled } from '../../isa/assembly/assembled.test-support.ts';
import { findCsrByName } from '../../isa/csrs.ts';
import { finalCsrs, harnessSource, initialCsrs, Place } from '../../machine/differential/harness.test-support.ts';
import { generateProgram, type GeneratedProgram } from '../../machine/differential/program.test-support.ts';
import { consoleOf, drive, hashOf, MIB, newLab } from '../guest-rig.test-support.ts';
import type { Technique } from '../virtual-machine.ts';

const names = [
  ...initialCsrs,
  ...finalCsrs.map(([name]) => name),
  'mtval2',
  'mtinst',
  'htval',
  'htinst',
  'vstval',
  'vscause',
];
/** CSRs of the H extension: hypervisor and VS level, and the two it adds to machine level. */
const extension = new Set(
  names.filter((name) => {
    const number = findCsrByName(name)?.row.number ?? 0;
    return ((number >>> 8) & 3) === 2 || name === 'mtval2' || name === 'mtinst';
  }),
);

/** The harness for harts without the H extension: what it reads of those CSRs is 0, what it writes there is left out. */
const withoutExtension = (source: string): string =>
  source
    .split('\n')
    .map((line) => {
      if (/hfence/.test(line) || line.includes('csrw 0x61a')) return 'nop';
      const read = /csrr (\w+), (\w+)/.exec(line);
      if (read?.[2] !== undefined && extension.has(read[2])) return `li ${read[1]}, 0`;
      const written = /csr[wcs]i? (\w+), /.exec(line);
      if (written?.[1] === undefined || !extension.has(written[1])) return line;
      const label = /^\s*\w+:/.exec(line)?.[0] ?? '';
      return `${label} nop`;
    })
    .join('\n');

function run(programs: readonly GeneratedProgram[], technique: Technique, verbose = false) {
  const { image } = assembled(withoutExtension(harnessSource(programs.length)));
  const lab = newLab({ memoryMiB: 40 });
  const vm = lab.addVm({
    technique,
    guest: {
      image,
      boot: 'machine',
      memoryBytes: 32 * MIB,
      harts: 1,
      svadu: true,
      hypervisorExtension: false,
    },
  });
  const records = programs.map((program) => new Uint8Array(program.record(verbose).buffer));
  vm.memory.write(Place.records, new Uint8Array(Buffer.concat(records)));
  lab.start(vm.id);
  drive(lab.computerOf(vm), { until: () => vm.ending !== undefined, limit: 30_000_000 });
  return { lines: consoleOf(vm).split('\n'), hash: hashOf(vm), ending: vm.ending };
}

const programs = Array.from({ length: 90 }, (_, index) => generateProgram(index + 1)).filter(
  ({ modes }) => !modes.includes('VS') && !modes.includes('VU'),
);

test('generated programs of M-, S- and U-mode come to the same bare and deprivileged', () => {
  const bare = run(programs, 'bare');
  expect(bare.ending).toMatchObject({ exitCode: 0 });
  expect(bare.lines.slice(0, -1).every((line) => /^[0-9a-f]{8}$/.test(line))).toBe(true);
  const hosted = run(programs, 'trap-and-emulate');
  const differing = programs.filter((_, index) => hosted.lines[index] !== bare.lines[index]).map(({ seed }) => seed);
  expect(differing).toEqual([]);
  expect(hosted).toEqual(bare);
});

test('a difference would be seen', () => {
  const [first, second] = programs;
  if (first === undefined || second === undefined) throw new Error('no programs');
  expect(run([first], 'bare').lines).not.toEqual(run([second], 'bare').lines);
});
