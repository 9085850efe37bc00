// A device tree as a plain value, and what a device must be told to write its own node.
// It lives here because `devices` imports nothing: a device knows its binding (`compatible`, `reg`), the board knows the addresses.

import type { Device } from './device.ts';

/**
 * A property's value, in the forms of the Devicetree Specification 0.4, section 2.2.4:
 * `true` is `<empty>`, a string `<string>`, strings `<stringlist>`, numbers big-endian 32-bit `<u32>` cells, bytes `<prop-encoded-array>`.
 */
export type DeviceTreeValue = true | string | readonly string[] | readonly number[] | Uint8Array;

export interface DeviceTreeNode {
  /** `node-name@unit-address` (section 2.2.1); the root's is empty. */
  readonly name: string;
  readonly properties: Readonly<Record<string, DeviceTreeValue>>;
  readonly children: readonly DeviceTreeNode[];
}

/** Where a device is mounted, as its node needs to know it. */
export interface DeviceMount {
  /** Physical address of the window. */
  readonly base: number;
  /** The source number at the interrupt controller, if the device has a line to it. */
  readonly interrupt?: number;
  /** Phandle of the interrupt controller that `interrupt` is a source of. */
  readonly interruptController?: number;
  /** Second cell of an interrupt at controllers that want one: how the wire asks. */
  readonly interruptTrigger?: number;
  /** Phandle of where an interrupt controller sends its messages, and of its child domain. */
  readonly msiParent?: number;
  readonly child?: number;
  /** This node's own phandle; present for a device that `provides` something. */
  readonly phandle?: number;
  /** Phandles of the harts' own interrupt controllers, in hart order. */
  readonly hartInterruptControllers: readonly number[];
}

export interface DeviceDescription {
  /** The node under `/soc`. */
  readonly node: DeviceTreeNode;
  /** Nodes under `/` that belong to the device, e.g. `poweroff`. */
  readonly companions?: readonly DeviceTreeNode[];
  /** True for the device that `/chosen/stdout-path` should name. */
  readonly console?: boolean;
}

/** A device that can write its own device-tree node. */
export interface DescribedDevice extends Device {
  /** What other nodes point at this one for; such a device is given a phandle. */
  readonly provides?: 'interrupt-controller' | 'msi-controller' | 'syscon';
  /** An interrupt of this controller has a second cell, and this is it for the board's devices. */
  readonly interruptTrigger?: number;
  describe(mount: DeviceMount): DeviceDescription;
}

/** `name@unit-address`, the address in lower-case hexadecimal without leading zeros. */
export function nodeName(name: string, base: number): string {
  return `${name}@${base.toString(16)}`;
}

/** `reg` for the `#address-cells = <2>; #size-cells = <2>` of the `virt` board's bus. */
export function registerWindow(base: number, size: number): readonly number[] {
  return [0, base, 0, size];
}

/**
 * The node of a device that has one window and, where it is wired to the board's interrupt controller, one source there.
 * The order of the properties is that of QEMU's tree.
 * @param own what stands there between the wiring and the window
 */
export function deviceNode(
  { name, size }: Pick<Device, 'name' | 'size'>,
  mount: DeviceMount,
  compatible: DeviceTreeValue,
  own: DeviceTreeNode['properties'] = {},
): DeviceTreeNode {
  const properties = { ...wiring(mount), ...own, reg: registerWindow(mount.base, size), compatible };
  return { name: nodeName(name, mount.base), properties, children: [] };
}

/** The two properties that wire a device to the board's interrupt controller; none where it is not wired. */
function wiring({ interrupt, interruptTrigger, interruptController }: DeviceMount): DeviceTreeNode['properties'] {
  if (interrupt === undefined || interruptController === undefined) return {};
  const trigger = interruptTrigger === undefined ? [] : [interruptTrigger];
  return { interrupts: [interrupt, ...trigger], 'interrupt-parent': [interruptController] };
}
