// A CSR that is a function of others: what a row of one is, and the port — any hart, real or virtual — that it works on.

import { STCE, STIP } from './csr-bits.ts';
import type { Consequence, CsrField, CsrRow } from './csr-row.ts';
import type { StoredCsrs } from './csr-stored.ts';
import type { InterruptFiles } from './interrupt-files.ts';

export type CounterName = 'cycle' | 'instret' | 'time';

/** The hart a CSR row works on. */
export interface CsrPort {
  /** The stored words, unsigned. */
  readonly csrs: StoredCsrs;
  /** The stored word at a place in the order of csr-stored.ts. */
  storedAt(index: number): number;
  setStoredAt(index: number, value: number): void;
  /** A 64-bit counter as the current mode sees it: `time` includes htimedelta when V = 1. */
  counter(name: CounterName): bigint;
  setCounter(name: 'cycle' | 'instret', value: bigint): void;
  /** Whether the board lets the walker set A and D bits (Svadu), which makes ADUE writable. */
  readonly svadu: boolean;
  /** The hart has the H extension: misa says so. */
  readonly hypervisorExtension: boolean;
  /** Where message-signaled interrupts arrive at this hart; undefined for one without the AIA. */
  readonly interruptFiles: InterruptFiles | undefined;
}

export interface ViewOptions {
  readonly fields?: readonly CsrField[];
  readonly consequence?: Consequence;
  /** What CSRRS and CSRRC modify, where it differs from what they return (mip.SEIP). */
  readonly readForModify?: (port: CsrPort) => number;
}

/** A CSR that is a function of others. */
export interface ViewCsr extends CsrRow {
  readonly read: (port: CsrPort) => number;
  readonly write: (port: CsrPort, value: number) => void;
  readonly readForModify?: (port: CsrPort) => number;
}

export const view = (
  number: number,
  meaning: string,
  read: (port: CsrPort) => number,
  write: (port: CsrPort, value: number) => void,
  options: ViewOptions = {},
): ViewCsr => ({ number, meaning, read, write, fields: [], consequence: 'none', ...options });

/** All pending interrupts: what software set, what the wires say, what the hypervisor injects ("mip", "hvip"). */
export const pendingInterrupts = (port: CsrPort): number =>
  (softwarePending(port) | port.csrs.mipLines | port.csrs.hvip) >>> 0;

/** While stimecmp drives STIP, what software once wrote there does not count ("Sstc"). */
export const softwarePending = (port: CsrPort): number =>
  port.csrs.mipSoftware & ((port.csrs.menvcfgh & STCE) === 0 ? -1 : ~STIP);
