// Two memories compared a piece at a time: they are too large to be compared while somebody waits.

import { RAM_BASE } from '../../machine/layout.ts';
import { HostedVm } from '../hosted-vm.ts';
import type { VirtualMachine } from '../virtual-machine.ts';

/** SBI 2.0, "Steal-time Accounting Extension". */
const STEAL_TIME_BYTES = 64;

/** A word of RAM that is not the same. */
interface UnequalWord {
  readonly gpa: number;
  readonly bare: number;
  readonly other: number;
}

export class MemoryComparison {
  readonly #pairs: Iterator<readonly [Uint8Array, Uint8Array]>;
  #frame = 0;
  /** Where the hypervisor tells the guest what time it was not given: the one thing that is meant to differ. */
  readonly #record: number;
  found: UnequalWord | undefined;
  done = false;

  constructor(bare: VirtualMachine, other: VirtualMachine) {
    this.#record = (other instanceof HostedVm ? other.vcpus[0]?.stealTime.address : undefined) ?? Infinity;
    this.#pairs = pairsOf(bare.memory.views(), other.memory.views());
  }

  /** @param frames at most so many are compared */
  step(frames: number): void {
    for (let count = 0; count < frames && !this.done; count++) {
      const next = this.#pairs.next();
      if (next.done === true) {
        this.done = true;
        return;
      }
      const [one, other] = next.value.map((view) => new Int32Array(view.buffer, view.byteOffset, view.length / 4));
      if (one === undefined || other === undefined) return;
      for (let index = 0; index < one.length; index++) {
        if (one[index] === other[index]) continue;
        const gpa = RAM_BASE + this.#frame * 4096 + index * 4;
        if (gpa >= this.#record && gpa < this.#record + STEAL_TIME_BYTES) continue;
        this.found = { gpa, bare: (one[index] ?? 0) >>> 0, other: (other[index] ?? 0) >>> 0 };
        this.done = true;
        return;
      }
      this.#frame++;
    }
  }
}

function* pairsOf(one: Iterable<Uint8Array>, other: Iterable<Uint8Array>): Iterator<readonly [Uint8Array, Uint8Array]> {
  const theirs = other[Symbol.iterator]();
  for (const view of one) {
    const next = theirs.next();
    if (next.done === true) return;
    yield [view, next.value];
  }
}
