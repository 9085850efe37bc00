// `run`: one guest, its console on stdin and stdout, its fate in the exit status.

import { inputFrom, Pending } from './console-input.ts';
import { ConsoleOutput } from './console-output.ts';
import type { Command, Streams } from './command.ts';
import { copiedWords } from './clone-options.ts';
import { CloneAfter } from './clone.ts';
import { linesOf } from './console-lines.ts';
import { drive, type Companion } from './drive.ts';
import { OpenFile, readBytes } from './files.ts';
import { GuestDevices } from './guest-devices.ts';
import { chooseGuest } from './guest-source.ts';
import { writeProcessesTo, writeSystemCallsTo } from './introspection.ts';
import { Interruptions, QUIT } from './interruption.ts';
import type { LabVm } from './lab-vm.ts';
import { applyMemory } from './memory-options.ts';
import { Move } from './move.ts';
import { UsageError, type Given } from './options.ts';
import { runOptions } from './run-options.ts';
import { openSession, type Session } from './session.ts';
import { writeFramesTo } from './pcap-file.ts';
import { exitStatusOf, statisticsOf, verdictOf, verdictOfCopy, writeFailure, type Run, type Verdict } from './stats.ts';
import { checkLevels, crossingLines } from './level-lines.ts';
import { EscapeKeys, takeTerminal, TERMINAL_NOTICE } from './terminal.ts';
import { exitLines, TraceWriter } from './trace-lines.ts';

export const runCommand: Command<typeof runOptions> = {
  name: 'run',
  operands: 'IMAGE | --guest NAME',
  summary: 'run a guest',
  details: [
    'IMAGE is an ELF program or a Linux Image for RV32IMA, made for QEMU’s virt board; gzip is decompressed.',
    'Its serial port is stdin and stdout, byte for byte. At a terminal, Ctrl-A x quits.',
    'Exit status: what the guest says (test finisher, SBI shutdown, tohost), 124 at the instruction limit, 125 for a',
    'guest that cannot go on, 2 for a bad image or option, 128 and its number for a signal.',
  ],
  options: runOptions,
  run,
};

async function run(operands: readonly string[], options: Given<typeof runOptions>, streams: Streams): Promise<number> {
  const devices = new GuestDevices(options, streams.complain);
  try {
    return await runWith(devices, operands, options, streams);
  } finally {
    devices.close();
  }
}

async function runWith(
  devices: GuestDevices,
  operands: readonly string[],
  options: Given<typeof runOptions>,
  streams: Streams,
): Promise<number> {
  if (options.pcap !== undefined && options.network === undefined) {
    throw new UsageError('--network with --pcap', 'none', 'add --network user, or leave out --pcap');
  }
  const chosen = chooseGuest(operands, options, devices);
  checkLevels(options, chosen.technique);
  const files: OpenFile[] = [];
  const taken = [...chosen.files, ...[options.restore, options.cloneInput].filter((path) => path !== undefined)];
  const output = (what: string, path: string | undefined) => {
    if (path === undefined) return undefined;
    const file = new OpenFile(what, path, taken);
    files.push(file);
    taken.push(path);
    return file;
  };
  const stats = output('the statistics', options.stats);
  try {
    const session = openSession(chosen, options.break, options);
    const trace = output('the trace', options.trace);
    const levels = output('the levels', options.traceLevels);
    const pcap = output('the frames', options.pcap);
    const systemCalls = output('the system calls', options.systemCalls);
    const saved = output('the saved VM', options.save);
    const processes = output('the processes', options.processes);
    const console = output('the virtio console', options.console?.path);
    const copy = {
      console: output('the console of the clone', options.cloneConsole),
      input:
        options.cloneInput === undefined ? undefined : readBytes('what is typed into the clone', options.cloneInput),
    };
    if (console) devices.consoleSink = (bytes) => console.write(bytes);
    const observe = systemCalls && writeSystemCallsTo(systemCalls, session);
    if (pcap && session.network) writeFramesTo(pcap, session.network);
    const limit = options.maxInstructions ?? Infinity;
    const status = await runSession(
      { chosen, session, stats, writers: writersOf(session, trace, levels), limit, options, saved, observe, copy },
      streams,
    );
    if (processes) writeProcessesTo(processes, session.vm);
    return status;
  } catch (error) {
    writeFailure(stats, error);
    throw error;
  } finally {
    for (const file of files) file.close();
  }
}

