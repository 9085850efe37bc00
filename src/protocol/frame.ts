// One frame: what the open panels need to know about the machine at one moment, and nothing else.
// The page has one frame request under way at a time; that is all the back-pressure there is.
// A panel's question is one line of `Queries`. All addresses are unsigned numbers; the field's name says which space
// (gva, gpa, hpa). Looking changes nothing.

import type { StopReason } from '../core/hypervisor/control.ts';
import type { Verdict } from '../core/hypervisor/exits.ts';
import type { JourneyStep } from '../core/hypervisor/frame-journeys.ts';
import type { InterruptChain } from '../core/hypervisor/interrupt-log.ts';
import type { Crossing, CrossingCount } from '../core/hypervisor/level-trace.ts';
import type { MachineName } from '../core/hypervisor/machines.ts';
import type { MigrationState } from '../core/hypervisor/migration/live-migration.ts';
import type { EffectKind } from '../core/hypervisor/trace.ts';
import type { PatchReport, PatchSite } from '../core/hypervisor/patching/code-patches.ts';
import type { LinuxPicture } from '../core/linux/processes.ts';
import type { SystemCallCount, SystemCallRecord } from '../core/linux/system-call-log.ts';
import type { LinkSettings } from '../core/network/link.ts';
import type { PortCounters } from '../core/network/port-side.ts';
import type { BootMode, LevelName, Technique } from './vocabulary.ts';

export type { CardOutcome, JourneyStep } from '../core/hypervisor/frame-journeys.ts';
export type {
  LinuxCgroup,
  LinuxNamespace,
  LinuxPicture,
  LinuxProcess,
  NamespaceKind,
} from '../core/linux/processes.ts';
export type { SystemCallCount, SystemCallRecord } from '../core/linux/system-call-log.ts';
export type { LevelName } from './vocabulary.ts';
export type { MachineName } from '../core/hypervisor/machines.ts';
export type { MigrationState } from '../core/hypervisor/migration/live-migration.ts';
export type { StopReason } from '../core/hypervisor/control.ts';
export type { Verdict } from '../core/hypervisor/exits.ts';
export type { ChainStage, InterruptChain } from '../core/hypervisor/interrupt-log.ts';
export type { DropReason } from '../core/network/frame-event.ts';
export type { LinkSettings } from '../core/network/link.ts';

/** Modes in which a vCPU can be seen. VU and VS are the H extension's; under trap-and-emulate U and S are virtual. */
export type ModeName = 'U' | 'S' | 'M' | 'VU' | 'VS' | 'HS';

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
  /** The exit under way, while the VM stands inside the hypervisor; undefined while the guest has the hart. */
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

/** Crossings of one kind: between the same levels, for the same cause (0 for returns). */
export interface CrossingKind {
  readonly kind: 'trap' | 'return';
  readonly from: LevelName;
  readonly to: LevelName;
  readonly cause: number;
}
export interface LevelsQuestion {
  /** Only crossings of this kind. */
  readonly only?: CrossingKind | undefined;
  /** Rows to return. */
  readonly count: number;
}
export interface CrossingRow extends Crossing {
  /** Of the cause; `return` for SRET and MRET. */
  readonly name: string;
  /** The instruction at `pc`, disassembled; empty where none is known. */
  readonly text: string;
}
/** Traps and returns of a guest that owns its machine, which may be a hypervisor itself. */
export interface LevelsAnswer {
  readonly recording: boolean;
  /** Crossings recorded in all, and those that are still kept. */
  readonly total: number;
  readonly kept: number;
  /** Where hart 0 is. */
  readonly now: LevelName;
  /** Newest first. */
  readonly rows: readonly CrossingRow[];
  /** Most frequent first. */
  readonly counts: readonly (CrossingCount & { readonly name: string })[];
}

export interface SchedulerQuestion {
  /** How far back, in instructions of virtual time. */
  readonly span: number;
}

