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
    counts: linux.machine.translator?.counts ?? { translated: 0, dropped: 0, standing: 0, instructions: 0, bytes: 0 },
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

/** @returns the exit status */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: 'string', default: '2' },
      every: { type: 'string', default: '10' },
      technique: { type: 'string', default: 'hardware-assisted' },
      interpret: { type: 'boolean', default: false },
      verify: { type: 'boolean', default: false },
      instructions: { type: 'string', default: '400000000' },
    },
  });
  const technique = techniques.find((each) => each === values.technique);
  const numbers = [values.minutes, values.every, values.instructions].map(Number);
  const [minutes = NaN, every = NaN, instructions = NaN] = numbers;
  if (technique === undefined || !numbers.every((value) => value > 0)) {
    process.stderr.write(
      `soak: expected --technique ${techniques.join(' | ')}, and numbers above 0 for --minutes, --every (seconds) and ` +
        `--instructions; found ${JSON.stringify(values)}. Correct it and try again.\n`,
    );
    return 2;
  }
  return values.verify ? verify(technique, instructions) : soak(technique, !values.interpret, minutes, every);
}
