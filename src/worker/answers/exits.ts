// The exits: list, summary, one in detail, and the one that stands open.

import type { Lab } from '../../core/hypervisor/lab.ts';
import { exitReasons } from '../../core/hypervisor/exits/exits.ts';
import { HostedVm } from '../../core/hypervisor/hosted-vm.ts';
import type { ExitRecord } from '../../core/hypervisor/exits/trace.ts';
import type { VirtualMachine } from '../../core/hypervisor/virtual-machine.ts';
import type { ExitsAnswer, ExitsQuestion, ExitSummaryRow, ExitDetail, StageAnswer } from '../../protocol/frame.ts';
import type { AnswerContext } from './context.ts';
import { detailOf, rowOf } from './words.ts';

const ROWS_LIMIT = 500;

/** Newest first. Without a filter the rows are found at once; with one, the kept records are gone through. */
export function exitsAnswer({ trace }: Lab, question: ExitsQuestion): ExitsAnswer {
  const { vm, reasons } = question;
  const skip = Math.max(0, Math.floor(question.skip));
  const count = Math.min(ROWS_LIMIT, Math.max(0, Math.floor(question.count)));
  const { total, oldest } = trace;
  const rows: ExitsAnswer['rows'][number][] = [];
  const take = (sequence: number) => {
    const record = trace.read(sequence);
    if (record) rows.push(rowOf(record));
  };
  if (vm === undefined && reasons.length === 0) {
    for (let index = skip; index < skip + count && total - 1 - index >= oldest; index++) take(total - 1 - index);
    return { matching: total - oldest, total, rows };
  }
  const wanted = new Set(reasons);
  let matching = 0;
  for (let sequence = total - 1; sequence >= oldest; sequence--) {
    if (vm !== undefined && trace.vmOf(sequence) !== vm) continue;
    if (wanted.size > 0 && !wanted.has(trace.reasonOf(sequence))) continue;
    if (matching >= skip && rows.length < count) take(sequence);
    matching++;
  }
  return { matching, total, rows };
}

export function exitSummaryAnswer(lab: Lab, vm: number | undefined): readonly ExitSummaryRow[] {
  const vms = vm === undefined ? lab.vms.map(({ id }) => id) : [vm];
  const sums = exitReasons.map((reason) => {
    const rows = vms.map((id) => lab.trace.statistics(id)[reason]).filter(({ count }) => count > 0);
    return {
      reason,
      count: rows.reduce((sum, row) => sum + row.count, 0),
      timed: rows.reduce((sum, row) => sum + row.timed, 0),
      sum: rows.reduce((sum, row) => sum + row.sum, 0),
      minimum: Math.min(...rows.filter(({ timed }) => timed > 0).map((row) => row.minimum)),
      maximum: Math.max(...rows.map((row) => row.maximum)),
    };
  });
  const samples = sums.reduce((sum, row) => sum + row.count, 0);
  const timeOf = ({ count, timed, sum }: (typeof sums)[number]) => (timed === 0 ? 0 : (sum / timed) * count);
  const time = sums.reduce((sum, row) => sum + timeOf(row), 0);
  return sums
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .map((row) => ({
      reason: row.reason,
      samples: row.count,
      samplesShare: row.count / samples,
      timeShare: time === 0 ? 0 : timeOf(row) / time,
      minimumNanoseconds: row.timed === 0 ? undefined : row.minimum,
      maximumNanoseconds: row.timed === 0 ? undefined : row.maximum,
      meanNanoseconds: row.timed === 0 ? undefined : row.sum / row.timed,
    }));
}

export function exitDetailAnswer(lab: Lab, sequence: number): ExitDetail | undefined {
  const record = lab.trace.read(sequence);
  return (
    record &&
    detailOf(
      record,
      lab.vms.find(({ id }) => id === record.vm),
    )
  );
}

export function stageAnswer({ lab, vm }: AnswerContext): StageAnswer | undefined {
  const open = vm && lab.hypervisorOf(vm)?.openExit;
  if (open === undefined || open.vm !== vm) return resumedExit(lab, vm);
  return {
    stage: open.stage,
    exit: detailOf({ ...open.record, sequence: lab.trace.total }, vm, open.stage === 'handled'),
  };
}

/** The exit that a person has gone through to its end, while the guest still stands where it goes on. */
function resumedExit(lab: Lab, vm: VirtualMachine | undefined): StageAnswer | undefined {
  if (vm === undefined || vm.control.running || vm.control.stop?.kind !== 'stage') return undefined;
  const record = lastRecord(lab, vm);
  return record && { stage: 'resumed', exit: detailOf(record, vm) };
}

/** How far back the last exit of one VM is looked for among all. */
const SEARCH = 256;

/** The last exit of one VM that is over; undefined where it is none of the newest. */
export function lastRecord(
  { trace }: Lab,
  vm: VirtualMachine,
): (ExitRecord & { readonly sequence: number }) | undefined {
  if (!(vm instanceof HostedVm)) return undefined;
  const { total, oldest } = trace;
  for (let sequence = total - 1; sequence >= Math.max(oldest, total - SEARCH); sequence--) {
    if (trace.vmOf(sequence) === vm.id) return trace.read(sequence);
  }
  return undefined;
}
