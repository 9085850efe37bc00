// An IOMMU: it stands between the devices of a board and memory, and leads each device's addresses through the tables that
// software has chosen for it (RISC-V IOMMU Architecture Specification 1.0). Of that: a device directory of one level, second-stage
// translation (Sv32x4), the command and the fault queue. It caches nothing, so commands that invalidate have nothing to do.
//
//   device ──address──▶ ddtp → device context[device_id] → iohgatp → Sv32x4 → memory
//                                    └────── not valid, no right ──────▶ fault queue, interrupt; the device reads and writes nothing

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, DeviceState, InterruptLine, RegisterValue } from './device.ts';
import { adoptState, copyState } from './device-state.ts';
import { deviceNode } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';
import {
  CommandControl,
  IOMMU_FIELDS,
  IOMMU_REGISTERS,
  newIommuState,
  Offset,
  Pending,
  QueueControl,
  type IommuState,
} from './iommu-registers.ts';
import type { DmaMemory } from './virtio/dma-memory.ts';

const PAGE = 4096;
/** A device context in its base format: tc, iohgatp, ta, fsc, 64 bits each. */
const CONTEXT_BYTES = 32;
/** Device numbers of a directory of one level have 7 bits. */
const MOST_DEVICES = 128;
const DirectoryMode = { off: 0, bare: 1, oneLevel: 2 } as const;
const ContextControl = { valid: 1, disableFaults: 1 << 4, updatesEntries: 1 << 7, reserved: ~0x91 } as const;
const GuestMode = { bare: 0, sv32x4: 8 } as const;
const FAULT_BYTES = 32;
const COMMAND_BYTES = 16;
/** Opcodes 1 IOTINVAL, 2 IOFENCE, 3 IODIR. */
const LAST_COMMAND = 3;

/** Causes of a fault record (chapter "Fault/Event-Queue", and the causes of the privileged manual). */
export const DmaFault = {
  readAccess: 5,
  writeAccess: 7,
  readGuestPage: 21,
  writeGuestPage: 23,
  disallowed: 256,
  directoryLoad: 257,
  contextInvalid: 258,
  contextMisconfigured: 259,
} as const;
export type DmaFault = (typeof DmaFault)[keyof typeof DmaFault];

export const dmaFaultNames: { readonly [Cause in DmaFault]: string } = {
  5: 'read access fault',
  7: 'write access fault',
  21: 'read guest-page fault',
  23: 'write guest-page fault',
  256: 'all inbound transactions disallowed',
  257: 'device-directory entry load access fault',
  258: 'device-directory entry not valid',
  259: 'device-directory entry misconfigured',
};

/** Answers of a walk that found no address. */
export const WalkFailure = { page: -1, access: -2 } as const;

export interface IommuPorts {
  /** Physical memory: where its tables and queues lie, and where translated accesses go. */
  readonly memory: DmaMemory;
  /**
   * Walks a second stage as the hart does.
   * @param hgatp mode and root as in the CSR
   * @param update it sets A and D bits itself; otherwise clear ones fault
   * @returns a physical address, or one of `WalkFailure`
   */
  readonly walk: (hgatp: number, address: number, store: boolean, update: boolean) => number;
  readonly interrupt: InterruptLine;
}

export class Iommu implements DescribedDevice {
  readonly name = 'iommu';
  readonly size = PAGE;
  readonly registers = IOMMU_REGISTERS;
  readonly #ports: IommuPorts;
  #state = newIommuState();

  constructor(ports: IommuPorts) {
    this.#ports = ports;
  }

