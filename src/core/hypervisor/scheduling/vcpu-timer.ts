// The timer of a guest's hart (Sstc: stimecmp, sip.STIP) where the hypervisor watches it: under every technique while the guest
// is on no hart, and without the H extension always. With it, the hart watches vstimecmp itself while the guest is on it.

import { STCE, STIP } from '../../isa/csr-bits.ts';
import type { Board } from '../../machine/board.ts';
import type { PrivilegedState } from '../../machine/privileged-state.ts';
import type { VmInterrupts } from '../interrupts/vm-interrupts.ts';

export interface VcpuTimerPorts {
  readonly state: PrivilegedState;
  readonly vm: {
    readonly board: Board;
    /** Guest time in ticks. */
    readonly now: number;
    readonly interruptLog: VmInterrupts;
  };
  readonly watchedByHart: () => boolean;
}

export class VcpuTimer {
  readonly #ports: VcpuTimerPorts;
  /** Guest time in ticks at which it must be looked at, unless that is not known. */
  #due = 0;
  #stale = true;

  constructor(ports: VcpuTimerPorts) {
    this.#ports = ports;
  }

  /** Guest time in ticks at which it must be looked at; Infinity: not before something changes. */
  get due(): number {
    return this.#stale ? this.#next() : this.#due;
  }

  /** When it is due must be worked out anew. */
  changed(): void {
    this.#stale = true;
  }

  /** Looks at it where it is due. */
  refresh(): void {
    if (!this.#stale && (this.#due === Infinity || this.#due > this.#ports.vm.now)) return;
    this.#stale = false;
    if (!this.#ports.watchedByHart()) this.drive();
    this.#due = this.#next();
  }

  /** Brings sip.STIP to what time and stimecmp say. */
  drive(): void {
    const { state, vm } = this.#ports;
    const { menvcfgh, stimecmp, stimecmph } = state.csrs;
    const due = (menvcfgh & STCE) !== 0 && vm.board.time() >= stimecmph * 2 ** 32 + stimecmp;
    const before = state.csrs.mipLines;
    state.csrs.mipLines = due ? before | STIP : before & ~STIP;
    if (due && (before & STIP) === 0) {
      vm.interruptLog.raise('timer', 'stimecmp', 'time has reached stimecmp');
      vm.interruptLog.reach('timer', 'pending', 'sip.STIP');
    } else if (!due && (before & STIP) !== 0) {
      vm.interruptLog.reach('timer', 'acknowledged', 'stimecmp was set again');
    }
  }

  #next(): number {
    const { state, vm, watchedByHart } = this.#ports;
    const { menvcfgh, mipLines, stimecmp, stimecmph } = state.csrs;
    if (watchedByHart() || state.stopped || (mipLines & STIP) !== 0 || (menvcfgh & STCE) === 0) return Infinity;
    const compare = stimecmph * 2 ** 32 + stimecmp;
    return vm.now + Math.max(0, compare - vm.board.time());
  }
}
