// A disk by programmed input and output, as disks were before DMA: the driver says which sector, then moves each 32-bit word
// itself through one register. Under a hypervisor each word is an exit. It stands beside virtio for that comparison.
//
//   write SECTOR, COUNT, then COMMAND → (latency) → STATUS.request, interrupt → 128 words a sector through DATA → … → done

import { onDisk, SECTOR_BYTES, type BlockStore } from './block-store.ts';
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
import { adoptState, BYTE, copyState, count, FLAG, list, number, WORD, type FieldsOf } from './device-state.ts';
import { deviceNode } from './device-tree-node.ts';
import type { DescribedDevice, DeviceDescription, DeviceMount } from './device-tree-node.ts';

const IDENTITY = 0x00;
const SECTORS = 0x04;
const SECTOR = 0x08;
const COUNT = 0x0c;
const COMMAND = 0x10;
const STATUS = 0x14;
const DATA = 0x18;
const ACKNOWLEDGE = 0x1c;
const END = 0x20;

/** `PDSK`, little-endian. */
export const PROGRAMMED_IO_DISK_IDENTITY = 0x4b53_4450;

export const DiskCommand = { read: 1, write: 2, flush: 3 } as const;
export const DiskStatus = { busy: 1, request: 2, error: 4, interrupt: 8 } as const;

const SECTOR_WORDS = SECTOR_BYTES / 4;
/** Sectors of one command: 64 KiB. */
export const MOST_SECTORS = 128;

const row = (name: string, offset: number, access: RegisterRow['access'], meaning: string): RegisterRow => ({
  name,
  offset,
  width: 4,
  access,
  meaning,
});

const REGISTERS: readonly RegisterRow[] = [
  row('IDENTITY', IDENTITY, 'read-only', 'The letters "PDSK".'),
  row('SECTORS', SECTORS, 'read-only', 'Sectors of 512 bytes that the disk has.'),
  row('SECTOR', SECTOR, 'read-write', 'First sector of the next command.'),
  row('COUNT', COUNT, 'read-write', 'Sectors of the next command, 1 to 128.'),
  row('COMMAND', COMMAND, 'write-only', '1 reads, 2 writes, 3 flushes.'),
  row('STATUS', STATUS, 'read-only', 'Bit 0 busy, 1 a word is wanted or ready in DATA, 2 error, 3 it interrupts.'),
  row('DATA', DATA, 'read-write', 'The next four bytes of the sector.'),
  row('ACKNOWLEDGE', ACKNOWLEDGE, 'write-only', 'Any write takes the interrupt back.'),
];

export interface ProgrammedIoDiskPorts {
  readonly store: BlockStore;
  readonly interrupt: InterruptLine;
  readonly clock: Clock;
  /** Ticks from a command, or from the last word of a sector, to the next request. Default 0. */
  readonly latency?: number;
  /** `deadline()` may have come nearer. */
  readonly rescheduled?: () => void;
}

type DiskState = {
  sector: number;
  count: number;
  /** The command in work; 0: none. */
  command: number;
  /** The sector it is at, and how many are left. */
  at: number;
  left: number;
  /** Words of the sector that have passed. */
  word: number;
  /** A word is wanted or ready. */
  request: boolean;
  error: boolean;
  interrupt: boolean;
  /** Board time at which it goes on; −1: it does not wait. */
  due: number;
  buffer: readonly number[];
};

const FIELDS: FieldsOf<DiskState> = {
  sector: WORD,
  count: WORD,
  command: WORD,
  at: count(),
  left: count(MOST_SECTORS),
  word: count(SECTOR_WORDS - 1),
  request: FLAG,
  error: FLAG,
  interrupt: FLAG,
  due: number(-1, Number.MAX_SAFE_INTEGER),
  buffer: list(BYTE, SECTOR_BYTES),
};

const powerOn = (): DiskState => ({
  sector: 0,
  count: 1,
  command: 0,
  at: 0,
  left: 0,
  word: 0,
  request: false,
  error: false,
  interrupt: false,
  due: -1,
  buffer: [],
});

export class ProgrammedIoDisk implements DescribedDevice, TimedDevice {
  readonly name = 'disk';
  readonly size = 0x1000;
  readonly registers = REGISTERS;
  readonly #ports: ProgrammedIoDiskPorts;
  readonly #bytes = new Uint8Array(SECTOR_BYTES);
  readonly #words = new DataView(this.#bytes.buffer);
  #state = powerOn();

  constructor(ports: ProgrammedIoDiskPorts) {
    this.#ports = ports;
  }

