// `npm run soak -- --minutes 60`: Linux under load for as long as one likes to wait, and what it took: speed, memory, translated
// code. `-- --verify` runs a number of instructions with the translator on and off instead, and compares what became of the guest.

import { parseArgs } from 'node:util';
import { techniques, type Technique } from '../../core/hypervisor/virtual-machine.ts';
import { BurdenedLinux } from './burdened-linux.ts';
import { header, rowOf, Samples, type Sample } from './samples.ts';

const out = (line: string) => process.stdout.write(`${line}\n`);

function sampleOf(linux: BurdenedLinux, started: number): Sample {
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    seconds: (performance.now() - started) / 1000,
    instructions: linux.vm.instructions,
    resident: rss,
    heap: heapUsed + external,
    rounds: linux.rounds,
    exits: linux.vm.exits,
    counts: linux.machine.translator?.counts ?? {
      translated: 0,
      shared: 0,
      dropped: 0,
      standing: 0,
      instructions: 0,
      bytes: 0,
    },
  };
}

/** Runs for a time. @returns the exit status: 1 if a round came to something else than the others */
async function soak(technique: Technique, translator: boolean, minutes: number, every: number): Promise<number> {
  const linux = new BurdenedLinux(technique, translator);
  const samples = new Samples();
  const started = performance.now();
  out(`Linux, ${technique}, translator ${translator ? 'on' : 'off'}, ${minutes} minutes, Node ${process.version}`);
  out(header);
  for (let next = every; next <= minutes * 60; next += every) {
    while ((performance.now() - started) / 1000 < next) await linux.runTo(linux.vm.instructions + 20_000_000);
    const sample = sampleOf(linux, started);
    out(rowOf(sample, samples.last));
    samples.add(sample);
  }
  for (const line of samples.summary()) out(line);
  const sums = [...linux.checksums];
  out(
    `rounds: ${linux.rounds}, ${sums.length === 1 ? 'all with the checksum' : 'with the checksums'} ${sums.join(', ')}`,
  );
  return sums.length === 1 ? 0 : 1;
}

/** @returns the exit status: 1 if the runs part */
async function verify(technique: Technique, instructions: number): Promise<number> {
  const hashes = new Map<boolean, string>();
  for (const translator of [true, false]) {
    const linux = new BurdenedLinux(technique, translator);
    const started = performance.now();
    await linux.runTo(instructions);
    const seconds = (performance.now() - started) / 1000;
    hashes.set(translator, linux.hash);
    out(
      `translator ${translator ? 'on ' : 'off'}: stateHash ${linux.hash} after ${instructions} instructions, ` +
        `${linux.rounds} rounds, ${(instructions / 1e6 / seconds).toFixed(0)} MIPS`,
    );
  }
  const same = hashes.get(true) === hashes.get(false);
  out(same ? 'the same' : 'expected the same stateHash, found two: translated code is not exact');
  return same ? 0 : 1;
}

const usage = `usage: npm run soak -- [--minutes 2] [--every 10] [--technique T] [--interpret]
       npm run soak -- --verify [--instructions 400000000] [--technique T]

  --technique   ${techniques.join(' | ')}; hardware-assisted unless said otherwise
  --every       seconds from one line to the next
  --interpret   with the translator off
  --verify      a number of instructions with the translator on and off: status 1 if the state hashes differ
`;

interface SoakOptions {
  readonly technique: Technique;
  readonly minutes: number;
  readonly every: number;
  readonly instructions: number;
  readonly interpret: boolean;
  readonly verify: boolean;
}

/** @returns undefined where help is asked for @throws Error in one line for a person */
function parseOptions(argv: readonly string[]): SoakOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: 'string', default: '2' },
      every: { type: 'string', default: '10' },
      technique: { type: 'string', default: 'hardware-assisted' },
      interpret: { type: 'boolean', default: false },
      verify: { type: 'boolean', default: false },
      instructions: { type: 'string', default: '400000000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const technique = techniques.find((each) => each === values.technique);
  if (technique === undefined) {
    throw new Error(`expected --technique ${techniques.join(' | ')}, found “${values.technique}”`);
  }
  const number = (name: 'minutes' | 'every' | 'instructions') => {
    const value = Number(values[name]);
    if (value > 0) return value;
    throw new Error(`expected a number above 0 for --${name}, found “${values[name]}”`);
  };
  const { interpret, verify } = values;
  const [minutes, every, instructions] = [number('minutes'), number('every'), number('instructions')];
  return { technique, minutes, every, instructions, interpret, verify };
}

/** @returns the exit status: 2 where the options are not understood */
export async function main(argv: readonly string[]): Promise<number> {
  let options: SoakOptions | undefined;
  try {
    options = parseOptions(argv);
  } catch (error) {
    process.stderr.write(`soak: ${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  if (options === undefined) {
    process.stdout.write(usage);
    return 0;
  }
  const { technique, minutes, every, instructions, interpret } = options;
  return options.verify ? verify(technique, instructions) : soak(technique, !interpret, minutes, every);
}
