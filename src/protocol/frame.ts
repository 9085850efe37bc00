// One frame: what the open panels need to know about the machine at one moment, and nothing else.
// The page has one frame request under way at a time; that is all the back-pressure there is.
// A panel's question is one line of `Queries`; what its answer is stands in answers/, by subject, and is had from here.
// All addresses are unsigned numbers; the field's name says which space (gva, gpa, hpa). Looking changes nothing.

import type { StopReason } from '../core/hypervisor/control.ts';
import type { MachineName } from '../core/hypervisor/machines.ts';
import type { AssignedDevicesAnswer, DeviceAnswer, NetworkAnswer } from './answers/devices.ts';
import type {
  ExitDetail,
  ExitSummaryRow,
  ExitsAnswer,
  ExitsQuestion,
  LevelsAnswer,
  LevelsQuestion,
  StageAnswer,
} from './answers/exits.ts';
import type { DisassemblyAnswer, DisassemblyQuestion, InterruptsAnswer, RegistersAnswer } from './answers/hart.ts';
import type {
  FrameRun,
  GuestPagesAnswer,
  GuestPagesQuestion,
  MemoryAnswer,
  MemoryQuestion,
  MemoryUseAnswer,
  TablesAnswer,
  TablesQuestion,
  WalkAnswer,
  WalkQuestion,
} from './answers/memory.ts';
import type {
  MigrationAnswer,
  PatchedVm,
  ProcessesAnswer,
  ScenarioAnswer,
  SchedulerAnswer,
  SchedulerQuestion,
} from './answers/vms.ts';
import type { BootMode, ModeName, QuirkName, Technique } from './vocabulary.ts';

export type { StopReason } from '../core/hypervisor/control.ts';
export type { MachineName } from '../core/hypervisor/machines.ts';
export type * from './answers/devices.ts';
export type * from './answers/exits.ts';
export type * from './answers/hart.ts';
export * from './answers/memory.ts';
export type * from './answers/vms.ts';
export type { LevelName, ModeName } from './vocabulary.ts';

/** Who holds the hart, for the colour and shape of the strip. */
export type Runner = 'guest-user' | 'guest-kernel' | 'hypervisor' | 'nobody';

export type VmState =
  /** Its instructions are being executed. */
  | 'running'
  /** Waits for an interrupt (WFI); costs nothing. */
  | 'waiting'
  /** Held by the person. */
  | 'paused'
  /** Powered off, failed or stuck; see `ending`. */
  | 'ended';

/** A hart of a guest; where a hypervisor runs the guest, a vCPU. */
export interface VcpuSummary {
  readonly state: 'running' | 'waiting' | 'stopped';
  /** The physical hart it is on; undefined where it is on none. */
  readonly hart: number | undefined;
  readonly pc: number;
}

export interface VmSummary {
  readonly vm: number;
  readonly title: string;
  /** Name in the manifest; undefined for an image the person brought. */
  readonly guest: string | undefined;
  readonly technique: Technique;
  readonly boot: BootMode;
  readonly memoryBytes: number;
  readonly state: VmState;
  /** Which of the hypervisors' machines it is on; undefined for a bare guest, which has one of its own. */
  readonly machine: MachineName | undefined;
  /** Its harts, in the order of their numbers. `mode`, `runner` and `pc` below are those of the one that is looked at. */
  readonly vcpus: readonly VcpuSummary[];
  readonly stopReason: StopReason | undefined;
  /** True while a step begun by a command has not ended. */
  readonly stepping: boolean;
  readonly mode: ModeName;
  readonly runner: Runner;
  /** Guest virtual address of the next instruction. */
  readonly pc: number;
  /** Instructions this VM has executed. */
  readonly instructions: number;
  readonly exits: number;
  /** One sentence: what the last exit was. */
  readonly lastExit: string | undefined;
  readonly ending: { readonly exitCode: number; readonly message: string } | undefined;
}

export interface FrameRequest {
  /** The VM being looked at; the per-VM queries are about it. */
  readonly vm: number | undefined;
  /** The hart of it that is looked at; the first where absent. */
  readonly vcpu?: number;
  readonly queries: { readonly [Name in QueryName]?: Queries[Name]['question'] };
}