  read(offset: number, width: AccessWidth): number {
    if (width !== 4 || offset < 0 || offset >= PAGE || offset % 4 !== 0) return BUS_ERROR;
    return (IOMMU_REGISTERS.find((register) => register.offset === offset)?.look(this.#state) ?? 0) >>> 0;
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset < 0 || offset >= PAGE || offset % 4 !== 0) return false;
    this.#store(offset, value >>> 0);
    this.#driveInterrupt();
    return true;
  }

  reset(): void {
    this.#state = newIommuState();
    this.#driveInterrupt();
  }

  inspect(): readonly RegisterValue[] {
    return IOMMU_REGISTERS.map((register) => ({ row: register, value: register.look(this.#state) >>> 0 }));
  }

  snapshot(): DeviceState {
    return copyState(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = adoptState<IommuState>(this.name, IOMMU_FIELDS, state);
    this.#driveInterrupt();
  }

  describe(mount: DeviceMount): DeviceDescription {
    return { node: deviceNode(this, mount, 'riscv,iommu', { '#iommu-cells': [1] }) };
  }

  /** Memory as one device sees it. @param device its number, below `MOST_DEVICES` */
  port(device: number): DmaMemory {
    const { memory } = this.#ports;
    /** Cuts a range at page ends. @returns false, with a fault recorded, where a piece leads nowhere */
    const pieces = (
      address: number,
      length: number,
      store: boolean,
      visit: (physical: number, from: number, to: number) => void,
    ): boolean => {
      const found: [physical: number, from: number, to: number][] = [];
      for (let from = 0; from < length;) {
        const to = Math.min(length, from + PAGE - ((address + from) % PAGE));
        const physical = this.#translate(device, address + from, to - from, store);
        if (physical === undefined) return false;
        found.push([physical, from, to]);
        from = to;
      }
      for (const piece of found) visit(...piece);
      return true;
    };
    return {
      holds: (address, length) => pieces(address, length, false, () => undefined),
      read: (address, into) =>
        pieces(address, into.length, false, (physical, from, to) => memory.read(physical, into.subarray(from, to))),
      write: (address, bytes) =>
        pieces(address, bytes.length, true, (physical, from, to) => memory.write(physical, bytes.subarray(from, to))),
      load: (address, width) => {
        if (address % PAGE <= PAGE - width) {
          const physical = this.#translate(device, address, width, false);
          return physical === undefined ? BUS_ERROR : memory.load(physical, width);
        }
        let value = 0;
        const whole = pieces(address, width, false, (physical, from, to) => {
          for (let index = from; index < to; index++)
            value += memory.load(physical + index - from, 1) * 2 ** (8 * index);
        });
        return whole ? value : BUS_ERROR;
      },
      store: (address, width, value) => {
        const bytes = Uint8Array.from({ length: width }, (_, index) => value >>> (8 * index));
        return pieces(address, width, true, (physical, from, to) => memory.write(physical, bytes.subarray(from, to)));
      },
    };
  }

  /** @returns the physical address, or undefined with a fault recorded. The range lies in one page */
  #translate(device: number, address: number, length: number, store: boolean): number | undefined {
    const { memory, walk } = this.#ports;
    const { ddtpLow } = this.#state;
    const mode = ddtpLow & 0xf;
    const fault = (cause: DmaFault): undefined => this.#fault(cause, device, address, store);
    const reached = (physical: number): number | undefined =>
      memory.holds(physical, length) ? physical : fault(store ? DmaFault.writeAccess : DmaFault.readAccess);
    if (mode === DirectoryMode.bare) return reached(address);
    if (mode !== DirectoryMode.oneLevel || device >= MOST_DEVICES) return fault(DmaFault.disallowed);
    const context = this.#directory + device * CONTEXT_BYTES;
    const control = memory.load(context, 4);
    if (control === BUS_ERROR) return fault(DmaFault.directoryLoad);
    if ((control & ContextControl.valid) === 0) return fault(DmaFault.contextInvalid);
    const low = memory.load(context + 8, 4);
    const guestMode = memory.load(context + 12, 4) >>> 28;
    const firstStage = memory.load(context + 28, 4) >>> 28;
    if ((control & ContextControl.reserved) !== 0 || firstStage !== 0) return fault(DmaFault.contextMisconfigured);
    if (guestMode === GuestMode.bare) return reached(address);
    if (guestMode !== GuestMode.sv32x4 || (low & 3) !== 0) return fault(DmaFault.contextMisconfigured);
    // Sv32x4 has 34 bits of guest physical address: what is above them leads nowhere.
    const update = (control & ContextControl.updatesEntries) !== 0;
    const hgatp = (0x8000_0000 | (low & 0x3f_ffff)) >>> 0;
    const physical = address < 2 ** 34 ? walk(hgatp, address, store, update) : WalkFailure.page;
    if (physical === WalkFailure.page) {
      const silent = (control & ContextControl.disableFaults) !== 0;
      return silent ? undefined : fault(store ? DmaFault.writeGuestPage : DmaFault.readGuestPage);
    }
    if (physical === WalkFailure.access) return fault(store ? DmaFault.writeAccess : DmaFault.readAccess);
    return reached(physical);
  }

  get #directory(): number {
    return pageOf(this.#state.ddtpLow, this.#state.ddtpHigh);
  }

  #store(offset: number, value: number): void {
    const state = this.#state;
    switch (offset) {
      case Offset.ddtpLow:
        // A mode it does not know leaves the register as it was (WARL).
        if ((value & 0xf) <= DirectoryMode.oneLevel) state.ddtpLow = value & ~0x3f0;
        break;
      case Offset.ddtpHigh:
        state.ddtpHigh = value & 0x3f_ffff;
        break;
      case Offset.cqbLow:
        state.cqbLow = value;
        break;
      case Offset.cqbHigh:
        state.cqbHigh = value & 0x3f_ffff;
        break;
      case Offset.cqt:
        state.cqt = value & maskOf(state.cqbLow);
        this.#runCommands();
        break;
      case Offset.fqbLow:
        state.fqbLow = value;
        break;
      case Offset.fqbHigh:
        state.fqbHigh = value & 0x3f_ffff;
        break;
      case Offset.fqh:
        state.fqh = value & maskOf(state.fqbLow);
        break;
      case Offset.cqcsr:
        if ((value & ~state.cqcsr & QueueControl.enable) !== 0) state.cqh = state.cqt = 0;
        state.cqcsr = controlled(state.cqcsr, value, QueueControl.memoryFault | CommandControl.illegal);
        this.#runCommands();
        break;
      case Offset.fqcsr:
        if ((value & ~state.fqcsr & QueueControl.enable) !== 0) state.fqh = state.fqt = 0;
        state.fqcsr = controlled(state.fqcsr, value, QueueControl.memoryFault | QueueControl.overflow);
        break;
      case Offset.ipsr:
        state.ipsr &= ~value;
        break;
    }
  }

  /** Nothing is cached and nothing is under way, so each known command is done as soon as it is seen. */
  #runCommands(): void {
    const state = this.#state;
    const stopped = QueueControl.memoryFault | CommandControl.illegal;
    while ((state.cqcsr & QueueControl.on) !== 0 && (state.cqcsr & stopped) === 0 && state.cqh !== state.cqt) {
      const where = pageOf(state.cqbLow, state.cqbHigh) + state.cqh * COMMAND_BYTES;
      const command = this.#ports.memory.load(where, 4);
      const opcode = command & 0x7f;
      if (command === BUS_ERROR) state.cqcsr |= QueueControl.memoryFault;
      else if (opcode < 1 || opcode > LAST_COMMAND) state.cqcsr |= CommandControl.illegal;
      else state.cqh = (state.cqh + 1) & maskOf(state.cqbLow);
    }
    if ((state.cqcsr & stopped) !== 0 && (state.cqcsr & QueueControl.interruptEnable) !== 0) {
      state.ipsr |= Pending.command;
    }
  }

  /** Records a fault, if there is room. The device gets nothing either way. */
  #fault(cause: DmaFault, device: number, address: number, store: boolean): undefined {
    const state = this.#state;
    if ((state.fqcsr & QueueControl.on) === 0) return undefined;
    const mask = maskOf(state.fqbLow);
    if (((state.fqt + 1) & mask) === state.fqh) state.fqcsr |= QueueControl.overflow;
    else {
      const record = new DataView(new ArrayBuffer(FAULT_BYTES));
      record.setUint32(0, cause, true);
      // TTYP: untranslated read (2) or write (3); DID.
      record.setUint32(4, ((store ? 3 : 2) << 2) | (device << 8), true);
      const high = Math.floor(address / 2 ** 32);
      record.setUint32(16, address >>> 0, true); // iotval
      record.setUint32(20, high, true);
      record.setUint32(24, (address & ~3) >>> 0, true); // iotval2: the guest physical address
      record.setUint32(28, high, true);
      const where = pageOf(state.fqbLow, state.fqbHigh) + state.fqt * FAULT_BYTES;
      if (this.#ports.memory.write(where, new Uint8Array(record.buffer))) state.fqt = (state.fqt + 1) & mask;
      else state.fqcsr |= QueueControl.memoryFault;
    }
    if ((state.fqcsr & QueueControl.interruptEnable) !== 0) state.ipsr |= Pending.fault;
    this.#driveInterrupt();
    return undefined;
  }

  #driveInterrupt(): void {
    const level = this.#state.ipsr !== 0;
    if (level === this.#state.line) return;
    this.#state.line = level;
    this.#ports.interrupt(level);
  }
}

/** The page that a 64-bit register names: PPN in bits 53:10. Above 2^53 it is rounded, which is far outside any memory. */
const pageOf = (low: number, high: number): number => ((low >>> 10) + high * 2 ** 22) * PAGE;

/** Entries of a queue, less one: LOG2SZ-1 is in bits 4:0. */
const maskOf = (base: number): number => 2 ** Math.min(31, (base & 0x1f) + 1) - 1;

/** A queue's control register after a store: on follows enable at once; errors are cleared by writing 1. */
function controlled(before: number, value: number, errors: number): number {
  const kept = value & (QueueControl.enable | QueueControl.interruptEnable);
  return kept | (before & errors & ~value) | (value & QueueControl.enable ? QueueControl.on : 0);
}
