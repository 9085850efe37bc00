// The one contract between the core and any front: what can be asked, and what comes back. Plain, versioned data.
// A command is one line of `Commands`; whoever hosts the core must then answer it, or does not compile.

import type { TwinRun } from '../core/hypervisor/measurements/twins.ts';
import type { MeasureProgress } from '../core/linux/measure.ts';
import type { IoPath, IoPathRow } from '../core/hypervisor/measurements/io-paths.ts';
import type { LinkSettings } from '../core/network/link.ts';
import type { Divergence } from '../core/hypervisor/migration/live-migration.ts';
import type { Frame, FrameRequest, MachineName } from './frame.ts';
import type { ScenarioExpectations, ScenarioInput } from './scenario/scenario.ts';
import type {
  EquivalenceReply,
  EquivalenceRequest,
  IsolationReply,
  IsolationRequest,
  QuirkName,
  VirtualizableReply,
  VirtualizableRequest,
} from './properties.ts';
import type { BootMode, StepKind, Technique } from './vocabulary.ts';

export type { Divergence } from '../core/hypervisor/migration/live-migration.ts';
export type { TwinRun } from '../core/hypervisor/measurements/twins.ts';
export type { Measured } from '../core/linux/measure.ts';
export type { BootMode, StepKind, Technique } from './vocabulary.ts';

export type { IoDevice, IoPath, IoPathRow } from '../core/hypervisor/measurements/io-paths.ts';

export const PROTOCOL_VERSION = 1;

/** A guest as the manifest lists it. */
export interface GuestDescription {
  readonly name: string;
  readonly title: string;
  /** What a student learns from it, one sentence. */
  readonly teaches: string;
  readonly boot: BootMode;
  readonly memoryMiB: number;
  readonly techniques: readonly Technique[];
  /** Path of the assembly source under the page's base, where there is one. */
  readonly source?: string;
  /** Name of the guest that does the same work in another way. */
  readonly twin?: string;
}

/** An exit reason in the words of three worlds. */
export interface ExitReasonDescription {
  readonly reason: string;
  /** As `perf kvm stat` prints it. */
  readonly perfName: string;
  /** The Intel VMX exit that stands beside it. */
  readonly vmxName: string;
  /** One sentence for a student. */
  readonly meaning: string;
}

export interface Catalog {
  readonly version: typeof PROTOCOL_VERSION;
  readonly guests: readonly GuestDescription[];
  readonly exitReasons: readonly ExitReasonDescription[];
  /** Guest instructions a tick of the 10 MHz board clock takes. */
  readonly instructionsPerTick: number;
  /** RAM of the machine that hosted guests share; a bare guest has a machine of its own. */
  readonly machineMemoryBytes: number;
}

/** What to run in a new VM: a guest that ships with the lab, or bytes the person brought. */
export type GuestChoice =
  | { readonly kind: 'shipped'; readonly name: string }
  | { readonly kind: 'image'; readonly title: string; readonly bytes: Uint8Array; readonly boot: BootMode };

/** How a guest reaches a disk: a model behind a virtqueue, word by word through one register, or a physical one of its own. */
export type DiskModel = Exclude<IoPath, 'passthrough-imsic'>;
export const diskModels: readonly DiskModel[] = ['virtio', 'programmed-io', 'passthrough'];

/** A disk in a VM: one that is kept, or, with an image, one of its own. */
export interface VmDisk {
  readonly name: string;
  readonly model: DiskModel;
  /** Virtio slot, 0 to 7; the highest that is free where absent. */
  readonly slot?: number;
  /** Not a kept disk: it begins as these bytes, and what the guest writes stays in memory until the VM goes. */
  readonly image?: Uint8Array;
  /** Of one with an image: the guest cannot write to it. */
  readonly readOnly?: boolean;
}

/** A folder that a guest may mount: a copy, in memory, of files that the person brought. */
export interface VmShare {
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly readOnly?: boolean;
  readonly slot?: number;
}

