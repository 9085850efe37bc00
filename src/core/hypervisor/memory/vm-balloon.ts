// A VM's balloon: a virtio device by which the guest's own kernel gives memory up when the hypervisor asks for it, and the
// hypervisor's hand on it (virtio 1.2, section 5.5). What the guest gives up goes back to the machine at once.

import { virtioBalloon, type VirtioBalloon } from '../../devices/virtio/virtio-balloon.ts';
import type { VirtioObserver } from '../../devices/virtio/virtio-function.ts';
import type { BoardDevices } from '../../machine/board.ts';
import { PAGE_SIZE } from '../../machine/layout.ts';
import type { GuestMemory } from './guest-memory.ts';

export interface BalloonChoice {
  /** Bytes that the guest is asked to give up from the start. */
  readonly targetBytes?: number;
  /** Its virtio slot, 0 to 7. Default: the highest that is left. */
  readonly slot?: number;
  /** Told, in one line, when the device stops because its driver broke a rule. */
  readonly failed?: (message: string) => void;
}

/** How big a balloon is, in bytes. */
export interface BalloonUse {
  /** What the hypervisor wants the guest to have given up. */
  readonly targetBytes: number;
  /** What the guest's driver says that it has given up. */
  readonly actualBytes: number;
}

export class VmBalloon {
  readonly #memory: () => GuestMemory;
  #device: VirtioBalloon | undefined;
  readonly #choice: BalloonChoice;

  /** @param memory the VM's memory, asked for at each request: the board is built before it */
  constructor(memory: () => GuestMemory, choice: BalloonChoice) {
    this.#memory = memory;
    this.#choice = choice;
  }

  get use(): BalloonUse {
    const { target = 0, actual = 0 } = this.#device ?? {};
    return { targetBytes: target * PAGE_SIZE, actualBytes: actual * PAGE_SIZE };
  }

  /** Asks the guest to have given up so much in all; its driver does it when it gets to run. */
  setTarget(bytes: number): void {
    const most = this.#memory().size / PAGE_SIZE;
    this.#device?.setTarget(Math.min(most, Math.max(0, Math.floor(bytes / PAGE_SIZE))));
  }

  /** The guest, with the balloon behind its other virtio devices. */
  attachTo<Guest extends { readonly devices?: BoardDevices }>(guest: Guest): Guest {
    const device = virtioBalloon({
      given: (page) => this.#memory().giveUp(page * PAGE_SIZE),
      taken: (page) => this.#memory().takeBack(page * PAGE_SIZE),
      attached: (made) => {
        this.#device = made;
        const { targetBytes } = this.#choice;
        if (targetBytes !== undefined) made.setTarget(Math.floor(targetBytes / PAGE_SIZE));
      },
    });
    const { failed, slot } = this.#choice;
    const observer: VirtioObserver | undefined = failed && { failed };
    const mounted = { device, ...(slot !== undefined && { slot }), ...(observer && { observer }) };
    return { ...guest, devices: { ...guest.devices, virtio: [...(guest.devices?.virtio ?? []), mounted] } };
  }
}

/** The balloon of a guest that is to have one. */
export const balloonOf = (
  guest: { readonly balloon?: BalloonChoice },
  memory: () => GuestMemory,
): VmBalloon | undefined => guest.balloon && new VmBalloon(memory, guest.balloon);
