// Linux from its first instruction to the shell's prompt, under each technique; and the same with nobody listening to the
// exits, which is what tracing costs a guest that has real work. Time that the kernel sleeps passes at once.

import { findGuest } from '../../guests/manifest.ts';
import { runOrSkip } from '../../core/hypervisor/computer.ts';
import type { GuestImage } from '../../core/hypervisor/firmware/guest-boot.ts';
import type { Technique } from '../../core/hypervisor/virtual-machine.ts';
import type { Figure, LabRow } from '../figure.ts';
import { newLab, usualSwitches, type LabSwitches } from '../new-lab.ts';
import { SLICE } from '../peers/lab-guest.ts';
import { median, quotients } from '../statistics.ts';
import type { Surroundings } from '../surroundings.ts';
import { techniques } from '../measured-techniques.ts';

const MEBIBYTE = 2 ** 20;
const HYPERVISOR_MEBIBYTES = 32;
const TURN = 4;
const PROMPT = '# ';
/** Instructions after which a kernel that shows no prompt has gone wrong. */
const LIMIT = 2_000_000_000;

async function linux({ load }: Surroundings): Promise<GuestImage> {
  const row = findGuest('linux');
  if (row?.initrd === undefined) throw new Error('expected Linux and its initrd among the guests, found none');
  return {
    image: await unpacked(await load(row.image)),
    initrd: await unpacked(await load(row.initrd)),
    ...(row.bootArguments !== undefined && { bootArguments: row.bootArguments }),
    boot: row.boot,
    memoryBytes: row.memoryMiB * MEBIBYTE,
    harts: 1,
  };
}

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** @returns milliseconds from the first instruction to the prompt */
async function boot({ host, clock, turn }: Surroundings, technique: Technique, guest: GuestImage, how: LabSwitches) {
  const lab = newLab(host, guest.memoryBytes / MEBIBYTE + HYPERVISOR_MEBIBYTES, how);
  const vm = lab.addVm({ technique, guest });
  const computer = lab.computerOf(vm);
  let last = '';
  let prompted: number | undefined;
  vm.console.sink = (byte) => {
    last = `${last.slice(-1)}${String.fromCharCode(byte)}`;
    if (last === PROMPT) prompted ??= clock();
  };
  const started = clock();
  lab.start(vm.id);
  let turned = performance.now();
  while (prompted === undefined) {
    if (vm.ending || vm.instructions > LIMIT || !runOrSkip(computer, SLICE)) {
      throw new Error(`Linux under ${technique} shows no prompt`);
    }
    if (performance.now() - turned < TURN) continue;
    await turn();
    turned = performance.now();
  }
  return { milliseconds: prompted - started, instructions: vm.instructions, exits: vm.exits };
}

/** One technique: boots in turn with and without somebody listening, so that both see the same machine. */
async function figuresOf(
  surroundings: Surroundings,
  technique: Technique,
  guest: GuestImage,
  rounds: number,
): Promise<readonly Figure[]> {
  const traced: number[] = [];
  const untraced: number[] = [];
  let exits = 0;
  // The first round warms the engine up; afterwards the two take turns at being first.
  for (let round = 0; round <= rounds; round++) {
    for (const tracing of round % 2 === 0 ? [true, false] : [false, true]) {
      if (technique === 'bare' && !tracing) continue;
      const run = await boot(surroundings, technique, guest, { ...usualSwitches, tracing });
      if (round === 0) continue;
      exits = run.exits;
      (tracing ? traced : untraced).push(run.milliseconds);
    }
  }
  const time = { name: technique, value: median(traced), unit: 'ms' };
  if (technique === 'bare') return [time];
  return [
    time,
    { name: `${technique}: exits`, value: exits, unit: '' },
    { name: `${technique}: tracing adds`, value: 100 * (median(quotients(traced, untraced)) - 1), unit: '%' },
  ];
}

export const linuxBoot: LabRow = {
  name: 'linux',
  title: 'Linux to the prompt',
  measure: async (surroundings, quick) => {
    const guest = await linux(surroundings);
    const figures: Figure[] = [];
    for (const technique of techniques)
      figures.push(...(await figuresOf(surroundings, technique, guest, quick ? 6 : 20)));
    for (const technique of techniques) {
      const run = await boot(surroundings, technique, guest, { ...usualSwitches, translator: false });
      figures.push({ name: `${technique}, interpreted, once`, value: run.milliseconds, unit: 'ms' });
      if (technique !== 'bare') continue;
      figures.push({ name: 'instructions of it', value: run.instructions / 1e6, unit: 'million' });
    }
    return figures;
  },
};
