// What a device is to whoever mounts it, and nothing more: a window of registers and the ports it was given.
// The same class is mounted on the physical board and on a guest's bus; it knows neither hart nor bus nor hypervisor.

/** Answer of a read that no register serves: the initiator gets an access fault, as on QEMU's `virt` board. */
export const BUS_ERROR = -1;

/** Width of one access in bytes. The bus splits nothing: a device refuses the widths it does not serve. */
export type AccessWidth = 1 | 2 | 4;

/** One register as a row: the display, the tests and the manual's table are the same list. */
export interface RegisterRow {
  /** The specification's own name, e.g. `IER`. */
  readonly name: string;
  /** Byte offset from the start of the device's window. */
  readonly offset: number;
  readonly width: AccessWidth;
  readonly access: 'read-only' | 'write-only' | 'read-write';
  /** One sentence a student can read. */
  readonly meaning: string;
}

/** A level-triggered interrupt wire; called with the new level, also when the level did not change. */
export type InterruptLine = (level: boolean) => void;

/** One register and the value a look at it found. */
export interface RegisterValue {
  readonly row: RegisterRow;
  readonly value: number;
}

/** A device's whole state as plain data: copying it is a snapshot, giving it back restores the device. */
export type DeviceState = { [key: string]: number | boolean | readonly number[] | DeviceState };

export interface Device {
  /** The node name in the device tree, without the unit address, e.g. `serial`. */
  readonly name: string;
  /** Bytes of the register window. */
  readonly size: number;
  readonly registers: readonly RegisterRow[];
  /**
   * A guest's load. May have side effects (a UART's FIFO advances).
   * @param offset byte offset into the window
   * @returns the value, zero-extended to 32 bits unsigned, or BUS_ERROR
   */
  read(offset: number, width: AccessWidth): number;
  /** A guest's store of the low `width` bytes. @returns false where the initiator must get an access fault */
  write(offset: number, width: AccessWidth, value: number): boolean;
  /** Back to the state after power-on; keeps the ports. */
  reset(): void;
  /** Looks at every register without any side effect. */
  inspect(): readonly RegisterValue[];
  /** The whole state as plain data. Looking changes nothing. */
  snapshot(): DeviceState;
  /** Takes a state made by `snapshot` of the same class and drives its lines to match. */
  restore(state: DeviceState): void;
}

/** A device that changes by itself when board time passes (timers, alarms). */
export interface TimedDevice extends Device {
  /** The board time, in ticks of the board's time base, at which something will change by itself; Infinity if nothing will. */
  deadline(): number;
  /** Board time has moved on (read it from the clock port): drive the lines that are due. */
  elapse(): void;
}

/** The board's clock as a device sees it: monotonic, in ticks of the board's 10 MHz time base, derived from retired instructions. */
export type Clock = () => number;