export interface Frame {
  /** Rises with every frame. */
  readonly sequence: number;
  readonly vms: readonly VmSummary[];
  /** The machines that hypervisors share out, as far as they are switched on: A, to which VMs are added, and B, to which they can move. */
  readonly machines: readonly MachineMemory[];
  readonly machine: {
    /** Board time in ticks of 10 MHz. */
    readonly time: number;
    /** Over the last second of wall-clock time. */
    readonly mips: number;
    readonly exitsPerSecond: number;
  };
  readonly answers: { readonly [Name in QueryName]?: Queries[Name]['answer'] };
}

export interface MachineMemory {
  readonly name: MachineName;
  /** Physical RAM in bytes, and how much of it is given out. */
  readonly memoryBytes: number;
  readonly memoryUsedBytes: number;
  /** What its VMs were promised, in bytes: it may be more than there is. */
  readonly promisedBytes: number;
  /** Most that can be swapped out, in bytes. */
  readonly swapCapacityBytes: number;
}

export interface Queries {
  /** Serial output from byte `since` on (a running count). */
  console: {
    question: readonly { readonly vm: number; readonly since: number }[];
    answer: readonly ConsoleAnswer[];
  };
  registers: { question: true; answer: RegistersAnswer };
  disassembly: { question: DisassemblyQuestion; answer: DisassemblyAnswer };
  exits: { question: ExitsQuestion; answer: ExitsAnswer };
  exitSummary: { question: { readonly vm: number | undefined }; answer: readonly ExitSummaryRow[] };
  exitDetail: { question: { readonly sequence: number }; answer: ExitDetail | undefined };
  /** The exit that is gone through stage by stage, until the guest moves on; undefined while the guest has the hart. */
  stage: { question: true; answer: StageAnswer | undefined };
  interrupts: { question: { readonly chains: number }; answer: InterruptsAnswer };
  walk: { question: WalkQuestion; answer: WalkAnswer };
  tables: { question: TablesQuestion; answer: TablesAnswer };
  memory: { question: MemoryQuestion; answer: MemoryAnswer };
  frames: { question: true; answer: readonly FrameRun[] };
  /** The memory of the VM that is looked at, page by page: a window of cells, and one page in full. */
  guestPages: { question: GuestPagesQuestion; answer: GuestPagesAnswer };
  /** Memory as a resource: who has how much of what, over all VMs of the hypervisor; no answer where there is none. */
  memoryUse: { question: true; answer: MemoryUseAnswer };
  /** The live migration under way, or the last one; no answer before the first. */
  migration: { question: true; answer: MigrationAnswer };
  /** Every VM whose code is patched where the machine does not trap. */
  patches: { question: true; answer: readonly PatchedVm[] };
  /** What was expected of the VMs of scenarios and what has come of it; the scenario that was opened last first. */
  scenarios: { question: true; answer: readonly ScenarioAnswer[] };
  /** Rules of the manual that all machines of the lab break now. */
  quirks: { question: true; answer: readonly QuirkName[] };
  devices: { question: true; answer: readonly DeviceAnswer[] };
  /** Physical devices that are assigned to guests, and what the IOMMU refused them; no answer where there are none. */
  assignedDevices: { question: true; answer: AssignedDevicesAnswer };
  scheduler: { question: SchedulerQuestion; answer: SchedulerAnswer };
  /** The network that the VM has a card on; no answer where it has none. `frames`: how many of the last ones. */
  network: { question: { readonly frames: number }; answer: NetworkAnswer };
  /** Processes, namespaces and system calls of a Linux guest, read from its memory and traps. `calls`: how many of the last ones. */
  processes: { question: { readonly calls: number }; answer: ProcessesAnswer };
  /** No answer where the VM does not own its machine. */
  levels: { question: LevelsQuestion; answer: LevelsAnswer };
}
export type QueryName = keyof Queries;

export interface ConsoleAnswer {
  readonly vm: number;
  /** Running count of the first byte in `bytes`; larger than asked where older output was dropped. */
  readonly from: number;
  readonly bytes: Uint8Array;
  /** True if there is more behind `bytes` already. */
  readonly more: boolean;
}
