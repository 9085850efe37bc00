// A network card by programmed input and output: the driver moves each frame word by word through one register, in both
// directions. Under a hypervisor each word is an exit. It stands beside virtio for that comparison.
//
//   send:     write SEND_LENGTH, then the words through DATA; the frame leaves with its last word
//   receive:  RECEIVE_LENGTH (0: none), its words through DATA, then the next one

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, Device, DeviceState, InterruptLine, RegisterRow, RegisterValue } from './device.ts';
import { adoptState, BYTE, copyState, count, HALF, list, upTo, type FieldsOf } from './device-state.ts';
import { deviceNode } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';

const IDENTITY = 0x00;
const MAC_LOW = 0x04;
const MAC_HIGH = 0x08;
const STATUS = 0x0c;
const SEND_LENGTH = 0x10;
const RECEIVE_LENGTH = 0x14;
const DATA = 0x18;
const INTERRUPT_ENABLE = 0x1c;
const END = 0x20;

/** `PNIC`, little-endian. */
export const PROGRAMMED_IO_NETWORK_IDENTITY = 0x4349_4e50;

export const NetworkStatus = { sending: 1, received: 2 } as const;

const SHORTEST_FRAME = 14;
const LONGEST_FRAME = 1518;
/** Received frames that the card keeps until the driver takes them. */
const MOST_FRAMES = 16;

const row = (name: string, offset: number, access: RegisterRow['access'], meaning: string): RegisterRow => ({
  name,
  offset,
  width: 4,
  access,
  meaning,
});

const REGISTERS: readonly RegisterRow[] = [
  row('IDENTITY', IDENTITY, 'read-only', 'The letters "PNIC".'),
  row('MAC_LOW', MAC_LOW, 'read-only', 'First four bytes of the card’s address.'),
  row('MAC_HIGH', MAC_HIGH, 'read-only', 'Its last two bytes.'),
  row('STATUS', STATUS, 'read-only', 'Bit 0 a frame is being written, 1 a received frame is there.'),
  row(
    'SEND_LENGTH',
    SEND_LENGTH,
    'write-only',
    'Bytes of the frame that follows through DATA, 14 to 1518; 0 gives up.',
  ),
  row('RECEIVE_LENGTH', RECEIVE_LENGTH, 'read-only', 'Bytes of the oldest received frame; 0: there is none.'),
  row('DATA', DATA, 'read-write', 'The next four bytes of a frame.'),
  row('INTERRUPT_ENABLE', INTERRUPT_ENABLE, 'read-write', 'Bit 0: interrupt while a received frame is there.'),
];

export interface ProgrammedIoNetworkPorts {
  readonly cable: {
    send(frame: Uint8Array): void;
    attach(receive: (frame: Uint8Array) => boolean): void;
  };
  /** Six bytes. */
  readonly mac: Uint8Array;
  readonly interrupt: InterruptLine;
  /** Told, for drawing, that a frame has come and the driver is interrupted. */
  readonly interrupted?: () => void;
}

type CardState = {
  interruptEnable: number;
  sendLength: number;
  /** Bytes written of the frame to send, and read of the one received. */
  sent: number;
  taken: number;
  dropped: number;
  sendBuffer: readonly number[];
  /** Each received frame's length and bytes, oldest first. */
  received: readonly number[];
};

const FIELDS: FieldsOf<CardState> = {
  interruptEnable: count(1),
  sendLength: count(LONGEST_FRAME),
  sent: count(LONGEST_FRAME),
  taken: count(LONGEST_FRAME),
  dropped: count(),
  sendBuffer: list(BYTE, LONGEST_FRAME + 3),
  received: upTo(MOST_FRAMES * (LONGEST_FRAME + 1), HALF),
};

export class ProgrammedIoNetwork implements DescribedDevice, Device {
  readonly name = 'ethernet';
  readonly size = 0x1000;
  readonly registers = REGISTERS;
  readonly #ports: ProgrammedIoNetworkPorts;
  readonly #sending = new Uint8Array(LONGEST_FRAME + 3);
  readonly #state = { interruptEnable: 0, sendLength: 0, sent: 0, taken: 0, dropped: 0 };
  #received: Uint8Array[] = [];

