// What --trace-levels writes: every crossing between levels of privilege as one JSON object a line. Addresses, instructions
// and CSRs are hexadecimal text; the CSRs of the H extension stand there where they have a value.

import type { Crossing, LevelTrace } from '../core/hypervisor/inspection/level-trace.ts';
import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import { findCause } from '../core/isa/causes.ts';
import { disassemble } from '../core/isa/disassemble.ts';
import { UsageError } from './options.ts';
import type { LineSource } from './trace-lines.ts';

const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

/** One crossing as one line, without the line's end. */
function levelLine(crossing: Crossing): string {
  const { sequence, at, hart, kind, from, to, cause, pc, target, instruction } = crossing;
  const values = ['hstatus', 'vsstatus', 'htval', 'htinst'] as const;
  return JSON.stringify({
    sequence,
    at,
    hart,
    kind,
    from,
    to,
    ...(kind === 'trap' && { cause: hex(cause), causeName: findCause(cause)?.name, value: hex(crossing.value) }),
    pc: hex(pc),
    ...(instruction !== 0 && { instruction: hex(instruction), disassembly: disassemble(instruction, pc).text }),
    target: hex(target),
    status: hex(crossing.status),
    ...Object.fromEntries(values.filter((name) => crossing[name] !== 0).map((name) => [name, hex(crossing[name])])),
  });
}

export const crossingLines = (levels: LevelTrace): LineSource => ({
  get oldest() {
    return levels.oldest;
  },
  get total() {
    return levels.total;
  },
  line: (sequence) => {
    const crossing = levels.read(sequence);
    return crossing && levelLine(crossing);
  },
});

/** @throws UsageError where there is no machine of the guest's own to be watched */
export function checkLevels({ traceLevels }: { readonly traceLevels?: string }, technique: Technique): void {
  if (traceLevels === undefined || technique === 'bare') return;
  throw new UsageError(
    '--technique bare with --trace-levels',
    `--technique ${technique}`,
    'write --trace: under a hypervisor, its exits are the crossings',
  );
}

/** How often a guest's hart went from one level to another, for the statistics. */
export interface LevelCount {
  readonly kind: Crossing['kind'];
  readonly from: string;
  readonly to: string;
  /** Of a trap. */
  readonly cause?: string;
  readonly causeName?: string;
  readonly count: number;
}

/** The most frequent first. */
export const levelCounts = (levels: LevelTrace): readonly LevelCount[] =>
  levels.counts().map(({ kind, from, to, cause, count }) => {
    const causeName = findCause(cause)?.name;
    const why = { cause: hex(cause), ...(causeName !== undefined && { causeName }) };
    return { kind, from, to, ...(kind === 'trap' && why), count };
  });
