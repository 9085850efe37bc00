// The serial port: a 16550A as QEMU's `virt` board has it (National Semiconductor PC16550D data sheet; hw/char/serial.c).
//
//   host keys → queue → receive FIFO (16) → RBR        THR → transmit(byte), at once        IER, IIR → interrupt
//
// The host's queue stands for the person at the keyboard: bytes wait there, unlost, until the guest listens.

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, DeviceState, InterruptLine, RegisterValue } from './device.ts';
import { adoptState, BYTE, copyState, count, FLAG, HALF, number, upTo, type FieldsOf } from './device-state.ts';
import { deviceNode } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';
import {
  DIVISOR_AFTER_RESET,
  FCR_ENABLE,
  FCR_KEPT,
  FCR_RESET_RECEIVE,
  FCR_RESET_TRANSMIT,
  IER_LINE_STATUS,
  IER_RECEIVED,
  IER_TRANSMITTER_EMPTY,
  IIR_CHARACTER_TIMEOUT,
  IIR_FIFO_ENABLED,
  IIR_IDENTITY,
  IIR_LINE_STATUS,
  IIR_NONE,
  IIR_RECEIVED,
  IIR_TRANSMITTER_EMPTY,
  LCR_DIVISOR_ACCESS,
  LSR_DATA_READY,
  LSR_OVERRUN,
  LSR_TRANSMITTER_EMPTY,
  MCR_LOOPBACK,
  MCR_OUT2,
  MSR_CONNECTED,
  TRIGGER_LEVELS,
  UART_REGISTERS,
} from './uart16550-registers.ts';

const FIFO_DEPTH = 16;
/** Bytes of host input that wait for the guest; more is refused, so that a paste cannot eat the host's memory. */
const QUEUE_LIMIT = 1 << 16;
/**
 * Looks at an empty receiver after which the guest counts as polling for input: so many in a row, or so many in all that were not
 * a transmitter's (those are followed by a byte sent). A driver's probe and a kernel's boot messages stay far below.
 */
const POLLING_RUN = 64;
const POLLING_TOTAL = 4096;

export interface UartPorts {
  readonly interrupt: InterruptLine;
  /** A byte the guest sent. */
  readonly transmit: (byte: number) => void;
}

type UartState = {
  /** The last byte received without FIFO; keeps its value when read. */
  receiveBuffer: number;
  transmitHolding: number;
  interruptEnable: number;
  fifoControl: number;
  lineControl: number;
  modemControl: number;
  lineStatus: number;
  scratch: number;
  divisor: number;
  transmitterEmptyPending: boolean;
  receiveFifo: number[];
  queue: number[];
  /** The guest takes input: host bytes may move on to the receiver. */
  listening: boolean;
  looksInARow: number;
  looksInAll: number;
};

