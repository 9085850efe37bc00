// One virtio-mmio slot of the board (virtio 1.2, section 4.2): a window of registers, the configuration space of the device
// that is in the slot, and the slot's node in the device tree. An empty slot says that it is empty.

import { BUS_ERROR } from '../device.ts';
import type { AccessWidth, DeviceState, RegisterValue, TimedDevice } from '../device.ts';
import { deviceNode } from '../device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from '../device-tree-node.ts';
import type { VirtioFunction } from './virtio-function.ts';
import {
  IDENTITY_REGISTERS,
  LEGACY_REGISTERS,
  MODERN_REGISTERS,
  type TransportRegister,
} from './virtio-mmio-registers.ts';
import { VirtioTransport, type VirtioPorts } from './virtio-transport.ts';

/** What the board leaves for one slot; QEMU answers in the first half-kilobyte of it. */
const VIRTIO_MMIO_WINDOW = 0x1000;
const ANSWERED_BYTES = 0x200;
const CONFIGURATION = 0x100;

export class VirtioMmio implements DescribedDevice, TimedDevice {
  readonly name = 'virtio_mmio';
  readonly size = VIRTIO_MMIO_WINDOW;
  readonly registers: readonly TransportRegister[];
  readonly transport: VirtioTransport;
  readonly #byOffset: ReadonlyMap<number, TransportRegister>;

  constructor(ports: VirtioPorts) {
    this.transport = new VirtioTransport(ports);
    const all = ports.version === 'legacy' ? LEGACY_REGISTERS : MODERN_REGISTERS;
    this.registers = this.function === undefined ? IDENTITY_REGISTERS : all;
    this.#byOffset = new Map(this.registers.map((register) => [register.offset, register]));
  }

  /** The device in the slot, if there is one. */
  get function(): VirtioFunction | undefined {
    return this.transport.function;
  }

  get occupied(): boolean {
    return this.function !== undefined;
  }

  read(offset: number, width: AccessWidth): number {
    if (offset < 0 || offset >= ANSWERED_BYTES || offset % width !== 0) return BUS_ERROR;
    if (this.function !== undefined && offset >= CONFIGURATION) return this.#readConfiguration(offset, width);
    const register = this.#byOffset.get(offset);
    if (register?.look === undefined) return 0;
    const value = register.look(this.transport) >>> 0;
    if (width === 4) return value;
    // On QEMU a device's registers are words; those of an empty slot give their low bytes as well.
    return this.function === undefined ? value & ((1 << (8 * width)) - 1) : 0;
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (offset < 0 || offset >= ANSWERED_BYTES || offset % width !== 0) return false;
    if (offset >= CONFIGURATION) this.#writeConfiguration(offset, width, value);
    else if (width === 4) this.#byOffset.get(offset)?.store?.(this.transport, value >>> 0);
    return true;
  }

  reset(): void {
    this.transport.reset();
  }

  deadline(): number {
    return this.transport.deadline();
  }

  elapse(): void {
    this.transport.elapse();
  }

  inspect(): readonly RegisterValue[] {
    return this.registers.map((row) => ({ row, value: (row.look?.(this.transport) ?? 0) >>> 0 }));
  }

  snapshot(): DeviceState {
    return this.transport.snapshot();
  }

  restore(state: DeviceState): void {
    this.transport.restore(state);
  }

  /** The node of a slot: the same whether a device is in it or not (Linux binding `virtio,mmio`). */
  describe(mount: DeviceMount): DeviceDescription {
    return { node: deviceNode(this, mount, 'virtio,mmio') };
  }

  /** Little-endian bytes of the device's own space; all ones behind its end, as on QEMU. */
  #readConfiguration(offset: number, width: AccessWidth): number {
    const bytes = this.function?.configuration() ?? new Uint8Array(0);
    const from = offset - CONFIGURATION;
    if (from + width > bytes.length) return 2 ** (8 * width) - 1;
    let value = 0;
    for (let index = width - 1; index >= 0; index--) value = value * 256 + (bytes[from + index] ?? 0);
    return value;
  }

  #writeConfiguration(offset: number, width: AccessWidth, value: number): void {
    const bytes = Uint8Array.from({ length: width }, (_, index) => value >>> (8 * index));
    this.function?.configure?.(offset - CONFIGURATION, bytes);
  }
}
