// One VM's part of the interrupt log: where its interrupts come from, how far each has got, how many its kernel has taken.

import { findCause, INTERRUPT_FLAG } from '../../isa/causes.ts';
import type { Board } from '../../machine/board.ts';
import { interruptKinds, type ChainStage, type InterruptKind, type InterruptLog } from './interrupt-log.ts';

export interface VmInterruptsPorts {
  readonly vm: number;
  readonly log: InterruptLog;
  /** Instructions of virtual time. */
  readonly now: () => number;
  /** The guest's board, once it is built. */
  readonly board: () => Board;
}

const kindOf = (code: number): InterruptKind | undefined =>
  (Object.keys(interruptKinds) as InterruptKind[]).find((kind) => interruptKinds[kind] === code);

export class VmInterrupts {
  /** Name of the interrupt the guest has taken since somebody last cleared this. */
  lastTaken: string | undefined;
  /** The hart that took it. */
  lastTakenBy = 0;
  /** Codes of interrupts that were raised and not yet injected. */
  #coming = 0;
  readonly #ports: VmInterruptsPorts;

  constructor(ports: VmInterruptsPorts) {
    this.#ports = ports;
  }

  /** Observers for the VM's interrupt controller. */
  get controllerObservers() {
    return {
      interruptRaised: (source: number, level: boolean) => {
        if (level) this.raise('external', this.#sourceName(source), `line ${source}`);
      },
      interruptClaimed: (context: number, source: number) =>
        this.reach('external', 'acknowledged', `claimed by context ${context}`, this.#sourceName(source)),
    };
  }

  /** Interrupts taken, by the cause's name. */
  get counts(): Readonly<Record<string, number>> {
    return this.#ports.log.counts(this.#ports.vm);
  }

  raise(kind: InterruptKind, source: string, detail: string): void {
    const { log, now, vm } = this.#ports;
    this.#coming |= 1 << interruptKinds[kind];
    log.raise(vm, kind, source, now(), detail);
  }

  reach(kind: InterruptKind, stage: ChainStage, detail: string, source?: string): void {
    const { log, now, vm } = this.#ports;
    log.reach(vm, kind, stage, now(), detail, source);
  }

  /** What the hypervisor makes pending for the guest before it enters it. @param ready bits of sip that are also enabled */
  injected(ready: number): void {
    if ((ready & this.#coming) === 0) return;
    this.#coming &= ~ready;
    for (const [kind, code] of Object.entries(interruptKinds)) {
      if (ready & (1 << code)) this.reach(kind as InterruptKind, 'injected', 'before entering the guest');
    }
  }

  /**
   * The guest's handler was entered.
   * @param code interrupt code as the guest's kernel sees it
   * @param handler guest virtual address of the handler
   * @param hart of the guest
   */
  taken(code: number, handler: number, hart = 0): void {
    const { log, vm } = this.#ports;
    this.lastTakenBy = hart;
    this.lastTaken = findCause(INTERRUPT_FLAG + code)?.name ?? `interrupt ${code}`;
    log.count(vm, this.lastTaken);
    const kind = kindOf(code);
    if (kind === undefined) return;
    // Where the hart itself watches the compare register, or another hart set the bit, nobody saw it come.
    const unseen = kind !== 'external' && !log.isOpen(vm, kind);
    if (unseen) this.raise(kind, kind === 'timer' ? 'compare register' : 'software', 'seen by the hart alone');
    if (unseen) this.reach(kind, 'pending', 'in the hart');
    const where = this.#ports.board().harts > 1 ? ` on hart ${hart}` : '';
    this.reach(kind, 'taken', `at 0x${handler.toString(16)}${where}`);
    if (unseen || kind === 'software') this.reach(kind, 'acknowledged', 'no controller to tell');
  }

  /** The VM was reset: what was on its way is lost. */
  abandon(): void {
    this.#ports.log.abandon(this.#ports.vm);
  }

  #sourceName(source: number): string {
    return this.#ports.board().mounts.find(({ interrupt }) => interrupt === source)?.device.name ?? `source ${source}`;
  }
}
