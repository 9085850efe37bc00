// `npm run differential -- --programs N --seed S`: generated programs on QEMU and here, as long as one likes to wait.
// `-- --explain SEED` shows where one program's two runs part.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { disassemble } from '../../isa/disassemble.ts';
import { differingSeeds, explain, qemuVersion } from './batch.test-support.ts';
import { Place } from './harness.test-support.ts';

const BATCH = 500;

async function show(seed: number): Promise<void> {
  const { program, differences, here, names } = await explain(seed);
  const out = (line: string) => process.stdout.write(`${line}\n`);
  out(`program ${seed}: ${program.modes.join(' → ')}`);
  for (const [name, value] of Object.entries(program.csrs)) out(`  ${name} = 0x${value.toString(16)}`);
  for (const [address, value] of program.pokes) {
    const code = address >= Place.code && address < Place.code + 4096 * Place.codePages;
    out(
      `  ${address.toString(16)}: ${value.toString(16).padStart(8, '0')} ${code ? disassemble(value, address).text : ''}`,
    );
  }
  names.forEach((name, index) => {
    if (!name.startsWith('word')) out(`  ${name} = ${here[index]}`);
  });
  for (const each of differences) out(`  differs: ${each.name}: here ${each.here}, QEMU ${each.qemu}`);
}

const USAGE = `usage: npm run differential -- [--programs N] [--seed S] [--explain SEED]
  --programs  how many (1000)
  --seed      of the first; the others follow (1)
  --explain   shows one program, and where its two runs part
`;

/** What was asked for, as whole numbers. @throws Error in words for a person */
function choicesOf(argv: readonly string[]) {
  const options = { programs: { type: 'string' }, seed: { type: 'string' }, explain: { type: 'string' } } as const;
  const { values } = parseArgs({ args: [...argv], options });
  const whole = (name: keyof typeof options): number | undefined => {
    const text = values[name];
    if (text !== undefined && !/^\d{1,9}$/.test(text)) {
      throw new Error(`expected a whole number for --${name}, found ${text}`);
    }
    return text === undefined ? undefined : Number(text);
  };
  return { programs: whole('programs') ?? 1000, first: whole('seed') ?? 1, explained: whole('explain') };
}

/** @returns the exit status */
export async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  let choices: ReturnType<typeof choicesOf>;
  try {
    choices = choicesOf(argv);
  } catch (error) {
    process.stderr.write(`differential: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  const { programs, first, explained } = choices;
  if (qemuVersion === undefined) {
    process.stderr.write(
      'differential: expected qemu-system-riscv32 on the PATH, found none. Install it (Debian: qemu-system-misc).\n',
    );
    return 2;
  }
  if (explained !== undefined) {
    await show(explained);
    return 0;
  }
  const failed: number[] = [];
  const started = performance.now();
  for (let done = 0; done < programs; done += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, programs - done) }, (_, index) => first + done + index);
    failed.push(...(await differingSeeds(seeds)));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    process.stderr.write(
      `${done + seeds.length} of ${programs} programs, ${failed.length} differ (${seconds} s, ${availableParallelism()} cores)\n`,
    );
    if (failed.length > 200) break;
  }
  for (const seed of failed.slice(0, 50)) process.stdout.write(`differs: --explain ${seed}\n`);
  process.stdout.write(`${programs} programs from seed ${first}: ${failed.length} differ\n`);
  return failed.length === 0 ? 0 : 1;
}