const FIELDS: FieldsOf<UartState> = {
  receiveBuffer: BYTE,
  transmitHolding: BYTE,
  interruptEnable: BYTE,
  fifoControl: BYTE,
  lineControl: BYTE,
  modemControl: BYTE,
  lineStatus: BYTE,
  scratch: BYTE,
  divisor: HALF,
  transmitterEmptyPending: FLAG,
  receiveFifo: upTo(FIFO_DEPTH, BYTE),
  // What was not read goes back to the queue beyond its limit.
  queue: upTo(QUEUE_LIMIT + FIFO_DEPTH, BYTE),
  listening: FLAG,
  looksInARow: count(),
  looksInAll: number(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
};

function afterReset(): UartState {
  return {
    receiveBuffer: 0,
    transmitHolding: 0,
    interruptEnable: 0,
    fifoControl: 0,
    lineControl: 0,
    modemControl: MCR_OUT2,
    lineStatus: LSR_TRANSMITTER_EMPTY,
    scratch: 0,
    divisor: DIVISOR_AFTER_RESET,
    transmitterEmptyPending: false,
    receiveFifo: [],
    queue: [],
    listening: false,
    looksInARow: 0,
    looksInAll: 0,
  };
}

export class Uart16550 implements DescribedDevice {
  readonly name = 'serial';
  /** As the device tree says; only the first 8 bytes answer. */
  readonly size = 0x100;
  readonly registers = UART_REGISTERS;
  readonly #ports: UartPorts;
  #state = afterReset();

  constructor(ports: UartPorts) {
    this.#ports = ports;
  }

  /** Host input. @returns how many of the bytes were accepted; offer the rest again later */
  receive(bytes: Uint8Array): number {
    const accepted = Math.min(bytes.length, QUEUE_LIMIT - this.#state.queue.length);
    for (const byte of bytes.subarray(0, accepted)) this.#state.queue.push(byte);
    this.#drainQueue();
    return accepted;
  }

  /** The next byte received, taken by firmware on a guest's behalf (SBI getchar); −1 if there is none. */
  take(): number {
    this.#state.listening = true;
    this.#drainQueue();
    return (this.#state.lineStatus & LSR_DATA_READY) === 0 ? -1 : this.#takeReceived();
  }

  /** Bytes of host input that the guest has not been given yet. */
  get waiting(): number {
    return this.#state.queue.length;
  }

  /** One register each access, whatever the width, as QEMU's memory-mapped 8250 answers. */
  read(offset: number, _width: AccessWidth): number {
    const state = this.#state;
    const divisorLatch = (state.lineControl & LCR_DIVISOR_ACCESS) !== 0;
    switch (offset) {
      case 0:
        return divisorLatch ? state.divisor & 0xff : this.#takeReceived();
      case 1:
        return divisorLatch ? state.divisor >> 8 : state.interruptEnable;
      case 2:
        return this.#identifyInterrupt();
      case 3:
        return state.lineControl;
      case 4:
        return state.modemControl;
      case 5:
        return this.#takeLineStatus();
      case 6:
        return this.#modemStatus();
      case 7:
        return state.scratch;
      default:
        return BUS_ERROR;
    }
  }

  write(offset: number, _width: AccessWidth, value: number): boolean {
    const state = this.#state;
    const byte = value & 0xff;
    const divisorLatch = (state.lineControl & LCR_DIVISOR_ACCESS) !== 0;
    switch (offset) {
      case 0:
        if (divisorLatch) state.divisor = (state.divisor & 0xff00) | byte;
        else this.#transmit(byte);
        return true;
      case 1:
        if (divisorLatch) state.divisor = (state.divisor & 0x00ff) | (byte << 8);
        else this.#enableInterrupts(byte & 0x0f);
        return true;
      case 2:
        this.#controlFifos(byte);
        return true;
      case 3:
        state.lineControl = byte;
        return true;
      case 4:
        state.modemControl = byte & 0x1f;
        this.#drainQueue();
        return true;
      case 5:
      case 6:
        return true;
      case 7:
        state.scratch = byte;
        return true;
      default:
        return false;
    }
  }

  reset(): void {
    // What the person has typed ahead is not the board's to forget.
    this.#state = { ...afterReset(), queue: this.#state.queue };
    this.#driveInterrupt();
  }

  inspect(): readonly RegisterValue[] {
    return this.registers.map((register) => ({ row: register, value: this.#look(register.name) }));
  }

  snapshot(): DeviceState {
    return copyState(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = adoptState(this.name, FIELDS, state);
    this.#driveInterrupt();
  }

  describe(mount: DeviceMount): DeviceDescription {
    return { console: true, node: deviceNode(this, mount, 'ns16550a', { 'clock-frequency': [3686400] }) };
  }

  #look(register: string): number {
    const state = this.#state;
    switch (register) {
      case 'RBR':
        return this.#fifoEnabled ? (state.receiveFifo[0] ?? 0) : state.receiveBuffer;
      case 'THR':
        return state.transmitHolding;
      case 'IER':
        return state.interruptEnable;
      case 'IIR':
        return this.#interruptIdentity();
      case 'FCR':
        return state.fifoControl;
      case 'LCR':
        return state.lineControl;
      case 'MCR':
        return state.modemControl;
      case 'LSR':
        return state.lineStatus;
      case 'MSR':
        return this.#modemStatus();
      case 'SCR':
        return state.scratch;
      case 'DLL':
        return state.divisor & 0xff;
      default:
        return state.divisor >> 8;
    }
  }

  get #fifoEnabled(): boolean {
    return (this.#state.fifoControl & FCR_ENABLE) !== 0;
  }

  get #loopback(): boolean {
    return (this.#state.modemControl & MCR_LOOPBACK) !== 0;
  }

  /** Data sheet, table V: the interrupts by priority. Modem status never changes here, so it never interrupts. */
  #interruptIdentity(): number {
    const { interruptEnable, lineStatus, receiveFifo, fifoControl, transmitterEmptyPending } = this.#state;
    const fifoBits = this.#fifoEnabled ? IIR_FIFO_ENABLED : 0;
    const received = (interruptEnable & IER_RECEIVED) !== 0 && (lineStatus & LSR_DATA_READY) !== 0;
    if ((interruptEnable & IER_LINE_STATUS) !== 0 && (lineStatus & LSR_OVERRUN) !== 0)
      return fifoBits | IIR_LINE_STATUS;
    if (received) {
      // No time passes on this line, so bytes below the trigger level have always waited long enough.
      const triggerLevel = TRIGGER_LEVELS[fifoControl >> 6] ?? 1;
      if (this.#fifoEnabled && receiveFifo.length < triggerLevel) return fifoBits | IIR_CHARACTER_TIMEOUT;
      return fifoBits | IIR_RECEIVED;
    }
    if ((interruptEnable & IER_TRANSMITTER_EMPTY) !== 0 && transmitterEmptyPending) {
      return fifoBits | IIR_TRANSMITTER_EMPTY;
    }
    return fifoBits | IIR_NONE;
  }

  #driveInterrupt(): void {
    this.#ports.interrupt((this.#interruptIdentity() & IIR_NONE) === 0);
  }

  /** Reading IIR clears the transmitter interrupt, and only that, and only if it is the one shown. */
  #identifyInterrupt(): number {
    const identity = this.#interruptIdentity();
    if ((identity & IIR_IDENTITY) === IIR_TRANSMITTER_EMPTY) {
      this.#state.transmitterEmptyPending = false;
      this.#driveInterrupt();
    }
    return identity;
  }

  #takeReceived(): number {
    const state = this.#state;
    this.#countLook();
    let byte = state.receiveBuffer;
    if (this.#fifoEnabled) byte = state.receiveFifo.shift() ?? 0;
    if (!this.#fifoEnabled || state.receiveFifo.length === 0) state.lineStatus &= ~LSR_DATA_READY;
    this.#driveInterrupt();
    this.#drainQueue();
    return byte;
  }

  #takeLineStatus(): number {
    const state = this.#state;
    this.#countLook();
    const { lineStatus } = state;
    if ((lineStatus & LSR_OVERRUN) !== 0) {
      state.lineStatus &= ~LSR_OVERRUN;
      this.#driveInterrupt();
    }
    return lineStatus;
  }

  /** In loopback the modem outputs are wired to the inputs: RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD. */
  #modemStatus(): number {
    const { modemControl } = this.#state;
    if (!this.#loopback) return MSR_CONNECTED;
    return ((modemControl & 0x0c) << 4) | ((modemControl & 0x02) << 3) | ((modemControl & 0x01) << 5);
  }

  #transmit(byte: number): void {
    const state = this.#state;
    state.transmitHolding = byte;
    if (state.looksInARow > 0) state.looksInAll -= 1;
    state.looksInARow = 0;
    // The line falls between the byte's arrival and its departure: an interrupt controller must see that edge.
    state.transmitterEmptyPending = false;
    this.#driveInterrupt();
    state.transmitterEmptyPending = true;
    if (this.#loopback) this.#arrive(byte);
    else this.#ports.transmit(byte);
    this.#driveInterrupt();
  }

  /** Turning the transmitter interrupt on raises it when the transmitter is empty, which it always is: drivers rely on that. */
  #enableInterrupts(enable: number): void {
    const state = this.#state;
    const changed = state.interruptEnable ^ enable;
    state.interruptEnable = enable;
    if ((changed & IER_TRANSMITTER_EMPTY) !== 0) {
      state.transmitterEmptyPending = (enable & IER_TRANSMITTER_EMPTY) !== 0;
    }
    if ((enable & IER_RECEIVED) !== 0) state.listening = true;
    if (changed !== 0) this.#driveInterrupt();
    this.#drainQueue();
  }

  #controlFifos(control: number): void {
    const state = this.#state;
    const enableChanged = ((control ^ state.fifoControl) & FCR_ENABLE) !== 0;
    if (enableChanged || (control & FCR_RESET_RECEIVE) !== 0) {
      this.#returnUnread();
      state.receiveFifo = [];
      state.lineStatus &= ~LSR_DATA_READY;
      // A driver that starts afresh: what comes before it is ready would be thrown away.
      state.listening = (state.interruptEnable & IER_RECEIVED) !== 0;
      state.looksInARow = 0;
      state.looksInAll = 0;
    }
    if (enableChanged || (control & FCR_RESET_TRANSMIT) !== 0) state.transmitterEmptyPending = true;
    state.fifoControl = control & FCR_KEPT;
    this.#driveInterrupt();
    this.#drainQueue();
  }

  /** What came from the host and nobody has read goes back to the front of the queue: the person typed it once only. */
  #returnUnread(): void {
    const state = this.#state;
    if (this.#loopback || (state.lineStatus & LSR_DATA_READY) === 0) return;
    state.queue.unshift(...(this.#fifoEnabled ? state.receiveFifo : [state.receiveBuffer]));
  }

  /** A byte comes in from the line. */
  #arrive(byte: number): void {
    const state = this.#state;
    if (this.#fifoEnabled) {
      if (state.receiveFifo.length < FIFO_DEPTH) state.receiveFifo.push(byte);
      else state.lineStatus |= LSR_OVERRUN;
    } else {
      if ((state.lineStatus & LSR_DATA_READY) !== 0) state.lineStatus |= LSR_OVERRUN;
      state.receiveBuffer = byte;
    }
    state.lineStatus |= LSR_DATA_READY;
  }

  #countLook(): void {
    const state = this.#state;
    if (state.listening || (state.lineStatus & LSR_DATA_READY) !== 0) return;
    state.looksInARow += 1;
    state.looksInAll += 1;
    if (state.looksInARow < POLLING_RUN && state.looksInAll < POLLING_TOTAL) return;
    state.listening = true;
    this.#drainQueue();
  }

  /** Moves host input to an empty receiver; without a FIFO one byte at a time, so that nothing is overrun. */
  #drainQueue(): void {
    const state = this.#state;
    if (state.queue.length === 0 || this.#loopback || !state.listening) return;
    const room = this.#fifoEnabled ? FIFO_DEPTH - state.receiveFifo.length : 1;
    if ((state.lineStatus & LSR_DATA_READY) !== 0 && (!this.#fifoEnabled || room === 0)) return;
    for (const byte of state.queue.splice(0, room)) this.#arrive(byte);
    this.#driveInterrupt();
  }
}
