// Devices: those on the guest's board, the physical ones that are passed through to it, and the network its card is on.

import type { JourneyStep } from '../../core/hypervisor/guest-devices/frame-journeys.ts';
import type { LinkSettings } from '../../core/network/link.ts';
import type { PortCounters } from '../../core/network/port-side.ts';

export type { CardOutcome, JourneyStep } from '../../core/hypervisor/guest-devices/frame-journeys.ts';
export type { DropReason } from '../../core/network/frame-event.ts';
export type { LinkSettings } from '../../core/network/link.ts';

export interface DeviceAnswer {
  readonly name: string;
  readonly gpa: number;
  readonly registers: readonly {
    readonly name: string;
    readonly offset: number;
    readonly value: number;
    readonly meaning: string;
  }[];
}

/** A port of the switch and what hangs on it. */
export interface NetworkPortRow {
  readonly port: number;
  /** `gateway`, `vm1`. */
  readonly name: string;
  /** Undefined for the gateway. */
  readonly vm: number | undefined;
  readonly mac: string;
  /** IPv4 addresses: the gateway's own, or the one that the VM was given. */
  readonly addresses: readonly string[];
  readonly settings: LinkSettings;
  readonly counters: PortCounters;
}

/** A frame and its way. Times in ticks of the computer's clock. */
export interface NetworkFrameRow {
  readonly frame: number;
  /** The innermost protocol that was recognized. */
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly summary: string;
  /** Why it could not be read further, where it could not. */
  readonly malformed: string | undefined;
  readonly bytes: number;
  readonly steps: readonly JourneyStep[];
}

export interface NetworkAnswer {
  readonly ports: readonly NetworkPortRow[];
  /** What the switch has learned: which address is behind which port. */
  readonly learned: readonly { readonly mac: string; readonly port: number }[];
  /** Newest first. */
  readonly frames: readonly NetworkFrameRow[];
  /** Ticks a second of the times here. */
  readonly ticksPerSecond: number;
}

/** A physical device that is a guest's own. */
export interface AssignedDeviceRow {
  readonly vm: number;
  /** E.g. `block device`. */
  readonly title: string;
  /** By which the IOMMU knows it. */
  readonly deviceId: number;
  /** Where its registers are, and where its guest sees them. */
  readonly hpa: number;
  readonly gpa: number;
  /** Passed on to its guest, each at one exit. */
  readonly interrupts: number;
}

/** A DMA that the IOMMU refused. */
export interface RefusedDmaRow {
  readonly sequence: number;
  readonly vm: number | undefined;
  readonly deviceId: number;
  readonly store: boolean;
  /** What the device asked for. */
  readonly gpa: number;
  readonly cause: string;
  /** Instructions of virtual time. */
  readonly at: number;
}

export interface AssignedDevicesAnswer {
  readonly devices: readonly AssignedDeviceRow[];
  /** Newest first. */
  readonly refused: readonly RefusedDmaRow[];
}
