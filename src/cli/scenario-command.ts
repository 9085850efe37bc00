// `scenario`: several VMs from one file, what is typed into them, what must come of it. Stdout has their consoles, each line
// behind its VM's name, and at the end what was met; the exit status says whether everything was.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import { Lab } from '../core/hypervisor/lab.ts';
import { ImageError } from '../core/machine/image.ts';
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
import { GuestDevices } from './guest-devices.ts';
import type { ChosenGuest } from './guest-source.ts';
import { Interruptions } from './interruption.ts';
import { applyMemory, memoryOptionsOf } from './memory-options.ts';
import { nodeHost } from './node-host.ts';
import { oneOperand, option, UsageError, type Given } from './options.ts';
import { writeFramesTo } from './pcap-file.ts';
import { Expectations, hashOfVm, type Judgement } from './scenario-expectations.ts';
import { applyScheduling, checkScheduling } from './scheduling-options.ts';
import { runScenario, scriptOf, type RunningVm, type ScenarioEnd } from './scenario-run.ts';
import { chooseScenarioGuest, machineOptionsOf, optionsOf } from './scenario-vms.ts';
import { statisticsOf } from './stats.ts';
import { exitLines, TraceWriter } from './trace-lines.ts';
import { count, fileName } from './values.ts';

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
/** What the physical machine has beyond its guests' RAM, for the hypervisor's page tables. */
const HYPERVISOR_BYTES = 64 * 2 ** 20;
const EPOCH = { high: 0, low: 0 };

const publicFile = (path: string): string => fileURLToPath(new URL(`../../public/${path}`, import.meta.url));

/** A file, or the name of a scenario that ships. */
function fileOf(operand: string): string {
  const shipped = scenarios.find(({ name }) => name === operand);
  return shipped !== undefined && !existsSync(operand) ? publicFile(scenarioPath(shipped)) : operand;
}

function readFile(file: string): Scenario {
  const bytes = readBytes('a scenario', file);
  if (bytes.length > SCENARIO_BYTES_LIMIT) {
    throw new UsageError('a scenario of at most 1 MiB', `${bytes.length} bytes`, 'name another file');
  }
  return readScenario(new TextDecoder().decode(bytes));
}

