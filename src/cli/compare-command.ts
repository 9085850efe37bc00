// `compare`: a guest on the bare machine and under other techniques, side by side; where the first difference arose, if any.

import type { Difference } from '../core/hypervisor/properties/difference-search.ts';
import { Comparison, type ComparisonEnd } from '../core/hypervisor/properties/equivalence.ts';
import { techniques, unmodifiedHosted, type Technique } from '../core/hypervisor/virtual-machine.ts';
import { disassemble } from '../core/isa/disassemble.ts';
import type { BootMode } from '../core/machine/boot-layout.ts';
import type { Command } from './command.ts';
import type { DiskWord } from '../protocol/option-values/disk-words.ts';
import { GuestDevices } from './guest-devices.ts';
import { chooseGuest } from './guest-source.ts';
import { nodeHost } from './node-host.ts';
import { option, repeatedOption, UsageError, type Given } from './options.ts';
import { runOptions } from './run-options.ts';
import { anyText, atLeastOne, count, oneOf, ValueError } from '../protocol/option-values/values.ts';

const hosted = techniques.filter((technique) => technique !== 'bare');
const DEFAULT_EVERY = 100_000;
const DEFAULT_LIMIT = 1_000_000_000;

/** `N` or `N:REGISTER`. */
const injection = (text: string) => {
  const [at = '', register = '9', ...rest] = text.split(':');
  const parsed = { at: count(at), register: Number(register) };
  if (rest.length > 0 || !Number.isInteger(parsed.register) || parsed.register < 1 || parsed.register > 31) {
    throw new ValueError('a number of instructions, or N:REGISTER', 'write --inject 100000 or --inject 100000:10');
  }
  return parsed;
};

const compareOptions = {
  guest: runOptions.guest,
  technique: repeatedOption(
    '--technique',
    'NAME',
    oneOf(hosted),
    `what to compare the bare machine with: ${hosted.join(', ')}; may be repeated. Default: ${unmodifiedHosted.join(', ')}`,
  ),
  every: option('--every', 'N', atLeastOne, `instructions from one point to the next. Default: ${DEFAULT_EVERY}`),
  until: option('--until', 'TEXT', anyText, 'compare up to the first point at which the guest has printed this'),
  boot: runOptions.boot,
  memory: runOptions.memory,
  firmware: runOptions.firmware,
  initrd: runOptions.initrd,
  append: runOptions.append,
  adBits: runOptions.adBits,
  aia: runOptions.aia,
  disk: runOptions.disk,
  rng: runOptions.rng,
  network: runOptions.network,
  virtio: runOptions.virtio,
  break: runOptions.break,
  repair: option(
    '--repair',
    'HOW',
    oneOf(['none', 'patching'] as const),
    'patching: under trap-and-emulate the guest’s code is patched where --break needs it. Default: none',
  ),
  inject: option(
    '--inject',
    'N[:REGISTER]',
    injection,
    'after N instructions, flip bit 0 of a register of the last technique’s guest, to see that it is found. Default: x9',
  ),
  maxInstructions: option(
    '--max-instructions',
    'N',
    count,
    `end after so many instructions of the guest. Default: ${DEFAULT_LIMIT}`,
  ),
} as const;

export const compareCommand: Command<typeof compareOptions> = {
  name: 'compare',
  operands: 'IMAGE | --guest NAME',
  summary: 'run a guest under every technique and find the first difference',
  details: [
    'Registers, the kernel’s CSRs, time, output and RAM are compared with those on the bare machine. What a guest writes to a',
    'disk goes into memory only. A guest in machine boot (--firmware) is compared under trap-and-emulate, on harts without the',
    'H extension. Exit status: 0 if nothing differs, 1 if something does.',
  ],
  options: compareOptions,
  run(operands, options, { stdout, complain }) {
    const opened: GuestDevices[] = [];
    const { disk, network, ...choice } = options;
    const guest = () => {
      const devices = new GuestDevices(
        {
          ...choice,
          // A card that only hardware-assisted gives away cannot be compared; on the bare machine every one is physical.
          ...(network && { network: network.model === 'passthrough' ? { ...network, model: 'virtio' } : network }),
          ...(disk && { disk: disk.map(comparable) }),
        },
        complain,
      );
      opened.push(devices);
      const { technique: _, repair: __, ...about } = choice;
      const { guest: image } = chooseGuest(operands, about, devices);
      // Deprivileging gives a guest no H extension of its own: then the bare machine has none either.
      return image.boot === 'machine' ? { ...image, hypervisorExtension: false } : image;
    };
    try {
      const chosen = techniquesFor(guest().boot, options.technique);
      const comparison = new Comparison({
        host: nodeHost,
        guest,
        techniques: chosen,
        every: options.every ?? DEFAULT_EVERY,
        limit: options.maxInstructions ?? DEFAULT_LIMIT,
        ...(options.until !== undefined && { until: options.until }),
        ...(options.break && { quirks: options.break }),
        ...(options.repair === 'patching' && { binaryPatching: true }),
        ...(options.inject && { inject: options.inject }),
      });
      const end = comparison.run();
      const { points, memoryPoints, instructions, printed } = comparison.progress;
      if (end.difference) stdout.write(describeDifference(end.difference));
      else {
        stdout.write(
          `No difference between bare and ${chosen.join(' and ')}: ${points} points in ${instructions} instructions, ` +
            `all of RAM at ${memoryPoints} of them, ${printed} bytes printed. ${endings[end.kind](end)}\n`,
        );
      }
      return end.difference ? 1 : 0;
    } finally {
      for (const devices of opened) devices.close();
    }
  },
};

/** Deprivileging alone gives a guest a machine mode. @throws UsageError where another technique was asked for */
function techniquesFor(
  boot: BootMode,
  asked: readonly Exclude<Technique, 'bare'>[] | undefined,
): readonly Exclude<Technique, 'bare'>[] {
  if (boot === 'supervisor') return asked ?? unmodifiedHosted;
  const other = asked?.find((technique) => technique !== 'trap-and-emulate');
  if (other === undefined) return ['trap-and-emulate'];
  throw new UsageError(
    'a guest in supervisor boot with --technique ' + other,
    'one in machine boot',
    'leave --technique out, or add --boot supervisor if it is a kernel for S-mode',
  );
}

const endings: Readonly<Record<ComparisonEnd['kind'], (end: ComparisonEnd) => string>> = {
  ended: ({ ending }) => ending?.message ?? '',
  printed: () => 'The text was printed.',
  asleep: () => 'The guest waits, and nothing will wake it.',
  limit: () => 'The limit of instructions was reached.',
  differs: () => '',
};

function describeDifference({ technique, instruction, pc, word, unequal }: Difference): string {
  const text = word === undefined ? 'an instruction that cannot be fetched' : disassemble(word, pc).text;
  const width = Math.max(...unequal.map(({ what }) => what.length), technique.length) + 2;
  const lines = unequal.map(({ what, bare, other }) => `  ${what.padEnd(width)}${bare.padEnd(20)}${other}`);
  return [
    `${technique} differs from bare after ${instruction} equal instructions, in: 0x${pc.toString(16)}  ${text}`,
    `  ${''.padEnd(width)}${'bare'.padEnd(20)}${technique}`,
    ...lines,
    '',
  ].join('\n');
}

/** The disk as every technique can have it: what the guest writes goes into memory only, and no disk is a physical one. */
const comparable = ({ words, ...disk }: NonNullable<Given<typeof compareOptions>['disk']>[number]) => ({
  ...disk,
  words: new Set<DiskWord>(words.has('model=pio') ? ['snapshot', 'model=pio'] : ['snapshot']),
});
