// What a machine with a hypervisor has for its guests besides harts and memory: the network that their cards are on, and the
// physical devices that are passed through to them. Each comes to be when the first guest asks for it.

import { slotsLeft, type Board } from '../../machine/board.ts';
import type { Machine } from '../../machine/machine.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import type { HostMemory } from '../memory/host-memory.ts';
import { withNetworkCard } from './network-card.ts';
import { Passthrough, type AssignedDevices } from './passthrough.ts';
import type { HostedTechnique } from '../virtual-machine.ts';
import type { VirtualNetwork } from './virtual-network.ts';

export interface SharedDevicesPorts {
  readonly machine: Machine;
  readonly memory: HostMemory;
  /** Number of the exit that the hypervisor handles at the moment, if it handles one. */
  readonly exit: () => number | undefined;
}

export class SharedDevices {
  readonly #ports: SharedDevicesPorts;
  #network: VirtualNetwork | undefined;
  #passthrough: Passthrough | undefined;
  /** The network of another machine that the guests are on, where this one has none itself. */
  #joined: VirtualNetwork | undefined;

  constructor(ports: SharedDevicesPorts) {
    this.#ports = ports;
  }

  /** Undefined until a guest has a card. */
  get network(): VirtualNetwork | undefined {
    return this.#network;
  }
  /** Undefined until a guest has a physical device. */
  get passthrough(): Passthrough | undefined {
    return this.#passthrough;
  }
  /** The network that the guests have their cards on, here or on another machine. */
  get cards(): VirtualNetwork | undefined {
    return this.#network ?? this.#joined;
  }

  /** The guests' cards are on the network of another machine, in whose time it lives. */
  join(network: VirtualNetwork): void {
    if (network !== this.#network) this.#joined = network;
  }

  /**
   * The guest, with a card on the network if it wants one.
   * @param held as for `VirtualNetwork.connect`
   */
  withCard(vm: number, guest: GuestImage, held: () => boolean): GuestImage {
    const { network: choice } = guest;
    if (choice === undefined) return guest;
    const { machine, exit } = this.#ports;
    this.#network ??= choice.makeNetwork({ now: () => machine.now, exit });
    return withNetworkCard(guest, this.#network.connect(vm, choice, held), choice.assigned);
  }

  /** Passes the guest's physical devices through to it. @param board the guest's own @throws Error where that cannot be */
  assign(vm: number, technique: HostedTechnique, guest: GuestImage, board: Board): AssignedDevices {
    const { assigned = [] } = guest;
    if (technique !== 'hardware-assisted') {
      throw new Error(
        `expected the technique hardware-assisted for a device that is passed through, found ${technique}: only two-stage translation leads a guest to a device and the device to its memory; choose that, or virtio`,
      );
    }
    this.#passthrough ??= new Passthrough(this.#ports.machine, this.#ports.memory);
    const places = slotsLeft(guest.devices ?? {}, assigned.length).map((slot) => {
      const mount = board.mounts.find(({ device }) => device === board.virtio[slot]);
      return {
        guestBase: mount?.base ?? 0,
        guestSource: mount?.interrupt ?? 0,
        wire: board.plic?.line(mount?.interrupt ?? 0),
      };
    });
    const version = guest.devices?.virtioVersion ?? 'legacy';
    return this.#passthrough.plug(
      vm,
      assigned.map((device) => ({ version, ...device })),
      places,
    );
  }

  /** What is due happens. To be called while no guest executes. */
  elapse(): void {
    this.#network?.elapse();
    this.#passthrough?.poll();
  }

  /** Machine ticks at which something happens by itself. */
  deadline(): number {
    return Math.min(this.#network?.deadline() ?? Infinity, this.#passthrough?.deadline() ?? Infinity);
  }
}
