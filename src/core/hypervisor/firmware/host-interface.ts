// Spike's host interface (HTIF, fesvr htif.cc, device.cc, syscall.cc), as programs without an operating system use it:
// commands are 64-bit words in memory at `tohost`, answers appear at `fromhost`.
//
//   63     56 55     48 47                                 0
//   +--------+---------+-----------------------------------+
//   | device | command | payload                           |
//   +--------+---------+-----------------------------------+
//   0        0         odd: end with payload >> 1; even: address of a system call, eight 64-bit words
//   1        0         a byte from the console, answered 0x100 | byte once there is one
//   1        1         a byte to the console

import type { DeviceState } from '../../devices/device.ts';
import { adoptState, count, number, upTo, WORD, type FieldsOf } from '../../devices/device-state.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import type { PreparedGuest } from './guest-boot.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { SbiPorts } from './sbi.ts';
import type { Ending } from '../virtual-machine.ts';

/** Instructions after which a lone half of a command is taken for all of it: RV32 stores 64 bits in two. */
export const PATIENCE = 100;

const SystemCall = { read: 63, write: 64, exit: 93 } as const;
const ENOSYS = -38;
const EBADF = -9;
const EFAULT = -14;
/** Longest read or write in one system call, so that a wrong length costs nothing. */
const LONGEST = 1 << 20;

/** A guest waits for a byte from the console. */
interface Read {
  /** Address of its system call; −1: it has asked for one character, and gets it in the answer. */
  readonly call: number;
  readonly buffer: number;
}

/** Waiting for so many bytes or answers at once is no program that means it. */
const MOST_WAITING = 1 << 16;

type HostState = {
  stored: number;
  /** −1: no command is waiting. */
  due: number;
  /** Low and high word of each. */
  answers: readonly number[];
  /** Call and buffer of each. */
  reads: readonly number[];
};

export const HOST_INTERFACE_FIELDS: FieldsOf<HostState> = {
  stored: count(3),
  due: number(-1, Number.MAX_SAFE_INTEGER),
  answers: upTo(2 * MOST_WAITING, WORD),
  reads: upTo(2 * MOST_WAITING, number(-1, 0xffff_ffff)),
};

export interface HostInterfacePorts {
  /** Says where the guest has its two words, if it has any. */
  readonly guest: PreparedGuest;
  readonly memory: GuestMemory;
  readonly ram: PhysicalMemory;
  readonly reach: Pick<SbiPorts, 'writeConsole' | 'readConsole'>;
  /** Instructions the guest has executed. */
  readonly executed: () => number;
  /** `due` has come nearer, or the guest has ended. */
  readonly commanded: () => void;
  readonly end: (ending: Ending) => void;
}

export class HostInterface {
  readonly #ports: HostInterfacePorts;
  /** Which halves of `tohost` were stored since the host looked at it last. */
  #stored = 0;
  #due = Infinity;
  /** The host itself is writing. */
  #writing = false;
  #answers: (readonly [low: number, high: number])[] = [];
  /** Who waits for the bytes still to be typed, in order. */
  #reads: Read[] = [];

  readonly #watched: number[] = [];

  constructor(ports: HostInterfacePorts) {
    this.#ports = ports;
    const { toHost, fromHost } = ports.guest;
    if (toHost === undefined) return;
    this.#watch(toHost, () => this.#commandStored(0));
    this.#watch(toHost + 4, () => this.#commandStored(1));
    if (fromHost === undefined) return;
    this.#watch(fromHost, () => this.#deliver());
    this.#watch(fromHost + 4, () => this.#deliver());
  }

