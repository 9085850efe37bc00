// Which bit of the entry ended the walk, in words: the steps of "Virtual Address Translation Process" in their order. Pure.

import type { Access, PteFetch, RegistersAnswer } from '../../../protocol/frame.ts';

/** What besides the entry decides whether an access is allowed. */
export interface AccessRights {
  readonly user: boolean;
  /** sstatus.SUM: the kernel may read and write user pages. */
  readonly sum: boolean;
  /** sstatus.MXR: loads may read executable pages. */
  readonly mxr: boolean;
}

const SUM = 18;
const MXR = 19;

/** The rights of the guest as it stands. */
export function rightsOf(registers: RegistersAnswer | undefined): AccessRights {
  const status = registers?.guestCsrs.find(({ name }) => name === 'sstatus')?.value ?? 0;
  return {
    user: registers?.mode === 'U' || registers?.mode === 'VU',
    sum: ((status >>> SUM) & 1) === 1,
    mxr: ((status >>> MXR) & 1) === 1,
  };
}

/** Why this entry does not allow the access; undefined where it does. Second-stage entries are checked as for user mode. */
export function explainFault(pte: PteFetch, access: Access, rights: AccessRights): string | undefined {
  const { V, R, W, X, U, A, D } = pte.flags;
  if (!V) return 'V is clear: the entry means nothing.';
  if (!R && W) return 'W is set without R: that is reserved.';
  if (!R && !X) return pte.level === 0 ? 'it points to a further table, but level 0 is the last.' : undefined;
  const guest = pte.table === 'guest';
  if (guest && rights.user && !U) return 'U is clear: user mode may not use the page.';
  if (!guest && !U) return 'U is clear: the hypervisor’s tables must have it set.';
  if (guest && !rights.user && U && access === 'fetch')
    return 'U is set: the kernel may not execute a page of user mode.';
  if (guest && !rights.user && U && !rights.sum)
    return 'U is set and sstatus.SUM is clear: the kernel may not use the page.';
  if (access === 'fetch' && !X) return 'X is clear: nothing may be executed there.';
  if (access === 'load' && !R && !(rights.mxr && X)) return 'R is clear: the page may not be read.';
  if (access === 'store' && !W) return 'W is clear: the page may not be written.';
  if (pte.level === 1 && ((pte.value >>> 10) & 0x3ff) !== 0) return 'a superpage must begin at a multiple of 4 MiB.';
  if (!A) return 'A is clear: the kernel must set it first (Svade).';
  if (access === 'store' && !D) return 'D is clear: the kernel must set it before the first store (Svade).';
  return undefined;
}