/** The card of a VM that has one, and its cable. */
export interface VmCard {
  readonly model: DiskModel;
  /** What is not said is as on a short cable. */
  readonly link?: Partial<LinkSettings>;
  readonly slot?: number;
}

/** What a virtual CPU is entitled to: its share (100 is usual), percent of a hart at most, physical harts as bits. */
export interface Entitlement {
  readonly weight?: number;
  readonly cap?: number;
  readonly pin?: number;
}

/** What a new disk holds: zeros, or an image the person brought. */
export type DiskContents =
  { readonly kind: 'empty'; readonly sizeMiB: number } | { readonly kind: 'image'; readonly bytes: Uint8Array };

/** A disk that the browser keeps for this page. */
export interface DiskDescription {
  readonly name: string;
  /** As a guest sees it; undefined where its file is not whole: it can only be deleted. */
  readonly sizeBytes: number | undefined;
  /** What it takes of the browser's room. */
  readonly keptBytes: number;
  /** It began as an image that the person brought, which is kept unchanged below what guests write. */
  readonly image: boolean;
}

export interface DiskRow extends DiskDescription {
  /** The VM it is in. */
  readonly vm: number | undefined;
}

/** What a VM is in the scenario that it was opened with. */
export interface ScenarioPart {
  /** The same for all VMs that were opened together, and for no others. */
  readonly run: number;
  readonly title: string;
  /** What it shows; may be empty. */
  readonly about: string;
  /** What it is called there. */
  readonly name: string;
  readonly expect?: ScenarioExpectations;
  /** The name of a copy that is to be made of it, of which something is expected. */
  readonly clone?: string;
}

export interface VmOptions {
  readonly guest: GuestChoice;
  /** What it is called in the page; as its guest where absent. */
  readonly title?: string;
  /** The mode it starts in; as its guest wants it where absent. */
  readonly boot?: BootMode;
  /** Initial RAM disk, may be compressed by gzip; the guest's own where absent. */
  readonly initrd?: Uint8Array;
  /** Firmware of its own below the image, which starts in machine mode; may be compressed by gzip. None where absent. */
  readonly firmware?: Uint8Array;
  readonly technique: Technique;
  readonly memoryMiB: number;
  /** Harts of the guest, 1 to 8; one where absent. */
  readonly harts?: number;
  /** Kernel command line; the guest's own default where absent. */
  readonly bootArguments?: string;
  /** Who sets A and D in the guest's page tables: a page fault asks its kernel to (Svade), or the walker does (Svadu). Software where absent. */
  readonly adBits?: 'software' | 'hardware';
  /** Interrupt controllers of its board: a PLIC, or an APLIC and an IMSIC for each hart. A PLIC where absent. */
  readonly aia?: 'none' | 'aplic-imsic';
  /** It has a card on the network of its computer; it has none where absent. */
  readonly network?: boolean;
  /** Of a VM on the network; virtio, at a short cable, where absent. */
  readonly card?: VmCard;
  /** It has a virtio balloon, by which its kernel can be asked to give memory up; it has none where absent. */
  readonly balloon?: boolean | { readonly targetBytes: number; readonly slot?: number };
  /** In the order of vda, vdb …; none where absent. */
  readonly disks?: readonly VmDisk[];
  /** In the order of share0, share1 …; none where absent. */
  readonly shares?: readonly VmShare[];
  /** A virtio entropy device; the same seed gives the same numbers. */
  readonly rng?: { readonly seed: number; readonly slot?: number };
  /** Of its virtual CPUs, in their order; the usual for those that are absent. Not on the bare machine. */
  readonly entitlements?: readonly Entitlement[];
  /** Interface of its virtio devices; legacy, as on QEMU's board, where absent. */
  readonly virtio?: 'legacy' | 'modern';
  /** What is typed into its console without the person; nothing where absent. */
  readonly input?: readonly ScenarioInput[];
  /** Under trap-and-emulate: its code is patched where a sensitive instruction does not trap. It is not where absent. */
  readonly binaryPatching?: boolean;
  /** It goes on as the VM that `ringside run --save` wrote into these bytes. Not on the bare machine. */
  readonly saved?: Uint8Array;
  /** It is judged by what is expected of it there; it belongs to none where absent. */
  readonly scenario?: ScenarioPart;
  /** Starts running at once; otherwise it stands at its first instruction. */
  readonly start: boolean;
}

