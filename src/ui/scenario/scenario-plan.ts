// What a scenario is in the page: VMs and the machine they share, from the same fields and the same readers as on the command
// line; the files that have to be there for it; and what the page has no place for, which is said, not passed over.

import type { Divergence, Entitlement, GuestDescription, VmDisk, VmOptions } from '../../protocol/commands.ts';
import { diskWords } from '../../protocol/option-values/disk-words.ts';
import { networkCard } from '../../protocol/option-values/network-card.ts';
import { inSlot } from '../../protocol/option-values/slot.ts';
import { count, fileWith, size, ValueError, wholeNumber, type Reader } from '../../protocol/option-values/values.ts';
import { harts, perVcpu } from '../../protocol/option-values/vcpus.ts';
import { cloneNameOf, type Scenario, type ScenarioInput, type ScenarioVm } from '../../protocol/scenario/scenario.ts';
import { guessBoot } from '../guess-boot.ts';

/** A file or a folder that the scenario names. */
export interface WantedFile {
  /** As in the scenario. */
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** For people: `the disk of “one”`. */
  readonly what: string;
  /** It becomes a disk of this name that the browser keeps; one that there is already is taken as it is. */
  readonly keptAs?: string;
}

export interface FolderFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What was found for the wanted files, by their paths. A disk that is kept already needs nothing. */
export interface FoundFiles {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly folders: ReadonlyMap<string, readonly FolderFile[]>;
}

/** What becomes of a VM while it runs, at a number of its instructions. */
export interface Fate {
  readonly clone?: { readonly after: number; readonly title: string; readonly input: readonly ScenarioInput[] };
  readonly migrate?: {
    readonly after: number;
    readonly bytesPerSecond: number;
    readonly downtimeLimitTicks: number;
    readonly divergence: Divergence;
  };
}

/** The machine of the hypervisor; what is absent stays as it is. */
export interface MachineWish {
  readonly harts?: number;
  readonly memoryMiB?: number;
  readonly swapMiB?: number;
  readonly pagesPerScan?: number;
  readonly hugePages?: boolean;
}

export interface PlannedVm {
  readonly name: string;
  readonly options: (found: FoundFiles) => VmOptions;
  readonly fate: Fate;
}

export interface ScenarioPlan {
  readonly scenario: Scenario;
  readonly vms: readonly PlannedVm[];
  readonly machine: MachineWish;
  readonly wants: readonly WantedFile[];
  /** What the page has no place for: the field’s place, and what to do instead. */
  readonly leftOut: readonly string[];
}

/** A scenario that waits for the person. */
export interface PendingScenario {
  readonly plan: ScenarioPlan;
  readonly found: FoundFiles;
  /** Names of the disks that the browser keeps. */
  readonly kept: ReadonlySet<string>;
}

type Guests = readonly Pick<GuestDescription, 'name' | 'title' | 'memoryMiB'>[];

const MEBIBYTE = 2 ** 20;
const OWN_MEMORY_MIB = 128;
const MOST_BYTES = 2 ** 31;
const TICKS_PER_MILLISECOND = 10_000;
/** As on the command line: 1 Gbit/s, and 300 ms. */
const USUAL_BANDWIDTH = 125e6;
const USUAL_DOWNTIME = 300;

const ram = size({ minimum: MEBIBYTE, maximum: MOST_BYTES, multipleOf: MEBIBYTE });
const someMemory = size({ minimum: 4096, maximum: MOST_BYTES, multipleOf: 4096 });
const hartCount = wholeNumber(1, 8);
const readers = {
  harts: hartCount,
  weight: perVcpu(1, 10_000),
  cap: perVcpu(1, 100),
  pin: harts,
  disk: inSlot(fileWith(diskWords)),
  share: inSlot(fileWith(['readonly'] as const)),
  rng: inSlot((text) => ({ seed: wholeNumber(0, 0xffff_ffff)(text) })),
  network: inSlot(networkCard),
  balloon: inSlot((text) => ({ targetBytes: someMemory(text) })),
};

/** Models as the page calls them. */
const models = { virtio: 'virtio', pio: 'programmed-io', passthrough: 'passthrough' } as const;

