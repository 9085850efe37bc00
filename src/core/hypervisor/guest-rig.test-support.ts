// A lab to test guests in, and short ways to make one from source, run it, talk to it and look at what became of it.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { nodeHost } from '../../cli/node-host.ts';
import { findGuest, SUPERVISOR_TEXT_ADDRESS } from '../../guests/manifest.ts';
import { quirksOf, type QuirkName } from '../machine/quirks.ts';
import { assembled } from '../isa/assembly/assembled.test-support.ts';
import type { Computer } from './computer.ts';
import type { GuestImage } from './firmware/guest-boot.ts';
import type { MemoryOptions } from './memory/host-memory.ts';
import { Lab } from './lab.ts';
import { stateHash } from './inspection/state-hash.ts';
import type { ExitRecord, Trace } from './exits/trace.ts';
import type { Technique, VirtualMachine } from './virtual-machine.ts';

export const MIB = 2 ** 20;
export const hosted = ['trap-and-emulate', 'hardware-assisted'] as const satisfies readonly Technique[];

const ROOT = new URL('../../../', import.meta.url);
const EPOCH = { high: 0, low: 0 };

export interface RigOptions {
  readonly memoryMiB?: number;
  /** Of machine B. */
  readonly secondMemoryMiB?: number;
  readonly traceCapacity?: number;
  readonly levelTraceCapacity?: number;
  readonly translator?: boolean;
  readonly physicalHarts?: number;
  /** Where its machines depart from the manual. */
  readonly quirks?: readonly QuirkName[];
  /** Of machine B. */
  readonly secondPhysicalHarts?: number;
  readonly exactTime?: boolean;
  readonly memory?: MemoryOptions;
  readonly messageInterrupts?: boolean;
}

export const newLab = ({
  memoryMiB = 64,
  secondMemoryMiB,
  traceCapacity,
  levelTraceCapacity,
  translator,
  physicalHarts,
  quirks,
  secondPhysicalHarts,
  exactTime,
  memory,
  messageInterrupts,
}: RigOptions = {}): Lab =>
  new Lab({
    host: nodeHost,
    memoryBytes: memoryMiB * MIB,
    epochNanoseconds: EPOCH,
    ...(secondMemoryMiB !== undefined && { secondMemoryBytes: secondMemoryMiB * MIB }),
    ...(traceCapacity !== undefined && { traceCapacity }),
    ...(levelTraceCapacity !== undefined && { levelTraceCapacity }),
    ...(translator !== undefined && { translator }),
    ...(physicalHarts !== undefined && { physicalHarts }),
    ...(quirks !== undefined && { quirks: quirksOf(quirks) }),
    ...(secondPhysicalHarts !== undefined && { secondPhysicalHarts }),
    ...(exactTime !== undefined && { exactTime }),
    ...(memory && { memory }),
    ...(messageInterrupts !== undefined && { messageInterrupts }),
  });

type Part = Partial<Omit<GuestImage, 'image'>>;

const guestOf = (image: Uint8Array, part: Part): GuestImage => ({
  boot: 'supervisor',
  memoryBytes: 16 * MIB,
  harts: 1,
  ...part,
  image,
});

/** A guest from assembly source; `_start` lies at 0x80400000, 4 MiB into its RAM. */
export const sourceGuest = (source: string, part: Part = {}): GuestImage =>
  guestOf(assembled(source, { textAddress: SUPERVISOR_TEXT_ADDRESS }).image, part);

/** A guest of the manifest, from the image that ships. */
export function shippedGuest(name: string): GuestImage {
  const row = findGuest(name);
  if (row === undefined) throw new Error(`no guest ${name} in the manifest`);
  return guestOf(shippedFile(row.image), {
    boot: row.boot,
    memoryBytes: row.memoryMiB * MIB,
    ...(row.scratchSectors !== undefined && { scratchSectors: row.scratchSectors }),
    ...(row.initrd !== undefined && { initrd: shippedFile(row.initrd) }),
    ...(row.bootArguments !== undefined && { bootArguments: row.bootArguments }),
  });
}

export const hostileGuest = (name: string): GuestImage =>
  sourceGuest(readFileSync(new URL(`src/guests/hostile/${name}.s`, ROOT), 'utf8'));

export const expectedOutput = (name: string): string =>
  readFileSync(new URL(`src/guests/expected/${name}.txt`, ROOT), 'utf8');