/** Times in instructions of virtual time, since the vCPU was made. */
export interface VcpuTimesRow {
  readonly vm: number;
  readonly vcpu: number;
  readonly doing: 'run' | 'wait' | 'steal' | 'swap' | 'off';
  readonly run: number;
  readonly wait: number;
  /** It could have executed, but had no hart. */
  readonly steal: number;
  /** It needed a page that its hypervisor had swapped out. */
  readonly swap: number;
  readonly weight: number;
  /** Percent of a hart. */
  readonly cap: number;
  /** Physical harts it may use, a bit each. */
  readonly pin: number;
}

export interface SchedulerAnswer {
  readonly now: number;
  readonly since: number;
  /** Physical harts of the machine that the hypervisor shares out. */
  readonly harts: number;
  readonly vcpus: readonly VcpuTimesRow[];
  /** Which vCPU was on which hart between `since` and `now`. `to` is undefined while it lasts. */
  readonly intervals: readonly {
    readonly from: number;
    readonly to: number | undefined;
    readonly hart: number;
    readonly vm: number;
    readonly vcpu: number;
  }[];
}

export interface ConsoleAnswer {
  readonly vm: number;
  /** Running count of the first byte in `bytes`; larger than asked where older output was dropped. */
  readonly from: number;
  readonly bytes: Uint8Array;
  /** True if there is more behind `bytes` already. */
  readonly more: boolean;
}

export interface CsrFieldDescription {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly meaning: string;
  readonly values?: Readonly<Record<number, string>>;
}

export interface CsrValue {
  readonly name: string;
  readonly number: number;
  readonly meaning: string;
  /** The value the guest sees. */
  readonly value: number;
  readonly fields: readonly CsrFieldDescription[];
  /** The hart's own register that serves in its place, where it is another: vsatp, or the real satp under shadow paging. */
  readonly real: { readonly name: string; readonly value: number } | undefined;
}

export interface RegistersAnswer {
  readonly mode: ModeName;
  readonly pc: number;
  /** x0 … x31 as unsigned 32-bit numbers. */
  readonly x: readonly number[];
  /** The guest's CSRs, supervisor level first; machine level for a guest in machine boot. */
  readonly guestCsrs: readonly CsrValue[];
  /** The hypervisor's side: hstatus, hgatp, htval … under hardware assistance; the real scause, stval, satp under trap-and-emulate; empty when bare. */
  readonly hypervisorCsrs: readonly CsrValue[];
}

export interface DisassemblyQuestion {
  /** Guest virtual address, or where pc stands. */
  readonly around: number | 'pc';
  readonly before: number;
  readonly after: number;
}
export interface DisassemblyLine {
  readonly gva: number;
  /** Instruction word; undefined where the page is not mapped. */
  readonly word: number | undefined;
  readonly text: string;
  /** Destination of a branch or jump. */
  readonly target: number | undefined;
  /** Nearest symbol at or before this address in the image, with its offset. */
  readonly symbol: { readonly name: string; readonly offset: number } | undefined;
}
export interface DisassemblyAnswer {
  readonly pc: number;
  readonly lines: readonly DisassemblyLine[];
}

export interface ExitsQuestion {
  /** Only this VM, or all. */
  readonly vm: number | undefined;
  /** Only these reasons; all where empty. */
  readonly reasons: readonly string[];
  /** Rows to skip, counted from the newest, and rows to return. */
  readonly skip: number;
  readonly count: number;
}
export interface ExitRow {
  /** Running number of the exit over the whole lab. */
  readonly sequence: number;
  readonly vm: number;
  readonly reason: string;
  readonly gva: number | undefined;
  readonly gpa: number | undefined;
  readonly pc: number;
  readonly instruction: number | undefined;
  /** Disassembly of the instruction that caused it, where one did. */
  readonly text: string;
  readonly verdict: Verdict;
  /** Instructions of virtual time when it happened. */
  readonly at: number;
  readonly virtualCost: number;
  /** Host time; undefined where the exit was not timed: not every one is. */
  readonly nanoseconds: number | undefined;
}
export interface ExitsAnswer {
  /** Exits that match and are still in the ring, and the number that happened in all. */
  readonly matching: number;
  readonly total: number;
  /** Newest first. */
  readonly rows: readonly ExitRow[];
}

