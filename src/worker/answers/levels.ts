// The crossings between levels of the bare machine that the VM owns: the last ones, and how many of which kind.

import { BareMachine } from '../../core/hypervisor/techniques/bare-machine.ts';
import type { Crossing } from '../../core/hypervisor/inspection/level-trace.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import { findCause } from '../../core/isa/causes.ts';
import { disassemble } from '../../core/isa/disassemble.ts';
import { levelName, levelOf } from '../../core/machine/level.ts';
import type { CrossingKind, CrossingRow, LevelsAnswer, LevelsQuestion } from '../../protocol/frame.ts';

const ROWS_LIMIT = 500;

/** @returns nothing for a VM of the hypervisor: its crossings are exits */
export function levelsAnswer(
  vm: VirtualMachine | undefined,
  { only, count }: LevelsQuestion,
): LevelsAnswer | undefined {
  if (!(vm instanceof BareMachine)) return undefined;
  const { levels } = vm;
  const limit = Math.min(ROWS_LIMIT, Math.max(0, Math.floor(count)));
  const rows: CrossingRow[] = [];
  for (let sequence = levels.total - 1; sequence >= levels.oldest && rows.length < limit; sequence--) {
    const crossing = levels.read(sequence);
    if (crossing !== undefined && (only === undefined || isOfKind(crossing, only))) rows.push(rowOf(crossing));
  }
  const { privilege, virtual } = vm.look();
  return {
    recording: levels.recording,
    total: levels.total,
    kept: levels.total - levels.oldest,
    now: levelName(levelOf(privilege, virtual)),
    rows,
    counts: levels.counts().map((row) => ({ ...row, name: nameOf(row) })),
  };
}

const isOfKind = (crossing: Crossing, { kind, from, to, cause }: CrossingKind): boolean =>
  crossing.kind === kind && crossing.from === from && crossing.to === to && crossing.cause === cause;

const nameOf = ({ kind, cause }: Pick<Crossing, 'kind' | 'cause'>): string =>
  kind === 'return' ? 'return' : (findCause(cause)?.name ?? `cause ${cause & 0x7fff_ffff}`);

function rowOf(crossing: Crossing): CrossingRow {
  const { instruction, pc } = crossing;
  return { ...crossing, name: nameOf(crossing), text: instruction === 0 ? '' : disassemble(instruction, pc).text };
}
