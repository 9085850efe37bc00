// The same work on each path to a disk and to a network card, measured: a guest that uses whatever it finds runs once with
// each device alone on its board, and once with none; the difference is what the device cost.

import type { BlockStore } from '../../devices/block-store.ts';
import { MemoryStore } from '../../devices/block-store.ts';
import { virtioBlock } from '../../devices/virtio/virtio-block.ts';
import { virtioNetwork } from '../../devices/virtio/virtio-network.ts';
import type { BoardDevices } from '../../machine/board.ts';
import type { Host } from '../../machine/linear-memory.ts';
import { runOrSkip } from '../computer.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { Lab } from '../lab.ts';
import type { Technique } from '../virtual-machine.ts';

export const ioPaths = ['programmed-io', 'virtio', 'passthrough', 'passthrough-imsic'] as const;
export type IoPath = (typeof ioPaths)[number];
const ioDevices = ['disk', 'card'] as const;
export type IoDevice = (typeof ioDevices)[number];

/** What a run took, or what one device cost of that. */
export interface IoPathCost {
  readonly exits: number;
  /** Those that happened, by reason. */
  readonly exitsByReason: Readonly<Record<string, number>>;
  /** Interrupts that the guest took. */
  readonly interrupts: number;
  /** Instructions of the guest. */
  readonly instructions: number;
  /** Virtual time in ticks of 10 MHz. */
  readonly ticks: number;
  /** Host time; of a device it may be less than nothing, where it is lost in the noise. */
  readonly nanoseconds: number;
}

/** What one device cost, set-up included. */
export interface IoPathRow extends IoPathCost {
  readonly device: IoDevice;
  readonly path: IoPath;
  /** What went through the device, both ways. */
  readonly bytes: number;
  /** From when the first of the data was moved to when the last was: the device at work, no set-up. */
  readonly atWork: Moment;
  /** What the guest said about it. */
  readonly said: string;
  /** Why there is no such path under this technique. */
  readonly refused: string | undefined;
}

/** How many there have been. */
export interface Moment {
  readonly exits: number;
  readonly interrupts: number;
}

export interface IoPathOptions {
  readonly host: Host;
  /** The guest `io-paths`, or another that uses what it finds and ends. */
  readonly image: Uint8Array;
  readonly technique: Technique;
}

const MEBIBYTE = 2 ** 20;
const GUEST_BYTES = 16 * MEBIBYTE;
const DISK_BYTES = MEBIBYTE;
const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const SLICE = 1_000_000;
/** Instructions after which a guest is given up. */
const LIMIT = 500_000_000;

/** @throws Error, one line for a person, where the guest does not end */
export const measureIoPaths = (options: IoPathOptions): readonly IoPathRow[] => [...ioPathRows(options)].flat();

/** The same, a run of the guest at a time: who draws the rows can do something else in between. */
export function* ioPathRows(options: IoPathOptions): Generator<readonly IoPathRow[]> {
  run(options, {}); // the host has then compiled what all runs share
  yield [];
  const wires = run(options, {});
  yield [];
  const messages = run(options, { messageInterrupts: true });
  yield [];
  for (const device of ioDevices) {
    for (const path of ioPaths) {
      yield [measure(options, device, path, path === 'passthrough-imsic' ? messages : wires)];
    }
  }
}

interface Outcome extends IoPathCost {
  readonly console: string;
}

type Devices = Pick<GuestImage, 'devices' | 'assigned' | 'messageInterrupts'>;

/** Follows the data through a device. */
class Meter {
  bytes = 0;
  /** How many there have been until now, of the run under way. */
  look: () => Moment = () => NOTHING_YET;
  #first: Moment | undefined;
  #last: Moment | undefined;

  moved(bytes: number): void {
    this.bytes += bytes;
    this.#last = this.look();
    this.#first ??= this.#last;
  }

