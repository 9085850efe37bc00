// The real-time clock: nanoseconds since 1970 in a 64-bit counter, with one alarm (Google's "Goldfish virtual hardware" document,
// section "real-time clock"; hw/rtc/goldfish_rtc.c). Its time is a fixed date plus board time: no run sees the host's clock.

import { BUS_ERROR } from './device.ts';
import type {
  AccessWidth,
  Clock,
  DeviceState,
  InterruptLine,
  RegisterRow,
  RegisterValue,
  TimedDevice,
} from './device.ts';
import { adoptState, copyState, FLAG, WORD, type FieldsOf } from './device-state.ts';
import { deviceNode } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';
import { add, atLeast, fromNumber, multiply, subtract, toNumber } from './unsigned64.ts';
import type { Unsigned64 } from './unsigned64.ts';

const TIME_LOW = 0x00;
const TIME_HIGH = 0x04;
const ALARM_LOW = 0x08;
const ALARM_HIGH = 0x0c;
const IRQ_ENABLED = 0x10;
const CLEAR_ALARM = 0x14;
const ALARM_STATUS = 0x18;
const CLEAR_INTERRUPT = 0x1c;
const END = 0x24;

/** The board's time base is 10 MHz. */
const NANOSECONDS_PER_TICK = 100;

const REGISTERS: readonly RegisterRow[] = [
  row('TIME_LOW', TIME_LOW, 'read-write', 'Low half of the time in nanoseconds; reading it latches the high half.'),
  row('TIME_HIGH', TIME_HIGH, 'read-write', 'High half of the time, as latched by the last read of TIME_LOW.'),
  row('ALARM_LOW', ALARM_LOW, 'read-write', 'Low half of the alarm time; writing it arms the alarm.'),
  row('ALARM_HIGH', ALARM_HIGH, 'read-write', 'High half of the alarm time; write it before ALARM_LOW.'),
  row('IRQ_ENABLED', IRQ_ENABLED, 'read-write', 'Bit 0 lets the alarm interrupt.'),
  row('CLEAR_ALARM', CLEAR_ALARM, 'write-only', 'Any write disarms the alarm.'),
  row('ALARM_STATUS', ALARM_STATUS, 'read-only', '1 while the alarm is armed.'),
  row('CLEAR_INTERRUPT', CLEAR_INTERRUPT, 'write-only', 'Any write takes the interrupt back.'),
];

function row(name: string, offset: number, access: RegisterRow['access'], meaning: string): RegisterRow {
  return { name, offset, width: 4, access, meaning };
}

export interface GoldfishRtcPorts {
  readonly interrupt: InterruptLine;
  readonly clock: Clock;
  /** What the clock shows at board time 0, in nanoseconds since 1970-01-01 UTC. */
  readonly epochNanoseconds: Unsigned64;
}

type RtcState = {
  /** Shown time minus board time in nanoseconds, modulo 2^64. */
  offsetHigh: number;
  offsetLow: number;
  latchedHigh: number;
  alarmHigh: number;
  alarmLow: number;
  alarmArmed: boolean;
  interruptPending: boolean;
  interruptEnabled: boolean;
};

const FIELDS: FieldsOf<RtcState> = {
  offsetHigh: WORD,
  offsetLow: WORD,
  latchedHigh: WORD,
  alarmHigh: WORD,
  alarmLow: WORD,
  alarmArmed: FLAG,
  interruptPending: FLAG,
  interruptEnabled: FLAG,
};

export class GoldfishRtc implements TimedDevice, DescribedDevice {
  readonly name = 'rtc';
  readonly size = 0x1000;
  readonly registers = REGISTERS;
  readonly #ports: GoldfishRtcPorts;
  #state: RtcState;

  constructor(ports: GoldfishRtcPorts) {
    this.#ports = ports;
    this.#state = powerOn(ports.epochNanoseconds);
  }

