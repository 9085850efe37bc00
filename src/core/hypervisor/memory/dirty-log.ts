// The dirty log of a VM: which pages were written to since somebody collected them last, as KVM on RISC-V keeps it
// (KVM_GET_DIRTY_LOG). A page that counts as clean is write-protected in the tables that map it, so the first store to it
// exits; stores of device models and of the hypervisor itself are noticed by GuestPages. Live migration is built on it:
//
//   const log = vm.memory.dirtyLog;
//   log.start();                       every page is clean and protected
//   for (const gpa of vm.memory.touchedPages()) copy(gpa)
//   for (const gpa of log.collect()) copy(gpa)        a round: what was written since, protected anew
//   log.stop();                        nothing is protected any more

import { PAGE_SIZE, RAM_BASE } from '../../machine/layout.ts';
import type { Gpa } from './addresses.ts';
import type { PageMappings } from './page-mappings.ts';
import { PageState } from './page-state.ts';

export interface DirtyLogPorts {
  /** State of each page. */
  readonly states: Uint8Array;
  readonly mappings: PageMappings;
  /** No page is write-protected for the log's sake any more. */
  readonly stopped: () => void;
}

export class DirtyLog {
  readonly #ports: DirtyLogPorts;
  #active = false;
  #dirty = 0;
  #faults = 0;

  constructor(ports: DirtyLogPorts) {
    this.#ports = ports;
  }

  get active(): boolean {
    return this.#active;
  }

  /** Pages written to since they were collected last; 0 while the log is off. */
  get count(): number {
    return this.#dirty;
  }

  /** Pages that have become dirty since the log was started, in all rounds together. */
  get total(): number {
    return this.#faults;
  }

  /** Begins: no page is dirty, every page is write-protected. */
  start(): void {
    const { states, mappings } = this.#ports;
    this.#active = true;
    this.#dirty = 0;
    this.#faults = 0;
    for (let page = 0; page < states.length; page++) states[page] = (states[page] ?? 0) | PageState.clean;
    mappings.protect('all');
  }

  /** The pages written to since the start or the last call, in order; they count as clean again and are protected anew. */
  collect(): readonly Gpa[] {
    if (!this.#active || this.#dirty === 0) return [];
    const { states, mappings } = this.#ports;
    const pages: number[] = [];
    for (let page = 0; page < states.length; page++) {
      const state = states[page] ?? 0;
      if ((state & PageState.clean) !== 0) continue;
      states[page] = state | PageState.clean;
      pages.push(page);
    }
    this.#dirty = 0;
    mappings.protect(pages);
    return pages.map((page) => RAM_BASE + page * PAGE_SIZE);
  }

  /** The same pages as `collect`, left as they are: looking changes nothing. */
  peek(): readonly Gpa[] {
    if (!this.#active) return [];
    const found: Gpa[] = [];
    this.#ports.states.forEach((state, page) => {
      if ((state & PageState.clean) === 0) found.push(RAM_BASE + page * PAGE_SIZE);
    });
    return found;
  }

  /** Ends: pages become writable again as they are written to. */
  stop(): void {
    const { states, stopped } = this.#ports;
    if (!this.#active) return;
    this.#active = false;
    this.#dirty = 0;
    for (let page = 0; page < states.length; page++) states[page] = (states[page] ?? 0) & ~PageState.clean;
    stopped();
  }

  /** A page is written to, or its contents go. */
  mark(page: number): void {
    const { states } = this.#ports;
    const state = states[page] ?? 0;
    if ((state & PageState.clean) === 0) return;
    states[page] = state & ~PageState.clean;
    this.#dirty++;
    this.#faults++;
  }
}
