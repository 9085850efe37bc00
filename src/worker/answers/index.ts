// One answer for each query of the protocol: a missing one does not compile.

import { quirkNames } from '../../core/machine/quirks.ts';
import type { ProcessesAnswer, Queries, QueryName } from '../../protocol/frame.ts';
import { assignedDevicesAnswer } from './assigned-devices.ts';
import { disassemblyAnswer } from './code.ts';
import type { AnswerContext } from './context.ts';
import { exitDetailAnswer, exitsAnswer, exitSummaryAnswer, stageAnswer } from './exits.ts';
import { guestPagesAnswer } from './guest-pages.ts';
import { interruptsAnswer } from './interrupts.ts';
import { levelsAnswer } from './levels.ts';
import { framesAnswer, memoryAnswer, tablesAnswer, walkAnswer } from './memory.ts';
import { memoryUseAnswer } from './memory-use.ts';
import { migrationAnswer } from './migration.ts';
import { patchesAnswer } from './patches.ts';
import { registersAnswer } from './registers.ts';
import { schedulerAnswer } from './scheduler.ts';

/** Console bytes in one answer: more follow with the next frame, so that a flood cannot choke the page. */
const CONSOLE_LIMIT = 1 << 15;

type Answers = {
  readonly [Name in QueryName]: (
    context: AnswerContext,
    question: Queries[Name]['question'],
  ) => Queries[Name]['answer'] | undefined;
};

const nothingKnownYet: ProcessesAnswer = {
  picture: undefined,
  missing: 'The layouts of the kernels that ship are on their way.',
  current: [],
  calls: { watching: false, total: 0, recent: [], counts: [] },
};

export const answers: Answers = {
  console: ({ lab }, questions) =>
    questions.flatMap(({ vm: id, since }) => {
      const vm = lab.vms.find((each) => each.id === id);
      if (vm === undefined) return [];
      const { from, bytes } = vm.console.read(since, CONSOLE_LIMIT);
      return [{ vm: id, from, bytes, more: from + bytes.length < vm.console.count }];
    }),
  registers: ({ vm, vcpu }) => vm && registersAnswer(vm, vcpu),
  disassembly: ({ vm, vcpu }, question) => vm && disassemblyAnswer(vm, question, vcpu),
  exits: ({ lab }, question) => exitsAnswer(lab, question),
  exitSummary: ({ lab }, { vm }) => exitSummaryAnswer(lab, vm),
  exitDetail: ({ lab }, { sequence }) => exitDetailAnswer(lab, sequence),
  stage: (context) => stageAnswer(context),
  interrupts: (context, { chains }) => interruptsAnswer(context, chains),
  walk: ({ vm, vcpu }, question) => vm && walkAnswer(vm, question, vcpu),
  tables: ({ vm, vcpu }, question) => vm && tablesAnswer(vm, question, vcpu),
  scheduler: (context, question) => schedulerAnswer(context, question),
  memory: (context, question) => memoryAnswer(context, question),
  frames: (context) => framesAnswer(context),
  guestPages: ({ vm }, question) => vm && guestPagesAnswer(vm, question),
  memoryUse: (context) => memoryUseAnswer(context),
  migration: (context) => migrationAnswer(context),
  patches: (context) => patchesAnswer(context),
  scenarios: ({ parts }) => parts.scenarios.answer(),
  quirks: ({ lab }) => quirkNames.filter((name) => lab.quirks[name]),
  devices: ({ vm }) =>
    vm?.board.mounts.map(({ device, base }) => ({
      name: device.name,
      gpa: base,
      registers: device
        .inspect()
        .map(({ row, value }) => ({ name: row.name, offset: row.offset, value: value >>> 0, meaning: row.meaning })),
    })),
  assignedDevices: (context) => assignedDevicesAnswer(context),
  // A VM gets its card after that part has come.
  network: (context, { frames }) => context.parts.network?.networkAnswer(context, frames),
  processes: ({ vm, parts }, { calls }) => vm && (parts.introspection?.answer(vm, calls) ?? nothingKnownYet),
  levels: ({ vm }, question) => levelsAnswer(vm, question),
};
