// The exception causes of a failed memory access, by kind of failure and of access.

import { exceptionRows } from '../isa/causes.ts';
import { Access } from './walker.ts';

const causes = (load: { code: number }, store: { code: number }, fetch: { code: number }) =>
  ({ [Access.load]: load.code, [Access.store]: store.code, [Access.fetch]: fetch.code }) as const;

export const pageFaultCauses = causes(
  exceptionRows.loadPageFault,
  exceptionRows.storePageFault,
  exceptionRows.instructionPageFault,
);
export const accessFaultCauses = causes(
  exceptionRows.loadAccess,
  exceptionRows.storeAccess,
  exceptionRows.instructionAccess,
);
export const guestPageFaultCauses = causes(
  exceptionRows.loadGuestPageFault,
  exceptionRows.storeGuestPageFault,
  exceptionRows.instructionGuestPageFault,
);

/** The access that ended in one of `causes`; undefined for any other cause. */
export function accessOf(table: Readonly<Record<Access, number>>, cause: number): Access | undefined {
  if (cause === table[Access.load]) return Access.load;
  if (cause === table[Access.store]) return Access.store;
  return cause === table[Access.fetch] ? Access.fetch : undefined;
}
