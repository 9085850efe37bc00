// The VMs of a scenario as `ringside run` would make them: each field is read by the option of the same name, so what an
// option takes, a scenario takes.

import { dirname, isAbsolute, join } from 'node:path';
import { machineFields, vmFields, type Scenario, type ScenarioVm } from '../protocol/scenario/scenario.ts';
import type { GuestDevices } from './guest-devices.ts';
import { chooseGuest, type ChosenGuest } from './guest-source.ts';
import { quoted, UsageError, type Given, type OptionRow } from './options.ts';
import { runOptions } from './run-options.ts';
import { ValueError } from '../protocol/option-values/values.ts';

export type VmOptions = Given<typeof runOptions>;
/** Every field but `image`, which is an operand there: a field that is no option does not compile here. */
type OptionName = Exclude<keyof typeof vmFields, 'image'>;
type MachineName = keyof typeof machineFields;
const vmNames = Object.keys(vmFields).filter((name) => name !== 'image') as readonly OptionName[];
const machineNames = Object.keys(machineFields) as readonly MachineName[];
const rows: Readonly<Record<OptionName | MachineName, OptionRow<unknown>>> = runOptions;

/** Fields that begin with a path. */
const PATHS: ReadonlySet<string> = new Set<OptionName | 'image'>([
  'image',
  'firmware',
  'initrd',
  'restore',
  'disk',
  'share',
]);

const besideFile = (file: string, path: string): string => (isAbsolute(path) ? path : join(dirname(file), path));

/**
 * The options that a VM's fields stand for.
 * @param file the scenario's; paths of what is read are relative to it
 * @param index of the VM, for messages
 * @throws UsageError
 */
export const optionsOf = (vm: ScenarioVm, file: string, index: number): VmOptions =>
  read(vmNames, vm, file, `vms[${index}].`);

/** The options that say what the hypervisor's machine is. @throws UsageError */
export const machineOptionsOf = (scenario: Scenario, file: string): VmOptions => read(machineNames, scenario, file, '');

function read<Name extends OptionName | MachineName>(
  names: readonly Name[],
  fields: Readonly<Partial<Record<Name, string | readonly string[]>>>,
  file: string,
  where: string,
): VmOptions {
  const options: Record<string, unknown> = {};
  for (const name of names) {
    const given: string | readonly string[] | undefined = fields[name];
    if (given === undefined) continue;
    const row = rows[name];
    const texts = typeof given === 'string' ? [given] : given;
    const values = texts.map((each, at) => {
      const text = PATHS.has(name) ? besideFile(file, each) : each;
      const place = `${where}${name}${typeof given === 'string' ? '' : `[${at}]`}`;
      return readAt(place, row, text, each);
    });
    options[name] = row.repeated === true ? values.flat() : values.at(-1);
  }
  return options;
}

function readAt(place: string, row: OptionRow<unknown>, text: string, written: string): unknown {
  try {
    return row.read(text);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new UsageError(`${error.expected} at ${place}`, quoted(written), error.advice);
  }
}

/** Reads everything a VM is made of. @throws UsageError, ImageError */
export function chooseScenarioGuest(
  vm: ScenarioVm,
  options: VmOptions,
  file: string,
  devices: GuestDevices,
): ChosenGuest {
  return chooseGuest(vm.image === undefined ? [] : [besideFile(file, vm.image)], options, devices);
}
