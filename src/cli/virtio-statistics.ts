// What went through each virtio device of a guest, for --stats: the guest's own slots, and the physical ones assigned to it.

import type { VirtioMmio } from '../core/devices/virtio/virtio-mmio.ts';
import type { Hypervisor } from '../core/hypervisor/hypervisor.ts';
import type { VirtualMachine } from '../core/hypervisor/virtual-machine.ts';

export interface VirtioQueueStatistics {
  /** The specification's name, e.g. `requestq`. */
  readonly name: string;
  /** Chains of buffers that the device gave back. */
  readonly requests: number;
  /** QueueNotify was written for it. */
  readonly notifications: number;
  /** Out of the guest and into it, headers included. */
  readonly bytesOut: number;
  readonly bytesIn: number;
}

export interface VirtioStatistics {
  /** E.g. `block device`. */
  readonly name: string;
  /** Physical address at which the guest finds it. */
  readonly address: number;
  /** Whether it is a physical one, assigned to the guest. */
  readonly assigned: boolean;
  /** It stopped, for its driver broke a rule. */
  readonly failed: boolean;
  readonly interrupts: number;
  /** Sums over its queues. */
  readonly requests: number;
  readonly notifications: number;
  readonly queues: readonly VirtioQueueStatistics[];
}

/** @param hypervisor undefined on the bare machine */
export function virtioStatisticsOf(
  vm: VirtualMachine,
  hypervisor: Hypervisor | undefined,
): readonly VirtioStatistics[] {
  const own = vm.board.virtio.map((device) => {
    const mount = vm.board.mounts.find((each) => each.device === device);
    return statisticsOf(device, mount?.base ?? 0, false);
  });
  const assigned = (hypervisor?.passthrough?.assigned ?? [])
    .filter((each) => each.vm === vm.id)
    .map(({ device, guestBase }) => statisticsOf(device, guestBase, true));
  return [...own, ...assigned].filter((each) => each !== undefined).sort((one, other) => one.address - other.address);
}

function statisticsOf({ transport }: VirtioMmio, address: number, assigned: boolean): VirtioStatistics | undefined {
  if (transport.function === undefined) return undefined;
  const { interrupts, queues } = transport.traffic;
  const sum = (of: 'requests' | 'notifications') => queues.reduce((total, queue) => total + queue[of], 0);
  return {
    name: transport.function.title,
    address,
    assigned,
    failed: transport.failed,
    interrupts,
    requests: sum('requests'),
    notifications: sum('notifications'),
    queues: queues.map(({ name, requests, notifications, readable, written }) => ({
      name,
      requests,
      notifications,
      bytesOut: readable,
      bytesIn: written,
    })),
  };
}
