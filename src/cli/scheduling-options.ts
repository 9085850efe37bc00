// Options about virtual CPUs and the physical harts they run on, and what they do.

import type { HostedVm } from '../core/hypervisor/hosted-vm.ts';
import type { Hypervisor } from '../core/hypervisor/hypervisor.ts';
import type { Technique } from '../core/hypervisor/virtual-machine.ts';
import { UsageError } from './options.ts';

/** What was said about scheduling. */
export interface SchedulingChoice {
  readonly physicalHarts?: number;
  readonly weight?: readonly number[];
  readonly cap?: readonly number[];
  readonly pin?: readonly number[];
}

/** @throws UsageError where something was said that the bare machine has not, or that does not fit the number of vCPUs */
export function checkScheduling(
  { physicalHarts, weight, cap, pin }: SchedulingChoice,
  technique: Technique,
  vcpus: number,
): void {
  const given = { '--weight': weight, '--cap': cap, '--pin': pin };
  if (technique === 'bare') {
    const all = { '--physical-harts': physicalHarts, ...given };
    const option = Object.entries(all).find(([, said]) => said !== undefined)?.[0];
    if (option === undefined) return;
    throw new UsageError(
      `a technique of the hypervisor with ${option}`,
      'bare',
      'add --technique hardware-assisted or trap-and-emulate, or leave the option out',
    );
  }
  for (const [option, values] of Object.entries(given)) {
    if (values === undefined || values.length === 1 || values.length === vcpus) continue;
    throw new UsageError(
      `one value${vcpus === 1 ? '' : `, or ${vcpus},`} after ${option}`,
      `${values.length}`,
      `the guest has ${vcpus} virtual CPU${vcpus === 1 ? '' : 's'}, see --harts`,
    );
  }
  const missing = pin?.find((mask) => mask % 2 ** (physicalHarts ?? 1) === 0);
  if (missing !== undefined) {
    const last = (physicalHarts ?? 1) - 1;
    throw new UsageError(
      `physical hart${last === 0 ? ' 0' : `s from 0 to ${last}`} after --pin`,
      'none of them',
      'choose others, or have more with --physical-harts',
    );
  }
}

/** Gives each vCPU what was said for it. */
export function applyScheduling({ weight, cap, pin }: SchedulingChoice, hypervisor: Hypervisor, vm: HostedVm): void {
  const of = (values: readonly number[] | undefined, index: number) => values?.[values.length === 1 ? 0 : index];
  for (const vcpu of vm.vcpus) {
    const [w, c, p] = [weight, cap, pin].map((values) => of(values, vcpu.index));
    hypervisor.entitle(vcpu, {
      ...(w !== undefined && { weight: w }),
      ...(c !== undefined && { cap: c }),
      ...(p !== undefined && { pin: p }),
    });
  }
}
