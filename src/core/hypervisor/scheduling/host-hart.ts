// A physical hart as the hypervisor uses it: set up to trap into HS-mode, with a timer for the next moment at which the
// hypervisor wants it back. Between vCPUs it waits in HS-mode, as a host's idle loop does, for that timer or a kick.

import { ADUE, SGEIP, SSIP, STCE } from '../../isa/csr-bits.ts';
import { Privilege } from '../../machine/hart-state.ts';
import type { Hart } from '../../machine/hart.ts';
import { RAM_BASE } from '../../machine/layout.ts';
import { Status } from '../../machine/privileged-state.ts';

const ALL_EXCEPTIONS = 0x00f0_b7ff;
const ALL_INTERRUPTS = 0x222;
const HOST_INTERRUPTS = (1 << 1) | (1 << 5) | (1 << 9); // software (a kick), timer, external (physical devices)
const GUEST_INTERRUPTS = 0x444;
const NEVER = 0xffff_ffff;
/** No alarm: the timer must be set anew whatever comes next. */
const SPENT = -1;

/** @typeParam Occupant a vCPU */
export class HostHart<Occupant> {
  readonly hart: Hart;
  /** The vCPU on it; undefined: it waits. */
  vcpu: Occupant | undefined;
  /** The vCPU that was on it last. */
  last: Occupant | undefined;
  /** Machine ticks at which the current turn ends. */
  turnEnd = 0;
  /** Machine ticks from which on a vCPU that wakes up may take the place of the current one. */
  wakeUpsFrom = 0;
  /** Virtual run time of the current vCPU when its turn began: the least that any had who wanted this hart. */
  floor = 0;
  /** Which of the scheduler's changes the following has taken in; −1: none. */
  seen = -1;
  /** Machine ticks at which the hart must be given to another vCPU, or where it waits, at which one may be ready. */
  due = 0;
  /** The alarm may have to be set to another time. */
  alarmStale = true;
  #alarm = SPENT;

  constructor(hart: Hart) {
    this.hart = hart;
  }

  /** The hypervisor's own set-up: it lives in HS-mode and takes every trap of its guests. */
  boot(): void {
    const { state, hosted } = this.hart;
    hosted.M = true;
    hosted.HS = true;
    state.setUp('medeleg', ALL_EXCEPTIONS);
    state.setUp('mideleg', ALL_INTERRUPTS);
    state.setUp('mcounteren', 0xffff_ffff);
    state.csrs.menvcfgh = STCE | ADUE;
    state.setUp('mie', HOST_INTERRUPTS);
    if ((state.interruptFiles?.guestFiles ?? 0) > 0) state.csrs.mie = state.csrs.mie | SGEIP;
    state.setUp('stvec', RAM_BASE); // never fetched from: the hart stops at its trap vector
    state.privilege = Privilege.supervisor;
    state.pc = RAM_BASE;
    this.hart.changed('translation');
    this.hart.changed('timer');
    this.park();
  }

  /** Nobody is on it: it waits for its timer or a kick. */
  park(): void {
    const { state } = this.hart;
    state.privilege = Privilege.supervisor;
    state.virtual = false;
    state.csrs.mstatus = state.csrs.mstatus | Status.SIE;
    // What is pending for the vCPU that was here last does not wake the hart.
    state.csrs.mie = state.csrs.mie & ~GUEST_INTERRUPTS;
    state.waiting = true;
    this.hart.changed('interrupts');
  }

  unpark(): void {
    this.hart.state.waiting = false;
  }

  /** The timer of the hart goes off at a machine time in ticks; Infinity: never. */
  setAlarm(at: number): void {
    this.alarmStale = false;
    if (at === this.#alarm) return;
    this.#alarm = at;
    const { state } = this.hart;
    const ticks = Math.max(0, at);
    state.csrs.stimecmp = ticks === Infinity ? NEVER : ticks % 2 ** 32;
    state.csrs.stimecmph = ticks === Infinity ? NEVER : Math.min(NEVER, Math.floor(ticks / 2 ** 32));
    this.hart.changed('timer');
  }

  /** The timer has gone off. */
  alarmSpent(): void {
    this.#alarm = SPENT;
  }

  /** It has trapped while nobody was on it: the timer, or a kick. */
  woken(): void {
    const { state } = this.hart;
    state.csrs.mipSoftware = state.csrs.mipSoftware & ~SSIP;
    this.hart.changed('interrupts');
    this.#alarm = SPENT;
    this.seen = -1;
  }
}
