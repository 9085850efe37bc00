// The memory a device reaches by itself: the guest's RAM by guest physical address, and nothing else. Whoever mounts a device
// decides what that is (the machine's RAM; a VM's frames); the device never learns where the bytes really lie.

import type { AccessWidth } from '../device.ts';

/** Every access is checked: what is not wholly in the guest's RAM is refused, and nothing was read or written. */
export interface DmaMemory {
  /** Whether all of `length` bytes from a guest physical address on are RAM. Addresses have up to 64 bits. */
  holds(address: number, length: number): boolean;
  /** Copies bytes out of memory. @returns false outside RAM */
  read(address: number, into: Uint8Array): boolean;
  /** Copies bytes into memory, as a store of the guest's: caches of its code are told. @returns false outside RAM */
  write(address: number, from: Uint8Array): boolean;
  /** @returns little-endian, zero-extended, or BUS_ERROR outside RAM */
  load(address: number, width: AccessWidth): number;
  /** Stores the low `width` bytes, little-endian. @returns false outside RAM */
  store(address: number, width: AccessWidth, value: number): boolean;
  /**
   * Makes accesses, and brings what they reach for to where it can be accessed at once. Absent: everything always is.
   * @param access told how to say what else will be accessed: an address and how many bytes
   * @returns ticks for which the device has to wait for it
   */
  fetch?(access: (reach: (address: number, length: number) => void) => void): number;
}

/** A device's 64-bit address from the two registers that hold it. Above 2^53 it is rounded, which is far outside any RAM. */
export const addressOf = (high: number, low: number): number => (high >>> 0) * 2 ** 32 + (low >>> 0);