  get atWork(): Moment {
    const [first, last] = [this.#first ?? NOTHING_YET, this.#last ?? NOTHING_YET];
    return { exits: last.exits - first.exits, interrupts: last.interrupts - first.interrupts };
  }
}

const NOTHING_YET: Moment = { exits: 0, interrupts: 0 };

function measure(options: IoPathOptions, device: IoDevice, path: IoPath, idle: Outcome): IoPathRow {
  const meter = new Meter();
  const devices: Devices = {
    ...(device === 'disk' ? withDisk(path, meter) : withCard(path, meter)),
    messageInterrupts: path === 'passthrough-imsic',
  };
  let found: Outcome;
  try {
    found = run(options, devices, meter);
  } catch (error) {
    if (devices.assigned === undefined || !(error instanceof Error)) throw error;
    return { ...NOTHING, device, path, refused: error.message };
  }
  // Where the run without the device has more, it was busy finding out that there is none: that is no exit of the device's.
  const reasons = Object.entries(found.exitsByReason)
    .map(([reason, count]) => [reason, count - (idle.exitsByReason[reason] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return {
    device,
    path,
    bytes: meter.bytes,
    exits: reasons.reduce((sum, [, count]) => sum + count, 0),
    exitsByReason: Object.fromEntries(reasons),
    interrupts: found.interrupts - idle.interrupts,
    atWork: meter.atWork,
    instructions: found.instructions - idle.instructions,
    ticks: found.ticks - idle.ticks,
    nanoseconds: found.nanoseconds - idle.nanoseconds,
    said: found.console.split('\n')[0] ?? '',
    refused: undefined,
  };
}

const NOTHING = {
  bytes: 0,
  exits: 0,
  exitsByReason: {},
  interrupts: 0,
  atWork: NOTHING_YET,
  instructions: 0,
  ticks: 0,
  nanoseconds: 0,
  said: '',
};

function withDisk(path: IoPath, meter: Meter): Devices {
  const memory = new MemoryStore(new Uint8Array(DISK_BYTES));
  const store: BlockStore = {
    sectors: memory.sectors,
    readOnly: false,
    read: (sector, into) => {
      meter.moved(into.length);
      return memory.read(sector, into);
    },
    write: (sector, from) => {
      meter.moved(from.length);
      return memory.write(sector, from);
    },
    flush: () => memory.flush(),
  };
  if (path === 'programmed-io') return { devices: { programmedIo: { disk: { store } } } };
  const disk = { device: virtioBlock({ store }) };
  return path === 'virtio' ? { devices: { virtio: [disk] } } : { assigned: [disk] };
}

/** A card whose cable ends in itself: what it sends comes back. */
function withCard(path: IoPath, meter: Meter): Devices {
  let receive: (frame: Uint8Array) => boolean = () => false;
  const cable = {
    send: (frame: Uint8Array) => {
      meter.moved(frame.length);
      if (receive(frame)) meter.moved(frame.length);
    },
    attach: (into: typeof receive) => void (receive = into),
  };
  if (path === 'programmed-io') {
    const devices: BoardDevices = { programmedIo: { network: { cable, mac: MAC } } };
    return { devices };
  }
  const card = { device: virtioNetwork({ cable, mac: MAC }) };
  return path === 'virtio' ? { devices: { virtio: [card] } } : { assigned: [card] };
}

function run({ host, image, technique }: IoPathOptions, devices: Devices, meter?: Meter): Outcome {
  const lab = new Lab({
    host,
    memoryBytes: 2 * GUEST_BYTES,
    epochNanoseconds: { high: 0, low: 0 },
    messageInterrupts: devices.messageInterrupts ?? false,
  });
  lab.trace.recording = false; // counted all the same, and host time is the path's alone
  const guest: GuestImage = { image, boot: 'supervisor', memoryBytes: GUEST_BYTES, harts: 1, ...devices };
  const vm = lab.addVm({ technique, guest });
  const interruptsOf = () => Object.values(vm.interrupts).reduce((sum, count) => sum + count, 0);
  if (meter) meter.look = () => ({ exits: vm.exits, interrupts: interruptsOf() });
  const computer = lab.computerOf(vm);
  const started = host.nanoseconds();
  lab.start(vm.id);
  while (vm.ending === undefined) {
    if (vm.instructions > LIMIT || !runOrSkip(computer, SLICE)) {
      throw new Error('Expected a guest that ends by itself, found one that waits for ever. Use the guest io-paths.');
    }
  }
  const nanoseconds = host.nanoseconds() - started;
  const reasons = Object.entries(lab.trace.statistics(vm.id)).map(([reason, { count }]) => [reason, count] as const);
  const { bytes } = vm.console.read(0, 2 ** 16);
  return {
    exits: vm.exits,
    exitsByReason: Object.fromEntries(reasons.filter(([, count]) => count > 0)),
    interrupts: interruptsOf(),
    instructions: vm.instructions,
    ticks: computer.now,
    nanoseconds,
    console: Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''),
  };
}
