// Makes what a plan says: the machine, the disks, the VMs; starts them together, and does to them what they are to come to.

import type { ScenarioPart } from '../../protocol/commands.ts';
import { messageOf } from '../../protocol/message-of.ts';
import { useFrameState, vmOf } from '../frame-store.ts';
import type { Lab } from '../lab.ts';
import { announce, showProblem } from '../shell-state.ts';
import type { Fate, FoundFiles, PlannedVm, ScenarioPlan } from './scenario-plan.ts';

/** The parts of the lab that are used, so that a test can be one. */
export type ScenarioLab = Pick<Lab, 'core' | 'vms' | 'command' | 'navigate'>;

/** The opening of a scenario, which its VMs have in common. */
type Opened = Pick<ScenarioPart, 'run' | 'title' | 'about'>;

/** Whether the hypervisor's machine is to be another one. */
const wantsMachine = ({ machine }: ScenarioPlan): boolean => {
  const { harts, memoryMiB, swapMiB, swapLatencyTicks, messageInterrupts } = machine;
  return [harts, memoryMiB, swapMiB, swapLatencyTicks, messageInterrupts].some((wish) => wish !== undefined);
};

/** VMs that have to go before the machine can be another one. */
export function inTheWay(plan: ScenarioPlan): readonly number[] {
  if (!wantsMachine(plan)) return [];
  const { frame } = useFrameState.getState();
  return (frame?.vms ?? []).filter(({ technique }) => technique !== 'bare').map(({ vm }) => vm);
}

/**
 * Adds the VMs of a scenario, in order, and starts them.
 * @param kept names of the disks that are kept already
 * @param remove VMs that go first
 * @throws Error, one line for a person; then none of its VMs is there
 */
export async function beginScenario(
  lab: ScenarioLab,
  plan: ScenarioPlan,
  found: FoundFiles,
  kept: ReadonlySet<string>,
  remove: readonly number[] = [],
): Promise<void> {
  const { scenario, machine, broken } = plan;
  const { title, about = [] } = scenario;
  // The same file may be opened again while its VMs are there; a number from the clock is one after a restart of the core as well.
  const opened = { run: Date.now(), title, about: about.join(' ') };
  for (const vm of remove) await lab.vms.remove(vm);
  if (machine.harts !== undefined) await lab.command('setPhysicalHarts', { harts: machine.harts });
  const { memoryMiB, swapMiB, swapLatencyTicks } = machine;
  if ([memoryMiB, swapMiB, swapLatencyTicks].some((wish) => wish !== undefined)) {
    await lab.command('setMachineMemory', {
      ...(memoryMiB !== undefined && { memoryMiB }),
      ...(swapMiB !== undefined && { swapMiB }),
      ...(swapLatencyTicks !== undefined && { swapLatencyTicks }),
    });
  }
  for (const quirk of broken) await lab.command('setQuirk', { quirk, on: true });
  await keepDisks(lab, plan, found, kept);
  const added: { readonly vm: number; readonly planned: PlannedVm }[] = [];
  try {
    for (const planned of plan.vms) {
      const options = { ...planned.options(found), scenario: { ...opened, ...planned.expected } };
      added.push({ vm: await lab.vms.add(options), planned });
    }
    await dealOutMemory(lab, plan);
    for (const { vm } of added) await lab.command('startVm', { vm });
  } catch (error) {
    for (const { vm } of added) await lab.vms.remove(vm);
    throw error;
  }
  for (const { vm, planned } of added) follow(lab, vm, planned.fate, opened);
  const [first] = added;
  if (first !== undefined) lab.vms.select(first.vm);
  if (scenario.vms[0]?.traceLevels !== undefined || scenario.vms[0]?.expect?.crossings !== undefined) {
    lab.navigate.toPanel('levels');
  }
  if (scenario.vms.some(({ expect, clone }) => (expect ?? clone?.expect) !== undefined))
    lab.navigate.toPanel('scenario');
  announce([`${title}: ${added.length} ${added.length === 1 ? 'VM' : 'VMs'}.`, ...about].join(' '));
  showProblem(
    plan.leftOut.length === 0
      ? undefined
      : `The page leaves out ${plan.leftOut.join(', ')}. “ringside scenario” has all of it.`,
  );
}

/** Images of disks that the guests write to become disks that the browser keeps. */
async function keepDisks(
  lab: ScenarioLab,
  plan: ScenarioPlan,
  found: FoundFiles,
  kept: ReadonlySet<string>,
): Promise<void> {
  const storage: StorageManager | undefined = navigator.storage;
  const there = new Set(kept);
  for (const { path, keptAs } of plan.wants) {
    const bytes = found.files.get(path);
    if (keptAs === undefined || bytes === undefined || there.has(keptAs)) continue;
    // Without this the browser may throw the page's files away when it lacks room.
    void storage?.persist().catch(() => false);
    await lab.command('createDisk', { name: keptAs, contents: { kind: 'image', bytes } });
    there.add(keptAs);
  }
}

async function dealOutMemory(
  lab: ScenarioLab,
  { machine: { pagesPerScan, hugePages }, scenario }: ScenarioPlan,
): Promise<void> {
  if (pagesPerScan === undefined && hugePages === undefined) return;
  if (scenario.vms.every(({ technique = 'bare' }) => technique === 'bare')) return;
  await lab.command('setMemory', {
    machine: 'A',
    ...(pagesPerScan !== undefined && { merging: true, pagesPerScan }),
    ...(hugePages !== undefined && { hugePages }),
  });
}

/** Moves and copies a VM once it has executed so many instructions: at the first frame that says so. */
function follow(lab: ScenarioLab, vm: number, { clone, migrate }: Fate, opened: Opened): void {
  const due = [
    ...(clone ? [{ after: clone.after, act: () => cloneOf(lab, vm, clone, opened) }] : []),
    ...(migrate ? [{ after: migrate.after, act: () => migrationOf(lab, vm, migrate) }] : []),
  ];
  if (due.length === 0) return;
  const stop = useFrameState.subscribe(({ frame }) => {
    const summary = vmOf(frame, vm);
    if (summary === undefined || summary.ending !== undefined) {
      stop();
      return;
    }
    for (const each of due.filter(({ after }) => summary.instructions >= after)) {
      due.splice(due.indexOf(each), 1);
      each.act().catch((error: unknown) => showProblem(messageOf(error)));
    }
    if (due.length === 0) stop();
  });
}

async function cloneOf(
  lab: ScenarioLab,
  vm: number,
  { title, input, expect }: NonNullable<Fate['clone']>,
  opened: Opened,
): Promise<void> {
  const scenario = { ...opened, name: title, ...(expect && { expect }) };
  await lab.command('cloneVm', { vm, title, input, scenario });
}

async function migrationOf(
  lab: ScenarioLab,
  vm: number,
  { after: _, ...request }: NonNullable<Fate['migrate']>,
): Promise<void> {
  await lab.command('migrate', { vm, ...request });
}
