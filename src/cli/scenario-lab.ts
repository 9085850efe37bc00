// The lab of a scenario: every VM of it, made and held at its first instruction, with what is planned for it.

import { BareMachine } from '../core/hypervisor/techniques/bare-machine.ts';
import { Expectations } from '../core/hypervisor/expectations.ts';
import { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import { Lab } from '../core/hypervisor/lab.ts';
import { ImageError } from '../core/machine/image.ts';
import { quirksOf } from '../core/machine/quirks.ts';
import { cloneNameOf, type Scenario, type ScenarioVm } from '../protocol/scenario/scenario.ts';
import { checkClone } from './clone-options.ts';
import { CloneAfter } from './clone.ts';
import type { Streams } from './command.ts';
import { GuestDevices } from './guest-devices.ts';
import type { ChosenGuest } from './guest-source.ts';
import { labVm, type LabVm } from './lab-vm.ts';
import { checkLevels } from './level-lines.ts';
import { applyMemory, memoryOptionsOf } from './memory-options.ts';
import { checkMoves, restoreFrom } from './move-options.ts';
import { Move } from './move.ts';
import { nodeHost } from './node-host.ts';
import { UsageError } from './options.ts';
import { encodeText, scriptOf, type RunningVm } from './scenario-run.ts';
import { chooseScenarioGuest, machineOptionsOf, optionsOf, type VmOptions } from './scenario-vms.ts';
import { applyScheduling, checkScheduling } from './scheduling-options.ts';

/** What the physical machine has beyond its guests' RAM, for the hypervisor's page tables. */
const HYPERVISOR_BYTES = 64 * 2 ** 20;
/** Crossings between levels that are kept until they are written: more than there can be in one slice. */
const LEVELS = 1 << 16;
const EPOCH = { high: 0, low: 0 };

export interface OpenedVm extends RunningVm {
  readonly chosen: ChosenGuest;
  readonly options: VmOptions;
  readonly devices: GuestDevices;
  readonly move: Move;
  readonly clone: CloneAfter;
  /** To be called when the VM has moved: what watched it watches on. */
  observe: (() => void) | undefined;
}

export interface ScenarioHost {
  readonly streams: Streams;
  /** What is to be closed when it is over. */
  readonly closing: { close: () => void }[];
  /** Told in one line what becomes of a VM. */
  readonly tell: (name: string, line: string) => void;
  /** Called with a VM that was made in the middle, before it executes anything. */
  readonly joined: (vm: OpenedVm) => void;
}

/** Makes every VM, and the lab with memory for them. @throws UsageError, ImageError */
export function openVms(
  scenario: Scenario,
  file: string,
  host: ScenarioHost,
): { readonly lab: Lab; readonly opened: OpenedVm[] } {
  const machine = machineOptionsOf(scenario, file);
  const prepared = scenario.vms.map((fields, index) => prepare(fields, index, file, machine, host));
  const lab = labFor(prepared, machine);
  const opened: OpenedVm[] = [];
  for (const [index, each] of prepared.entries()) {
    const vm = addVm(lab, each.chosen, index);
    const { options } = each;
    if (vm instanceof HostedVm && options.restore !== undefined) restoreFrom(options.restore, vm);
    if (vm instanceof HostedVm && lab.hypervisor) applyScheduling(options, lab.hypervisor, vm);
    opened.push(watched(each, labVm(lab, vm.id), machine, host, opened));
    if (index === prepared.length - 1 && lab.hypervisor) applyMemory(machine, lab.hypervisor);
    const levels = vm instanceof BareMachine ? vm.levels : undefined;
    if (levels)
      levels.recording = options.traceLevels !== undefined || opened.at(-1)?.expectations.wantsLevels === true;
  }
  return { lab, opened };
}

interface Prepared {
  readonly fields: Pick<ScenarioVm, 'name' | 'type' | 'expect' | 'clone'>;
  readonly options: VmOptions;
  readonly devices: GuestDevices;
  readonly chosen: ChosenGuest;
}

function prepare(
  fields: ScenarioVm,
  index: number,
  file: string,
  machine: VmOptions,
  { streams, closing }: ScenarioHost,
): Prepared {
  const options = optionsOf(fields, file, index);
  const devices = new GuestDevices(options, (message) => streams.complain(`${fields.name}: ${message}`));
  closing.push(devices);
  const chosen = chooseScenarioGuest(fields, options, file, devices);
  const { technique, guest } = chosen;
  const harts = technique === 'bare' ? {} : { physicalHarts: machine.physicalHarts ?? 1 };
  checkScheduling({ ...options, ...harts }, technique, guest.harts);
  checkMoves(options, technique, guest);
  checkClone(options, technique);
  checkLevels(options, technique);
  return { fields, options, devices, chosen };
}

function labFor(prepared: readonly Prepared[], machine: VmOptions): Lab {
  // A copy has as much as its original: it may come to need all of it.
  const memoryBytes = prepared
    .filter(({ chosen }) => chosen.technique !== 'bare')
    .reduce(
      (sum, { chosen, options }) => sum + chosen.guest.memoryBytes * (options.cloneAfter === undefined ? 1 : 2),
      HYPERVISOR_BYTES,
    );
  if (machine.machineMemory === undefined && memoryBytes > 2 ** 31) {
    throw new UsageError(
      'at most 1984M of memory for the VMs of the hypervisor together',
      `${(memoryBytes - HYPERVISOR_BYTES) / 2 ** 20}M`,
      'give them less, make some of them bare, or write "machineMemory"',
    );
  }
  const { physicalHarts } = machine;
  return new Lab({
    host: nodeHost,
    memoryBytes: machine.machineMemory ?? memoryBytes,
    epochNanoseconds: EPOCH,
    levelTraceCapacity: LEVELS,
    quirks: quirksOf(machine.break),
    memory: memoryOptionsOf(machine),
    // Its machine has what any of its guests wants: those with a PLIC lose nothing.
    messageInterrupts: prepared.some(({ chosen }) => chosen.guest.messageInterrupts === true),
    ...(physicalHarts !== undefined && { physicalHarts }),
  });
}

/** A VM with what is typed into it, expected of it and planned for it. @param all those there are: a copy is added to them */
function watched(
  { fields, options, devices, chosen }: Prepared,
  subject: LabVm,
  machine: VmOptions,
  host: ScenarioHost,
  all: OpenedVm[],
): OpenedVm {
  const { name, type, expect } = fields;
  const tell = (line: string) => host.tell(name, line);
  const move = new Move(subject, options, tell, () => {
    opened.observe?.();
    if (subject.hypervisor) applyMemory(machine, subject.hypervisor);
  });
  const clone = new CloneAfter(subject, options.cloneAfter ?? Infinity, tell, (copy) => {
    // It neither moves nor is it saved or copied again.
    const { cloneAfter: _, migrateAfter: __, save: ___, saveAfter: ____, ...left } = options;
    const its = { ...fields.clone, name: cloneNameOf(fields) };
    const joined = watched({ fields: its, options: left, devices, chosen }, copy, machine, host, all);
    all.push(joined);
    host.joined(joined);
  });
  const opened: OpenedVm = {
    ...{ name, subject, tell, chosen, options, devices, move, clone, observe: undefined },
    plans: [clone, move],
    script: scriptOf(subject, type ?? []),
    expectations: new Expectations(subject, expect ?? {}, encodeText),
  };
  return opened;
}

function addVm(lab: Lab, { guest, technique }: ChosenGuest, index: number) {
  try {
    return lab.addVm({ technique, guest });
  } catch (error) {
    if (error instanceof Error && (error.constructor === Error || error instanceof ImageError)) {
      throw new ImageError(`vms[${index}]: ${error.message}`);
    }
    throw error;
  }
}
