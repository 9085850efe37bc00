// A console (virtio 1.2, section 5.3), /dev/hvc0: one port, bytes in whole buffers. Beside the UART it shows what paravirtual
// means: one notification for a line of text rather than one exit for each character.

import type { DeviceState } from '../device.ts';
import { adoptState, HALF, type FieldsOf } from '../device-state.ts';
import type { FeatureRow, QueueRole, VirtioFactory, VirtioFunction, VirtioLink } from './virtio-function.ts';

const FEATURES: readonly FeatureRow[] = [
  { bit: 0, name: 'VIRTIO_CONSOLE_F_SIZE', meaning: 'The console knows how many columns and rows it shows.' },
  { bit: 2, name: 'VIRTIO_CONSOLE_F_EMERG_WRITE', meaning: 'A character can be written without any queue.' },
];

const RECEIVE = 0;
/** Of emerg_wr in the configuration space (section 5.3.4). */
const EMERGENCY_WRITE = 8;
const CONFIGURATION_BYTES = 12;
/** Bytes of one write: no driver sends more than a page or two. */
const MOST_BYTES = 2 ** 20;

export interface VirtioConsolePorts {
  /** Bytes leave the console. */
  readonly transmit: (bytes: Uint8Array) => void;
  /** Default 80. */
  readonly columns?: number;
  /** Default 24. */
  readonly rows?: number;
  /** Told the device when it is made: to type, `receive`. */
  readonly attached?: (console: VirtioConsole) => void;
}

/** @returns a console, to be put into a slot */
export const virtioConsole =
  (ports: VirtioConsolePorts): VirtioFactory =>
  (link) => {
    const device = new VirtioConsole(ports, link);
    ports.attached?.(device);
    return device;
  };

type ConsoleState = { columns: number; rows: number };
const FIELDS: FieldsOf<ConsoleState> = { columns: HALF, rows: HALF };

export class VirtioConsole implements VirtioFunction {
  readonly deviceId = 3;
  readonly title = 'console';
  readonly features = FEATURES;
  readonly queues: readonly QueueRole[];
  readonly #ports: VirtioConsolePorts;
  readonly #link: VirtioLink;
  #state: ConsoleState;

  constructor(ports: VirtioConsolePorts, link: VirtioLink) {
    this.#ports = ports;
    this.#link = link;
    this.#state = { columns: ports.columns ?? 80, rows: ports.rows ?? 24 };
    this.queues = [
      { name: 'receiveq' },
      {
        name: 'transmitq',
        mostBytes: MOST_BYTES,
        serve: (chain) => {
          const bytes = chain.take(0, chain.readableBytes) ?? new Uint8Array(0);
          ports.transmit(bytes);
          return { written: 0, operation: 'write', argument: bytes.length, status: 'OK' };
        },
      },
    ];
  }

  /** Bytes from the person at the console. @returns how many the driver had room for */
  receive(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length) {
      const chain = this.#link.take(RECEIVE);
      if (chain === undefined) break;
      const written = chain.write(0, bytes.subarray(taken, taken + chain.writableBytes));
      taken += written;
      this.#link.give(RECEIVE, chain, { written, operation: 'read', argument: written, status: 'OK' });
      if (written === 0) break; // a buffer without room would be taken for ever
    }
    return taken;
  }

  /** The window of the person has another size: the guest's programs are told. */
  resize(columns: number, rows: number): void {
    this.#state = { columns, rows };
    this.#link.configurationChanged();
  }

  configuration(): Uint8Array {
    const bytes = new Uint8Array(CONFIGURATION_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, this.#state.columns, true);
    view.setUint16(2, this.#state.rows, true);
    view.setUint32(4, 1, true); // max_nr_ports
    return bytes;
  }

  configure(offset: number, bytes: Uint8Array): void {
    if (offset === EMERGENCY_WRITE) this.#ports.transmit(bytes.slice(0, 1));
  }

  reset(): void {
    // The window keeps its size.
  }

  /** The person at the console sees and types to the first one only. */
  fork(): VirtioFactory {
    return virtioConsole({ transmit: () => undefined, ...this.#state });
  }

  snapshot(): DeviceState {
    return { ...this.#state };
  }

  restore(state: DeviceState): void {
    this.#state = adoptState(this.title, FIELDS, state);
  }
}
