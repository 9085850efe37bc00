// The `virt` board: which device lies where, and on which wire (QEMU hw/riscv/virt.c). The physical machine and every VM
// have one; what drives the wires' far ends — a hart, or a hypervisor — is for the ports to say.

import { Aclint } from '../devices/aclint.ts';
import type { BlockStore } from '../devices/block-store.ts';
import type { Aplic } from '../devices/aplic.ts';
import type { Clock, InterruptLine, TimedDevice } from '../devices/device.ts';
import type { DescribedDevice } from '../devices/device-tree-node.ts';
import { GoldfishRtc } from '../devices/goldfish-rtc.ts';
import type { Imsics } from '../devices/imsics.ts';
import { Iommu, type IommuPorts } from '../devices/iommu.ts';
import type { Plic } from '../devices/plic.ts';
import { ProgrammedIoDisk } from '../devices/programmed-io-disk.ts';
import { ProgrammedIoNetwork, type ProgrammedIoNetworkPorts } from '../devices/programmed-io-network.ts';
import { TestFinisher, type FinisherOutcome } from '../devices/test-finisher.ts';
import { Uart16550 } from '../devices/uart16550.ts';
import { toNumber, type Unsigned64 } from '../devices/unsigned64.ts';
import type { DmaMemory } from '../devices/virtio/dma-memory.ts';
import type { VirtioFactory, VirtioObserver } from '../devices/virtio/virtio-function.ts';
import type { VirtioVersion } from '../devices/virtio/virtio-mmio-registers.ts';
import { VirtioMmio } from '../devices/virtio/virtio-mmio.ts';
import type { InterruptFiles } from '../isa/interrupt-files.ts';
import { Line, makeControllers, type ControllerPorts, type MessageInterrupts } from './board-interrupts.ts';
import type { BoardMount } from './device-tree-board.ts';
import { DeviceBus } from './device-bus.ts';

export { Line, type MessageInterrupts };

const UART_INTERRUPT = 10;
const RTC_INTERRUPT = 11;
const DISK_INTERRUPT = 12;
const NETWORK_INTERRUPT = 13;
/** QEMU's, of its riscv-iommu-sys device. */
const IOMMU_INTERRUPT = 36;
const IOMMU_BASE = 0x0301_0000;
const VIRTIO_SLOTS = 8;
const VIRTIO_BASE = 0x1000_1000;
/** Source of the first slot; the others follow. */
const VIRTIO_INTERRUPT = 1;

/** A device in a virtio slot. */
export interface VirtioDevice {
  readonly device: VirtioFactory;
  /** 0 to 7. Default: the highest that is free, as with QEMU's -device. */
  readonly slot?: number;
  /** Its interface. Default: that of the board. */
  readonly version?: VirtioVersion;
  /** Ticks from when a request is taken to when it is served. Default 0. */
  readonly latency?: number;
  readonly observer?: VirtioObserver;
}

/** What is on a board besides what every `virt` board has. */
export interface BoardDevices {
  /** The interface of all virtio slots. Default: legacy, as on QEMU's board. */
  readonly virtioVersion?: VirtioVersion;
  readonly virtio?: readonly VirtioDevice[];
  /** Devices by programmed I/O, which QEMU's board has not: to be compared with virtio. */
  readonly programmedIo?: {
    readonly disk?: { readonly store: BlockStore; readonly latency?: number };
    readonly network?: Omit<ProgrammedIoNetworkPorts, 'interrupt'>;
  };
}

export interface BoardPorts extends ControllerPorts {
  /** Ticks of 10 MHz. */
  readonly clock: Clock;
  /** A device that keeps time was written: what compares with time, and the next deadline, must be looked at again. */
  readonly timeWritten: () => void;
  /** A byte leaves the serial port. */
  readonly transmit: (byte: number) => void;
  readonly finish: (outcome: FinisherOutcome) => void;
  /** What the real-time clock shows at time 0. */
  readonly epochNanoseconds: Unsigned64;
  /** All the memory that devices reach by themselves: the RAM of the board. */
  readonly memory: DmaMemory;
  readonly devices?: BoardDevices;
  /** How the board's IOMMU walks a second stage; a board without this has no IOMMU. */
  readonly walkSecondStage?: IommuPorts['walk'];
}

/** A device that was put into a slot of a running board. */
export interface PluggedDevice {
  readonly device: VirtioMmio;
  readonly slot: number;
  /** Physical address of its registers. */
  readonly base: number;
  /** Its source at the PLIC. */
  readonly source: number;
  /** The number by which the IOMMU knows it. */
  readonly deviceId: number;
}

