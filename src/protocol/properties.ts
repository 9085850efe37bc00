// The instruments that measure a hypervisor's properties, as the page asks for them. Each has a computer of its own and is
// driven by whoever asks: a call with `begin` starts it anew, every other one runs a little more of it and tells how far it is.

import type { Verdict } from '../core/hypervisor/properties/virtualizability.ts';
import type { SubjectResult } from '../core/hypervisor/properties/virtualizability.ts';
import type { AttemptResult } from '../core/hypervisor/properties/isolation-suite.ts';
import type { ComparisonEnd, ComparisonProgress } from '../core/hypervisor/properties/equivalence.ts';
import type { QuirkName } from '../core/machine/quirks.ts';

export type { AttemptResult } from '../core/hypervisor/properties/isolation-suite.ts';
export type { Unequal } from '../core/hypervisor/properties/compared-side.ts';
export type { ComparisonProgress } from '../core/hypervisor/properties/equivalence.ts';
export type { InstructionSet, SubjectResult, TriedMode } from '../core/hypervisor/properties/virtualizability.ts';
export type { QuirkName } from '../core/machine/quirks.ts';
export type { PatchedVm } from './frame.ts';

export interface VirtualizableRequest {
  readonly begin?: { readonly quirks: readonly QuirkName[]; readonly countersGranted: boolean };
}
export interface VirtualizableReply {
  readonly tried: number;
  readonly total: number;
  /** Once everything has been tried. */
  readonly finished: { readonly results: readonly SubjectResult[]; readonly verdict: Verdict } | undefined;
}

export interface IsolationRequest {
  readonly begin?: true;
}
export interface IsolationReply {
  readonly total: number;
  readonly results: readonly AttemptResult[];
}

export interface EquivalenceRequest {
  readonly begin?: {
    /** Name in the manifest. */
    readonly guest: string;
    /** Instructions from one point to the next. */
    readonly every: number;
    readonly quirks: readonly QuirkName[];
    /** Under trap-and-emulate the guest's code is patched. */
    readonly binaryPatching: boolean;
    /** The comparison ends when this has been printed. */
    readonly until: string | undefined;
  };
}
export interface EquivalenceReply {
  readonly progress: ComparisonProgress;
  readonly end: ComparisonEnd | undefined;
  /** The instruction in which a difference arose, disassembled. */
  readonly text: string | undefined;
}
