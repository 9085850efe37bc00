// The device tree of the `virt` board, made from what is mounted on it: each device writes its own node, this file adds what belongs to
// no device. Node for node as QEMU 7.2 generates it (hw/riscv/virt.c, create_fdt), phandle numbers and order included: Linux numbers
// disks and network cards in that order.

import { nodeName, registerWindow } from '../devices/device-tree-node.ts';
import type { DescribedDevice, DeviceTreeNode } from '../devices/device-tree-node.ts';

/** Ticks of `mtime` per second. */
export const TIMEBASE_FREQUENCY = 10_000_000;

export interface BoardMount {
  readonly device: DescribedDevice;
  /** Physical address of the device's window. */
  readonly base: number;
  /** Its source at the interrupt controller. */
  readonly interrupt?: number;
  /** For an interrupt controller: where it sends its messages, and the domain below it. */
  readonly msiParent?: DescribedDevice;
  readonly child?: DescribedDevice;
}

export interface BoardDescription {
  readonly harts: number;
  /** As in `riscv,isa`, e.g. `rv32ima_zicsr_zifencei_sstc`. */
  readonly isa: string;
  /** Physical address and bytes. */
  readonly memoryBase: number;
  readonly memorySize: number;
  /** In QEMU's order of creation: CLINT, PLIC, virtio slots upwards, finisher, UART, RTC. */
  readonly mounts: readonly BoardMount[];
  /** The kernel's command line. */
  readonly bootargs?: string;
  /** Physical addresses of the first byte and of the one behind the last. */
  readonly initrd?: { readonly start: number; readonly end: number };
  /** 32 bytes for the guest's random numbers. QEMU makes them up; here the same seed gives the same run, and none is the default. */
  readonly rngSeed?: Uint8Array;
}

/** The tree of the whole board; give it to `buildDeviceTree`. */
export function boardDeviceTree(board: BoardDescription): DeviceTreeNode {
  // QEMU counts phandles up from the last hart to the first: the hart, then its interrupt controller; then what others point at.
  const hartPhandle = (hart: number): number => 2 * (board.harts - 1 - hart) + 1;
  const harts = Array.from({ length: board.harts }, (_, hart) => hart);
  const hartInterruptControllers = harts.map((hart) => hartPhandle(hart) + 1);
  let lastPhandle = 2 * board.harts;
  const phandles = new Map<DescribedDevice, number>();
  for (const kind of ['msi-controller', 'interrupt-controller', 'syscon'] as const) {
    for (const { device } of board.mounts) {
      if (device.provides !== kind) continue;
      lastPhandle += 1;
      phandles.set(device, lastPhandle);
    }
  }
  // Of several, devices name the last: the supervisor's.
  const controller = board.mounts.findLast(({ device }) => device.provides === 'interrupt-controller')?.device;
  const interruptController = controller === undefined ? undefined : phandles.get(controller);
  const interruptTrigger = controller?.interruptTrigger;

  const descriptions = board.mounts.map(({ device, base, interrupt, ...to }) => {
    const phandle = phandles.get(device);
    const msiParent = to.msiParent && phandles.get(to.msiParent);
    const child = to.child && phandles.get(to.child);
    return device.describe({
      base,
      hartInterruptControllers,
      ...(interrupt === undefined ? {} : { interrupt }),
      ...(interruptController === undefined ? {} : { interruptController }),
      ...(interruptTrigger === undefined ? {} : { interruptTrigger }),
      ...(phandle === undefined ? {} : { phandle }),
      ...(msiParent === undefined ? {} : { msiParent }),
      ...(child === undefined ? {} : { child }),
    });
  });
  const consoleNode = descriptions.find((description) => description.console === true)?.node;

  const chosen: DeviceTreeNode = {
    name: 'chosen',
    properties: {
      ...(board.initrd && {
        'linux,initrd-end': [board.initrd.end],
        'linux,initrd-start': [board.initrd.start],
      }),
      ...(board.rngSeed && { 'rng-seed': board.rngSeed }),
      ...(board.bootargs !== undefined && { bootargs: board.bootargs }),
      ...(consoleNode && { 'stdout-path': `/soc/${consoleNode.name}` }),
    },
    children: [],
  };

  return {
    name: '',
    properties: {
      '#address-cells': [2],
      '#size-cells': [2],
      compatible: 'riscv-virtio',
      model: 'riscv-virtio,qemu',
    },
    children: [
      chosen,
      ...descriptions.flatMap((description) => description.companions ?? []),
      {
        name: nodeName('memory', board.memoryBase),
        properties: { device_type: 'memory', reg: registerWindow(board.memoryBase, board.memorySize) },
        children: [],
      },
      {
        name: 'cpus',
        properties: { '#address-cells': [1], '#size-cells': [0], 'timebase-frequency': [TIMEBASE_FREQUENCY] },
        children: [
          ...harts.map((hart) => hartNode(hart, hartPhandle(hart), board.isa)),
          hartMap(harts.map(hartPhandle)),
        ],
      },
      {
        name: 'soc',
        properties: { '#address-cells': [2], '#size-cells': [2], compatible: 'simple-bus', ranges: true },
        // QEMU puts each new node before the earlier ones.
        children: descriptions.map(({ node }) => node).reverse(),
      },
    ],
  };
}

/**
 * The same in the two properties that newer QEMU writes as well, and that newer kernels want (Linux
 * Documentation/devicetree/bindings/riscv/extensions.yaml).
 */
function extensionsOf(isa: string): Readonly<Record<string, string | readonly string[]>> {
  const [base = '', ...long] = isa.split('_');
  const [, width = '', letters = ''] = /^(rv\d+)(.*)$/.exec(base) ?? [];
  return { 'riscv,isa-base': `${width}i`, 'riscv,isa-extensions': [...letters, ...long] };
}

function hartNode(hart: number, phandle: number, isa: string): DeviceTreeNode {
  return {
    name: nodeName('cpu', hart),
    properties: {
      phandle: [phandle],
      device_type: 'cpu',
      reg: [hart],
      status: 'okay',
      compatible: 'riscv',
      'riscv,isa': isa,
      ...extensionsOf(isa),
      'mmu-type': 'riscv,sv32',
    },
    children: [
      {
        name: 'interrupt-controller',
        properties: {
          '#interrupt-cells': [1],
          'interrupt-controller': true,
          compatible: 'riscv,cpu-intc',
          phandle: [phandle + 1],
        },
        children: [],
      },
    ],
  };
}

function hartMap(phandles: readonly number[]): DeviceTreeNode {
  const cores = phandles.map((phandle, hart): DeviceTreeNode => {
    return { name: `core${hart}`, properties: { cpu: [phandle] }, children: [] };
  });
  return { name: 'cpu-map', properties: {}, children: [{ name: 'cluster0', properties: {}, children: cores }] };
}
