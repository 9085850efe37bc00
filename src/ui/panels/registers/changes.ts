// What differs between two stops: the names that carry the quiet mark. Pure.

import type { CsrValue, RegistersAnswer } from '../../../protocol/frame.ts';

export interface RegisterChanges {
  readonly pc: boolean;
  readonly mode: boolean;
  /** Numbers of the general registers that differ. */
  readonly x: ReadonlySet<number>;
  /** Keys as `csrKey` makes them. */
  readonly csrs: ReadonlySet<string>;
}

export type CsrSide = 'guest' | 'real' | 'hypervisor';

/** Names a CSR of one side: the guest's satp and the hart's are two registers. */
export const csrKey = (side: CsrSide, name: string): string => `${side}.${name}`;

const none: RegisterChanges = { pc: false, mode: false, x: new Set(), csrs: new Set() };

/** Compares the registers shown with those of the stop before; nothing is marked where there was none. */
export function compareRegisters(before: RegistersAnswer | undefined, now: RegistersAnswer): RegisterChanges {
  if (before === undefined) return none;
  const x = new Set(now.x.flatMap((value, index) => (before.x[index] === value ? [] : [index])));
  const csrs = new Set([
    ...changedCsrs('guest', before.guestCsrs, now.guestCsrs),
    ...changedCsrs('hypervisor', before.hypervisorCsrs, now.hypervisorCsrs),
  ]);
  return { pc: before.pc !== now.pc, mode: before.mode !== now.mode, x, csrs };
}

function changedCsrs(side: CsrSide, before: readonly CsrValue[], now: readonly CsrValue[]): readonly string[] {
  const previous = new Map(before.map((csr) => [csr.name, csr]));
  return now.flatMap((csr) => {
    const old = previous.get(csr.name);
    if (old === undefined) return [];
    const keys: string[] = [];
    if (old.value !== csr.value) keys.push(csrKey(side, csr.name));
    if (old.real?.value !== csr.real?.value) keys.push(csrKey('real', csr.name));
    return keys;
  });
}

/** The bits of a word that differ, as a mask. */
export const changedBits = (before: number, now: number): number => (before ^ now) >>> 0;
