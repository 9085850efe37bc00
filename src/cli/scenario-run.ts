// Runs a scenario: several VMs on their computers, slice by slice, with what is typed in between, and what becomes of them on the
// way. Everything happens at counted instructions, so a scenario is the same run every time.
//
//   for each computer: cut the slice at the next step → run → move, copy, type, watch → waits? skip to what wakes it

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Computer } from '../core/hypervisor/computer.ts';
import { ConsoleScript } from '../core/hypervisor/console-script.ts';
import type { Expectations } from '../core/hypervisor/expectations.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import { INSTRUCTIONS_PER_TICK } from '../core/machine/machine.ts';
import type { ScenarioInput } from '../protocol/scenario/scenario.ts';
import { followed, type LabVm } from './lab-vm.ts';
import type { Plan } from './plan.ts';

/** Instructions between two looks at the consoles. */
const SLICE = 1 << 15;
/** Milliseconds between two looks at signals and output. */
const LATENCY = 10;

export interface RunningVm {
  readonly name: string;
  readonly subject: LabVm;
  readonly script: ConsoleScript;
  readonly expectations: Expectations;
  readonly plans: readonly Plan[];
  /** Tells in one line what has become of it. */
  readonly tell: (line: string) => void;
}

/** Why it is over. */
export type ScenarioEnd = 'ended' | 'asleep' | 'expected' | 'limit' | 'interrupted';

export interface ScenarioRun {
  readonly lab: Lab;
  /** More of them may come while it runs. */
  readonly vms: readonly RunningVm[];
  /** Instructions of virtual time. */
  readonly limit: number;
  /** Over as soon as this holds. */
  readonly satisfied: () => boolean;
  /** After each round of slices. @returns whether to go on */
  readonly drain: () => void;
  /** Now and then. @returns whether to stop */
  readonly interrupted: () => Promise<boolean>;
}

export const encodeText = (text: string): Uint8Array => new TextEncoder().encode(text);

export const scriptOf = (subject: LabVm, steps: readonly ScenarioInput[]): ConsoleScript =>
  new ConsoleScript(followed(subject), steps, encodeText);

/** @throws UsageError where a VM cannot become what was planned */
export async function runScenario(run: ScenarioRun): Promise<ScenarioEnd> {
  const { lab, vms, limit, satisfied, drain, interrupted } = run;
  let looked = performance.now();
  for (;;) {
    let moved = false;
    let late = true;
    for (const computer of lab.computers) {
      if (elapsed(computer) >= limit) continue;
      late = false;
      moved = runSlice(lab, computer, vms, limit) || moved;
      drain();
    }
    if (satisfied()) return 'expected';
    if (vms.every(({ subject }) => subject.vm.ending !== undefined)) return 'ended';
    if (late) return 'limit';
    if (!moved) return 'asleep';
    if (performance.now() - looked < LATENCY) continue;
    if (await interrupted()) return 'interrupted';
    await nextTurn();
    looked = performance.now();
  }
}

const elapsed = (computer: Computer): number => computer.now * INSTRUCTIONS_PER_TICK;

/** @returns whether anything of it can still happen */
function runSlice(lab: Lab, computer: Computer, all: readonly RunningVm[], limit: number): boolean {
  const own = all.filter(({ subject: { vm } }) => vm.ending === undefined && lab.computerOf(vm) === computer);
  if (own.length === 0) return false;
  const due = own.map((each) => Math.max(1, nextDue(each) - each.subject.vm.instructions));
  const end = computer.runSlice(Math.max(1, Math.min(SLICE, limit - elapsed(computer), ...due)));
  let typed = false;
  for (const { script, expectations, plans, tell } of own) {
    expectations.watch();
    for (const plan of plans) {
      const said = plan.look();
      if (said !== undefined) tell(said);
    }
    typed = script.look() || typed;
  }
  if (end !== 'idle' || typed) return true;
  const until = computer.idleUntil();
  if (until === undefined) return true;
  if (until !== Infinity) {
    computer.skipTo(Math.min(until, Math.ceil(limit / INSTRUCTIONS_PER_TICK)));
    return true;
  }
  return own.map(({ script }) => script.look(true)).includes(true);
}

const nextDue = ({ script, plans }: RunningVm): number => Math.min(script.due, ...plans.map(({ due }) => due));
