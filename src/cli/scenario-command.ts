// `scenario`: several VMs from one file, what is typed into them, what must come of it. Stdout has their consoles, each line
// behind its VM's name, and at the end what was met; the exit status says whether everything was.

import { existsSync } from 'node:fs';
import { BareMachine } from '../core/hypervisor/techniques/bare-machine.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import { scenarioPath, scenarios } from '../guests/scenarios.ts';
import {
  DEFAULT_SCENARIO_LIMIT,
  readScenario,
  SCENARIO_BYTES_LIMIT,
  ScenarioError,
  type Scenario,
} from '../protocol/scenario/scenario.ts';
import type { Command, Streams } from './command.ts';
import { linesOf } from './console-lines.ts';
import { ConsoleOutput } from './console-output.ts';
import { OpenFile, readBytes } from './files.ts';
import { shippedFile } from './guest-source.ts';
import { Interruptions } from './interruption.ts';
import { writeProcessesTo, writeSystemCallsTo } from './introspection.ts';
import { crossingLines } from './level-lines.ts';
import { oneOperand, option, UsageError, type Given } from './options.ts';
import { writeFramesTo } from './pcap-file.ts';
import { accountOf, endings, isMet, judge, lineOf } from './scenario-account.ts';
import { openVms, type OpenedVm } from './scenario-lab.ts';
import { runScenario } from './scenario-run.ts';
import { writeFailure } from './stats.ts';
import { exitLines, TraceWriter } from './trace-lines.ts';
import { count, fileName } from '../protocol/option-values/values.ts';

const scenarioOptions = {
  maxInstructions: option('--max-instructions', 'N', count, 'end after so many instructions of virtual time'),
  stats: option('--stats', 'FILE', fileName, 'write how each VM went and what was met, as JSON'),
  trace: option('--trace', 'FILE', fileName, 'write every exit to the hypervisor, one JSON object a line'),
  pcap: option('--pcap', 'FILE', fileName, 'write every frame on the network, for Wireshark'),
} as const;

export const scenarioCommand: Command<typeof scenarioOptions> = {
  name: 'scenario',
  operands: 'FILE | NAME',
  summary: 'run several VMs from a file, and check what comes of them',
  details: [
    'FILE is JSON: title, vms (each with a name, the options of ringside run as fields, what is typed into its console',
    'and what to expect of it), ends, limit, captures. Paths of what is read are relative to FILE.',
    `These ship, as examples: ${scenarios.map(({ name }) => name).join(', ')} (public/scenarios).`,
    'Exit status: 0 if all expectations are met, 1 if not, 2 for a bad file or option, 128 and its number for a signal.',
  ],
  options: scenarioOptions,
  run,
};

/** Some expectation was not met. */
const NOT_MET = 1;

/** A file, or the name of a scenario that ships. */
function fileOf(operand: string): string {
  const shipped = scenarios.find(({ name }) => name === operand);
  return shipped !== undefined && !existsSync(operand) ? shippedFile(scenarioPath(shipped)) : operand;
}

function readFile(file: string): Scenario {
  const bytes = readBytes('a scenario', file);
  if (bytes.length > SCENARIO_BYTES_LIMIT) {
    throw new UsageError('a scenario of at most 1 MiB', `${bytes.length} bytes`, 'name another file');
  }
  return readScenario(new TextDecoder().decode(bytes));
}

async function run(
  operands: readonly string[],
  options: Given<typeof scenarioOptions>,
  streams: Streams,
): Promise<number> {
  const file = fileOf(oneOperand('scenario', 'FILE', operands));
  let scenario: Scenario;
  try {
    scenario = readFile(file);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    for (const line of error.message.split('\n')) streams.complain(`${file}: ${line}`);
    return 2;
  }
  const closing: { close: () => void }[] = [];
  try {
    return await runOpened(scenario, file, options, streams, closing);
  } finally {
    for (const each of closing.reverse()) each.close();
  }
}

async function runOpened(
  scenario: Scenario,
  file: string,
  options: Given<typeof scenarioOptions>,
  streams: Streams,
  closing: { close: () => void }[],
): Promise<number> {
  const console = new ConsoleOutput(streams.stdout);
  const print = (text: string) => new TextEncoder().encode(text).forEach(console.write);
  const flushLines: (() => void)[] = [];
  const joined = ({ name, subject }: OpenedVm) => {
    flushLines.push(linesBehind(name, subject.vm.console, console));
  };
  const tell = (name: string, line: string) => {
    for (const flush of flushLines) flush();
    print(`${name} * ${line}\n`);
  };
  const { lab, opened } = openVms(scenario, file, { streams, closing, tell, joined });
  const taken = [
    file,
    ...opened.flatMap(({ chosen, options: { restore } }) => [
      ...chosen.files,
      ...(restore === undefined ? [] : [restore]),
    ]),
  ];
  const output = (what: string, path: string | undefined): OpenFile | undefined => {
    if (path === undefined) return undefined;
    const made = new OpenFile(what, path, taken);
    taken.push(path);
    closing.push(made);
    return made;
  };
  const stats = output('the statistics', options.stats ?? scenario.captures?.stats);
  try {
    return await runInto({
      scenario,
      options,
      streams,
      console,
      print,
      flushLines,
      joined,
      lab,
      opened,
      output,
      stats,
    });
  } catch (error) {
    writeFailure(stats, error);
    throw error;
  }
}