/** One row of the summary, with perf-kvm columns. */
export interface ExitSummaryRow {
  readonly reason: string;
  readonly samples: number;
  readonly samplesShare: number;
  /** As far as those that were timed tell. */
  readonly timeShare: number;
  /** Of those that were timed; undefined where none was. */
  readonly minimumNanoseconds: number | undefined;
  readonly maximumNanoseconds: number | undefined;
  readonly meanNanoseconds: number | undefined;
}

/** One thing the hypervisor read or wrote while it handled an exit. */
export interface Effect {
  readonly kind: EffectKind;
  /** What: a register or CSR name, an address with its space, a device register. */
  readonly what: string;
  readonly before: number | undefined;
  readonly after: number | undefined;
}

export interface ExitDetail extends ExitRow {
  readonly mode: ModeName;
  /** scause as the hart wrote it, and its name. */
  readonly cause: number;
  readonly causeName: string;
  readonly stval: number;
  readonly htval: number | undefined;
  readonly htinst: number | undefined;
  readonly effects: readonly Effect[];
  readonly resumePc: number;
  /** One sentence: what happened and what the hypervisor did. */
  readonly sentence: string;
}

export interface StageAnswer {
  /** trapped: the hart has written its trap registers; handled: the hypervisor has acted; then the guest resumes. */
  readonly stage: 'trapped' | 'handled';
  readonly exit: ExitDetail;
}

export interface InterruptLevel {
  /** Who holds these bits, e.g. `virtual PLIC`, `sip (guest)`, `hvip`, `mip (hart)`. */
  readonly name: string;
  readonly meaning: string;
  readonly bits: readonly {
    readonly name: string;
    readonly pending: boolean;
    readonly enabled: boolean | undefined;
  }[];
}
export interface InterruptsAnswer {
  readonly levels: readonly InterruptLevel[];
  /** Newest first, all VMs, so that the others can be seen untouched. */
  readonly chains: readonly InterruptChain[];
}

export type Access = 'load' | 'store' | 'fetch';
export interface WalkQuestion {
  readonly gva: number;
  readonly access: Access;
}
/** A page-table entry as it was fetched. */
export interface PteFetch {
  /** Which tables: the guest's own, the second stage, or the hypervisor's shadow. */
  readonly table: 'guest' | 'stage-2' | 'shadow';
  /** 1: root, 0: leaf level. */
  readonly level: number;
  readonly index: number;
  /** Address of the entry: in guest physical memory for guest tables, and where that lies in the machine. */
  readonly gpa: number | undefined;
  readonly hpa: number | undefined;
  readonly value: number;
  readonly flags: {
    readonly V: boolean;
    readonly R: boolean;
    readonly W: boolean;
    readonly X: boolean;
    readonly U: boolean;
    readonly G: boolean;
    readonly A: boolean;
    readonly D: boolean;
  };
  /** Physical address the entry points to. */
  readonly pointsTo: number;
  readonly kind: 'pointer' | 'leaf' | 'invalid';
  /** Fetched to translate the address of a guest page-table entry, not the access itself. */
  readonly nested: boolean;
}
export interface WalkAnswer {
  readonly technique: Technique;
  readonly gva: number;
  readonly access: Access;
  /** Where the guest's tables lead; undefined where they fault. */
  readonly gpa: number | undefined;
  /** Where it lies in the machine; undefined where no memory is behind it (yet). */
  readonly hpa: number | undefined;
  /** Every entry in the order a walker fetches it. Under trap-and-emulate: the guest's tables, which the hypervisor walks, and the shadow, which the hart walks. */
  readonly fetches: readonly PteFetch[];
  /** The trap the access would cause now, in one sentence; undefined where it succeeds. */
  readonly fault: string | undefined;
}