/** Reads a value of the scenario. @throws Error, one line for a person */
function readAt<Value>(place: string, read: Reader<Value>, text: string): Value {
  try {
    return read(text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new Error(`Expected ${error.expected} at ${place}, found “${text}”: ${error.advice}.`, { cause: error });
  }
}

const bytesOf = ({ files }: FoundFiles, path: string): Uint8Array => {
  const found = files.get(path);
  if (found === undefined) throw new Error(`Expected the file ${path}, found none. Choose it.`);
  return found;
};

/** Last part of a path. */
export const baseName = (path: string): string => path.split(/[/\\]/).findLast((part) => part !== '') ?? path;

/** A name for a kept disk: letters, digits, dots, dashes and underscores, beginning with a letter or digit. */
const diskName = (path: string): string =>
  baseName(path)
    .replace(/[^a-z0-9._-]/gi, '-')
    .replace(/^[^a-z0-9]+/i, '')
    .slice(0, 63) || 'disk';

/** @throws Error, one line for a person, where the scenario cannot be here */
export function planOf(scenario: Scenario, guests: Guests): ScenarioPlan {
  const wants: WantedFile[] = [];
  const leftOut: string[] = [];
  const vms = scenario.vms.map((vm, index) => planVm(vm, `vms[${index}]`, guests, wants, leftOut));
  const { physicalHarts, machineMemory, swap, merge, hugePages, captures, ...rest } = scenario;
  if (rest.break !== undefined) leftOut.push('break (see the panel Is this ISA virtualizable?)');
  if (captures?.pcap !== undefined) leftOut.push('captures.pcap (save the frames in the panel Network)');
  if (captures?.trace !== undefined) leftOut.push('captures.trace (see the panel Exits)');
  if (captures?.stats !== undefined) leftOut.push('captures.stats');
  const mebibytes = (place: string, text: string) => readAt(place, ram, text) / MEBIBYTE;
  return {
    scenario,
    vms,
    wants: wants.filter(
      ({ path, kind }, index) => index === wants.findIndex((each) => each.path === path && each.kind === kind),
    ),
    leftOut,
    machine: {
      ...(physicalHarts !== undefined && { harts: readAt('physicalHarts', hartCount, physicalHarts) }),
      ...(machineMemory !== undefined && { memoryMiB: mebibytes('machineMemory', machineMemory) }),
      ...(swap !== undefined && { swapMiB: readAt('swap', someMemory, swap) / MEBIBYTE }),
      ...(merge !== undefined && { pagesPerScan: readAt('merge', wholeNumber(1, 1_000_000), merge) }),
      ...(hugePages !== undefined && { hugePages: hugePages === 'on' }),
    },
  };
}

function planVm(vm: ScenarioVm, place: string, guests: Guests, wants: WantedFile[], leftOut: string[]): PlannedVm {
  const { name, guest: shipped, image, initrd } = vm;
  const { technique = vm.repair === 'patching' ? 'trap-and-emulate' : 'bare' } = vm;
  const guest = guests.find((each) => each.name === shipped);
  if (shipped !== undefined && guest === undefined) {
    throw new Error(
      `Expected the name of a guest that ships at ${place}.guest, found “${shipped}”. Choose one from the list under “Add”.`,
    );
  }
  if (image !== undefined) wants.push({ path: image, kind: 'file', what: `what “${name}” runs` });
  if (initrd !== undefined) wants.push({ path: initrd, kind: 'file', what: `the initial RAM disk of “${name}”` });
  const memory = vm.memory === undefined ? undefined : readAt(`${place}.memory`, ram, vm.memory) / MEBIBYTE;
  const vcpus = vm.harts === undefined ? 1 : readAt(`${place}.harts`, readers.harts, vm.harts);
  const disks = (vm.disk ?? []).map((text, index) => planDisk(text, `${place}.disk[${index}]`, name, wants));
  const shares = (vm.share ?? []).map((text, index) => {
    const { path, words, ...slot } = readAt(`${place}.share[${index}]`, readers.share, text);
    wants.push({ path, kind: 'folder', what: `the folder share${index} of “${name}”` });
    return (found: FoundFiles) => ({
      files: found.folders.get(path) ?? [],
      ...slot,
      ...(words.has('readonly') && { readOnly: true }),
    });
  });
  const card = vm.network === undefined ? undefined : readAt(`${place}.network`, readers.network, vm.network);
  const rng = vm.rng === undefined ? undefined : readAt(`${place}.rng`, readers.rng, vm.rng);
  const balloon = vm.balloon === undefined ? undefined : readAt(`${place}.balloon`, readers.balloon, vm.balloon);
  const entitlements = entitlementsOf(vm, place, vcpus);
  if (entitlements !== undefined && technique === 'bare') {
    throw new Error(`Expected a technique of the hypervisor at ${place} for weight, cap and pin, found “bare”.`);
  }
  for (const [field, instead] of elsewhere) {
    const value = vm[field];
    if (value !== undefined && value !== 'none') leftOut.push(`${place}.${field} (${instead})`);
  }
  const title = `${name}: ${guest?.title ?? baseName(image ?? '')}`;
  return {
    name,
    fate: fateOf(vm, place, technique),
    options: (found) => {
      const bytes = image === undefined ? undefined : bytesOf(found, image);
      return {
        guest:
          bytes === undefined
            ? { kind: 'shipped', name: guest?.name ?? '' }
            : { kind: 'image', title, bytes, boot: vm.boot ?? guessBoot(bytes) },
        title,
        technique,
        memoryMiB: memory ?? guest?.memoryMiB ?? OWN_MEMORY_MIB,
        start: false,
        ...(vcpus > 1 && { harts: vcpus }),
        ...(vm.boot !== undefined && { boot: vm.boot }),
        ...(initrd !== undefined && { initrd: bytesOf(found, initrd) }),
        ...(vm.append !== undefined && { bootArguments: vm.append }),
        ...(vm.adBits !== undefined && { adBits: vm.adBits }),
        ...(vm.repair === 'patching' && { binaryPatching: true }),
        ...(card && { network: true, card: { ...card, model: models[card.model] } }),
        ...(balloon && { balloon }),
        ...(disks.length > 0 && { disks: disks.map((disk) => disk(found)) }),
        ...(shares.length > 0 && { shares: shares.map((share) => share(found)) }),
        ...(rng && { rng }),
        ...(entitlements && { entitlements }),
        ...(vm.virtio !== undefined && { virtio: vm.virtio }),
        ...(vm.type !== undefined && { input: vm.type }),
      };
    },
  };
}

/** What a scenario has on the command line alone, and where the page shows the same. */
const elsewhere = [
  ['aia', 'boards have a PLIC here; see the panel I/O paths'],
  ['console', 'there is no file here that could take it'],
  ['processes', 'see the panel Processes'],
  ['systemCalls', 'see the panel Processes'],
] as const satisfies readonly (readonly [keyof ScenarioVm, string])[];

function planDisk(text: string, place: string, vm: string, wants: WantedFile[]): (found: FoundFiles) => VmDisk {
  const { path, words, slot } = readAt(place, readers.disk, text);
  const model = words.has('model=pio') ? 'pio' : words.has('model=passthrough') ? 'passthrough' : 'virtio';
  const common = { model: models[model], ...(slot !== undefined && { slot }) };
  const inMemory = words.has('snapshot') || words.has('readonly');
  const name = diskName(path);
  wants.push({ path, kind: 'file', what: `a disk of “${vm}”`, ...(!inMemory && { keptAs: name }) });
  if (!inMemory) return () => ({ name, ...common });
  const readOnly = words.has('readonly');
  return (found) => ({ name, ...common, image: bytesOf(found, path), ...(readOnly && { readOnly }) });
}

function entitlementsOf(vm: ScenarioVm, place: string, vcpus: number): readonly Entitlement[] | undefined {
  const [weight, cap, pin] = (['weight', 'cap', 'pin'] as const).map((field) => {
    const text = vm[field];
    if (text === undefined) return undefined;
    const values = readAt(`${place}.${field}`, readers[field], text);
    if (values.length === 1 || values.length === vcpus) return values;
    throw new Error(`Expected one value, or ${vcpus}, at ${place}.${field}, found ${values.length}. See harts.`);
  });
  if (weight === undefined && cap === undefined && pin === undefined) return undefined;
  return Array.from({ length: vcpus }, (_, index) => {
    const [w, c, p] = [weight, cap, pin].map((values) => values?.[values.length === 1 ? 0 : index]);
    return {
      ...(w !== undefined && { weight: w }),
      ...(c !== undefined && { cap: c }),
      ...(p !== undefined && { pin: p }),
    };
  });
}

function fateOf(vm: ScenarioVm, place: string, technique: string): Fate {
  const after = (field: 'cloneAfter' | 'migrateAfter'): number | undefined => {
    const text = vm[field];
    if (text === undefined) return undefined;
    if (technique === 'bare')
      throw new Error(`Expected a technique of the hypervisor with ${place}.${field}, found “bare”.`);
    return readAt(`${place}.${field}`, count, text);
  };
  const [cloneAfter, migrateAfter] = [after('cloneAfter'), after('migrateAfter')];
  const downtime =
    vm.downtime === undefined ? USUAL_DOWNTIME : readAt(`${place}.downtime`, wholeNumber(1, 600_000), vm.downtime);
  const bytesPerSecond =
    vm.bandwidth === undefined ? USUAL_BANDWIDTH : readAt(`${place}.bandwidth`, count, vm.bandwidth);
  return {
    ...(cloneAfter !== undefined && {
      clone: { after: cloneAfter, title: cloneNameOf(vm), input: vm.clone?.type ?? [] },
    }),
    ...(migrateAfter !== undefined && {
      migrate: {
        after: migrateAfter,
        bytesPerSecond,
        downtimeLimitTicks: downtime * TICKS_PER_MILLISECOND,
        divergence: vm.diverge ?? 'report',
      },
    }),
  };
}
