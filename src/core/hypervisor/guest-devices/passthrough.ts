// Physical devices that are assigned to guests, as VFIO assigns them. A device's registers lie in its guest's memory map, so
// the hart reaches them without an exit; its DMA goes through the IOMMU by the guest's own second stage, so it reaches that
// guest's memory and nothing else. Where the machine has a PLIC, its interrupt comes to the hypervisor: that costs an exit, and
// the guest's claim and completion at its virtual PLIC one each. Where it has an APLIC and IMSICs, and the guest too, the APLIC
// sends the wire's messages to the guest's own interrupt file: no exit, but for the guest's set-up of its virtual APLIC ("VS-level
// external interrupts with a guest interrupt file", RISC-V AIA 1.0, section 8.1).
//
//   guest ─store─▶ stage 2 ─▶ device registers       device ─DMA─▶ IOMMU: stage 2 ─▶ the guest's frames
//   device ─wire─▶ PLIC ─▶ exit: claim ─▶ virtual PLIC ─▶ guest claims … completes ─▶ exit: complete at the PLIC
//   device ─wire─▶ APLIC ─store─▶ guest interrupt file ─▶ guest claims

import { SEIP } from '../../isa/csr-bits.ts';
import type { PhysicalSource } from '../../devices/aplic.ts';
import { targetFields, targetOf, SourceMode } from '../../devices/aplic-registers.ts';
import { dmaFaultNames, type DmaFault } from '../../devices/iommu.ts';
import type { Board, PluggedDevice, VirtioDevice } from '../../machine/board.ts';
import type { Machine } from '../../machine/machine.ts';
import { ramDma } from '../../machine/ram-dma.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { APLIC, directSource, hostInterrupts, type HostInterrupts } from '../interrupts/host-interrupts.ts';
import type { HostMemory } from '../memory/host-memory.ts';
import type { SecondStage } from '../memory/second-stage.ts';
import type { VirtualInterruptFile } from '../interrupts/virtual-interrupt-file.ts';

const PAGE = 4096;
const IOMMU = 0x0301_0000;
const IOMMU_SOURCE = 36;
/** Offsets of the IOMMU's registers. */
const Register = { ddtp: 0x10, fqb: 0x28, fqh: 0x30, fqt: 0x34, fqcsr: 0x4c, ipsr: 0x54 } as const;
const ONE_LEVEL = 2;
const CONTEXT_BYTES = 32;
/** tc: valid; the IOMMU sets A and D bits itself, for the hypervisor harvests them (GADE). */
const CONTEXT_CONTROL = 0x81;
const SV32X4 = 8;
const GSCID_SHIFT = 12; // in the upper word of iohgatp
const FAULT_BYTES = 32;
const FAULTS_IN_QUEUE = PAGE / FAULT_BYTES;
const FAULT_CONTROL = 3; // on, with interrupts

/** Faults that are remembered for people. */
const REMEMBERED = 64;

/** A DMA that the IOMMU refused. */
export interface RefusedDma {
  /** Counts them all. */
  readonly sequence: number;
  readonly vm: number | undefined;
  readonly deviceId: number;
  readonly store: boolean;
  /** The address that the device asked for: a guest physical one. */
  readonly address: number;
  readonly cause: string;
  /** Instructions of virtual time. */
  readonly at: number;
}

interface Assigned extends PluggedDevice {
  readonly vm: number;
  /** Where the guest sees the registers, and on which wire of its own PLIC. */
  readonly guestBase: number;
  readonly guestSource: number;
  /** The guest's wire; undefined where messages go to its interrupt files. */
  readonly wire: ((level: boolean) => void) | undefined;
  /** Claimed at the PLIC and not completed yet: the guest has its turn. */
  claimed: boolean;
  /** Interrupts passed on. */
  interrupts: number;
}

/** The devices of one guest, for its VM. */
export class AssignedDevices {
  readonly devices: readonly Assigned[];
  readonly #passthrough: Passthrough;

  constructor(devices: readonly Assigned[], passthrough: Passthrough) {
    this.devices = devices;
    this.#passthrough = passthrough;
  }

  /** The guest's second stage is new: all of its memory is pinned and mapped, then the devices may use it. @returns false for lack of memory */
  attach(stage: SecondStage, memory: GuestMemory): boolean {
    if (!memory.pages.pinAll()) return false;
    for (let gpa = 0x8000_0000; memory.holds(gpa); gpa += PAGE) {
      const frame = memory.hostAddress(gpa);
      if (frame === undefined || !stage.map(gpa, frame, true)) return false;
    }
    for (const { base, guestBase, vm, deviceId } of this.devices) {
      if (!stage.map(guestBase, base, true)) return false;
      this.#passthrough.direct(deviceId, stage.root, vm);
    }
    return true;
  }