  read(offset: number, width: AccessWidth): number {
    if (width !== 4 || offset < 0 || offset >= END || offset % 4 !== 0) return BUS_ERROR;
    if (offset === TIME_LOW) this.#state.latchedHigh = this.#time().high;
    return this.#look(offset);
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset < 0 || offset >= END || offset % 4 !== 0) return false;
    const state = this.#state;
    const word = value >>> 0;
    switch (offset) {
      case TIME_LOW:
        this.#setTime({ high: this.#time().high, low: word });
        break;
      case TIME_HIGH:
        this.#setTime({ high: word, low: this.#time().low });
        break;
      case ALARM_LOW:
        state.alarmLow = word;
        state.alarmArmed = true;
        this.elapse();
        break;
      case ALARM_HIGH:
        state.alarmHigh = word;
        break;
      case IRQ_ENABLED:
        state.interruptEnabled = (word & 1) !== 0;
        this.#driveInterrupt();
        break;
      case CLEAR_ALARM:
        state.alarmArmed = false;
        break;
      case CLEAR_INTERRUPT:
        state.interruptPending = false;
        this.#driveInterrupt();
        break;
    }
    return true;
  }

  deadline(): number {
    if (!this.#state.alarmArmed) return Infinity;
    const wait = this.#time();
    if (atLeast(wait, this.#alarm())) return this.#ports.clock();
    // Ticks are whole: the first one at or after the alarm.
    const ticks = Math.ceil(toNumber(subtract(this.#alarm(), wait)) / NANOSECONDS_PER_TICK);
    const due = this.#ports.clock() + ticks;
    return due <= Number.MAX_SAFE_INTEGER ? due : Infinity;
  }

  elapse(): void {
    const state = this.#state;
    if (!state.alarmArmed || !atLeast(this.#time(), this.#alarm())) return;
    state.alarmArmed = false;
    state.interruptPending = true;
    this.#driveInterrupt();
  }

  /** The alarm goes; the time, kept by its battery, stays. */
  reset(): void {
    const { offsetHigh, offsetLow, latchedHigh } = this.#state;
    this.#state = { ...powerOn(this.#ports.epochNanoseconds), offsetHigh, offsetLow, latchedHigh };
    this.#driveInterrupt();
  }

  inspect(): readonly RegisterValue[] {
    return this.registers.map((register) => ({ row: register, value: this.#look(register.offset) }));
  }

  snapshot(): DeviceState {
    return copyState(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = adoptState(this.name, FIELDS, state);
    this.#driveInterrupt();
  }

  describe(mount: DeviceMount): DeviceDescription {
    return { node: deviceNode(this, mount, 'google,goldfish-rtc') };
  }

  #look(offset: number): number {
    const state = this.#state;
    switch (offset) {
      case TIME_LOW:
        return this.#time().low;
      case TIME_HIGH:
        return state.latchedHigh;
      case ALARM_LOW:
        return state.alarmLow;
      case ALARM_HIGH:
        return state.alarmHigh;
      case IRQ_ENABLED:
        return state.interruptEnabled ? 1 : 0;
      case ALARM_STATUS:
        return state.alarmArmed ? 1 : 0;
      default:
        return 0;
    }
  }

  #boardTime(): Unsigned64 {
    return multiply(fromNumber(this.#ports.clock()), NANOSECONDS_PER_TICK);
  }

  #time(): Unsigned64 {
    return add(this.#boardTime(), { high: this.#state.offsetHigh, low: this.#state.offsetLow });
  }

  #alarm(): Unsigned64 {
    return { high: this.#state.alarmHigh, low: this.#state.alarmLow };
  }

  #setTime(time: Unsigned64): void {
    const offset = subtract(time, this.#boardTime());
    this.#state.offsetHigh = offset.high;
    this.#state.offsetLow = offset.low;
    this.elapse();
  }

  #driveInterrupt(): void {
    this.#ports.interrupt(this.#state.interruptPending && this.#state.interruptEnabled);
  }
}

function powerOn(epoch: Unsigned64): RtcState {
  return {
    offsetHigh: epoch.high,
    offsetLow: epoch.low,
    latchedHigh: 0,
    alarmHigh: 0,
    alarmLow: 0,
    alarmArmed: false,
    interruptPending: false,
    interruptEnabled: false,
  };
}