  read(offset: number, width: AccessWidth): number {
    if (width !== 4 || offset < 0 || offset >= END || offset % 4 !== 0) return BUS_ERROR;
    const value = this.#look(offset);
    if (offset === DATA && this.#state.request && this.#state.command === DiskCommand.read) this.#passWord();
    return value;
  }

  write(offset: number, width: AccessWidth, value: number): boolean {
    if (width !== 4 || offset < 0 || offset >= END || offset % 4 !== 0) return false;
    const state = this.#state;
    const word = value >>> 0;
    switch (offset) {
      case SECTOR:
        state.sector = word;
        break;
      case COUNT:
        state.count = word;
        break;
      case COMMAND:
        this.#begin(word);
        break;
      case DATA:
        if (!state.request || state.command !== DiskCommand.write) break;
        this.#words.setUint32(4 * state.word, word, true);
        this.#passWord();
        break;
      case ACKNOWLEDGE:
        this.#interrupt(false);
        break;
    }
    return true;
  }

  deadline(): number {
    return this.#state.due < 0 ? Infinity : this.#state.due;
  }

  elapse(): void {
    if (this.#state.due < 0 || this.#state.due > this.#ports.clock()) return;
    this.#state.due = -1;
    this.#proceed();
  }

  reset(): void {
    this.#state = powerOn();
    this.#interrupt(false);
  }

  inspect(): readonly RegisterValue[] {
    return REGISTERS.map((register) => ({ row: register, value: this.#look(register.offset) }));
  }

  snapshot(): DeviceState {
    return { ...copyState(this.#state), buffer: [...this.#bytes] };
  }

  restore(state: DeviceState): void {
    const adopted = adoptState(this.name, FIELDS, state);
    this.#bytes.set(adopted.buffer);
    this.#state = { ...adopted, buffer: [] };
    this.#ports.interrupt(this.#state.interrupt);
    this.#ports.rescheduled?.();
  }

  describe(mount: DeviceMount): DeviceDescription {
    return { node: deviceNode(this, mount, 'ringside,programmed-io-disk') };
  }

  #look(offset: number): number {
    const state = this.#state;
    switch (offset) {
      case IDENTITY:
        return PROGRAMMED_IO_DISK_IDENTITY;
      case SECTORS:
        return Math.min(this.#ports.store.sectors, 0xffff_ffff);
      case SECTOR:
        return state.sector;
      case COUNT:
        return state.count;
      case STATUS:
        return (
          (state.command !== 0 && !state.request ? DiskStatus.busy : 0) |
          (state.request ? DiskStatus.request : 0) |
          (state.error ? DiskStatus.error : 0) |
          (state.interrupt ? DiskStatus.interrupt : 0)
        );
      case DATA:
        return state.request && state.command === DiskCommand.read ? this.#words.getUint32(4 * state.word, true) : 0;
      default:
        return 0;
    }
  }

  #begin(command: number): void {
    const state = this.#state;
    if (state.command !== 0) return; // one at a time
    state.error = false;
    state.command = command;
    state.at = state.sector;
    state.left = command === DiskCommand.flush ? 0 : state.count;
    state.word = 0;
    const moves = command === DiskCommand.read || command === DiskCommand.write;
    const inRange = state.left >= 1 && state.left <= MOST_SECTORS && onDisk(this.#ports.store, state.at, state.left);
    if (moves ? !inRange : command !== DiskCommand.flush) return this.#finish(false);
    this.#wait();
  }

  /** The disk turns. */
  #wait(): void {
    const latency = this.#ports.latency ?? 0;
    this.#state.request = false;
    if (latency === 0) return this.#proceed();
    this.#state.due = this.#ports.clock() + latency;
    this.#ports.rescheduled?.();
  }

  #proceed(): void {
    const state = this.#state;
    const { store } = this.#ports;
    if (state.command === DiskCommand.flush) return this.#finish(store.flush());
    if (state.left === 0) return this.#finish(true);
    if (state.command === DiskCommand.read && !store.read(state.at, this.#bytes)) return this.#finish(false);
    state.word = 0;
    state.request = true;
    this.#interrupt(true);
  }

  /** A word went through DATA. */
  #passWord(): void {
    const state = this.#state;
    state.word++;
    if (state.word < SECTOR_WORDS) return;
    state.word = 0;
    if (state.command === DiskCommand.write && !this.#ports.store.write(state.at, this.#bytes))
      return this.#finish(false);
    state.at++;
    state.left--;
    if (state.command === DiskCommand.read && state.left === 0) this.#finish(true, false);
    else this.#wait();
  }

  /** @param tell a read is over when its last word was taken: nobody needs to be told */
  #finish(succeeded: boolean, tell = true): void {
    Object.assign(this.#state, { command: 0, left: 0, word: 0, request: false, error: !succeeded });
    if (tell) this.#interrupt(true);
  }

  #interrupt(level: boolean): void {
    this.#state.interrupt = level;
    this.#ports.interrupt(level);
  }
}