  /** The guest's memory goes back to where it came from. */
  dispose(): void {
    for (const address of this.#watched) this.#ports.ram.unwatch(address);
  }

  /** Guest instruction count at which `look` must be called; Infinity: no command is waiting. */
  get due(): number {
    return this.#due;
  }

  /** As at power-on. */
  reset(): void {
    this.#stored = 0;
    this.#due = Infinity;
    this.#answers = [];
    this.#reads = [];
  }

  /** The host looks at `tohost`, takes the command away and obeys it. */
  look(): void {
    this.#stored = 0;
    this.#due = Infinity;
    const { toHost } = this.#ports.guest;
    if (toHost === undefined) return;
    const [low, high] = this.#word(toHost);
    if (low === 0 && high === 0) return;
    this.#put(toHost, 0, 0);
    const device = high >>> 24;
    const command = (high >>> 16) & 0xff;
    if (device === 0 && command === 0) {
      if (low & 1) this.#end(low);
      else this.#systemCall(low);
    } else if (device === 1 && command === 1) {
      this.#ports.reach.writeConsole(low & 0xff);
    } else if (device === 1 && command === 0) {
      this.#reads.push({ call: -1, buffer: 0 });
      this.typed();
    }
  }

  /** There may be input for a guest that waits for it. */
  typed(): void {
    for (let read = this.#reads[0]; read !== undefined; read = this.#reads[0]) {
      const byte = this.#ports.reach.readConsole();
      if (byte < 0) return;
      this.#reads.shift();
      this.#give(read, byte);
    }
  }

  snapshot(): DeviceState {
    return {
      stored: this.#stored,
      due: this.#due === Infinity ? -1 : this.#due,
      answers: this.#answers.flat(),
      reads: this.#reads.flatMap(({ call, buffer }) => [call, buffer]),
    };
  }

  /** @throws Error, one line for a person, where it is not the state of a host interface */
  restore(state: DeviceState): void {
    const { stored, due, answers, reads } = adoptState('host interface', HOST_INTERFACE_FIELDS, state);
    const pairs = (values: readonly number[]): [number, number][] =>
      Array.from({ length: values.length >> 1 }, (_, index) => [values[2 * index] ?? 0, values[2 * index + 1] ?? 0]);
    this.#stored = stored;
    this.#due = due < 0 ? Infinity : due;
    this.#answers = pairs(answers);
    this.#reads = pairs(reads).map(([call, buffer]) => ({ call, buffer }));
  }

  #watch(gpa: number, stored: () => void): void {
    const address = this.#ports.memory.pin(gpa);
    if (address === undefined) return;
    this.#ports.ram.watch(address, () => {
      if (!this.#writing) stored();
    });
    this.#watched.push(address);
  }

  /** The guest has stored to the low (0) or high (1) word of `tohost`. */
  #commandStored(half: 0 | 1): void {
    this.#stored |= 1 << half;
    if (this.#stored === 3) return this.look();
    if (this.#due !== Infinity) return;
    this.#due = this.#ports.executed() + PATIENCE;
    this.#ports.commanded();
  }

  #end(value: number): void {
    this.#ports.end(endingOfToHost(value));
    this.#ports.commanded();
  }

  /** Reads and writes on the console and the end of the program; there are no files behind them. */
  #systemCall(address: number): void {
    const call = new Uint8Array(64);
    if (!this.#ports.memory.read(address, call)) return;
    const view = new DataView(call.buffer);
    const argument = (index: number) => view.getUint32(8 * index, true);
    const done = (result: number) => this.#return(address, result);
    const [file, buffer, length] = [argument(1), argument(2), Math.min(argument(3), LONGEST)];
    switch (argument(0)) {
      case SystemCall.exit:
        return this.#end((argument(1) << 1) | 1);
      case SystemCall.write: {
        if (file !== 1 && file !== 2) return done(EBADF);
        const bytes = new Uint8Array(length);
        if (!this.#ports.memory.read(buffer, bytes)) return done(EFAULT);
        bytes.forEach((byte) => this.#ports.reach.writeConsole(byte));
        return done(length);
      }
      case SystemCall.read: {
        if (file !== 0) return done(EBADF);
        if (length === 0) return done(0);
        this.#reads.push({ call: address, buffer });
        return this.typed();
      }
      default:
        return done(ENOSYS);
    }
  }

  /** A byte was typed for somebody who waits for it. */
  #give({ call, buffer }: Read, byte: number): void {
    if (call < 0) this.#answer(0x100 | byte, 0x0100_0000);
    else this.#return(call, this.#write(buffer, Uint8Array.of(byte)) ? 1 : EFAULT);
  }

  /** A system call is over. */
  #return(call: number, result: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigInt64(0, BigInt(result), true);
    this.#write(call, bytes);
    this.#answer(1, 0);
  }

  #answer(low: number, high: number): void {
    this.#answers.push([low, high]);
    this.#deliver();
  }

  /** Answers wait until the guest has taken the one before. */
  #deliver(): void {
    const { fromHost } = this.#ports.guest;
    const [answer] = this.#answers;
    if (fromHost === undefined || answer === undefined) return;
    const [low, high] = this.#word(fromHost);
    if (low !== 0 || high !== 0) return;
    this.#answers.shift();
    this.#put(fromHost, ...answer);
  }

  #word(address: number): readonly [low: number, high: number] {
    const bytes = new Uint8Array(8);
    this.#ports.memory.read(address, bytes);
    const view = new DataView(bytes.buffer);
    return [view.getUint32(0, true), view.getUint32(4, true)];
  }

  #put(address: number, low: number, high: number): void {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, low, true);
    view.setUint32(4, high, true);
    this.#write(address, bytes);
  }

  #write(address: number, bytes: Uint8Array): boolean {
    this.#writing = true;
    const written = this.#ports.memory.write(address, bytes);
    this.#writing = false;
    return written;
  }
}

/** What an odd value of `tohost` says: 1 is success, otherwise the value shifted right by one is the exit code. */
function endingOfToHost(value: number): Ending {
  const code = value >>> 1;
  return {
    kind: 'finisher',
    exitCode: code,
    message:
      code === 0 ? 'The guest reported success through tohost.' : `The guest reported failure ${code} through tohost.`,
  };
}
