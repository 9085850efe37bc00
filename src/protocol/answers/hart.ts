// What a hart of the guest is doing: its registers, the code around pc, and what interrupts are on their way to it.

import type { InterruptChain } from '../../core/hypervisor/interrupts/interrupt-log.ts';
import type { ModeName } from '../vocabulary.ts';

export type { ChainStage, InterruptChain } from '../../core/hypervisor/interrupts/interrupt-log.ts';

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