  constructor(ports: ProgrammedIoNetworkPorts) {
    this.#ports = ports;
    ports.cable.attach((frame) => this.#receive(frame));
  }

  /** Frames that came when the card had no room for them. */
  get dropped(): number {
    return this.#state.dropped;
  }

  read(offset: number, width: AccessWidth): number {
    if (width !== 4 || offset < 0 || offset >= END || offset % 4 !== 0) return BUS_ERROR;
    const value = this.#look(offset);
    const [first] = this.#received;
    if (offset === DATA && first !== undefined) {
      this.#state.taken += 4;
      if (this.#state.taken >= first.length) {
        this.#received.shift();
        this.#state.taken = 0;
        this.#driveInterrupt();
      }
    }
    return value;
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset < 0 || offset >= END || offset % 4 !== 0) return false;
    const state = this.#state;
    const word = value >>> 0;
    if (offset === SEND_LENGTH) {
      state.sendLength = word >= SHORTEST_FRAME && word <= LONGEST_FRAME ? word : 0;
      state.sent = 0;
    } else if (offset === INTERRUPT_ENABLE) {
      state.interruptEnable = word & 1;
      this.#driveInterrupt();
    } else if (offset === DATA && state.sendLength > 0) {
      for (let byte = 0; byte < 4; byte++) this.#sending[state.sent + byte] = word >>> (8 * byte);
      state.sent += 4;
      if (state.sent >= state.sendLength) {
        const frame = this.#sending.slice(0, state.sendLength);
        state.sendLength = 0;
        state.sent = 0;
        this.#ports.cable.send(frame);
      }
    }
    return true;
  }

  reset(): void {
    Object.assign(this.#state, { interruptEnable: 0, sendLength: 0, sent: 0, taken: 0 });
    this.#received = [];
    this.#driveInterrupt();
  }

  inspect(): readonly RegisterValue[] {
    return REGISTERS.map((register) => ({ row: register, value: this.#look(register.offset) }));
  }

  snapshot(): DeviceState {
    return {
      ...copyState(this.#state),
      sendBuffer: [...this.#sending],
      received: this.#received.flatMap((frame) => [frame.length, ...frame]),
    };
  }

  restore(state: DeviceState): void {
    const { sendBuffer, received, ...rest } = adoptState(this.name, FIELDS, state);
    const frames: Uint8Array[] = [];
    for (let at = 0; at < received.length; at += 1 + (frames.at(-1)?.length ?? 0)) {
      frames.push(Uint8Array.from(received.slice(at + 1, at + 1 + Math.min(LONGEST_FRAME, received[at] ?? 0))));
    }
    const whole = frames.every(({ length }) => length >= SHORTEST_FRAME && length <= LONGEST_FRAME);
    if (rest.sent > rest.sendLength || rest.taken > (frames[0]?.length ?? 0) || frames.length > MOST_FRAMES || !whole) {
      throw new Error(
        'The snapshot does not fit this network card: expected at most 16 frames of 14 to 1518 bytes. Take it from a board of the same shape.',
      );
    }
    Object.assign(this.#state, rest);
    this.#sending.set(sendBuffer);
    this.#received = frames;
    this.#driveInterrupt();
  }

  describe(mount: DeviceMount): DeviceDescription {
    return { node: deviceNode(this, mount, 'ringside,programmed-io-network') };
  }

  #look(offset: number): number {
    const { mac } = this.#ports;
    const [first] = this.#received;
    switch (offset) {
      case IDENTITY:
        return PROGRAMMED_IO_NETWORK_IDENTITY;
      case MAC_LOW:
        return wordOf(mac, 0);
      case MAC_HIGH:
        return wordOf(mac.subarray(0, 6), 4);
      case STATUS:
        return (
          (this.#state.sendLength > 0 ? NetworkStatus.sending : 0) | (first === undefined ? 0 : NetworkStatus.received)
        );
      case RECEIVE_LENGTH:
        return first?.length ?? 0;
      case DATA:
        return first === undefined ? 0 : wordOf(first, this.#state.taken);
      case INTERRUPT_ENABLE:
        return this.#state.interruptEnable;
      default:
        return 0;
    }
  }

  #receive(frame: Uint8Array): boolean {
    const fits = this.#received.length < MOST_FRAMES && frame.length >= SHORTEST_FRAME && frame.length <= LONGEST_FRAME;
    if (!fits) this.#state.dropped++;
    else this.#received.push(frame.slice());
    this.#driveInterrupt();
    if (fits && this.#state.interruptEnable !== 0) this.#ports.interrupted?.();
    return fits;
  }

  #driveInterrupt(): void {
    this.#ports.interrupt(this.#received.length > 0 && this.#state.interruptEnable !== 0);
  }
}

/** Four bytes, little-endian; zeros behind the end. */
function wordOf(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let byte = 3; byte >= 0; byte--) word = word * 256 + (bytes[at + byte] ?? 0);
  return word;
}
