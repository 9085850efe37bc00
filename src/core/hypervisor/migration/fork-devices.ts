// The devices of a VM once more, for a copy of it: each in the same slot, with what is behind it forked.

import type { Board, BoardDevices, VirtioDevice } from '../../machine/board.ts';

export const NETWORK_CARD = 1;
export const BALLOON = 5;

/**
 * @param devices what the board was made with
 * @param made numbers of the devices that each VM gets from its hypervisor, and the copy gets too
 * @throws Error, one line for a person, for a device that cannot be in two VMs
 */
export function forkDevices(board: Board, devices: BoardDevices | undefined, made: readonly number[]): BoardDevices {
  const virtio: VirtioDevice[] = [];
  for (const [slot, { transport }] of board.virtio.entries()) {
    if (transport.function === undefined || made.includes(transport.deviceId)) continue;
    const forked = transport.fork();
    if (forked === undefined) {
      throw new Error(
        `expected devices that can be copied, found a ${transport.function.title} that cannot: clone a VM without it`,
      );
    }
    virtio.push({ ...forked, slot });
  }
  const { programmedIo } = devices ?? {};
  if (programmedIo?.network) {
    throw new Error('expected devices that can be copied, found a programmed network card: clone a VM without it');
  }
  const disk = programmedIo?.disk;
  const store = disk && (disk.store.readOnly ? disk.store : disk.store.fork?.());
  if (disk && store === undefined) {
    throw new Error('expected disks that can be copied, found one that is written in place: attach it as a snapshot');
  }
  return { ...devices, virtio, ...(disk && store && { programmedIo: { disk: { ...disk, store } } }) };
}
