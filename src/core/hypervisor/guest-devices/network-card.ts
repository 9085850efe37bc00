// How a card on the network comes onto a guest's board.

import type { BoardDevices, VirtioDevice } from '../../machine/board.ts';
import type { NetworkCard } from './virtual-network.ts';

/**
 * The guest with a card: on its board, behind the other devices, or a physical one of its own.
 * @param assigned whether it is a physical one
 * @throws Error for a card by programmed I/O as a physical one
 */
export function withNetworkCard<
  Guest extends { readonly devices?: BoardDevices; readonly assigned?: readonly VirtioDevice[] },
>(guest: Guest, card: NetworkCard, assigned = false): Guest {
  const { devices } = guest;
  if (card.kind === 'programmed') {
    if (assigned)
      throw new Error('expected a virtio card to pass through, found programmed I/O: choose one of the two');
    return { ...guest, devices: { ...devices, programmedIo: { ...devices?.programmedIo, network: card.device } } };
  }
  if (assigned) return { ...guest, assigned: [...(guest.assigned ?? []), card.device] };
  return { ...guest, devices: { ...devices, virtio: [...(devices?.virtio ?? []), card.device] } };
}
