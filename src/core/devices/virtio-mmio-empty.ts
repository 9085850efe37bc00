// A virtio-mmio slot with no device in it (virtio 1.2, section 4.2.2; hw/virtio/virtio-mmio.c): enough registers that a driver
// recognises the transport and finds device number 0, "nothing here".

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, DeviceState, RegisterRow, RegisterValue } from './device.ts';
import { interruptProperties, nodeName, registerWindow } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount, DeviceTreeNode } from './device-tree-node.ts';

/** What the board leaves for one slot; QEMU answers in the first half-kilobyte of it. */
export const VIRTIO_MMIO_WINDOW = 0x1000;
export const VIRTIO_MMIO_END = 0x200;

/** `virt`, little-endian. */
export const VIRTIO_MMIO_MAGIC = 0x74726976;
/** `QEMU`, little-endian. */
export const VIRTIO_MMIO_VENDOR = 0x554d4551;
/** QEMU's default transport, the legacy interface (virtio 1.2, section 4.2.4). */
export const VIRTIO_MMIO_LEGACY_VERSION = 1;

/** The identity registers that every slot has, with or without a device. */
export const VIRTIO_MMIO_IDENTITY: readonly RegisterRow[] = [
  row('MagicValue', 0x000, 'The letters "virt": here is a virtio transport.'),
  row('Version', 0x004, '1 is the legacy interface, 2 the modern one.'),
  row('DeviceID', 0x008, 'What the device is; 0 says that the slot is empty.'),
  row('VendorID', 0x00c, 'Who made the device: the letters "QEMU".'),
];

function row(name: string, offset: number, meaning: string): RegisterRow {
  return { name, offset, width: 4, access: 'read-only', meaning };
}

/** The node of a virtio-mmio slot: the same whether a device is in it or not (Linux binding `virtio,mmio`). */
export function describeVirtioSlot(mount: DeviceMount): DeviceTreeNode {
  return {
    name: nodeName('virtio_mmio', mount.base),
    properties: {
      ...interruptProperties(mount),
      reg: registerWindow(mount.base, VIRTIO_MMIO_WINDOW),
      compatible: 'virtio,mmio',
    },
    children: [],
  };
}

export class VirtioMmioEmpty implements DescribedDevice {
  readonly name = 'virtio_mmio';
  readonly size = VIRTIO_MMIO_WINDOW;
  readonly registers = VIRTIO_MMIO_IDENTITY;

  /** A narrow read at a register's own offset gives its low bytes; in between there is nothing, as on QEMU. */
  read(offset: number, width: AccessWidth): number {
    if (offset < 0 || offset >= VIRTIO_MMIO_END || offset % width !== 0) return BUS_ERROR;
    return width === 4 ? look(offset) : look(offset) & ((1 << (8 * width)) - 1);
  }

  write(offset: number, width: AccessWidth, _value: number): boolean {
    return offset >= 0 && offset < VIRTIO_MMIO_END && offset % width === 0;
  }

  reset(): void {
    // Holds nothing.
  }

  inspect(): readonly RegisterValue[] {
    return this.registers.map((register) => ({ row: register, value: look(register.offset) }));
  }

  snapshot(): DeviceState {
    return {};
  }

  restore(_state: DeviceState): void {
    // Holds nothing.
  }

  describe(mount: DeviceMount): DeviceDescription {
    return { node: describeVirtioSlot(mount) };
  }
}

function look(offset: number): number {
  switch (offset) {
    case 0x000:
      return VIRTIO_MMIO_MAGIC;
    case 0x004:
      return VIRTIO_MMIO_LEGACY_VERSION;
    case 0x00c:
      return VIRTIO_MMIO_VENDOR;
    default:
      return 0;
  }
}
