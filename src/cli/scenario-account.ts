// What is said of a scenario when it is over: how it ended, what was met, and the statistics of each VM.

import type { Lab } from '../core/hypervisor/lab.ts';
import { cloneNameOf, type Scenario } from '../protocol/scenario/scenario.ts';
import { sentenceOf, type Judgement, type KnownState } from '../core/hypervisor/expectations.ts';
import { hashOfVm } from '../core/hypervisor/inspection/state-hash.ts';
import type { OpenedVm } from './scenario-lab.ts';
import type { ScenarioEnd } from './scenario-run.ts';
import { statisticsOf, type Verdict } from './stats.ts';

export const endings: Readonly<Record<ScenarioEnd, string>> = {
  ended: 'every VM has ended.',
  asleep: 'every VM has ended or sleeps, and nothing will wake it.',
  expected: 'everything expected has come.',
  limit: 'the limit of instructions is reached.',
  interrupted: 'interrupted.',
};

/** What came of the expectations of one VM. */
export interface Judged {
  readonly name: string;
  readonly judgements: readonly Judgement[];
}

/** @param opened the VMs that there are: a copy that was never made is not among them */
export function judge(scenario: Scenario, opened: readonly OpenedVm[]): readonly Judged[] {
  const stateOf = (name: string): KnownState => {
    const found = opened.find((each) => each.name === name);
    if (found === undefined) return { kind: 'absent' };
    const { vm } = found.subject;
    return { kind: 'hash', hash: hashOfVm(vm), final: vm.ending !== undefined };
  };
  const judged = opened.map(({ name, expectations, move: { migration } }) => ({
    name,
    judgements: expectations.judge({ stateOf: (other = name) => stateOf(other), migration }),
  }));
  const missing = scenario.vms
    .filter((fields) => fields.clone?.expect !== undefined && !judged.some(({ name }) => name === cloneNameOf(fields)))
    .map((fields) => ({
      name: cloneNameOf(fields),
      judgements: [
        { met: false, settled: true, wanted: `${fields.name} is cloned`, found: 'which it did not come to' },
      ],
    }));
  return [...judged, ...missing];
}

export const isMet = (judged: readonly Judged[]): boolean =>
  judged.every(({ judgements }) => judgements.every(({ met }) => met));

export const lineOf = (name: string, judgement: Judgement): string =>
  `${judgement.met ? 'met    ' : 'NOT MET'} ${name}: ${sentenceOf(judgement)}`;

export interface ScenarioOutcome {
  readonly end: ScenarioEnd;
  /** Of host time. */
  readonly seconds: number;
  readonly judged: readonly Judged[];
}

export function accountOf(
  { title }: Scenario,
  { end, seconds, judged }: ScenarioOutcome,
  opened: readonly OpenedVm[],
  { trace }: Lab,
) {
  const nameOf = (id: number) => opened.find(({ subject }) => subject.vm.id === id)?.name;
  return {
    title,
    end,
    seconds,
    vms: opened.map(({ name, subject: { vm, hypervisor }, chosen, move: { migration }, clone }) => {
      const verdict: Verdict = vm.ending
        ? { stopped: vm.ending.kind, exitCode: vm.ending.exitCode, message: vm.ending.message }
        : { stopped: 'limit', exitCode: 124, message: 'It had not ended when the scenario was over.' };
      const copyName = clone.copy && nameOf(clone.copy.vm.id);
      const cloned = clone.statistics && { ...clone.statistics, ...(copyName !== undefined && { name: copyName }) };
      const judgements = judged.find((each) => each.name === name)?.judgements ?? [];
      const expectations = judgements.map((each) => ({ met: each.met, sentence: sentenceOf(each) }));
      const statistics = statisticsOf({ chosen, vm, trace, verdict, seconds, hypervisor, migration, clone: cloned });
      return { name, ...statistics, expectations };
    }),
  };
}
