// Finds the device behind a physical address. Knows no RAM: whoever owns memory looks there first.

import { BUS_ERROR, type AccessWidth, type Device } from '../devices/device.ts';

export interface Mount {
  readonly device: Device;
  /** Physical address of the window's first byte. */
  readonly base: number;
  /** Number of the device's wire at the PLIC. */
  readonly interrupt?: number;
}

export class DeviceBus {
  readonly mounts: readonly Mount[];
  /** Where the last search ended: the next one mostly ends there too. */
  #last: Mount | undefined;
  readonly #written: (device: Device) => void;

  /** @param written called after every store a device took */
  constructor(mounts: readonly Mount[], written: (device: Device) => void) {
    this.mounts = mounts;
    this.#written = written;
  }

  /** The mount whose window holds a physical address. */
  find(physical: number): Mount | undefined {
    if (this.#last !== undefined && holds(this.#last, physical)) return this.#last;
    for (const mount of this.mounts) if (holds(mount, physical)) return (this.#last = mount);
    return undefined;
  }

  /** A device was put in another one's place. */
  remounted(): void {
    this.#last = undefined;
  }

  covers(physical: number): boolean {
    return this.find(physical) !== undefined;
  }

  /** A load with side effects. @returns the value zero-extended, or BUS_ERROR */
  read(physical: number, width: AccessWidth): number {
    const mount = this.find(physical);
    if (mount === undefined || physical + width > mount.base + mount.device.size) return BUS_ERROR;
    return mount.device.read(physical - mount.base, width);
  }

  /** A store. @returns false where nothing takes it */
  write(physical: number, width: AccessWidth, value: number): boolean {
    const mount = this.find(physical);
    if (mount === undefined || physical + width > mount.base + mount.device.size) return false;
    const taken = mount.device.write(physical - mount.base, width, value);
    this.#written(mount.device);
    return taken;
  }
}

const holds = ({ base, device }: Mount, physical: number): boolean => physical >= base && physical < base + device.size;