  /**
   * What a source of the guest's APLIC is in the machine: a device's wire, whose messages go to the guest's own interrupt files.
   * @param fileOf the interrupt file of a hart of the guest
   */
  physicalSource(
    source: number,
    fileOf: (hart: number) => VirtualInterruptFile | undefined,
  ): PhysicalSource | undefined {
    const assigned = this.devices.find(({ guestSource }) => guestSource === source);
    return assigned && this.#passthrough.sourceOf(assigned, fileOf);
  }

  /** The second stage goes: the devices stop, and reach nothing any more. */
  detach(): void {
    for (const assigned of this.devices) {
      this.#passthrough.direct(assigned.deviceId, undefined, 0);
      assigned.device.reset();
      this.#passthrough.complete(assigned);
      this.#passthrough.silence(assigned);
    }
  }

  /** The guest has claimed a source of its PLIC: the wire has done its part. */
  claimed(source: number): void {
    this.devices.find(({ guestSource }) => guestSource === source)?.wire?.(false);
  }

  /** The guest has completed it: the device may interrupt again. */
  completed(source: number): void {
    const assigned = this.devices.find(({ guestSource }) => guestSource === source);
    if (assigned) this.#passthrough.complete(assigned);
  }
}

export class Passthrough {
  readonly refused: RefusedDma[] = [];
  readonly #machine: Machine;
  readonly #board: Board;
  readonly #assigned = new Map<number, Assigned>();
  readonly #directory: number;
  readonly #faults: number;
  readonly #interrupts: HostInterrupts;
  #faultsSeen = 0;

  /** Turns the IOMMU on: from here on a device reaches nothing unless it is assigned. @throws Error for lack of memory */
  constructor(machine: Machine, memory: HostMemory) {
    this.#machine = machine;
    this.#board = machine.board;
    const pages = memory.promise(0, 2) ? memory.frames.allocate(2, { vm: 0, use: 'stage-2 tables' }) : undefined;
    if (pages === undefined) {
      throw new Error('expected 8 KiB of free machine memory for the IOMMU’s tables, found less: remove a VM');
    }
    this.#directory = pages;
    this.#faults = pages + PAGE;
    this.#write(IOMMU + Register.fqb, (this.#faults / PAGE) * 2 ** 10 + Math.log2(FAULTS_IN_QUEUE) - 1);
    this.#write(IOMMU + Register.fqcsr, FAULT_CONTROL);
    this.#write(IOMMU + Register.ddtp, (this.#directory / PAGE) * 2 ** 10 + ONE_LEVEL);
    this.#interrupts = hostInterrupts(machine);
    this.#interrupts.enable(IOMMU_SOURCE, true);
  }

