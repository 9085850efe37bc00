// Runs a batch of generated programs on this machine and on QEMU, and says which came to something else.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble, type Assembled } from '../../isa/assembly/assemble.ts';
import type { Host } from '../linear-memory.ts';
import { Machine } from '../machine.ts';
import { immediateHost } from '../test-machine.test-support.ts';
import { finalCsrs, harnessSource, LogWords, Place, trapWords } from './harness.test-support.ts';
import { generateProgram, type GeneratedProgram } from './program.test-support.ts';

const RAM_BYTES = 128 << 20;
const BUDGET_PER_PROGRAM = 2_000_000;

/** What QEMU 7.2 must leave out to be the machine this one is: no compressed code, floats or bit manipulation. */
const CPU = [
  'rv32',
  'h=true',
  ...['c', 'f', 'd', 'zba', 'zbb', 'zbc', 'zbs', 'v'].map((name) => `${name}=false`),
  'sstc=false',
];

/** The version of QEMU that is installed, e.g. `7.2.22`; undefined if none is. */
export const qemuVersion: string | undefined = /version ([\d.]+)/.exec(
  spawnSync('qemu-system-riscv32', ['--version'], { encoding: 'utf8' }).stdout ?? '',
)?.[1];

function assembledHarness(programs: number): Assembled {
  const result = assemble(harnessSource(programs));
  if (!result.ok)
    throw new Error(result.errors.map(({ line, message }) => `harness line ${line}: ${message}`).join('\n'));
  return result;
}

function recordsOf(programs: readonly GeneratedProgram[], verbose: boolean): Uint8Array {
  const records = programs.map((program) => new Uint8Array(program.record(verbose).buffer));
  return new Uint8Array(Buffer.concat(records));
}

/** One line for each program, as this machine prints them, with everything translated that can be. */
export function runHere(
  programs: readonly GeneratedProgram[],
  verbose = false,
  host: Host = immediateHost,
): readonly string[] {
  const output: number[] = [];
  const machine = new Machine({
    host,
    hotAfter: 2,
    harts: 1,
    ramBytes: RAM_BYTES,
    svadu: true,
    epochNanoseconds: { high: 0, low: 0 },
    transmit: (byte) => output.push(byte),
  });
  const harness = assembledHarness(programs.length);
  for (const { address, bytes } of harness.segments) machine.ram.write(address, bytes);
  machine.ram.write(Place.records, recordsOf(programs, verbose));
  const [hart] = machine.harts;
  if (hart === undefined) throw new Error('no hart');
  hart.state.pc = harness.entry;
  const stop = machine.run(programs.length * BUDGET_PER_PROGRAM);
  const lines = Buffer.from(output).toString('latin1').split('\n');
  if (stop.kind !== 'finished') lines[lines.length - 1] = `stopped: ${stop.kind} at 0x${hart.state.pc.toString(16)}`;
  return lines;
}

/** One line for each program, as QEMU prints them. */
export function runQemu(programs: readonly GeneratedProgram[], verbose = false): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-differential-'));
  const kernel = join(folder, 'harness.elf');
  const records = join(folder, 'records.bin');
  writeFileSync(kernel, assembledHarness(programs.length).image);
  writeFileSync(records, recordsOf(programs, verbose));
  const options = [
    ...['-M', 'virt', '-cpu', CPU.join(','), '-m', `${RAM_BYTES >> 20}M`, '-bios', 'none', '-kernel', kernel],
    ...['-device', `loader,file=${records},addr=${Place.records},force-raw=on`],
    // A second hart, which sleeps: only then does QEMU 7.2 execute AMOs as such, and not as a load and a store.
    ...['-smp', '2', '-accel', 'tcg,thread=multi'],
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio'],
  ];
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-system-riscv32', options, { stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    let complaints = '';
    const timer = setTimeout(() => child.kill(), 10_000 + programs.length * 20);
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      rmSync(folder, { recursive: true });
      if (complaints !== '') process.stderr.write(complaints);
      const lines = Buffer.concat(chunks).toString('latin1').split('\n');
      if (status !== 0) lines[lines.length - 1] = `QEMU ended with ${status ?? signal}`;
      resolve(lines);
    });
  });
}

/** Runs the programs of these seeds on both. @returns the seeds whose programs came to something else */
export async function differingSeeds(seeds: readonly number[]): Promise<readonly number[]> {
  const programs = seeds.map(generateProgram);
  const there = runQemu(programs);
  const here = runHere(programs);
  const expected = await there;
  return seeds.filter((_, index) => expected[index] !== here[index] || here[index]?.length !== 8);
}

/** Names for the words a verbose run prints, in their order. */
function wordNames({ pokes }: GeneratedProgram, words: number): readonly string[] {
  const data: string[] = [];
  for (let page = 0; page < Place.dataPages; page++) {
    for (const first of [0, 4096 - 128]) {
      for (let at = 0; at < 128; at += 4)
        data.push(`word at 0x${(Place.data + 4096 * page + first + at).toString(16)}`);
    }
  }
  const rest = [
    ...finalCsrs.map(([name]) => name),
    ...Array.from({ length: 31 }, (_, index) => `x${index + 1}`),
    ...data,
    ...pokes.map(([address]) => `word at 0x${address.toString(16)}`),
  ];
  const traps = Math.max(0, words - rest.length) / LogWords;
  const log = Array.from({ length: traps }, (_, trap) => trapWords.map((name) => `trap ${trap + 1}: ${name}`)).flat();
  return [...log, ...rest];
}

export interface Difference {
  readonly name: string;
  readonly here: string;
  readonly qemu: string;
}

/** Runs one program with every word printed. */
export async function explain(seed: number): Promise<{
  readonly program: GeneratedProgram;
  readonly here: readonly string[];
  readonly names: readonly string[];
  readonly differences: readonly Difference[];
}> {
  const program = generateProgram(seed);
  const qemu = ((await runQemu([program], true))[0] ?? '').split(' ').slice(0, -1);
  const here = (runHere([program], true)[0] ?? '').split(' ').slice(0, -1);
  const names = wordNames(program, here.length);
  if (qemu.length !== here.length) {
    // Another number of traps: the words stand at other places behind the log, so only the log is compared.
    const traps = Math.min(here.length, qemu.length);
    const differences = names
      .slice(0, traps)
      .map((name, index) => ({ name, here: here[index] ?? '', qemu: qemu[index] ?? '' }))
      .filter((each) => each.here !== each.qemu && each.name.startsWith('trap'));
    const count = { name: 'words printed', here: String(here.length), qemu: String(qemu.length) };
    return { program, here, names, differences: [count, ...differences.slice(0, 16)] };
  }
  const differences = names
    .map((name, index) => ({ name, here: here[index] ?? '', qemu: qemu[index] ?? '' }))
    .filter((each) => each.here !== each.qemu);
  return { program, here, names, differences };
}