interface Prepared {
  readonly scenario: Scenario;
  readonly options: Given<typeof scenarioOptions>;
  readonly streams: Streams;
  readonly console: ConsoleOutput;
  readonly print: (text: string) => void;
  /** Pass on unfinished lines. */
  readonly flushLines: readonly (() => void)[];
  /** Begins to pass on the console of a VM. */
  readonly joined: (vm: OpenedVm) => void;
  readonly lab: Lab;
  readonly opened: readonly OpenedVm[];
  readonly output: (what: string, path: string | undefined) => OpenFile | undefined;
  readonly stats: OpenFile | undefined;
}

async function runInto(prepared: Prepared): Promise<number> {
  const { scenario, options, streams, console, print, flushLines, joined, lab, opened, output, stats } = prepared;
  const trace = output('the trace', options.trace ?? scenario.captures?.trace);
  const pcap = output('the frames', options.pcap ?? scenario.captures?.pcap);
  const watching = opened.map((each) => watch(each, output));
  const network = opened.map(({ subject }) => lab.networkOf(subject.vm)).find((each) => each !== undefined);
  if (pcap && network === undefined) {
    throw new UsageError('a VM with "network" where frames are captured', 'none', 'add "network": "user" to one');
  }
  if (pcap && network) writeFramesTo(pcap, network);
  const writers = [
    ...(trace ? [new TraceWriter(exitLines(lab.trace), trace)] : []),
    ...watching.flatMap(({ writers: own }) => own),
  ];
  for (const each of opened) joined(each);
  const interruptions = new Interruptions();
  interruptions.listen();
  try {
    for (const { subject } of opened) lab.start(subject.vm.id);
    const started = performance.now();
    const end = await runScenario({
      lab,
      vms: opened,
      limit: options.maxInstructions ?? scenario.limit ?? DEFAULT_SCENARIO_LIMIT,
      satisfied: () => scenario.ends === 'expected' && isMet(judge(scenario, opened)),
      drain: () => writers.forEach((writer) => writer.drain()),
      interrupted: async () => {
        await console.flush();
        return interruptions.first !== undefined || console.closed;
      },
    });
    const seconds = (performance.now() - started) / 1000;
    for (const { plans } of opened) for (const plan of plans) plan.end();
    for (const flush of flushLines) flush();
    for (const { finish } of watching) finish();
    const judged = judge(scenario, opened);
    const account = accountOf(scenario, { end, seconds, judged }, opened, lab);
    stats?.write(Buffer.from(`${JSON.stringify(account, undefined, 2)}\n`));
    if (interruptions.first) {
      if (interruptions.first.message !== undefined) streams.complain(interruptions.first.message);
      return interruptions.first.status;
    }
    print(`\n${scenario.title}: ${endings[end]}\n`);
    for (const { name, judgements } of judged) {
      for (const judgement of judgements) print(`${lineOf(name, judgement)}\n`);
    }
    return isMet(judged) ? 0 : NOT_MET;
  } finally {
    await console.flush();
    interruptions.stopListening();
  }
}

/** Opens the files that a VM writes of its own. @returns what writes into them while it runs, and when it is over */
function watch(
  opened: OpenedVm,
  output: (what: string, path: string | undefined) => OpenFile | undefined,
): { readonly writers: readonly TraceWriter[]; readonly finish: () => void } {
  const { options, subject, devices, move } = opened;
  move.file = output('the saved VM', options.save);
  const console = output('the virtio console', options.console?.path);
  if (console) devices.consoleSink = (bytes) => console.write(bytes);
  const levels = output('the levels', options.traceLevels);
  const calls = output('the system calls', options.systemCalls);
  const processes = output('the processes', options.processes);
  if (calls) opened.observe = writeSystemCallsTo(calls, subject);
  const { vm } = subject;
  return {
    writers: levels && vm instanceof BareMachine ? [new TraceWriter(crossingLines(vm.levels), levels)] : [],
    finish: () => {
      if (processes) writeProcessesTo(processes, subject.vm);
    },
  };
}

/** Passes a console on line by line, behind the VM's name. @returns what passes on an unfinished line */
function linesBehind(name: string, console: Parameters<typeof linesOf>[0], output: Pick<ConsoleOutput, 'write'>) {
  const head = new TextEncoder().encode(`${name} | `);
  return linesOf(console, (line) => {
    for (const byte of [...head, ...line, 0x0a]) output.write(byte);
  });
}