  get assigned(): readonly Assigned[] {
    return [...this.#assigned.values()];
  }

  /**
   * Puts devices into the physical board's slots, for one guest.
   * @param guest where each lies on the guest's board, and its wire there
   * @throws Error where no slot is free
   */
  plug(
    vm: number,
    devices: readonly VirtioDevice[],
    guest: readonly Pick<Assigned, 'guestBase' | 'guestSource' | 'wire'>[],
  ): AssignedDevices {
    const plugged: Assigned[] = [];
    try {
      devices.forEach((device, index) => {
        const place = guest[index];
        if (place === undefined) throw new Error('expected a slot on the guest’s board for each of its devices');
        plugged.push({ ...this.#board.plug(device), ...place, vm, claimed: false, interrupts: 0 });
      });
    } catch (error) {
      for (const each of plugged) this.#board.unplug(each, ramDma(this.#machine.ram));
      throw error;
    }
    for (const each of plugged) {
      this.#assigned.set(each.source, each);
      if (each.wire) this.#interrupts.enable(each.source, true);
    }
    return new AssignedDevices(plugged, this);
  }

  /** The devices of a VM leave the board. */
  unplug(vm: number): void {
    for (const each of this.assigned) {
      if (each.vm !== vm) continue;
      this.direct(each.deviceId, undefined, 0);
      this.#board.unplug(each, ramDma(this.#machine.ram));
      this.complete(each);
      this.#interrupts.enable(each.source, false);
      this.#assigned.delete(each.source);
    }
  }

  /** Directs a device's DMA: through a second stage, or nowhere. */
  direct(deviceId: number, root: number | undefined, vm: number): void {
    const { ram } = this.#machine;
    const context = new DataView(new ArrayBuffer(CONTEXT_BYTES));
    if (root !== undefined) {
      context.setUint32(0, CONTEXT_CONTROL, true);
      context.setUint32(8, root / PAGE, true);
      context.setUint32(12, ((SV32X4 << 28) | (vm << GSCID_SHIFT)) >>> 0, true);
    }
    ram.write(this.#directory + deviceId * CONTEXT_BYTES, new Uint8Array(context.buffer));
  }

  /** A device has interrupted while no guest was on the hart. */
  poll(): void {
    const [hart] = this.#machine.harts;
    if (hart !== undefined && (hart.state.csrs.mipLines & SEIP) !== 0) this.serve();
  }

  /** Claims what is pending at the physical PLIC, and passes it on to the guests it is for. */
  serve(): void {
    const interrupts = this.#interrupts;
    for (let source = interrupts.claim(); source > 0; source = interrupts.claim()) {
      if (source === IOMMU_SOURCE) {
        this.#readFaults();
        interrupts.complete(source);
        continue;
      }
      const assigned = this.#assigned.get(source);
      if (assigned?.wire === undefined) {
        interrupts.complete(source);
        continue;
      }
      // Not completed before the guest has: its device's wire may stay high until then.
      assigned.claimed = true;
      assigned.interrupts++;
      assigned.wire(true);
    }
  }

  complete(assigned: Assigned): void {
    if (!assigned.claimed) return;
    assigned.claimed = false;
    this.#interrupts.complete(assigned.source);
  }

  /** Nobody listens to a guest's wire until the guest says how. */
  silence({ source, wire }: Assigned): void {
    if (wire === undefined) directSource(this.#board.bus, source, SourceMode.inactive, 0, false);
  }

  /** A device's wire, as the guest's own APLIC is to have it. @param fileOf the interrupt file of a hart of the guest */
  sourceOf({ source }: Assigned, fileOf: (hart: number) => VirtualInterruptFile | undefined): PhysicalSource {
    const { bus } = this.#board;
    const bit = (array: number) => ((bus.read(APLIC + array + 4 * (source >>> 5), 4) >>> (source & 31)) & 1) === 1;
    return {
      configure: (mode, target, enabled) => {
        // The guest says as what, the hypervisor to whom: a file in memory gets nothing, and what is pending waits.
        const { hart, identity } = targetFields(target);
        const place = fileOf(hart)?.place;
        const physical = place ? targetOf(place.hart.id, place.number, identity) : 0;
        directSource(bus, source, mode, physical, enabled && place !== undefined);
      },
      setPending: (pending) => void bus.write(APLIC + (pending ? 0x1cdc : 0x1ddc), 4, source),
      get pending() {
        return bit(0x1c00);
      },
      get input() {
        return bit(0x1d00);
      },
    };
  }

  /** Machine ticks at which some device of a guest is due by itself. */
  deadline(): number {
    let due = Infinity;
    for (const { device } of this.#assigned.values()) due = Math.min(due, device.deadline());
    return due;
  }

  #readFaults(): void {
    const { bus } = this.#board;
    const { ram, elapsed } = this.#machine;
    this.#write(IOMMU + Register.ipsr, 2);
    const tail = bus.read(IOMMU + Register.fqt, 4);
    let head = bus.read(IOMMU + Register.fqh, 4);
    for (; head !== tail; head = (head + 1) % FAULTS_IN_QUEUE) {
      const bytes = ram.view(this.#faults + head * FAULT_BYTES, FAULT_BYTES).slice();
      const record = new DataView(bytes.buffer);
      const deviceId = record.getUint32(4, true) >>> 8;
      const cause = (record.getUint32(0, true) & 0xfff) as DmaFault;
      this.refused.push({
        sequence: this.#faultsSeen++,
        vm: this.assigned.find((each) => each.deviceId === deviceId)?.vm,
        deviceId,
        store: ((record.getUint32(4, true) >>> 2) & 0x3f) === 3,
        address: record.getUint32(16, true) + record.getUint32(20, true) * 2 ** 32,
        cause: dmaFaultNames[cause],
        at: elapsed,
      });
      if (this.refused.length > REMEMBERED) this.refused.shift();
    }
    this.#write(IOMMU + Register.fqh, head);
    // The queue may have been full: what it could not take is lost, what comes next is not.
    this.#write(IOMMU + Register.fqcsr, bus.read(IOMMU + Register.fqcsr, 4));
  }

  #write(address: number, value: number): void {
    if (this.#board.bus.write(address, 4, value)) return;
    throw new Error('expected an IOMMU on the machine’s board, found none');
  }
}
