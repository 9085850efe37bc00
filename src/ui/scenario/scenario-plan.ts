// What a scenario is in the page: VMs and the machine they share, from the same fields and the same readers as on the command
// line; the files that have to be there for it; and what the page has no place for, which is said, not passed over.

import type {
  Divergence,
  Entitlement,
  GuestDescription,
  ScenarioPart,
  VmDisk,
  VmOptions,
} from '../../protocol/commands.ts';
import { optionValues } from '../../protocol/option-values/option-values.ts';
import { paravirtualTwin, techniqueOfRepair } from '../../protocol/option-values/repair.ts';
import { ValueError } from '../../protocol/option-values/values.ts';
import type { QuirkName } from '../../protocol/vocabulary.ts';
import {
  cloneNameOf,
  type Scenario,
  type ScenarioExpectations,
  type ScenarioInput,
  type ScenarioVm,
} from '../../protocol/scenario/scenario.ts';
import { TICKS_PER_MICROSECOND, TICKS_PER_MILLISECOND } from '../../protocol/virtual-time.ts';
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
  readonly clone?: {
    readonly after: number;
    readonly title: string;
    readonly input: readonly ScenarioInput[];
    readonly expect?: ScenarioExpectations;
  };
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
  readonly swapLatencyTicks?: number;
  /** It has IMSICs and an APLIC in its PLIC's place, because a guest wants them. */
  readonly messageInterrupts?: boolean;
  readonly pagesPerScan?: number;
  readonly hugePages?: boolean;
}

export interface PlannedVm {
  readonly name: string;
  readonly options: (found: FoundFiles) => VmOptions;
  /** What is expected of it, and of the copy that is made of it. */
  readonly expected: Pick<ScenarioPart, 'name' | 'expect' | 'clone'>;
  readonly fate: Fate;
}