function shippedFile(path: string): Uint8Array {
  const bytes = readFileSync(new URL(`public/${path}`, ROOT));
  return new Uint8Array(path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
}

/** What the VM has sent to its serial port, as text of one byte a character. */
export const consoleOf = (vm: VirtualMachine): string =>
  Array.from(vm.console.read(0, 2 ** 18).bytes, (byte) => String.fromCharCode(byte)).join('');

export const hashOf = (vm: VirtualMachine): string => stateHash(vm.look(), vm.memory, !vm.guest.supervisor);

/** The word at a guest physical address, unsigned. */
export function wordAt(vm: VirtualMachine, gpa: number): number {
  const bytes = new Uint8Array(4);
  if (!vm.memory.read(gpa, bytes)) throw new Error(`0x${gpa.toString(16)} is not RAM of VM ${vm.id}`);
  return new DataView(bytes.buffer).getUint32(0, true);
}

export interface DriveOptions {
  /** Instructions of one slice. */
  readonly slice?: number;
  /** Instructions of virtual time at which to give up. */
  readonly limit?: number;
  /** Called after every slice; true ends the run. */
  readonly until?: () => boolean;
}

/** Why `drive` came back. `asleep`: everything waits or stands, and nothing will happen by itself. */
export type DriveEnd = 'asleep' | 'limit' | 'until';

/** Runs a computer as a host does, letting idle time pass at once, until nothing of it can run any more. */
export function drive(
  computer: Computer,
  { slice = 1_000_000, limit = 400_000_000, until }: DriveOptions = {},
): DriveEnd {
  const end = computer.now + limit / 10;
  for (let rounds = 0; ; rounds++) {
    if (until?.() === true) return 'until';
    if (computer.now >= end || rounds > limit) return 'limit';
    const idle = computer.idleUntil();
    if (idle === Infinity) return 'asleep';
    if (idle !== undefined) {
      if (idle >= end) return 'limit';
      computer.skipTo(idle);
      continue;
    }
    computer.runSlice(slice);
  }
}

export interface Finished {
  readonly vm: VirtualMachine;
  readonly lab: Lab;
  readonly end: DriveEnd;
  readonly console: string;
  readonly hash: string;
}

/** Runs a guest alone, from power-on, until it ends or nothing can wake it. */
export function runAlone(
  technique: Technique,
  guest: GuestImage,
  options: RigOptions & DriveOptions & { readonly input?: string } = {},
): Finished {
  const lab = newLab(options);
  const vm = lab.addVm({ technique, guest });
  if (options.input !== undefined) vm.receive(new TextEncoder().encode(options.input));
  lab.start(vm.id);
  const end = drive(lab.computerOf(vm), { until: () => vm.ending !== undefined, ...options });
  return {
    vm,
    lab,
    end,
    console: consoleOf(vm),
    /** Worked out when somebody asks: it reads all of RAM. */
    get hash() {
      return hashOf(vm);
    },
  };
}

/** Every record the trace still has, oldest first. */
export const recordsOf = (trace: Trace): readonly ExitRecord[] =>
  Array.from({ length: trace.total - trace.oldest }, (_, index) => trace.read(trace.oldest + index)).filter(
    (record) => record !== undefined,
  );

/** The records as text, without what depends on the host: its nanoseconds. */
export const timelessRecordsOf = (trace: Trace): readonly string[] =>
  recordsOf(trace).map((record) => JSON.stringify({ ...record, nanoseconds: 0 }));

/** A byte at the UART interrupts hart 0, once sie and sstatus let it. Leaves the UART in s1 and the PLIC's threshold in s2, its claim register behind that. */
export const LISTENS = `
        lui     s1, 0x10000             # UART
        li      t0, 1
        sb      t0, 1(s1)               # interrupt when a byte comes
        li      t0, 0x0c000028          # PLIC: priority of source 10
        li      t1, 1
        sw      t1, 0(t0)
        li      t0, 0x0c002080          # enabled for context 1
        li      t1, 0x400
        sw      t1, 0(t0)
        li      s2, 0x0c201000
        sw      zero, 0(s2)
`;

/** Ends a guest by SBI SRST shutdown; status 0. */
export const SHUTDOWN = `
        li      a7, 0x53525354
        li      a6, 0
        li      a0, 0
        li      a1, 0
        ecall
`;
