// One VM of a lab, wherever it is now: moved to another machine it is another object under the same number.

import type { Hypervisor } from '../core/hypervisor/hypervisor.ts';
import type { Lab } from '../core/hypervisor/lab.ts';
import type { LiveMigration, MigrationOptions } from '../core/hypervisor/migration/live-migration.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';

export interface LabVm {
  readonly vm: VirtualMachine;
  /** The one that the VM is under now; undefined on the bare machine. */
  readonly hypervisor: Hypervisor | undefined;
  /** The last migration in the lab. */
  readonly migration: LiveMigration | undefined;
  /** Begins to move the VM to a second machine while it runs. @throws Error, RangeError: one line for a person */
  migrate(options: MigrationOptions): LiveMigration;
  /** Makes a copy that goes on from here beside it. @throws Error: one line for a person */
  clone(): LabVm;
}

export const labVm = (lab: Lab, id: number): LabVm => ({
  get vm() {
    return lab.vm(id);
  },
  get hypervisor() {
    return lab.hypervisorOf(lab.vm(id));
  },
  get migration() {
    return lab.migration;
  },
  migrate: (options) => lab.migrate(id, options),
  clone: () => labVm(lab, lab.cloneVm(id).id),
});

/** What types into a VM and reads its console, wherever it is. */
export const followed = (subject: LabVm): Pick<VirtualMachine, 'console' | 'receive' | 'instructions'> => ({
  get console() {
    return subject.vm.console;
  },
  get instructions() {
    return subject.vm.instructions;
  },
  receive: (bytes) => subject.vm.receive(bytes),
});