export interface TablesQuestion {
  readonly table: 'guest' | 'stage-2' | 'shadow';
  /** Expand the second level below these root indices. */
  readonly expanded: readonly number[];
}
export interface TableEntry {
  readonly index: number;
  /** First address the entry translates: a GVA, for stage 2 a GPA. */
  readonly address: number;
  readonly value: number;
  readonly kind: 'pointer' | 'leaf';
  readonly flags: PteFetch['flags'];
  readonly pointsTo: number;
  readonly children: readonly TableEntry[] | undefined;
}
export interface TablesAnswer {
  /** Root table's address; undefined where this translation is off. */
  readonly root: number | undefined;
  readonly rootSpace: 'gpa' | 'hpa';
  /** Name of the root, e.g. `satp`, `hgatp`, or which of the shadow roots is in use. */
  readonly name: string;
  /** Only valid entries. */
  readonly entries: readonly TableEntry[];
}

export interface MemoryQuestion {
  readonly space: 'gva' | 'gpa' | 'hpa';
  readonly address: number;
  readonly length: number;
}
export interface MemoryAnswer {
  readonly space: 'gva' | 'gpa' | 'hpa';
  readonly address: number;
  /** Byte values; undefined where nothing is mapped or a device stands there (looking must not disturb it). */
  readonly bytes: readonly (number | undefined)[];
}

/** A run of physical frames with one owner. */
export interface FrameRun {
  readonly hpa: number;
  readonly frames: number;
  /** `several`: pages of more than one guest, or of one guest more than once. */
  readonly owner: { readonly kind: 'hypervisor' | 'free' | 'several' } | { readonly kind: 'vm'; readonly vm: number };
  readonly use: 'ram' | 'shared' | 'stage-2 tables' | 'shadow tables' | 'patched code' | 'free' | 'reserved';
  /** Guest pages that lie in each of the frames: more than 1 where they are shared. */
  readonly sharers: number;
}

/** What may be so of a page of a guest. In the numbers of `GuestPagesAnswer` the first is bit 0. */
export const pageMarks = [
  /** A frame of the machine is behind it. */
  'resident',
  /** The guest has given it up (balloon). */
  'ballooned',
  /** Its frame stands behind other pages too. */
  'shared',
  /** Written to since the dirty log was collected. */
  'dirty',
  /** Its contents lie in the swap store. */
  'swapped',
  /** One entry of the second stage maps it and the 4 MiB around it. */
  'huge',
] as const;
export type PageMark = (typeof pageMarks)[number];

/** Cells of a map at most. */
export const MOST_CELLS = 1024;

/** Pages are numbers of 4 KiB pages, counted from the beginning of the guest's RAM. */
export interface GuestPagesQuestion {
  /** The page that is told in full; undefined: the first that was touched. The window of the map is the one around it. */
  readonly page: number | undefined;
  /** Pages that lie in one cell: a power of two, at least 1. */
  readonly pagesPerCell: number;
}

export interface GuestPagesAnswer {
  readonly vm: number;
  /** Pages of the guest's RAM, and the guest physical address of the first. */
  readonly pages: number;
  readonly baseGpa: number;
  /** The first page of the first cell. */
  readonly first: number;
  readonly pagesPerCell: number;
  /** For each cell, what is so of any of its pages, as bits by `pageMarks`. */
  readonly cells: readonly number[];
  /** Of the cell around the page that was asked for: its pages, and of how many each mark is so. */
  readonly cell: { readonly pages: number; readonly counts: Readonly<Record<PageMark, number>> };
  readonly page: GuestPageDetail;
  /** Pages written to since the dirty log was collected; undefined while it is off. */
  readonly dirty: number | undefined;
}