interface Opened {
  readonly running: RunningVm;
  readonly chosen: ChosenGuest;
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

/** Makes every VM, and the lab with memory for them. */
function openVms(
  scenario: Scenario,
  file: string,
  streams: Streams,
  closing: { close: () => void }[],
): { readonly lab: Lab; readonly opened: readonly Opened[] } {
  const machine = machineOptionsOf(scenario, file);
  const options = scenario.vms.map((vm, index) => optionsOf(vm, file, index));
  const chosen = scenario.vms.map((vm, index) => {
    const own = options[index] ?? {};
    const devices = new GuestDevices(own, (message) => streams.complain(`${vm.name}: ${message}`));
    closing.push(devices);
    const guest = chooseScenarioGuest(vm, own, file, devices);
    const harts = guest.technique === 'bare' ? {} : { physicalHarts: machine.physicalHarts ?? 1 };
    checkScheduling({ ...own, ...harts }, guest.technique, guest.guest.harts);
    return guest;
  });
  const hosted = chosen.filter(({ technique }) => technique !== 'bare');
  const memoryBytes = hosted.reduce((sum, { guest }) => sum + guest.memoryBytes, HYPERVISOR_BYTES);
  if (machine.machineMemory === undefined && memoryBytes > 2 ** 31) {
    throw new UsageError(
      'at most 1984M of memory for the VMs of the hypervisor together',
      `${(memoryBytes - HYPERVISOR_BYTES) / 2 ** 20}M`,
      'give them less, make some of them bare, or write "machineMemory"',
    );
  }
  const { physicalHarts } = machine;
  const lab = new Lab({
    host: nodeHost,
    memoryBytes: machine.machineMemory ?? memoryBytes,
    epochNanoseconds: EPOCH,
    memory: memoryOptionsOf(machine),
    ...(physicalHarts !== undefined && { physicalHarts }),
  });
  const opened = scenario.vms.map(({ name, type, expect }, index) => {
    const guest = chosen[index];
    if (guest === undefined) throw new Error('expected a guest for each VM');
    const vm = addVm(lab, guest, index);
    if (vm instanceof HostedVm && lab.hypervisor) applyScheduling(options[index] ?? {}, lab.hypervisor, vm);
    if (index === scenario.vms.length - 1 && lab.hypervisor) applyMemory(machine, lab.hypervisor);
    const running = { name, vm, script: scriptOf(vm, type ?? []), expectations: new Expectations(vm, expect ?? {}) };
    return { running, chosen: guest };
  });
  return { lab, opened };
}

function addVm(lab: Lab, { guest, technique }: ChosenGuest, index: number) {
  try {
    return lab.addVm({ technique, guest });
  } catch (error) {
    if (error instanceof Error && (error.constructor === Error || error instanceof ImageError)) {
      throw new ImageError(`vms[${index}]: ${error.message}`);
    }
    throw error;
  }
}

async function runOpened(
  scenario: Scenario,
  file: string,
  options: Given<typeof scenarioOptions>,
  streams: Streams,
  closing: { close: () => void }[],
): Promise<number> {
  const { lab, opened } = openVms(scenario, file, streams, closing);
  const vms = opened.map(({ running }) => running);
  const taken = [file, ...opened.flatMap(({ chosen }) => chosen.files)];
  const output = (what: string, path: string | undefined): OpenFile | undefined => {
    if (path === undefined) return undefined;
    const made = new OpenFile(what, path, taken);
    taken.push(path);
    closing.push(made);
    return made;
  };
  const stats = output('the statistics', options.stats ?? scenario.captures?.stats);
  const trace = output('the trace', options.trace ?? scenario.captures?.trace);
  const pcap = output('the frames', options.pcap ?? scenario.captures?.pcap);
  const network = vms.map(({ vm }) => lab.networkOf(vm)).find((each) => each !== undefined);
  if (pcap && network === undefined) {
    throw new UsageError('a VM with "network" where frames are captured', 'none', 'add "network": "user" to one');
  }
  if (pcap && network) writeFramesTo(pcap, network);
  const writer = trace && new TraceWriter(exitLines(lab.trace), trace);

  const console = new ConsoleOutput(streams.stdout);
  const print = (text: string) => new TextEncoder().encode(text).forEach(console.write);
  const flushLines = vms.map(({ name, vm }) => linesBehind(name, vm.console, console));
  const interruptions = new Interruptions();
  interruptions.listen();
  const hashOf = (name: string): string => {
    const found = vms.find((each) => each.name === name);
    return found === undefined ? '' : hashOfVm(found.vm);
  };
  const judge = () => vms.map(({ name, expectations }) => ({ name, judgements: expectations.judge(hashOf) }));
  const allMet = () => judge().every(({ judgements }) => judgements.every(({ met }) => met));
  try {
    for (const { vm } of vms) lab.start(vm.id);
    const started = performance.now();
    const end = await runScenario({
      lab,
      vms,
      limit: options.maxInstructions ?? scenario.limit ?? DEFAULT_SCENARIO_LIMIT,
      satisfied: () => scenario.ends === 'expected' && allMet(),
      drain: () => writer?.drain(),
      interrupted: async () => {
        await console.flush();
        return interruptions.first !== undefined || console.closed;
      },
    });
    const seconds = (performance.now() - started) / 1000;
    for (const flush of flushLines) flush();
    if (interruptions.first) {
      if (interruptions.first.message !== undefined) streams.complain(interruptions.first.message);
      return interruptions.first.status;
    }
    const judged = judge();
    print(`\n${scenario.title}: ${endings[end]}\n`);
    for (const { name, judgements } of judged) {
      for (const judgement of judgements) print(`${lineOf(name, judgement)}\n`);
    }
    stats?.write(
      Buffer.from(`${JSON.stringify(accountOf(scenario, end, opened, lab, seconds, judged), undefined, 2)}\n`),
    );
    return judged.every(({ judgements }) => judgements.every(({ met }) => met)) ? 0 : NOT_MET;
  } finally {
    await console.flush();
    interruptions.stopListening();
  }
}

const endings: Readonly<Record<ScenarioEnd, string>> = {
  ended: 'every VM has ended.',
  asleep: 'every VM has ended or sleeps, and nothing will wake it.',
  expected: 'everything expected has come.',
  limit: 'the limit of instructions is reached.',
  interrupted: 'interrupted.',
};

const lineOf = (name: string, { met, sentence }: Judgement): string =>
  `${met ? 'met    ' : 'NOT MET'} ${name}: ${sentence}`;

/** Passes a console on line by line, behind the VM's name. @returns what passes on an unfinished line */
function linesBehind(name: string, console: Parameters<typeof linesOf>[0], output: Pick<ConsoleOutput, 'write'>) {
  const head = new TextEncoder().encode(`${name} | `);
  return linesOf(console, (line) => {
    for (const byte of [...head, ...line, 0x0a]) output.write(byte);
  });
}

function accountOf(
  { title }: Scenario,
  end: ScenarioEnd,
  opened: readonly Opened[],
  { trace, hypervisor }: Lab,
  seconds: number,
  judged: readonly { readonly name: string; readonly judgements: readonly Judgement[] }[],
) {
  return {
    title,
    end,
    seconds,
    vms: opened.map(({ running: { name, vm }, chosen }) => {
      const verdict = vm.ending
        ? { stopped: vm.ending.kind, exitCode: vm.ending.exitCode, message: vm.ending.message }
        : ({ stopped: 'limit', exitCode: 124, message: 'It had not ended when the scenario was over.' } as const);
      const expectations = judged.find((each) => each.name === name)?.judgements ?? [];
      return { name, ...statisticsOf({ chosen, vm, trace, verdict, seconds, hypervisor }), expectations };
    }),
  };
}
