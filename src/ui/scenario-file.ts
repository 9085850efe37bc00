// A scenario in the page: the same file that the command line runs becomes VMs here, with what is typed into them. What only
// the command line can do (files and directories of the host, expectations, captures) is said, not passed over.

import { scenarioPath, type ShippedScenario } from '../guests/scenarios.ts';
import type { GuestDescription, VmOptions } from '../protocol/commands.ts';
import {
  machineFields,
  readScenario,
  SCENARIO_BYTES_LIMIT,
  ScenarioError,
  type Scenario,
  type ScenarioVm,
} from '../protocol/scenario/scenario.ts';
import { messageOf } from './core-client.ts';
import type { Lab } from './lab.ts';
import { announce, showProblem } from './shell-state.ts';

export interface ScenarioHere {
  readonly vms: readonly VmOptions[];
  /** Fields of the file that mean nothing here, by their place. */
  readonly leftOut: readonly string[];
}

type Guests = readonly Pick<GuestDescription, 'name' | 'memoryMiB'>[];
/** Fields of a VM that the page knows. */
const KNOWN: ReadonlySet<string> = new Set<keyof ScenarioVm>([
  'name',
  'guest',
  'technique',
  'memory',
  'append',
  'adBits',
  'network',
  'virtio',
  'type',
]);

/** `64M` in MiB; undefined where it is no size. */
function mebibytes(size: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,10})([KMG]?)(?:i?B)?$/i.exec(size) ?? [];
  const scale = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }[unit.toUpperCase()];
  return digits === undefined || scale === undefined ? undefined : (Number(digits) * scale) / 2 ** 20;
}

/** The VMs of a scenario. @throws Error, one line for a person, where one cannot be here */
export function scenarioHere(scenario: Scenario, guests: Guests): ScenarioHere {
  const leftOut: string[] = [];
  const vms = scenario.vms.map((vm, index): VmOptions => {
    const guest = guests.find(({ name }) => name === vm.guest);
    if (guest === undefined) {
      throw new Error(
        vm.guest === undefined
          ? `Expected guests that ship with the lab, found the file ${vm.image ?? ''} at vms[${index}].image. Run it with “ringside scenario”, or add the file by “Add”.`
          : `Expected the name of a guest that ships at vms[${index}].guest, found “${vm.guest}”. Choose one from the list under “Add”.`,
      );
    }
    leftOut.push(
      ...Object.keys(vm)
        .filter((name) => !KNOWN.has(name) && name !== 'expect')
        .map((name) => `vms[${index}].${name}`),
    );
    if (vm.network?.includes(',') === true) leftOut.push(`the cable of vms[${index}].network (see the Network panel)`);
    const memoryMiB = vm.memory === undefined ? guest.memoryMiB : mebibytes(vm.memory);
    if (memoryMiB === undefined || !Number.isInteger(memoryMiB)) {
      throw new Error(`Expected a size in whole MiB at vms[${index}].memory, found “${vm.memory ?? ''}”. Write “64M”.`);
    }
    return {
      guest: { kind: 'shipped', name: guest.name },
      technique: vm.technique ?? 'bare',
      memoryMiB,
      start: true,
      ...(vm.append !== undefined && { bootArguments: vm.append }),
      ...(vm.adBits !== undefined && { adBits: vm.adBits }),
      ...(vm.network !== undefined && { network: true }),
      ...(vm.virtio !== undefined && { virtio: vm.virtio }),
      ...(vm.type !== undefined && { input: vm.type }),
    };
  });
  leftOut.push(...Object.keys(machineFields).filter((name) => Object.hasOwn(scenario, name)));
  if (scenario.captures !== undefined) leftOut.push('captures');
  return { vms, leftOut };
}

/** Adds the VMs of a scenario, in order, and says what it shows. What is wrong with the file is shown to the person. */
async function openText(lab: Pick<Lab, 'core' | 'vms'>, json: string): Promise<void> {
  const scenario = readScenario(json);
  const { vms, leftOut } = scenarioHere(scenario, lab.core.status().catalog?.guests ?? []);
  const added: number[] = [];
  for (const vm of vms) added.push(await lab.vms.add(vm));
  const [first] = added;
  if (first !== undefined) lab.vms.select(first);
  announce(
    [`${scenario.title}: ${vms.length} ${vms.length === 1 ? 'VM' : 'VMs'}.`, ...(scenario.about ?? [])].join(' '),
  );
  showProblem(
    leftOut.length === 0 ? undefined : `The page leaves out ${leftOut.join(', ')}: use “ringside scenario” for those.`,
  );
}

/** What is wrong with a scenario or with this page, for the person. */
const wordsOf = (error: unknown): string =>
  error instanceof ScenarioError ? error.message.split('\n').slice(0, 3).join(' · ') : messageOf(error);

/** Opens a file of the person's. */
export async function openScenarioFile(lab: Lab, file: File): Promise<void> {
  try {
    if (file.size > SCENARIO_BYTES_LIMIT) {
      throw new Error(`Expected a scenario of at most 1 MiB, found ${file.size} bytes. Choose another file.`);
    }
    await openText(lab, await file.text());
  } catch (error) {
    showProblem(wordsOf(error));
  }
}

/** Opens one that ships. */
export async function openShippedScenario(lab: Lab, row: ShippedScenario): Promise<void> {
  try {
    const response = await fetch(new URL(scenarioPath(row), document.baseURI));
    if (!response.ok) {
      throw new Error(`Expected the scenario ${row.name}, found status ${response.status}. Reload the page.`);
    }
    await openText(lab, await response.text());
  } catch (error) {
    showProblem(wordsOf(error));
  }
}