export interface ScenarioPlan {
  readonly scenario: Scenario;
  readonly vms: readonly PlannedVm[];
  readonly machine: MachineWish;
  /** Rules of the manual that all machines of the lab break from now on. */
  readonly broken: readonly QuirkName[];
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

type Guests = readonly Pick<GuestDescription, 'name' | 'title' | 'memoryMiB' | 'techniques' | 'twin'>[];

const MEBIBYTE = 2 ** 20;
const OWN_MEMORY_MIB = 128;
/** As on the command line: 1 Gbit/s, and 300 ms. */
const USUAL_BANDWIDTH = 125e6;
const USUAL_DOWNTIME = 300;

/** Models as the page calls them. */
const models = { virtio: 'virtio', pio: 'programmed-io', passthrough: 'passthrough' } as const;

type Values = typeof optionValues;

/** Reads a value of the scenario as the option of its name does. @throws Error, one line for a person */
function readAt<Name extends keyof Values>(place: string, name: Name, text: string): ReturnType<Values[Name]> {
  try {
    return optionValues[name](text) as ReturnType<Values[Name]>;
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new Error(`Expected ${error.expected} at ${place}, found “${text}”: ${error.advice}.`, { cause: error });
  }
}

/** The same of a field that may be absent. @param place of what has the field, with a dot behind it, or empty */
const readField = <Name extends keyof Values>(
  place: string,
  name: Name,
  text: string | undefined,
): ReturnType<Values[Name]> | undefined => (text === undefined ? undefined : readAt(`${place}${name}`, name, text));

/** RAM, which the page deals out in whole MiB. */
function mebibytesAt(place: string, name: 'memory' | 'machineMemory', text: string | undefined): number | undefined {
  const bytes = readField(place, name, text);
  if (bytes === undefined || bytes % MEBIBYTE === 0) return bytes && bytes / MEBIBYTE;
  throw new Error(`Expected whole MiB at ${place}${name}, found “${text}”: write a number and M.`);
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
  const { captures } = scenario;
  if (captures?.pcap !== undefined) leftOut.push('captures.pcap (save the frames in the panel Network)');
  if (captures?.trace !== undefined) leftOut.push('captures.trace (see the panel Exits)');
  if (captures?.stats !== undefined) leftOut.push('captures.stats');
  return {
    scenario,
    vms,
    wants: wants.filter(
      ({ path, kind }, index) => index === wants.findIndex((each) => each.path === path && each.kind === kind),
    ),
    leftOut,
    machine: machineOf(scenario),
    broken: (scenario.break ?? []).flatMap((text, index) => readAt(`break[${index}]`, 'break', text)),
  };
}

function machineOf(scenario: Scenario): MachineWish {
  const physicalHarts = readField('', 'physicalHarts', scenario.physicalHarts);
  const memoryMiB = mebibytesAt('', 'machineMemory', scenario.machineMemory);
  const swap = readField('', 'swap', scenario.swap);
  const latency = readField('', 'swapLatency', scenario.swapLatency);
  const merge = readField('', 'merge', scenario.merge);
  const hugePages = readField('', 'hugePages', scenario.hugePages);
  const messageInterrupts = scenario.vms.some(
    ({ aia, technique }) => aia === 'aplic-imsic' && technique === 'hardware-assisted',
  );
  return {
    ...(physicalHarts !== undefined && { harts: physicalHarts }),
    ...(memoryMiB !== undefined && { memoryMiB }),
    ...(swap !== undefined && { swapMiB: swap / MEBIBYTE }),
    ...(latency !== undefined && { swapLatencyTicks: latency * TICKS_PER_MICROSECOND }),
    ...(messageInterrupts && { messageInterrupts }),
    ...(merge !== undefined && { pagesPerScan: merge }),
    ...(hugePages !== undefined && { hugePages: hugePages === 'on' }),
  };
}

/** The guest that a VM runs, where it is one that ships. @throws Error, one line for a person */
function guestAt(place: string, { guest: name, repair }: ScenarioVm, guests: Guests): Guests[number] | undefined {
  const guest = guests.find((each) => each.name === name);
  if (name !== undefined && guest === undefined) {
    throw new Error(
      `Expected the name of a guest that ships at ${place}.guest, found “${name}”. Choose one from the list under “Add”.`,
    );
  }
  if (repair !== 'paravirtualization') return guest;
  const twin = paravirtualTwin(guest, guests);
  if (twin !== undefined) return twin;
  const names = guests.flatMap((each) => (each.twin === undefined ? [] : [`“${each.name}”`]));
  throw new Error(
    `Expected a guest that has a paravirtual twin with repair “paravirtualization” at ${place}.guest, found ${name === undefined ? 'an image' : `“${name}”`}. Choose ${names.join(' or ')}; any guest can be repaired by patching.`,
  );
}

function planVm(vm: ScenarioVm, place: string, guests: Guests, wants: WantedFile[], leftOut: string[]): PlannedVm {
  const { name, image, firmware, initrd } = vm;
  const technique = vm.technique ?? techniqueOfRepair(vm.repair) ?? 'bare';
  const guest = guestAt(place, vm, guests);
  if (image !== undefined) wants.push({ path: image, kind: 'file', what: `what “${name}” runs` });
  if (firmware !== undefined) wants.push({ path: firmware, kind: 'file', what: `the firmware of “${name}”` });
  if (initrd !== undefined) wants.push({ path: initrd, kind: 'file', what: `the initial RAM disk of “${name}”` });
  const { restore } = vm;
  if (restore !== undefined) wants.push({ path: restore, kind: 'file', what: `what “${name}” goes on from` });
  if (restore !== undefined && technique === 'bare') {
    throw new Error(`Expected a technique of the hypervisor with ${place}.restore, found “bare”.`);
  }
  const memory = mebibytesAt(`${place}.`, 'memory', vm.memory);
  const vcpus = readField(`${place}.`, 'harts', vm.harts) ?? 1;
  const disks = (vm.disk ?? []).map((text, index) => planDisk(text, `${place}.disk[${index}]`, name, wants));
  const shares = (vm.share ?? []).map((text, index) => {
    const { path, words, ...slot } = readAt(`${place}.share[${index}]`, 'share', text);
    wants.push({ path, kind: 'folder', what: `the folder share${index} of “${name}”` });
    return (found: FoundFiles) => ({
      files: found.folders.get(path) ?? [],
      ...slot,
      ...(words.has('readonly') && { readOnly: true }),
    });
  });
  const card = readField(`${place}.`, 'network', vm.network);
  const rng = readField(`${place}.`, 'rng', vm.rng);
  const balloon = readField(`${place}.`, 'balloon', vm.balloon);
  const entitlements = entitlementsOf(vm, place, vcpus);
  if (entitlements !== undefined && technique === 'bare') {
    throw new Error(`Expected a technique of the hypervisor at ${place} for weight, cap and pin, found “bare”.`);
  }
  for (const [field, instead] of elsewhere) {
    const value = vm[field];
    if (value !== undefined) leftOut.push(`${place}.${field} (${instead})`);
  }
  const title = `${name}: ${guest?.title ?? baseName(image ?? '')}`;
  return {
    name,
    expected: {
      name,
      ...(vm.expect && { expect: vm.expect }),
      ...(vm.clone?.expect && { clone: cloneNameOf(vm) }),
    },
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
        ...(firmware !== undefined && { firmware: bytesOf(found, firmware) }),
        ...(initrd !== undefined && { initrd: bytesOf(found, initrd) }),
        ...(vm.append !== undefined && { bootArguments: vm.append }),
        ...(vm.adBits !== undefined && { adBits: vm.adBits }),
        ...(vm.aia !== undefined && { aia: vm.aia }),
        ...(vm.repair === 'patching' && { binaryPatching: true }),
        ...(card && { network: true, card: { ...card, model: models[card.model] } }),
        ...(balloon && { balloon }),
        ...(disks.length > 0 && { disks: disks.map((disk) => disk(found)) }),
        ...(shares.length > 0 && { shares: shares.map((share) => share(found)) }),
        ...(rng && { rng }),
        ...(entitlements && { entitlements }),
        ...(vm.virtio !== undefined && { virtio: vm.virtio }),
        ...(restore !== undefined && { saved: bytesOf(found, restore) }),
        ...(vm.type !== undefined && { input: vm.type }),
      };
    },
  };
}

