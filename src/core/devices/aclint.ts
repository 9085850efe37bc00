// The core-local interruptor: software interrupts between harts and the machine timer, in the SiFive CLINT's layout as on QEMU's
// `virt` board (RISC-V ACLINT specification 1.0; hw/intc/riscv_aclint.c).
//
//   0x0000  MSIP      one word per hart: bit 0 is the hart's machine software interrupt
//   0x4000  MTIMECMP  64 bits per hart: the machine timer interrupt is high while mtime >= mtimecmp
//   0xbff8  MTIME     64 bits: ticks of the board's time base, plus what a guest wrote

import { BUS_ERROR } from './device.ts';
import type { AccessWidth, Clock, DeviceState, RegisterRow, RegisterValue, TimedDevice } from './device.ts';
import { adoptState, copyState, count, list, WORD, type FieldsOf } from './device-state.ts';
import { deviceNode } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';
import { add, atLeast, fromNumber, subtract, toNumber, ZERO } from './unsigned64.ts';
import type { Unsigned64 } from './unsigned64.ts';

const MTIMECMP = 0x4000;
const MTIME = 0xbff8;
/** QEMU's two windows end here; the rest of the 64 KiB in the device tree answers nothing. */
const END = 0xc000;

/** Local interrupt numbers in `mie` and `mip` (privileged architecture, section 3.1.9). */
const MACHINE_SOFTWARE_INTERRUPT = 3;
const MACHINE_TIMER_INTERRUPT = 7;

export interface AclintPorts {
  readonly harts: number;
  readonly clock: Clock;
  /** Machine software interrupt of a hart; called when it changes, on reset and on restore. */
  readonly software: (hart: number, level: boolean) => void;
  /** Machine timer interrupt of a hart; called when it changes, on reset and on restore. */
  readonly timer: (hart: number, level: boolean) => void;
  /** A guest has set mtime: whoever shows time to a hart (`time`, `stimecmp`) must look again. */
  readonly timeWritten?: () => void;
}

type AclintState = {
  softwarePending: number[];
  compareHigh: number[];
  compareLow: number[];
  /** mtime minus the board's clock, modulo 2^64. */
  offsetHigh: number;
  offsetLow: number;
  timerLevel: number[];
};

const fieldsFor = (harts: number): FieldsOf<AclintState> => ({
  softwarePending: list(count(1), harts),
  compareHigh: list(WORD, harts),
  compareLow: list(WORD, harts),
  offsetHigh: WORD,
  offsetLow: WORD,
  timerLevel: list(count(1), harts),
});

/** The constructor drives no line: the board calls `reset` once everything is wired. */
export class Aclint implements TimedDevice, DescribedDevice {
  readonly name = 'clint';
  readonly size = 0x10000;
  readonly registers: readonly RegisterRow[];
  readonly #ports: AclintPorts;
  #state: AclintState;

  constructor(ports: AclintPorts) {
    this.#ports = ports;
    this.#state = this.#afterReset();
    this.registers = registerRows(ports.harts);
  }

