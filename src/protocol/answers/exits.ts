// Every time a hart left the guest: the exits that a hypervisor handled, and, of a guest that owns its machine, the crossings
// between its own levels.

import type { Verdict } from '../../core/hypervisor/exits/exits.ts';
import type { Crossing, CrossingCount } from '../../core/hypervisor/inspection/level-trace.ts';
import type { EffectKind } from '../../core/hypervisor/exits/trace.ts';
import type { LevelName, ModeName } from '../vocabulary.ts';

export type { Verdict } from '../../core/hypervisor/exits/exits.ts';

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
  /**
   * trapped: the hart has written its trap registers; handled: the hypervisor has acted; resumed: the exit is over, and the
   * guest stands where it goes on.
   */
  readonly stage: 'trapped' | 'handled' | 'resumed';
  readonly exit: ExitDetail;
}

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