/** One page of a guest, as it is now. */
export interface GuestPageDetail {
  readonly page: number;
  readonly gpa: number;
  /** Where its frame is; undefined where it has none. */
  readonly hpa: number | undefined;
  /** Its slot in the hypervisor's swap store, where its contents lie there. */
  readonly slot: number | undefined;
  readonly marks: readonly PageMark[];
  /** Pages of guests that lie in its frame, itself among them; 0 where it has none. */
  readonly sharers: number;
  /** Its frame must stay where it is: a device or the hypervisor knows it. */
  readonly pinned: boolean;
  /** Its frame is one of an aligned block of 4 MiB, whatever maps it. */
  readonly inBlock: boolean;
  readonly mapping: PageMapping;
}

/** What maps a page of a guest now, as the tables in the machine's memory say. */
export type PageMapping =
  /** Nothing: an access to it exits. */
  | { readonly kind: 'none' }
  /** Nothing is between the guest and its memory. */
  | { readonly kind: 'bare' }
  /** One entry of the second stage, of so many bytes. `store`: stores need no exit. */
  | { readonly kind: 'stage-2'; readonly bytes: number; readonly store: boolean }
  /** Entries of 4 KiB in shadow tables; `atLeast`: there are too many tables to have looked at all. */
  | { readonly kind: 'shadow'; readonly entries: number; readonly stores: number; readonly atLeast: boolean };

/** Of one VM, in pages of 4 KiB where nothing else is said. */
export interface VmMemoryUse {
  readonly vm: number;
  readonly promised: number;
  /** With a frame of the machine behind them. */
  readonly resident: number;
  /** Of these: in a frame in which other pages lie as well. */
  readonly shared: number;
  /** Of these: in an aligned block of 4 MiB. */
  readonly huge: number;
  readonly swapped: number;
  readonly ballooned: number;
  /** Frames that hold its page tables. */
  readonly tables: number;
  readonly swapIns: number;
  readonly swapOuts: number;
  /** Copies made because a page that was stored to was shared. */
  readonly copies: number;
  /** Undefined while its dirty log is off. */
  readonly dirty: number | undefined;
  /** Bytes; undefined where it has no balloon. */
  readonly balloon: { readonly targetBytes: number; readonly actualBytes: number } | undefined;
  /** One letter for each 1/256 of its memory, the most telling state of its pages: `s` swapped out, `d` dirty, `m` shared, `b` ballooned, `r` resident, `.` untouched. */
  readonly map: string;
}

export interface MemoryUseAnswer {
  /** The machine that this is about: the one that the selected VM is on, or A. */
  readonly machine: MachineName;
  readonly vms: readonly VmMemoryUse[];
  /** Bytes of the machine. */
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly swapBytes: number;
  readonly swapCapacityBytes: number;
  readonly hugePages: boolean;
  readonly merging: {
    readonly on: boolean;
    readonly pagesPerScan: number;
    readonly merged: number;
    /** Frames that would be in use more if nothing were shared. */
    readonly saved: number;
    readonly fullScans: number;
  };
}

/** A VM whose code the hypervisor patches. */
export interface PatchedVm extends Omit<PatchReport, 'pages'> {
  readonly vm: number;
  /** Replaced instructions in all, and in how many pages. */
  readonly sites: number;
  readonly pages: number;
  /** Those that trapped most often; `live`: its page has a copy now. */
  readonly shown: readonly (PatchSite & { readonly live: boolean; readonly withdrawn: number })[];
}

/** One round of a migration that is over. */
export interface MigrationRoundRow {
  readonly round: number;
  /** Pages that were sent, and those of them that were all zeros. */
  readonly pages: number;
  readonly zeroPages: number;
  readonly bytes: number;
  /** Pages that the VM wrote meanwhile, or that were not sent: they are the next round's. */
  readonly dirtyPages: number;
  readonly ticks: number;
  /** What the downtime would have been had the VM been stopped then. */
  readonly expectedDowntimeTicks: number;
  /** Percent of its time that the VM could not run. */
  readonly throttle: number;
}