interface Prepared {
  readonly chosen: ReturnType<typeof chooseGuest>;
  readonly session: ReturnType<typeof openSession>;
  readonly stats: OpenFile | undefined;
  readonly writers: readonly TraceWriter[];
  /** Instructions. */
  readonly limit: number;
  readonly options: Given<typeof runOptions>;
  /** For --save. */
  readonly saved: OpenFile | undefined;
  /** To be called when the VM has moved. */
  readonly observe: (() => void) | undefined;
  /** For --clone-after. */
  readonly copy: { readonly console: OpenFile | undefined; readonly input: Uint8Array | undefined };
}

function writersOf({ trace, levels }: Session, exits?: OpenFile, crossings?: OpenFile): readonly TraceWriter[] {
  if (crossings !== undefined && levels !== undefined) levels.recording = true;
  return [
    ...(exits ? [new TraceWriter(exitLines(trace), exits)] : []),
    ...(crossings && levels ? [new TraceWriter(crossingLines(levels), crossings)] : []),
  ];
}

async function runSession(prepared: Prepared, streams: Streams): Promise<number> {
  const { chosen, session, stats, writers, limit, options, saved, observe } = prepared;
  const { stdin, stdout, complain } = streams;
  const interruptions = new Interruptions();
  const output = new ConsoleOutput(stdout);
  const keys = new EscapeKeys(() => interruptions.interrupt(QUIT));
  const input = inputFrom(stdin, keys.translate);
  const drainTrace = writers.length === 0 ? undefined : () => writers.forEach((writer) => writer.drain());
  // Where the guest has left the cursor, at a terminal, a line begins anew.
  const say = (line: string) => complain((stdout.isTTY && output.midLine ? '\n' : '') + line);
  const move = new Move(session, options, say, () => {
    observe?.();
    if (session.hypervisor) applyMemory(options, session.hypervisor);
  });
  move.file = saved;
  const companions: Companion[] = [];
  let endLine = () => {};
  const clone = new CloneAfter(session, options.cloneAfter ?? Infinity, say, (copy) => {
    companions.push(companionOf(copy, prepared.copy.input));
    endLine = printTo(copy, prepared.copy.console, say);
  });
  session.vm.console.sink = output.write;
  interruptions.listen();
  let restore: (() => void) | undefined;
  if (stdin.isTTY) {
    complain(TERMINAL_NOTICE);
    restore = takeTerminal(stdin);
  }
  try {
    await input.start();
    const started = performance.now();
    const outcome = await drive({
      session,
      input,
      output,
      interruptions,
      limit,
      drainTrace,
      plans: [clone, move],
      companions,
    });
    const seconds = (performance.now() - started) / 1000;
    endLine();
    for (const plan of [clone, move]) plan.end();
    const verdict = verdictOf(outcome, limit);
    const of = ({ vm, hypervisor }: LabVm, how: Verdict, more: Partial<Run> = {}) =>
      statisticsOf({ chosen, vm, hypervisor, trace: session.trace, verdict: how, seconds, ...more });
    const copied = clone.copy && of(clone.copy, verdictOfCopy(clone.copy.vm, outcome, limit));
    const cloned = clone.statistics && copied && { ...clone.statistics, vm: copied };
    if (cloned)
      say(
        `the clone, made in ${cloned.milliseconds.toFixed(1)} ms: ${copied.message} ${copied.instructions} instructions; ${copiedWords(cloned)}`,
      );
    if (stats !== undefined) {
      const statistics = of(session, verdict, { migration: move.migration, clone: cloned });
      stats.write(Buffer.from(`${JSON.stringify(statistics, undefined, 2)}\n`));
    }
    for (const { lost } of writers) if (lost > 0) complain(`the trace lacks ${lost} records: they came too fast`);
    const expected = verdict.stopped === 'finisher' || verdict.stopped === 'shutdown';
    const silent = expected || (outcome.kind === 'interrupted' && outcome.by.message === undefined);
    if (!silent) say(verdict.message);
    return exitStatusOf(verdict);
  } finally {
    restore?.();
    input.stop();
    interruptions.stopListening();
  }
}

const companionOf = (copy: LabVm, typed: Uint8Array | undefined): Companion => {
  const input = new Pending();
  if (typed !== undefined) input.push(typed);
  return {
    get vm() {
      return copy.vm;
    },
    input,
  };
};

/** What the copy prints goes to the file, or line by line to the person. @returns what passes on an unfinished line */
function printTo({ vm }: LabVm, file: OpenFile | undefined, say: (line: string) => void): () => void {
  if (file === undefined) return linesOf(vm.console, (line) => say(`clone | ${new TextDecoder().decode(line)}`));
  const bytes: number[] = [];
  const flush = () => file.write(Uint8Array.from(bytes.splice(0)));
  vm.console.sink = (byte) => {
    bytes.push(byte);
    if (bytes.length >= 4096) flush();
  };
  return flush;
}