export class Board {
  readonly harts: number;
  readonly aclint: Aclint;
  /** Undefined where wires end at an APLIC. */
  readonly plic: Plic | undefined;
  /** The supervisor's domain. */
  readonly aplic: Aplic | undefined;
  /** The supervisor's interrupt files. */
  readonly imsics: Imsics | undefined;
  /** All interrupt controllers, each before those that it sends to. */
  readonly controllers: readonly DescribedDevice[];
  readonly uart: Uart16550;
  /** The wire of a source into the interrupt controller. @throws Error where there is no such source */
  readonly line: (source: number) => InterruptLine;
  /** Between devices that are plugged in and memory, where the board has one. */
  readonly iommu: Iommu | undefined;
  readonly bus: DeviceBus;
  readonly #virtio: VirtioMmio[];
  readonly #mounts: BoardMount[];
  #timed: readonly TimedDevice[];
  readonly #clock: Clock;
  readonly #filesOf: (hart: number) => InterruptFiles | undefined;
  readonly #makeSlot: (slot: number, inSlot: VirtioDevice | undefined, memory: DmaMemory) => VirtioMmio;
  /** What `deadline` answers, until a device that keeps time is written or says that it is due sooner, or its time has come. */
  #deadline: number | undefined;

  constructor(ports: BoardPorts) {
    this.harts = ports.harts;
    this.#clock = ports.clock;
    const rescheduled = () => {
      this.#deadline = undefined;
      ports.timeWritten();
    };
    this.aclint = new Aclint({
      harts: ports.harts,
      clock: ports.clock,
      software: (hart, level) => ports.drive(hart, Line.software, level),
      timer: (hart, level) => ports.drive(hart, Line.timer, level),
      timeWritten: () => (this.#deadline = undefined),
    });
    const interrupts = makeControllers(ports, (address, identity) => {
      if (!this.bus.write(address, 4, identity)) ports.memory.store(address, 4, identity);
    });
    const { line } = interrupts;
    this.plic = interrupts.plic;
    this.aplic = interrupts.aplic;
    this.imsics = interrupts.imsics;
    this.controllers = interrupts.mounts.map(({ device }) => device).reverse();
    this.#filesOf = interrupts.filesOf;
    this.line = line;
    this.uart = new Uart16550({ interrupt: line(UART_INTERRUPT), transmit: ports.transmit });
    const rtc = new GoldfishRtc({
      interrupt: line(RTC_INTERRUPT),
      clock: ports.clock,
      epochNanoseconds: ports.epochNanoseconds,
    });
    const inSlots = placed(ports.devices?.virtio ?? []);
    this.#makeSlot = (slot, inSlot, memory) =>
      new VirtioMmio({
        version: inSlot?.version ?? ports.devices?.virtioVersion ?? 'legacy',
        memory,
        interrupt: line(VIRTIO_INTERRUPT + slot),
        clock: ports.clock,
        rescheduled,
        ...inSlot,
      });
    this.#virtio = inSlots.map((inSlot, slot) => this.#makeSlot(slot, inSlot, ports.memory));
    this.iommu =
      ports.walkSecondStage &&
      new Iommu({
        memory: ports.memory,
        walk: ports.walkSecondStage,
        interrupt: line(IOMMU_INTERRUPT),
      });
    const { disk, network } = ports.devices?.programmedIo ?? {};
    const programmedDisk =
      disk &&
      new ProgrammedIoDisk({
        ...disk,
        interrupt: line(DISK_INTERRUPT),
        clock: ports.clock,
        rescheduled: ports.timeWritten,
      });
    const programmedNetwork = network && new ProgrammedIoNetwork({ ...network, interrupt: line(NETWORK_INTERRUPT) });
    this.#mounts = [
      { device: this.aclint, base: 0x0200_0000 },
      ...interrupts.mounts,
      ...this.#virtio.map((device, slot) => ({
        device,
        base: VIRTIO_BASE + slot * device.size,
        interrupt: VIRTIO_INTERRUPT + slot,
      })),
      { device: new TestFinisher({ finish: ports.finish }), base: 0x0010_0000 },
      { device: this.uart, base: 0x1000_0000, interrupt: UART_INTERRUPT },
      { device: rtc, base: 0x0010_1000, interrupt: RTC_INTERRUPT },
      ...(programmedDisk ? [{ device: programmedDisk, base: 0x1000_a000, interrupt: DISK_INTERRUPT }] : []),
      ...(programmedNetwork ? [{ device: programmedNetwork, base: 0x1000_b000, interrupt: NETWORK_INTERRUPT }] : []),
      ...(this.iommu ? [{ device: this.iommu, base: IOMMU_BASE, interrupt: IOMMU_INTERRUPT }] : []),
    ];
    const clocks: readonly TimedDevice[] = [this.aclint, rtc];
    const slow = programmedDisk ? [programmedDisk] : [];
    this.#timed = [...clocks, ...this.#virtio.filter(({ occupied }) => occupied), ...slow];
    this.bus = new DeviceBus(this.#mounts, (device) => {
      if (device === this.aclint || device === rtc) rescheduled();
    });
  }

  /** A hart's interrupt files; undefined where messages cannot interrupt it. */
  interruptFiles(hart: number): InterruptFiles | undefined {
    return this.#filesOf(hart);
  }

  /** The virtio slots, from the lowest address on. */
  get virtio(): readonly VirtioMmio[] {
    return this.#virtio;
  }
  /** In QEMU's order of creation, which fixes the order of device-tree nodes. */
  get mounts(): readonly BoardMount[] {
    return this.#mounts;
  }

  /**
   * Puts a device into a free slot of a running board, behind its IOMMU.
   * @throws Error where no slot is free or the board has no IOMMU
   */
  plug(device: VirtioDevice): PluggedDevice {
    const { iommu } = this;
    const slot = this.#virtio.findLastIndex(({ occupied }) => !occupied);
    if (iommu === undefined || slot < 0) {
      throw new Error(
        `expected a free slot for a physical device, found none of ${VIRTIO_SLOTS}: remove a VM with one`,
      );
    }
    const mounted = this.#makeSlot(slot, device, iommu.port(slot));
    this.#replaceSlot(slot, mounted);
    const base = VIRTIO_BASE + slot * mounted.size;
    return { device: mounted, slot, base, source: VIRTIO_INTERRUPT + slot, deviceId: slot };
  }

  /** Takes a device out again. */
  unplug({ device, slot }: PluggedDevice, memory: DmaMemory): void {
    device.reset();
    this.#replaceSlot(slot, this.#makeSlot(slot, undefined, memory));
  }

  #replaceSlot(slot: number, device: VirtioMmio): void {
    const old = this.#virtio[slot];
    const mount = this.#mounts.findIndex((each) => each.device === old);
    this.#virtio[slot] = device;
    this.#mounts[mount] = {
      device,
      base: VIRTIO_BASE + slot * device.size,
      interrupt: VIRTIO_INTERRUPT + slot,
    };
    this.#timed = [...this.#timed.filter((timed) => timed !== old), ...(device.occupied ? [device] : [])];
    this.bus.remounted();
    this.#deadline = undefined;
  }

  /** Power-on of every device. */
  reset(): void {
    for (const { device } of this.mounts) device.reset();
    this.#deadline = undefined;
  }

  /** mtime in ticks, as the `time` CSR shows it. */
  time(): number {
    return toNumber(this.aclint.mtime());
  }

  /** The board time at which some device changes by itself; Infinity: none will. */
  deadline(): number {
    if (this.#deadline !== undefined) return this.#deadline;
    let next = Infinity;
    for (const device of this.#timed) next = Math.min(next, device.deadline());
    this.#deadline = next;
    return next;
  }

  /** Board time has moved on. */
  elapse(): void {
    if (this.#clock() < this.deadline()) return;
    for (const device of this.#timed) device.elapse();
    this.#deadline = undefined;
  }
}

/**
 * The slots that `count` more devices would get, in their order.
 * @throws Error where there are not so many
 */
export function slotsLeft(devices: BoardDevices, count: number): readonly number[] {
  const present = devices.virtio ?? [];
  const more = Array.from({ length: count }, (): VirtioDevice => ({ device: NO_DEVICE }));
  const slots = placed([...present, ...more]);
  return more.map((device) => slots.indexOf(device));
}

const NO_DEVICE: VirtioFactory = () => {
  throw new Error('a place is no device');
};

/** @throws Error where there are more devices than slots, or two in one */
function placed(devices: readonly VirtioDevice[]): readonly (VirtioDevice | undefined)[] {
  const slots: (VirtioDevice | undefined)[] = Array.from({ length: VIRTIO_SLOTS }, () => undefined);
  for (const device of [...devices.filter(({ slot }) => slot !== undefined), ...devices]) {
    if (slots.includes(device)) continue;
    const slot = device.slot ?? slots.lastIndexOf(undefined);
    if (slot < 0 || slot >= VIRTIO_SLOTS || slots[slot] !== undefined) {
      throw new Error(
        `expected a free virtio slot of ${VIRTIO_SLOTS}, found ${devices.length > VIRTIO_SLOTS ? 'none left' : `slot ${slot} taken or absent`}: leave a device out, or choose another slot`,
      );
    }
    slots[slot] = device;
  }
  return slots;
}