/** What a scenario has on the command line alone, and where the page shows the same. */
const elsewhere = [
  ['save', 'a VM is saved by “ringside run --save”'],
  ['console', 'there is no file here that could take it'],
  ['processes', 'see the panel Processes'],
  ['systemCalls', 'see the panel Processes'],
] as const satisfies readonly (readonly [keyof ScenarioVm, string])[];

function planDisk(text: string, place: string, vm: string, wants: WantedFile[]): (found: FoundFiles) => VmDisk {
  const { path, words, slot } = readAt(place, 'disk', text);
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
    const values = readAt(`${place}.${field}`, field, text);
    if (values.length === 1 || values.length === vcpus) return values;
    throw new Error(
      `Expected one value${vcpus === 1 ? '' : `, or ${vcpus},`} at ${place}.${field}, found ${values.length}. See harts.`,
    );
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
    return readAt(`${place}.${field}`, field, text);
  };
  const [cloneAfter, migrateAfter] = [after('cloneAfter'), after('migrateAfter')];
  const downtime = readField(`${place}.`, 'downtime', vm.downtime) ?? USUAL_DOWNTIME;
  const bytesPerSecond = readField(`${place}.`, 'bandwidth', vm.bandwidth) ?? USUAL_BANDWIDTH;
  return {
    ...(cloneAfter !== undefined && {
      clone: {
        after: cloneAfter,
        title: cloneNameOf(vm),
        input: vm.clone?.type ?? [],
        ...(vm.clone?.expect && { expect: vm.clone.expect }),
      },
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
