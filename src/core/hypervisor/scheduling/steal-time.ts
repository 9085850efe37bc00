// Steal time as a guest sees it (SBI 2.0, "Steal-time Accounting Extension"): 64 bytes of the guest's memory for each of its
// harts, which the hypervisor brings up to date whenever it puts that vCPU on a hart.
//
//   0  sequence, odd while it is being written     8  steal, 64 bits, nanoseconds
//   4  flags, 0                                    16 preempted: 1 while it could run and does not

import type { DeviceState } from '../../devices/device.ts';
import { adoptState, count, number, WORD, type FieldsOf } from '../../devices/device-state.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';

const BYTES = 64;
/** The machine counts as one of 100 MHz. */
const NANOSECONDS_PER_INSTRUCTION = 10;
const NONE = 0xffff_ffff;

type StealTimeState = { address: number; sequence: number; stolen: number };

export const STEAL_TIME_FIELDS: FieldsOf<StealTimeState> = {
  address: number(-1, Number.MAX_SAFE_INTEGER),
  sequence: WORD,
  stolen: count(2 ** 50),
};

export interface StealTimePorts {
  readonly memory: () => GuestMemory;
  /** Instructions of virtual time that were stolen from the vCPU here so far. */
  readonly stolen: () => number;
}

export class StealTime {
  readonly #ports: StealTimePorts;
  /** Guest physical address; undefined: the guest has given no memory. */
  #address: number | undefined;
  #sequence = 0;
  /** Instructions stolen before the vCPU came here from another machine. */
  #before = 0;

  constructor(ports: StealTimePorts) {
    this.#ports = ports;
  }

  /** Guest physical address of the guest's record; undefined where it has none. */
  get address(): number | undefined {
    return this.#address;
  }

  /**
   * The guest gives memory, or takes it back with an address of all ones.
   * @returns whether the address can be used; `misaligned` where it is no multiple of 64
   */
  share(low: number, high: number): 'done' | 'misaligned' | 'no memory' {
    if (low === NONE && high === NONE) {
      this.#address = undefined;
      return 'done';
    }
    if (low % BYTES !== 0) return 'misaligned';
    const address = high * 2 ** 32 + low;
    const memory = this.#ports.memory();
    if (!memory.holds(address) || !memory.holds(address + BYTES - 1)) return 'no memory';
    if (!memory.write(address, new Uint8Array(BYTES))) return 'no memory';
    this.#address = address;
    this.#sequence = 0;
    this.publish(false);
    return 'done';
  }

  save(): DeviceState {
    const stolen = this.#ports.stolen() + this.#before;
    return { address: this.#address ?? -1, sequence: this.#sequence, stolen };
  }

  /** @throws Error where it is not the state of this */
  restore(saved: DeviceState): void {
    const { address, sequence, stolen } = adoptState('steal time', STEAL_TIME_FIELDS, saved);
    const memory = this.#ports.memory();
    const shared = address >= 0 && address % BYTES === 0 && memory.holds(address) && memory.holds(address + BYTES - 1);
    this.#address = shared ? address : undefined;
    this.#sequence = sequence;
    this.#before = stolen - this.#ports.stolen();
  }

  /** The vCPU begins anew: what it had shared is forgotten. */
  reset(): void {
    this.#address = undefined;
  }

  /** Brings the guest's record up to date, where there is one. @param preempted the vCPU leaves its hart although it could execute */
  publish(preempted: boolean): void {
    const address = this.#address;
    if (address === undefined) return;
    const nanoseconds = (this.#ports.stolen() + this.#before) * NANOSECONDS_PER_INSTRUCTION;
    const bytes = new Uint8Array(17);
    const view = new DataView(bytes.buffer);
    // Nobody of the guest executes meanwhile on this vCPU, but another of its vCPUs may read: the number is even again at the end.
    this.#sequence = (this.#sequence + 2) >>> 0;
    view.setUint32(0, this.#sequence, true);
    view.setUint32(8, nanoseconds % 2 ** 32, true);
    view.setUint32(12, Math.floor(nanoseconds / 2 ** 32), true);
    bytes[16] = preempted ? 1 : 0;
    this.#ports.memory().write(address, bytes);
  }
}
