// The machines that hypervisors share out: A, made when the first VM needs it, and B, made when the first VM moves there. VMs
// move between them while they run, and are copied on the one they are on.

import { Cluster } from './cluster.ts';
import type { Computer } from './computer.ts';
import type { GuestImage } from './firmware/guest-boot.ts';
import type { HostedVm } from './hosted-vm.ts';
import type { Hypervisor } from './hypervisor.ts';
import { BALLOON, forkDevices, NETWORK_CARD } from './migration/fork-devices.ts';
import { LiveMigration, type MigrationOptions } from './migration/live-migration.ts';
import { withNetworkCard } from './guest-devices/network-card.ts';
import type { VirtualNetwork } from './guest-devices/virtual-network.ts';

export type MachineName = 'A' | 'B';

export class Machines {
  readonly #make: (name: MachineName) => Hypervisor;
  #cluster: Cluster | undefined;
  #migration: LiveMigration | undefined;

  /** @param make a machine with its hypervisor, as it is when it is switched on */
  constructor(make: (name: MachineName) => Hypervisor) {
    this.#make = make;
  }

  /** Those that there are: A first. */
  get all(): readonly Hypervisor[] {
    return this.#cluster?.machines ?? [];
  }
  /** All of them, as the host drives them. */
  get computer(): Computer | undefined {
    return this.#cluster;
  }
  get first(): Hypervisor | undefined {
    return this.#cluster?.first;
  }
  /** The network of all VMs: it lives in the time of machine A. */
  get network(): VirtualNetwork | undefined {
    return this.first?.network;
  }
  /** The migration under way, or the last one. */
  get migration(): LiveMigration | undefined {
    return this.#migration;
  }

  /** Machine A, switched on if it was not. */
  switchOn(): Hypervisor {
    const passage = {
      deadline: () => this.#migration?.deadline() ?? Infinity,
      elapse: () => this.#migration?.elapse(),
    };
    this.#cluster ??= new Cluster(this.#make('A'), passage);
    return this.#cluster.first;
  }

  /** All machines go, to be made anew when a VM needs them. To be called while none has a VM. */
  switchOff(): void {
    this.#cluster = undefined;
    this.#migration = undefined;
  }

  vm(id: number): HostedVm | undefined {
    for (const { vms } of this.all) {
      const vm = vms.get(id);
      if (vm) return vm;
    }
    return undefined;
  }

  /** @throws Error for a VM that is on none of them */
  of(vm: HostedVm): Hypervisor {
    const found = this.all.find(({ vms }) => vms.get(vm.id) === vm);
    if (found === undefined)
      throw new Error(`expected VM ${vm.id} on machine A or B, found it on neither: it was removed`);
    return found;
  }

  nameOf(vm: HostedVm): MachineName {
    return this.of(vm) === this.first ? 'A' : 'B';
  }

  /**
   * Begins to move a VM to the other machine while it runs, under its number, with its console and its network connection.
   * @param guest what it was made from; its disks are shared between the machines, as on a storage network
   * @throws Error, one line for a person, where it cannot begin; then nothing has changed
   */
  migrate(vm: HostedVm, guest: GuestImage, options: MigrationOptions): LiveMigration {
    if (this.#migration?.active === true) {
      throw new Error(
        `expected one migration at a time, found VM ${this.#migration.vm} under way: wait for it or cancel it`,
      );
    }
    mayTravel(vm, guest);
    const source = this.of(vm);
    const destination = this.#other(source);
    const { network: _, ...rest } = guest;
    const card = this.network?.spare(vm.id, () => !target.control.running || target.moving);
    const target: HostedVm = destination.prepare(
      vm.id,
      vm.technique,
      card ? withNetworkCard(rest, card.card) : rest,
      vm.console,
    );
    try {
      this.#migration = new LiveMigration(
        {
          now: () => source.now,
          source: vm,
          destination: target,
          withhold: (withheld) => source.throttle(vm, withheld),
          stop: () => source.suspend(vm),
          resume: () => source.resume(vm),
          complete: () => {
            target.control.adopt(vm.control);
            target.setBreakpoints(vm.control.breakpoints);
            target.userCalls = vm.userCalls;
            card?.plugIn();
            source.handOver(vm);
            destination.admit(target);
            for (const { index, schedule } of vm.vcpus) {
              destination.entitle(target.vcpu(index), destination.fitting(schedule.entitlement));
            }
          },
          abandon: () => destination.handOver(target),
        },
        options,
      );
    } catch (error) {
      destination.handOver(target);
      throw error;
    }
    return this.#migration;
  }

  /**
   * A copy of a VM on the same machine: it shares the frames of its memory until one of the two writes to them, has copies of its
   * disks, and its console says what the other one's has said. Its network card has a port and an address of its own, and the
   * cable is pulled out: its kernel believes in the other one's addresses, and two stations with one address harm each other.
   * @throws Error, one line for a person, where it cannot be copied; then nothing has changed
   */
  clone(vm: HostedVm, id: number, guest: GuestImage): { readonly clone: HostedVm; readonly guest: GuestImage } {
    mayTravel(vm, guest);
    const machine = this.of(vm);
    const made = [...(guest.network ? [NETWORK_CARD] : []), ...(vm.balloon ? [BALLOON] : [])];
    const forked: GuestImage = {
      ...guest,
      devices: forkDevices(vm.board, guest.devices, made),
      ...(guest.network && { network: { ...guest.network, link: { ...guest.network.link, connected: false } } }),
    };
    const clone = machine.prepare(id, vm.technique, forked);
    try {
      if (!clone.memory.pages.shareFrom(vm.memory.pages))
        throw new Error('expected free machine memory for the copy, found none: remove a VM');
      clone.restoreState(vm.saveState());
    } catch (error) {
      machine.removeVm(clone);
      throw error;
    }
    for (const byte of vm.console.read(0, Infinity).bytes) clone.console.write(byte);
    if (vm.control.running) clone.control.run();
    else clone.control.hold({ kind: 'pause', sentence: `It is a copy of VM ${vm.id}, which stood here.` });
    machine.admit(clone);
    return { clone, guest: forked };
  }

  /** The VM goes from the machine it is on; if it was about to move, it does not. */
  remove(vm: HostedVm): void {
    this.#giveUp(vm, 'The VM was removed.');
    this.of(vm).removeVm(vm);
  }

  reset(vm: HostedVm): void {
    this.#giveUp(vm, 'The VM was reset.');
    this.of(vm).resetVm(vm);
  }

  #giveUp(vm: HostedVm, why: string): void {
    if (this.#migration?.vm === vm.id) this.#migration.cancel(why);
  }

  #other(source: Hypervisor): Hypervisor {
    const cluster = this.#cluster;
    if (cluster === undefined) throw new Error('expected a machine, found none');
    if (source !== cluster.first) return cluster.first;
    if (cluster.second === undefined) cluster.join(this.#make('B'));
    const second = cluster.second ?? source;
    if (second.vms.size === 0) second.skipTo(source.now);
    if (this.network) second.joinNetwork(this.network);
    return second;
  }
}

/** A physical device stays in its machine, and in one VM. @throws Error, one line for a person */
function mayTravel(vm: HostedVm, guest: GuestImage): void {
  if (vm.ending) throw new Error(`expected a guest that runs, found one that has ended: ${vm.ending.message}`);
  if ((guest.assigned?.length ?? 0) === 0 && guest.network?.assigned !== true) return;
  throw new Error(
    'expected a VM without physical devices, found one with some assigned to it: they cannot move or be copied',
  );
}
