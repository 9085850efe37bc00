// The same work done in several ways, measured: each guest of a pair of twins runs to its end on a computer of its own, and
// what that took is kept side by side. Counts and virtual time are the same in every run; host time is what it is.

import type { Host } from '../../machine/linear-memory.ts';
import { runOrSkip } from '../computer.ts';
import { exitReasons, type ExitReason } from '../exits/exits.ts';
import type { GuestImage } from '../firmware/guest-boot.ts';
import { Lab } from '../lab.ts';
import type { Technique } from '../virtual-machine.ts';

export interface TwinExits {
  readonly reason: ExitReason;
  readonly count: number;
  /** Host time in nanoseconds from the trap until the guest went on, of all of them together. */
  readonly nanoseconds: number;
}

export interface TwinRun {
  /** Name of the guest. */
  readonly guest: string;
  readonly technique: Technique;
  /** Of the guest, those that trapped included. */
  readonly instructions: number;
  /** Virtual time from power-on to the end, in ticks of 10 MHz. */
  readonly ticks: number;
  /** Host time of the whole run, in nanoseconds. */
  readonly nanoseconds: number;
  /** Only reasons that happened. */
  readonly exits: readonly TwinExits[];
  readonly output: string;
  /** 0: all is well. */
  readonly exitCode: number;
  /** How it ended, one sentence. */
  readonly message: string;
}

export interface TwinOptions {
  readonly host: Host;
  readonly name: string;
  readonly technique: Technique;
  readonly guest: GuestImage;
}

/** What the hypervisor has beside the guest's RAM. */
const TABLE_BYTES = 16 * 2 ** 20;
const SLICE = 1 << 16;
/** Instructions of virtual time after which a guest that has not ended is given up. */
const LIMIT = 200_000_000;
const OUTPUT_LIMIT = 1 << 16;

/** Runs one guest to its end. @throws Error, one line for a person, where it cannot be loaded or does not end */
export function runTwin({ host, name, technique, guest }: TwinOptions): TwinRun {
  const lab = new Lab({
    host,
    memoryBytes: guest.memoryBytes + TABLE_BYTES,
    epochNanoseconds: { high: 0, low: 0 },
    traceCapacity: 1 << 10,
  });
  lab.trace.timesAll = true;
  const vm = lab.addVm({ technique, guest });
  const computer = lab.computerOf(vm);
  const started = host.nanoseconds();
  lab.start(vm.id);
  while (vm.ending === undefined) {
    if (computer.now * 10 > LIMIT || !runOrSkip(computer, SLICE)) {
      throw new Error(
        `expected ${name} to end, found it still at work under ${technique}: choose a guest that ends by itself`,
      );
    }
  }
  const nanoseconds = host.nanoseconds() - started;
  const statistics = lab.trace.statistics(vm.id);
  const { bytes } = vm.console.read(0, OUTPUT_LIMIT);
  return {
    guest: name,
    technique,
    instructions: vm.instructions,
    ticks: computer.now,
    nanoseconds,
    exits: exitReasons
      .filter((reason) => statistics[reason].count > 0)
      .map((reason) => {
        const { count, sum } = statistics[reason];
        return { reason, count, nanoseconds: sum };
      }),
    output: Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''),
    exitCode: vm.ending.exitCode,
    message: vm.ending.message,
  };
}

/** Whether all of them did the same work: the same output, and every one ended well. */
export const didTheSame = (runs: readonly TwinRun[]): boolean =>
  runs.every(({ output, exitCode }) => exitCode === 0 && output === runs[0]?.output);