/** Every command with its request and its reply. A command that fails answers `Failure` instead. */
export interface Commands {
  describe: { request: Record<string, never>; reply: Catalog };
  addVm: { request: VmOptions; reply: { readonly vm: number } };
  removeVm: { request: { readonly vm: number }; reply: Done };
  startVm: { request: { readonly vm: number }; reply: Done };
  pauseVm: { request: { readonly vm: number }; reply: Done };
  /** Back to the first instruction, same image, memory and technique. */
  resetVm: { request: { readonly vm: number }; reply: Done };
  /** Begins a step; the frame says when and why it ended. */
  step: { request: { readonly vm: number; readonly kind: StepKind; readonly vcpu?: number }; reply: Done };
  /** Changes what a vCPU is entitled to. */
  entitle: {
    request: Entitlement & { readonly vm: number; readonly vcpu: number };
    reply: Done;
  };
  /** How many physical harts the machine of the hypervisor has: 1 to 8. Only while it runs no VM. */
  setPhysicalHarts: { request: { readonly harts: number }; reply: Done };
  /**
   * How much RAM that machine has, how much can be swapped out, and for how long a vCPU waits for a page that was; the usual where
   * absent. Only while it runs no VM.
   */
  setMachineMemory: {
    request: { readonly memoryMiB?: number; readonly swapMiB?: number; readonly swapLatencyTicks?: number };
    reply: Done;
  };
  /** Replaces the VM's breakpoints: guest virtual addresses. */
  setBreakpoints: { request: { readonly vm: number; readonly addresses: readonly number[] }; reply: Done };
  /** Bytes typed at the VM's serial device. `accepted` may be less than was sent when the guest does not read. */
  consoleInput: {
    request: { readonly vm: number; readonly bytes: Uint8Array };
    reply: { readonly accepted: number };
  };
  /** Asks a guest with a balloon to have given up so much of its memory in all. */
  setBalloon: { request: { readonly vm: number; readonly bytes: number }; reply: Done };
  /** Begins or ends the dirty log of a VM of the hypervisor. */
  setDirtyLog: { request: { readonly vm: number; readonly on: boolean }; reply: Done };
  /** What was written to so far counts as collected: the log goes on with no page dirty. `pages`: how many were. */
  collectDirtyLog: { request: { readonly vm: number }; reply: { readonly pages: number } };
  /** Begins to move a VM of the hypervisor to the other machine while it runs. Ticks of the 10 MHz board clock. */
  migrate: {
    request: {
      readonly vm: number;
      readonly bytesPerSecond: number;
      readonly downtimeLimitTicks: number;
      /** What to do with a VM that writes faster than the link carries. */
      readonly divergence: Divergence;
    };
    reply: Done;
  };
  /** Gives up the migration under way: the VM runs on where it was. */
  cancelMigration: { request: Record<string, never>; reply: Done };
  /** Pulls out the cable that the migration under way goes over. */
  cutMigrationLink: { request: Record<string, never>; reply: Done };
  /** Stops the VM that moves now, whatever its downtime will be. */
  forceMigration: { request: Record<string, never>; reply: Done };
  /** Makes a copy of a VM of the hypervisor that goes on from here beside it. */
  cloneVm: {
    request: {
      readonly vm: number;
      /** What the copy is called; as the VM, with “(clone)”, where absent. */
      readonly title?: string;
      /** What is typed into it without the person. */
      readonly input?: readonly ScenarioInput[];
      /** What it is in the scenario of that VM; it belongs to none where absent. */
      readonly scenario?: ScenarioPart;
    };
    reply: { readonly vm: number };
  };
  /** How the hypervisor of a machine deals out its memory; what is absent stays as it is. */
  setMemory: {
    request: {
      readonly machine: MachineName;
      readonly merging?: boolean;
      readonly pagesPerScan?: number;
      readonly hugePages?: boolean;
    };
    reply: Done;
  };
  /** Changes the cable at a port of the VM's network, for frames sent from now on. */
  setLink: {
    request: { readonly vm: number; readonly port: number; readonly settings: Partial<LinkSettings> };
    reply: Done;
  };
  /** The last frames on the VM's network, as a pcap file. `forgotten`: how many older ones had to make room. */
  capture: {
    request: { readonly vm: number };
    reply: { readonly pcap: Uint8Array<ArrayBuffer>; readonly frames: number; readonly forgotten: number };
  };
  /** Runs the guest io-paths once for each path to a disk and a card, apart from everything else in the lab. */
  measureIoPaths: { request: { readonly technique: Technique }; reply: { readonly rows: readonly IoPathRow[] } };
  /** A file of a guest that ships, by its path below the page's base, is on its way from the page: it need not be fetched. */
  expectFile: { request: { readonly path: string }; reply: Done };
  /** The bytes of that file as they were fetched; undefined where they could not be. */
  giveFile: { request: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> | undefined }; reply: Done };
  /** The disks that the browser keeps for this page. */
  listDisks: { request: Record<string, never>; reply: { readonly disks: readonly DiskRow[] } };
  /** Makes a disk. An image may be compressed by gzip. */
  createDisk: { request: { readonly name: string; readonly contents: DiskContents }; reply: Done };
  deleteDisk: { request: { readonly name: string }; reply: Done };
  /** The whole disk as an image, also while a VM has it. */
  saveDisk: { request: { readonly name: string }; reply: { readonly bytes: Uint8Array<ArrayBuffer> } };
  /** Begins or ends to record the system calls of a VM's programs. It costs the guest nothing: the traps happen anyway. */
  watchSystemCalls: { request: { readonly vm: number; readonly watch: boolean }; reply: Done };
  /** Whether crossings between the levels of a bare machine are recorded from now on. */
  recordLevels: { request: { readonly vm: number; readonly on: boolean }; reply: Done };
  /**
   * Measures the same program as a process, in a container, in a VM and in a container in a VM, on computers of its own: a part
   * with each call, some ten milliseconds long. Whoever no longer calls has ended it.
   */
  measureContainers: {
    request: { readonly technique: Exclude<Technique, 'bare'>; readonly begin: boolean };
    reply: MeasureProgress & { readonly done: boolean };
  };
  /** Runs a guest and its twin to their ends, each in every way it can be run, on computers of their own. */
  compareTwins: {
    request: { readonly guest: string };
    reply: { readonly runs: readonly TwinRun[]; readonly same: boolean };
  };
  /** Turns a departure from the manual on or off, on every machine of the lab, at once. */
  setQuirk: { request: { readonly quirk: QuirkName; readonly on: boolean }; reply: Done };
  virtualizable: { request: VirtualizableRequest; reply: VirtualizableReply };
  isolation: { request: IsolationRequest; reply: IsolationReply };
  equivalence: { request: EquivalenceRequest; reply: EquivalenceReply };
  frame: { request: FrameRequest; reply: Frame };
}

export interface Done {
  readonly done: true;
}

export type CommandName = keyof Commands;

/** A command on its way to the core. `id` pairs it with its answer. */
export type Request = {
  [Name in CommandName]: { readonly id: number; readonly command: Name; readonly request: Commands[Name]['request'] };
}[CommandName];

/** What was expected, what was found and what to do, in one message for a person. */
export interface Failure {
  readonly message: string;
}

export type Response =
  | { readonly id: number; readonly ok: true; readonly reply: Commands[CommandName]['reply'] }
  | { readonly id: number; readonly ok: false; readonly failure: Failure };