/** Times in ticks of the 10 MHz board clock. */
export interface MigrationAnswer {
  readonly vm: number;
  readonly state: MigrationState;
  /** It is under way. */
  readonly active: boolean;
  /** Undefined where the VM has been removed since. */
  readonly from: MachineName | undefined;
  readonly to: MachineName | undefined;
  /** What is going on, or why it is over. */
  readonly message: string;
  readonly bytesPerSecond: number;
  readonly rounds: readonly MigrationRoundRow[];
  /** The round under way. */
  readonly progress: { readonly round: number; readonly sent: number; readonly pages: number };
  /** Each round has less to send than the one before. */
  readonly converging: boolean;
  /** Percent of its time that the VM may not run now. */
  readonly throttle: number;
  readonly downtimeLimitTicks: number;
  /** For which the VM stood still, or has so far; undefined before it was stopped. */
  readonly downtimeTicks: number | undefined;
  /** Of the state of the source when it was stopped, and of the destination when it had everything. */
  readonly hashes: { readonly source: string | undefined; readonly destination: string | undefined };
}

export interface DeviceAnswer {
  readonly name: string;
  readonly gpa: number;
  readonly registers: readonly {
    readonly name: string;
    readonly offset: number;
    readonly value: number;
    readonly meaning: string;
  }[];
}

/** A port of the switch and what hangs on it. */
export interface NetworkPortRow {
  readonly port: number;
  /** `gateway`, `vm1`. */
  readonly name: string;
  /** Undefined for the gateway. */
  readonly vm: number | undefined;
  readonly mac: string;
  /** IPv4 addresses: the gateway's own, or the one that the VM was given. */
  readonly addresses: readonly string[];
  readonly settings: LinkSettings;
  readonly counters: PortCounters;
}

/** A frame and its way. Times in ticks of the computer's clock. */
export interface NetworkFrameRow {
  readonly frame: number;
  /** The innermost protocol that was recognized. */
  readonly protocol: string;
  readonly source: string;
  readonly destination: string;
  readonly summary: string;
  /** Why it could not be read further, where it could not. */
  readonly malformed: string | undefined;
  readonly bytes: number;
  readonly steps: readonly JourneyStep[];
}

export interface NetworkAnswer {
  readonly ports: readonly NetworkPortRow[];
  /** What the switch has learned: which address is behind which port. */
  readonly learned: readonly { readonly mac: string; readonly port: number }[];
  /** Newest first. */
  readonly frames: readonly NetworkFrameRow[];
  /** Ticks a second of the times here. */
  readonly ticksPerSecond: number;
}

/** What the VM's kernel has in its memory about its processes; nothing of it is asked of the guest. */
export interface ProcessesAnswer {
  /** Undefined where the kernel is not one whose layout is known; `missing` says why. */
  readonly picture: LinuxPicture | undefined;
  /** One sentence. */
  readonly missing: string | undefined;
  /** For each hart, the PID of the process whose program or system call it is in; 0 while the kernel idles. */
  readonly current: readonly number[];
  readonly calls: {
    readonly watching: boolean;
    /** Since watching began. */
    readonly total: number;
    /** Newest first. */
    readonly recent: readonly SystemCallRecord[];
    /** The most frequent first. */
    readonly counts: readonly SystemCallCount[];
  };
}

/** A physical device that is a guest's own. */
export interface AssignedDeviceRow {
  readonly vm: number;
  /** E.g. `block device`. */
  readonly title: string;
  /** By which the IOMMU knows it. */
  readonly deviceId: number;
  /** Where its registers are, and where its guest sees them. */
  readonly hpa: number;
  readonly gpa: number;
  /** Passed on to its guest, each at one exit. */
  readonly interrupts: number;
}

/** A DMA that the IOMMU refused. */
export interface RefusedDmaRow {
  readonly sequence: number;
  readonly vm: number | undefined;
  readonly deviceId: number;
  readonly store: boolean;
  /** What the device asked for. */
  readonly gpa: number;
  readonly cause: string;
  /** Instructions of virtual time. */
  readonly at: number;
}

export interface AssignedDevicesAnswer {
  readonly devices: readonly AssignedDeviceRow[];
  /** Newest first. */
  readonly refused: readonly RefusedDmaRow[];
}