  /** What mtime reads now; the `time` CSR of every hart is this register. */
  mtime(): Unsigned64 {
    return add(fromNumber(this.#ports.clock()), { high: this.#state.offsetHigh, low: this.#state.offsetLow });
  }

  /** Words are served everywhere; bytes and halfwords are an access fault, as on QEMU. */
  read(offset: number, width: AccessWidth): number {
    if (width !== 4 || offset >= END || offset < 0 || offset % 4 !== 0) return BUS_ERROR;
    return this.#look(offset);
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset >= END || offset < 0 || offset % 4 !== 0) return false;
    const word = value >>> 0;
    const state = this.#state;
    const { harts } = this.#ports;
    if (offset < 4 * harts) {
      const hart = offset / 4;
      const level = (word & 1) !== 0;
      if (level !== (state.softwarePending[hart] === 1)) {
        state.softwarePending[hart] = level ? 1 : 0;
        this.#ports.software(hart, level);
      }
    } else if (offset >= MTIMECMP && offset < MTIMECMP + 8 * harts) {
      const hart = (offset - MTIMECMP) >> 3;
      const half = offset % 8 === 0 ? state.compareLow : state.compareHigh;
      half[hart] = word;
      this.#compare(hart);
    } else if (offset === MTIME || offset === MTIME + 4) {
      const now = this.mtime();
      this.#setTime(offset === MTIME ? { high: now.high, low: word } : { high: word, low: now.low });
    }
    return true;
  }

  deadline(): number {
    const now = this.mtime();
    let wait = Infinity;
    for (let hart = 0; hart < this.#ports.harts; hart += 1) {
      const compare = this.#compareValue(hart);
      // A high line falls only when mtime wraps to zero, 2^64 ticks after it was zero.
      const change = atLeast(now, compare)
        ? toNumber(subtract(ZERO, now)) || Infinity
        : toNumber(subtract(compare, now));
      wait = Math.min(wait, change);
    }
    const due = this.#ports.clock() + wait;
    return due <= Number.MAX_SAFE_INTEGER ? due : Infinity;
  }

  elapse(): void {
    for (let hart = 0; hart < this.#ports.harts; hart += 1) this.#compare(hart);
  }

  reset(): void {
    this.#state = this.#afterReset();
    this.#driveLines();
    this.#ports.timeWritten?.();
  }

  inspect(): readonly RegisterValue[] {
    return this.registers.map((row) => ({ row, value: this.#look(row.offset) }));
  }

  snapshot(): DeviceState {
    return copyState(this.#state);
  }

  restore(state: DeviceState): void {
    this.#state = adoptState(this.name, fieldsFor(this.#ports.harts), state);
    this.#driveLines();
    this.#ports.timeWritten?.();
  }

  describe(mount: DeviceMount): DeviceDescription {
    return {
      node: deviceNode(this, mount, ['sifive,clint0', 'riscv,clint0'], {
        'interrupts-extended': mount.hartInterruptControllers.flatMap((phandle) => [
          phandle,
          MACHINE_SOFTWARE_INTERRUPT,
          phandle,
          MACHINE_TIMER_INTERRUPT,
        ]),
      }),
    };
  }

  #afterReset(): AclintState {
    const perHart = (): number[] => new Array<number>(this.#ports.harts).fill(0);
    // mtime restarts at zero. mtimecmp is zero too, so the timer line is high until a guest sets it.
    const { high, low } = subtract(ZERO, fromNumber(this.#ports.clock()));
    return {
      softwarePending: perHart(),
      compareHigh: perHart(),
      compareLow: perHart(),
      offsetHigh: high,
      offsetLow: low,
      timerLevel: perHart().fill(1),
    };
  }

  #look(offset: number): number {
    const state = this.#state;
    const { harts } = this.#ports;
    if (offset < 4 * harts) return state.softwarePending[offset / 4] ?? 0;
    if (offset >= MTIMECMP && offset < MTIMECMP + 8 * harts) {
      const compare = this.#compareValue((offset - MTIMECMP) >> 3);
      return offset % 8 === 0 ? compare.low : compare.high;
    }
    if (offset === MTIME) return this.mtime().low;
    if (offset === MTIME + 4) return this.mtime().high;
    return 0;
  }

  #compareValue(hart: number): Unsigned64 {
    return { high: this.#state.compareHigh[hart] ?? 0, low: this.#state.compareLow[hart] ?? 0 };
  }

  #setTime(time: Unsigned64): void {
    const offset = subtract(time, fromNumber(this.#ports.clock()));
    this.#state.offsetHigh = offset.high;
    this.#state.offsetLow = offset.low;
    this.elapse();
    this.#ports.timeWritten?.();
  }

  #compare(hart: number): void {
    const level = atLeast(this.mtime(), this.#compareValue(hart));
    if (level === (this.#state.timerLevel[hart] === 1)) return;
    this.#state.timerLevel[hart] = level ? 1 : 0;
    this.#ports.timer(hart, level);
  }

  #driveLines(): void {
    for (let hart = 0; hart < this.#ports.harts; hart += 1) {
      this.#ports.software(hart, this.#state.softwarePending[hart] === 1);
      this.#ports.timer(hart, this.#state.timerLevel[hart] === 1);
    }
  }
}

function registerRows(harts: number): readonly RegisterRow[] {
  const rows: RegisterRow[] = [];
  const row = (name: string, offset: number, meaning: string): void => {
    rows.push({ name, offset, width: 4, access: 'read-write', meaning });
  };
  for (let hart = 0; hart < harts; hart += 1) {
    row(`MSIP${hart}`, 4 * hart, `Bit 0 is the machine software interrupt of hart ${hart}.`);
  }
  for (let hart = 0; hart < harts; hart += 1) {
    row(`MTIMECMP${hart}`, MTIMECMP + 8 * hart, `Low half of the time at which hart ${hart} gets its timer interrupt.`);
    row(`MTIMECMPH${hart}`, MTIMECMP + 8 * hart + 4, `High half of hart ${hart}'s timer compare value.`);
  }
  row('MTIME', MTIME, 'Low half of the time, in ticks of the time base.');
  row('MTIMEH', MTIME + 4, 'High half of the time.');
  return rows;
}
